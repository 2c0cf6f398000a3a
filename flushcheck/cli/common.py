"""Options that every command has: where its output goes, and how much is said besides."""

from __future__ import annotations

import argparse
import sys

from flushcheck.cli.arguments import Parser
from flushcheck.cli.console import Console, check_writable

COLOR_CHOICES = ("auto", "always", "never")


def add_common_options(parser: Parser) -> None:
    """Add the options, except a short one that means something else in this command."""
    taken = parser._option_string_actions
    group = parser.add_argument_group("output options")
    group.add_argument("-o", "--output", metavar="FILE", default="", help="write the result to this file")
    group.add_argument(
        "-q", "--quiet", action="store_true", help="print the result alone: no progress, no notes"
    )
    if "-v" not in taken:
        group.add_argument(
            "-v", "--verbose", action="store_true", help="print each request as it is made, without secrets"
        )
    group.add_argument(
        "--color",
        choices=COLOR_CHOICES,
        default="auto",
        help="auto: on a terminal unless NO_COLOR is set, and where FORCE_COLOR is (default)",
    )


def apply_common_options(arguments: argparse.Namespace, console: Console) -> None:
    """Set the console as the options of a command say.

    Raises:
        UsageError: the file cannot be written.
    """
    console.set_color(arguments.color)
    if arguments.output:
        console.write_to(arguments.output)
    for form, path in getattr(arguments, "also", ()):
        check_writable(f"--also {form}={path}", path)
    if arguments.quiet:
        console.be_quiet()
    arguments.on_request = None
    if arguments.verbose and not arguments.quiet:
        console.interactive = False  # lines of requests would tear the progress line apart
        arguments.on_request = lambda line: print(f"> {line}", file=sys.stderr, flush=True)


def add_observer(parser: Parser) -> None:
    """Add `--observer`."""
    parser.add_argument(
        "--observer",
        metavar="NAME",
        help="where this is measured, for the report (default: the name of this host; '' leaves it out)",
    )


def observer(arguments: argparse.Namespace) -> str:
    """The name of the place where this is measured."""
    import socket  # here: `--version` and `explain` do without

    given: str | None = arguments.observer
    return socket.gethostname() if given is None else given[:100]
