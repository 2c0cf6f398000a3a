"""`flushcheck explain` on the command line."""

from __future__ import annotations

import json

import pytest

from flushcheck.cli import main
from flushcheck.culprits.catalogue import ENTRIES


def test_without_an_id_all_culprits_are_listed(capsys):
    assert main(["explain"]) == 0
    text = capsys.readouterr().out
    assert [entry.culprit.id for entry in ENTRIES if entry.culprit.id not in text] == []


def test_with_an_id_it_is_explained(capsys):
    assert main(["explain", "nginx-proxy-buffering"]) == 0
    text = capsys.readouterr().out
    for needed in ("what it is", "how it shows", "how flushcheck tells", "proxy_buffering off;", "price:"):
        assert needed in text


@pytest.mark.parametrize(("arguments", "key"), [(["nginx-gzip"], "fixes"), ([], "culprits")])
def test_json_on_request(arguments, key, capsys):
    assert main(["explain", *arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[key]


@pytest.mark.parametrize("name", ["nginx_gzip", "zzz", ""])
def test_an_unknown_id_is_wrong_usage(name, capsys):
    assert main(["explain", name]) == 2
    output = capsys.readouterr()
    assert (output.out, "expected" in output.err, "for example" in output.err) == ("", True, True)
