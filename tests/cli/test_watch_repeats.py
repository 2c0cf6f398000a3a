"""Whether `flushcheck watch` repeats a request: never one that may change data without a yes."""

from __future__ import annotations

import argparse
import io

import pytest

from flushcheck.cli.console import Console
from flushcheck.cli.watch import may_repeat
from flushcheck.prober.watch_request import watch_request

GET = watch_request("http://x/")
POST = watch_request("http://x/", body=b"{}")


class Terminal(io.StringIO):
    """Standard input at a terminal, or not."""

    def __init__(self, text: str, *, is_terminal: bool) -> None:
        super().__init__(text)
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


ROWS = [
    # name,                   request, options,           terminal, typed,   repeats, asked
    ("a GET",                 GET,     {},                True,     "",      True,    False),
    ("a GET, once",           GET,     {"once": True},    True,     "",      False,   False),
    ("a POST, no terminal",   POST,    {},                False,    "y\n",   False,   False),
    ("a POST, yes",           POST,    {},                True,     "y\n",   True,    True),
    ("a POST, YES",           POST,    {},                True,     "YES\n", True,    True),
    ("a POST, no",            POST,    {},                True,     "n\n",   False,   True),
    ("a POST, nothing",       POST,    {},                True,     "\n",    False,   True),
    ("a POST, end of input",  POST,    {},                True,     "",      False,   True),
    ("a POST with --repeat",  POST,    {"repeat": True},  True,     "",      True,    False),
    ("a POST, once",          POST,    {"once": True},    True,     "y\n",   False,   False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "request_", "options", "terminal", "typed", "repeats", "asked"),
    ROWS,
    ids=[row[0] for row in ROWS],
)
def test_a_request_that_may_change_data_is_repeated_only_with_a_yes(
    name, request_, options, terminal, typed, repeats, asked, monkeypatch, capsys
):
    monkeypatch.setattr("sys.stdin", Terminal(typed, is_terminal=terminal))
    console = Console()
    console.interactive = terminal
    arguments = argparse.Namespace(**{"once": False, "repeat": False, **options})
    assert may_repeat(arguments, request_, console) is repeats
    assert ("POST may cost money" in capsys.readouterr().err) is asked
