"""`flushcheck explain` on the command line."""

from __future__ import annotations

import json

import pytest

from flushcheck.cli import main
from flushcheck.culprits import CULPRITS


def test_without_an_id_all_culprits_are_listed(capsys):
    assert main(["explain"]) == 0
    text = capsys.readouterr().out
    assert [culprit for culprit in CULPRITS if culprit not in text] == []


def test_with_an_id_it_is_explained(capsys):
    assert main(["explain", "nginx-proxy-buffering"]) == 0
    text = capsys.readouterr().out
    for needed in (
        "what it is",
        "how it shows",
        "how flushcheck detects it",
        "proxy_buffering off;",
        "cost:",
    ):
        assert needed in text


@pytest.mark.parametrize(("arguments", "key"), [(["nginx-gzip"], "fixes"), ([], "culprits")])
def test_json_on_request(arguments, key, capsys):
    assert main(["explain", *arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[key]


@pytest.mark.parametrize(
    ("name", "help_given"),
    [("nginx_gzip", "Did you mean nginx-gzip"), ("zzz", "for example "), ("", "for example ")],
)
def test_an_unknown_id_is_wrong_usage(name, help_given, capsys):
    assert main(["explain", name]) == 2
    output = capsys.readouterr()
    assert (output.out, help_given in output.err) == ("", True)
