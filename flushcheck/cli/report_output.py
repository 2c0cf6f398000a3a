"""A Report put out in the form asked for, and as an exit code."""

from __future__ import annotations

import argparse
import json

from flushcheck.checking.check import Checked
from flushcheck.checking.cross_check import compare
from flushcheck.cli.console import Console
from flushcheck.model import Report, Verdict
from flushcheck.reports.findings import cross_checks_document, cross_checks_text
from flushcheck.reports.json_report import document
from flushcheck.reports.terminal import terminal
from flushcheck.reports.ticket import ticket

EXIT_CODES = {Verdict.FLOWING: 0, Verdict.HELD: 1, Verdict.BROKEN: 1, Verdict.UNKNOWN: 3}


def add_format_options(parser: argparse.ArgumentParser) -> None:
    """The options that say in which form."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the report as JSON, for scripts")
    form.add_argument(
        "--ticket", action="store_true", help="the report as a ticket for whoever runs the servers"
    )


def write_report(
    report: Report, arguments: argparse.Namespace, console: Console, checked: Checked | None = None
) -> int:
    """Put the Report out; returns the exit code that says the same.

    Args:
        checked: what files of the same path show, told beside it; it changes no exit code.
    """
    if arguments.json:
        whole = document(report)
        if checked is not None:
            whole["config"] = cross_checks_document(compare(report, checked.findings), checked)
        # ASCII: nothing that a far side sent can then reach the terminal as it is.
        console.write(json.dumps(whole, indent=2) + "\n")
    elif arguments.ticket:
        console.write(ticket(report))
    else:
        text = terminal(report, width=console.width, color=console.color)
        if checked is not None:
            cross_checks = compare(report, checked.findings)
            text += "\n" + cross_checks_text(cross_checks, checked, width=console.width, color=console.color)
        console.write(text)
    return EXIT_CODES[report.verdict]
