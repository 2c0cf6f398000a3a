"""The command `flushcheck`.

Reports go to standard output, everything else to standard error. Exit codes, for every command: 0
clean, 1 problem found, 2 misused, 3 could not tell; 130 when interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from flushcheck import __version__
from flushcheck.cli import check, diagnose, doctor, explain, judge, watch
from flushcheck.cli.arguments import Parser
from flushcheck.cli.console import Console
from flushcheck.model import UsageError

MISUSED = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells have it

COMMANDS = (diagnose, judge, check, watch, doctor, explain)

_EPILOG = """\
examples:
  flushcheck diagnose http://localhost:8000           the app itself
  flushcheck diagnose https://example.org             the same app behind its proxies
  flushcheck diagnose https://example.org --quick     a first verdict, for CI
  flushcheck diagnose https://example.org --save run.json
  flushcheck judge run.json                           the same report again, without network
  flushcheck watch https://example.org/chat           a stream of your own app, as it comes
  flushcheck check /etc/nginx/nginx.conf              the guilty line, before it is deployed
  flushcheck doctor -c deploy/gunicorn.conf.py        what the app runs under, and what that means
  flushcheck explain nginx-proxy-buffering            what it is, how it shows, what frees it

exit codes:
  0  everything flows      2  misused: what was given, what is expected
  1  a problem was found   3  could not tell, for example because nothing answered
"""


def parser() -> Parser:
    """The command line, as argparse reads it."""
    whole = Parser(
        prog="flushcheck",
        description="Says whether a path lets a stream through, what holds it, and which line frees it.",
        epilog=_EPILOG,
        example="flushcheck diagnose http://localhost:8000",
    )
    whole.add_argument("--version", action="version", version=f"flushcheck {__version__}")
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    for command in COMMANDS:
        command.add(commands)
    return whole


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments; None: those of the process.

    Returns: the exit code.
    """
    console = Console()
    try:
        arguments = parser().parse_args(argv)
        code: int = arguments.run(arguments, console)
    except UsageError as error:
        console.error(str(error))
        return MISUSED
    except KeyboardInterrupt:
        console.error("interrupted")
        return INTERRUPTED
    except SystemExit as stop:  # argparse, after --help or its own message
        return stop.code if isinstance(stop.code, int) else 0
    return code


if __name__ == "__main__":
    sys.exit(main())
