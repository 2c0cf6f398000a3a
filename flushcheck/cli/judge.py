"""`flushcheck judge FILE`: the report on a saved run, without network."""

from __future__ import annotations

import argparse

from flushcheck.cli.arguments import Parser
from flushcheck.cli.check import add_config, read_config
from flushcheck.cli.console import Console
from flushcheck.cli.report_output import add_format_options, write_report
from flushcheck.diagnosis.inference import judge
from flushcheck.prober import load


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "judge",
        help="judge a saved run again, without network",
        description="Judges a run that `flushcheck diagnose URL --save FILE`, or the page, saved.",
        example="flushcheck judge run.json",
    )
    parser.add_argument("file", metavar="FILE", help='the saved run; "-" for standard input')
    add_format_options(parser)
    add_config(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Do it.

    Raises:
        UsageError: the file is not a saved run, or one given beside it cannot be read.
    """
    checked = read_config(arguments)
    return write_report(judge(load(arguments.file)), arguments, console, checked)
