"""`flushcheck origin`: write a file with an origin, and test an origin against the protocol."""

from __future__ import annotations

import argparse
import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict

from flushcheck.cli.arguments import Parser, timeout
from flushcheck.cli.connection import add_connection_options, connection_options
from flushcheck.cli.console import Console
from flushcheck.model import UsageError
from flushcheck.origins.writing import TAPS, kinds, origin_file
from flushcheck.prober.conformance import NoOriginThere, check_origin
from flushcheck.prober.messages import printable
from flushcheck.protocol.conformance import CheckResult, Result

DEFAULT_DAYS, MAX_DAYS = 7, 90
DEFAULT_TIMEOUT_S, MAX_TIMEOUT_S = 60.0, 600.0
COULD_NOT_TELL = 3

_DAY_S = 86_400
_WORDS = {Result.PASSED: "ok  ", Result.FAILED: "FAIL", Result.SKIPPED: "-   "}

_EPILOG = """\
examples:
  flushcheck origin write php > flushcheck.php          one file to upload, with a token of its own
  flushcheck diagnose 'https://example.org/flushcheck.php?k=TOKEN'
  flushcheck origin test 'https://example.org/flushcheck.php?k=TOKEN'

An origin streams numbered pieces on request: docs/protocol.md says how. docs/origins.md says how to put one
into an app.
"""


def configure(parser: Parser) -> None:
    """Set the command's arguments and help."""
    parser.description = "Writes a file with an origin, or tests an origin against the protocol."
    parser.epilog = _EPILOG
    parser.example = "flushcheck origin write wsgi > flushcheck_origin.py"
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True)
    write = actions.add_parser("write", help="print one file with an origin, a fresh token and a date")
    write.example = parser.example
    write.add_argument("kind", metavar="KIND", help=f"one of {', '.join(kinds())}")
    write.add_argument(
        "--days",
        metavar="N",
        type=_days,
        default=DEFAULT_DAYS,
        help=f"how long it responds: 1 to {MAX_DAYS} (default: %(default)s)",
    )
    test = actions.add_parser("test", help="test an origin against docs/protocol.md")
    test.example = "flushcheck origin test 'https://example.org/flushcheck.php?k=TOKEN'"
    test.add_argument("url", metavar="URL", help="its address, with its token as k=TOKEN")
    test.add_argument("-j", "--json", action="store_true", help="print JSON, for scripts")
    test.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=timeout(maximum_s=MAX_TIMEOUT_S, example_s=DEFAULT_TIMEOUT_S),
        default=DEFAULT_TIMEOUT_S,
        help="total time limit (default: %(default)g)",
    )
    add_connection_options(test)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Do what was asked for; return the exit code.

    Raises:
        UsageError: an argument is wrong.
    """
    return _write(arguments, console) if arguments.action == "write" else _test(arguments, console)


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= MAX_DAYS:
        raise argparse.ArgumentTypeError(
            f"{text[:20]!r}: expected 1 to {MAX_DAYS} days, for example --days {DEFAULT_DAYS}"
        )
    return int(text)


def _write(arguments: argparse.Namespace, console: Console) -> int:
    if arguments.kind not in kinds():
        raise UsageError(
            f"{arguments.kind[:40]!r}: expected {', '.join(kinds())}, "
            "for example flushcheck origin write wsgi"
        )
    token = secrets.token_urlsafe(24)
    until = time.strftime("%Y-%m-%d", time.gmtime(time.time() + arguments.days * _DAY_S))
    console.write(origin_file(arguments.kind, token, until))
    use = (
        f"flushcheck tap URL --token {token}"
        if arguments.kind in TAPS
        else f"flushcheck diagnose 'URL?k={token}'"
    )
    console.note(f"it responds until {until} (UTC); test it with: {use}")
    return 0


def _test(arguments: argparse.Namespace, console: Console) -> int:
    options = connection_options(arguments, (arguments.url,))
    show = (lambda _: None) if arguments.json else (lambda result: console.write(_line(result)))
    try:
        results = check_origin(arguments.url, options=options, timeout_s=arguments.timeout, on_result=show)
    except NoOriginThere as error:
        console.error(printable(str(error), 500))
        return COULD_NOT_TELL
    if arguments.json:
        console.write(json.dumps({"checks": [asdict(result) for result in results]}, indent=2) + "\n")
    else:
        console.write(_summary(results))
    return int(any(result.result is Result.FAILED for result in results))


def _line(result: CheckResult) -> str:
    """One check on one line; of a failed one also what came instead."""
    line = f"{_WORDS[result.result]} {result.check:<26} "
    if result.result is Result.FAILED:
        return f"{line}expected {printable(result.expected, 200)}\n{'':32}got {printable(result.got, 300)}\n"
    return f"{line}{result.expected}{f' ({result.got})' if result.got else ''}\n"


def _summary(results: Sequence[CheckResult]) -> str:
    failed, skipped = (
        sum(result.result is kind for result in results) for kind in (Result.FAILED, Result.SKIPPED)
    )
    return f"{len(results) - failed - skipped} passed, {failed} failed, {skipped} not offered or not given\n"
