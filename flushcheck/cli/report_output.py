"""Writes a Report in the requested format, and turns its verdict into an exit code."""

from __future__ import annotations

import argparse
import json

from flushcheck.checking.check import CheckResult
from flushcheck.checking.cross_check import compare
from flushcheck.cli.console import Console
from flushcheck.model import Report, Verdict
from flushcheck.reports.findings import cross_checks_document, cross_checks_text
from flushcheck.reports.json_report import document
from flushcheck.reports.terminal import terminal
from flushcheck.reports.ticket import ticket

EXIT_CODES = {Verdict.FLOWING: 0, Verdict.HELD: 1, Verdict.BROKEN: 1, Verdict.UNKNOWN: 3}


def add_format_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose the format."""
    formats = parser.add_mutually_exclusive_group()
    formats.add_argument("--json", action="store_true", help="print the report as JSON, for scripts")
    formats.add_argument(
        "--ticket", action="store_true", help="print the report as a ticket for the server's administrators"
    )


def write_report(
    report: Report, arguments: argparse.Namespace, console: Console, checked: CheckResult | None = None
) -> int:
    """Write the Report; return the exit code of its verdict.

    Args:
        checked: the findings in files of the same path, shown with the report; they do not change the
            exit code.
    """
    if arguments.json:
        data = document(report)
        if checked is not None:
            data["config"] = cross_checks_document(compare(report, checked.findings), checked)
        # ASCII: no control character from the other side reaches the terminal.
        console.write(json.dumps(data, indent=2) + "\n")
    elif arguments.ticket:
        console.write(ticket(report))
    else:
        text = terminal(report, width=console.width, color=console.color)
        if checked is not None:
            cross_checks = compare(report, checked.findings)
            text += "\n" + cross_checks_text(cross_checks, checked, width=console.width, color=console.color)
        console.write(text)
    return EXIT_CODES[report.verdict]
