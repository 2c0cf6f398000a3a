"""`flushcheck explain` on the command line."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from flushcheck.cli import main
from flushcheck.culprits import CULPRITS


def test_without_an_id_all_culprits_are_listed(capsys):
    assert main(["explain"]) == 0
    text = capsys.readouterr().out
    assert [name for name in CULPRITS if name not in text] == []


def test_with_an_id_it_is_explained(capsys):
    assert main(["explain", "nginx-proxy-buffering"]) == 0
    text = capsys.readouterr().out
    for needed in (
        "what it is",
        "how it shows",
        "how flushcheck detects it",
        "proxy_buffering off;",
        "cost:",
        "note:",
    ):
        assert needed in text


@pytest.mark.parametrize(("arguments", "key"), [(["nginx-gzip"], "fixes"), ([], "culprits")])
def test_json_on_request(arguments, key, capsys):
    assert main(["explain", *arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[key]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        (
            "gzip",
            "no culprit is called 'gzip'. Did you mean gzip-members, django-gzip-middleware, nginx-gzip, varnish-gzip?",
        ),
        ("nginx_gzip", "Did you mean nginx-gzip,"),
        ("zzz", "expected an id that `flushcheck explain` lists, for example app-layer"),
        ("", "for example app-layer"),
    ],
)
def test_an_unknown_id_is_misuse(name, error, capsys):
    assert main(["explain", name]) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert error in written.err


def test_an_explanation_needs_no_docstring():
    printed = [
        subprocess.run(
            [sys.executable, *flags, "-m", "flushcheck", "explain", "nginx-gzip"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for flags in ([], ["-OO"])
    ]
    assert "how flushcheck detects it" in printed[0]
    assert printed[0] == printed[1]
