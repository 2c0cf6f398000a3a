"""`flushcheck judge FILE`: the report on a saved run, without network."""

from __future__ import annotations

import argparse

from flushcheck.cli.arguments import Parser
from flushcheck.cli.check import add_config, check_config, read_config
from flushcheck.cli.console import Console
from flushcheck.cli.report_output import add_format_options, write_report
from flushcheck.cli.tap_output import check_format, report_on, write_tap
from flushcheck.diagnosis.inference import judge
from flushcheck.model import UsageError
from flushcheck.prober import load


def configure(parser: Parser) -> None:
    """Set the command's arguments and help."""
    parser.description = (
        "Repeats the report on a run saved by `flushcheck diagnose URL --save FILE`, by `watch` or `tap` "
        "with --save, or by the page."
    )
    parser.example = "flushcheck judge run.json"
    parser.add_argument("file", metavar="FILE", help='the saved run; "-" for standard input')
    parser.add_argument("others", metavar="FILE", nargs="*", help=argparse.SUPPRESS)
    add_format_options(parser)
    add_config(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print the report; return the exit code.

    Raises:
        UsageError: the file is not a saved run, there are several, or a --config file cannot be read.
    """
    if arguments.others:
        given = (arguments.file, *arguments.others)
        pair = " ".join(given) if len(given) == 2 else "before.json after.json"
        raise UsageError(
            f"{len(given)} saved runs: expected one, for example flushcheck judge run.json; two are compared "
            f"by flushcheck compare {pair}"
        )
    files = read_config(arguments)
    saved = load(arguments.file)
    checked = check_config(files, saved)
    if saved.tapped is None:
        return write_report(judge(saved), arguments, console, checked)
    check_format(arguments)
    report = report_on(saved.target, saved.tapped)
    return write_tap(report, saved, arguments, console, checked)
