"""The command `flushcheck`: arguments in, a report and an exit code out.

Each command is one module with `configure(parser)` and `run(arguments, console)`. Only the module of the
command that is called is imported, so `--version` and `explain` start fast, and a command works without the
libraries that only other commands need.

Results go to standard output, everything else to standard error. Exit codes of every command: 0 no problem
found, 1 problem found, 2 wrong usage, 3 could not tell; 130 after an interrupt.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Sequence
from importlib import import_module
from typing import Any

from flushcheck.cli.arguments import Parser
from flushcheck.cli.common import add_common_options, apply_common_options
from flushcheck.cli.console import Console
from flushcheck.cli.first_words import ANY_URL, with_command
from flushcheck.model import UsageError

WRONG_USAGE = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells report it

# The module flushcheck.cli.NAME, and its line in `flushcheck --help`.
COMMANDS = {
    "diagnose": "test the path to a flushcheck service",
    "judge": "repeat the report on a saved run, without network",
    "check": "find the lines of a server's configuration that hold a stream",
    "watch": "follow any stream of your own app, live",
    "tap": "name the layer of your app that holds a stream",
    "compare": "compare two saved runs: what got better, what got worse",
    "doctor": "check the server settings that the app runs with",
    "serve": "start the service in the foreground",
    "exporter": "test a list of addresses on a schedule, as metrics for Prometheus",
    "origin": "write an origin for an app or a host, or test one",
    "explain": "explain a culprit: its signs and its fixes",
    "completion": "print the completion for bash, zsh or fish",
    "manual": "print the manual page, for man",
}
_WITHOUT_OUTPUT = ("serve", "exporter")

_EPILOG = """\
examples:
  flushcheck https://example.org                      asks what is there, and goes on
  flushcheck diagnose http://localhost:8000           the app itself
  flushcheck diagnose https://example.org             the same app behind its proxies
  flushcheck diagnose https://example.org --quick     a first verdict, for CI
  flushcheck diagnose https://example.org --save run.json
  flushcheck judge run.json                           the same report again, without network
  flushcheck watch https://example.org/chat           a stream of your own app, live
  flushcheck tap http://localhost:8000/chat           which layer of the app holds it
  flushcheck check /etc/nginx/nginx.conf              find the line before you deploy it
  flushcheck doctor -c deploy/gunicorn.conf.py        the server that the app runs under
  flushcheck compare before.json after.json           did the change help?
  flushcheck exporter --targets targets.yaml          many addresses, for Prometheus
  flushcheck help watch                               the options of one command
  flushcheck explain nginx-proxy-buffering            cause, signs and fixes of one culprit

exit codes:
  0  no problem was found  2  wrong usage: the message says what is expected
  1  a problem was found   3  could not tell, for example because the server did not respond
"""


class _Version(argparse.Action):
    """`--version`. The version is looked up only here, since that takes longer than the rest."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="show the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_args: Any) -> None:
        from flushcheck.version import VERSION

        print(f"flushcheck {VERSION}")
        parser.exit()


def parser(commands: Collection[str] = tuple(COMMANDS)) -> Parser:
    """The command line as argparse reads it.

    Args:
        commands: those to import. The others are listed, but have no arguments.
    """
    root = Parser(
        prog="flushcheck",
        description="Tells whether a stream arrives piece by piece, what holds it, and which line fixes it.",
        epilog=_EPILOG,
        usage="flushcheck URL [options]\n       flushcheck COMMAND [options]",
        example="flushcheck http://localhost:8000",
    )
    root.add_argument("--version", action=_Version)
    subparsers = root.add_subparsers(
        prog="flushcheck", title="commands", metavar="COMMAND", dest="command", required=True
    )
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary)
        if name in commands:
            module = import_module(f"flushcheck.cli.{name}")
            module.configure(subparser)
            if name not in _WITHOUT_OUTPUT:
                add_common_options(subparser)
            subparser.set_defaults(run=module.run)
    if ANY_URL in commands:
        any_url = import_module("flushcheck.cli.any_url")
        subparser = subparsers.add_parser(ANY_URL, prog="flushcheck")
        any_url.configure(subparser)
        add_common_options(subparser)
        subparser.set_defaults(run=any_url.run)
    return root


def _without_curl(given: Sequence[str]) -> Sequence[str]:
    """Return the arguments with a line of curl in them translated.

    Raises:
        UsageError: the line cannot be translated.
    """
    if not any("curl" in word for word in given[1:]):
        return given
    from flushcheck.cli.curl_line import expand

    return expand(given)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments; None: those of the process.

    Returns: the exit code.
    """
    given = sys.argv[1:] if argv is None else argv
    console = Console()
    try:
        given = _without_curl(given)
        given = with_command(given, COMMANDS)
        arguments = parser([name for name in (*COMMANDS, ANY_URL) if name in given]).parse_args(given)
        if "output" in arguments:
            apply_common_options(arguments, console)
        code: int = arguments.run(arguments, console)
        console.finish()
    except UsageError as error:
        console.error(str(error))
        return WRONG_USAGE
    except KeyboardInterrupt:
        console.error("interrupted")
        return INTERRUPTED
    except SystemExit as stop:  # argparse, after --help or its own message
        return stop.code if isinstance(stop.code, int) else 0
    return code
