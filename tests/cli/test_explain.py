"""`flushcheck explain`, as it is typed."""

from __future__ import annotations

import json

import pytest

from flushcheck.cli import main
from flushcheck.culprits.catalogue import ENTRIES


def test_without_an_id_everybody_is_listed(capsys):
    assert main(["explain"]) == 0
    said = capsys.readouterr().out
    assert [entry.culprit.id for entry in ENTRIES if entry.culprit.id not in said] == []


def test_with_an_id_it_is_explained(capsys):
    assert main(["explain", "nginx-proxy-buffering"]) == 0
    said = capsys.readouterr().out
    for needed in ("what it is", "how it shows", "how flushcheck tells", "proxy_buffering off;", "price:"):
        assert needed in said


@pytest.mark.parametrize(("arguments", "key"), [(["nginx-gzip"], "fixes"), ([], "culprits")])
def test_scripts_get_json(arguments, key, capsys):
    assert main(["explain", *arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[key]


@pytest.mark.parametrize("name", ["nginx_gzip", "zzz", ""])
def test_a_name_that_nobody_has_is_misuse(name, capsys):
    assert main(["explain", name]) == 2
    said = capsys.readouterr()
    assert (said.out, "expected" in said.err, "for example" in said.err) == ("", True, True)
