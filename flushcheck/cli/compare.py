"""`flushcheck compare BEFORE AFTER`: what a change did to a path, from two saved runs."""

from __future__ import annotations

import argparse
import json

from flushcheck.cli.arguments import Parser
from flushcheck.cli.console import Console
from flushcheck.diagnosis.comparison import Trend, compare_reports
from flushcheck.diagnosis.inference import judge
from flushcheck.model import UsageError
from flushcheck.prober import load
from flushcheck.prober.saved import STDIN
from flushcheck.reports.comparison import comparison_document, comparison_text

EXIT_CODES = {Trend.BETTER: 0, Trend.SAME: 0, Trend.WORSE: 1, Trend.UNCLEAR: 3}


def configure(parser: Parser) -> None:
    """Set the command's arguments and help."""
    parser.description = "Compares two saved runs of one path. Exit status 1: something got worse."
    parser.example = "flushcheck compare before.json after.json"
    parser.add_argument("before", metavar="BEFORE", help='the older run; "-" for standard input')
    parser.add_argument("after", metavar="AFTER", help="the newer run")
    parser.add_argument("-j", "--json", action="store_true", help="print JSON, for scripts")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print the comparison; return the exit code.

    Raises:
        UsageError: a file is not a saved run.
    """
    if arguments.before == arguments.after == STDIN:
        raise UsageError(
            "standard input twice: expected one file at least, for example flushcheck compare before.json -"
        )
    before, after = judge(load(arguments.before)), judge(load(arguments.after))
    comparison = compare_reports(before, after)
    if arguments.json:
        console.write(json.dumps(comparison_document(comparison, before, after), indent=2) + "\n")
    else:
        text = comparison_text(comparison, before, after, width=console.width, color=console.color)
        console.write(text)
    return EXIT_CODES[comparison.trend]
