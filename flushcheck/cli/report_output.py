"""Writes Reports in the requested format, and turns what was found into an exit code."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from flushcheck.checking.check import CheckResult
from flushcheck.checking.cross_check import compare
from flushcheck.cli.console import Console
from flushcheck.model import Report, UsageError, Verdict
from flushcheck.reports.findings import cross_checks_document, cross_checks_text
from flushcheck.reports.github import github
from flushcheck.reports.json_report import document
from flushcheck.reports.junit import junit
from flushcheck.reports.markdown import markdown
from flushcheck.reports.prometheus import prometheus
from flushcheck.reports.results import Result, exit_code
from flushcheck.reports.sarif import sarif_reports
from flushcheck.reports.terminal import terminal
from flushcheck.reports.text_writer import printable
from flushcheck.reports.ticket import ticket
from flushcheck.version import VERSION


class Format(StrEnum):
    """What `--format` takes."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"
    GITHUB = "github"
    MARKDOWN = "markdown"
    PROMETHEUS = "prometheus"
    SARIF = "sarif"


_FILE_WIDTH = 100  # of text in a file, in characters

EXIT_CODES = {Verdict.FLOWING: 0, Verdict.HELD: 1, Verdict.BROKEN: 1, Verdict.UNKNOWN: 3}


def add_format_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose the format."""
    formats = parser.add_mutually_exclusive_group()
    formats.add_argument(
        "-f",
        "--format",
        choices=[form.value for form in Format],
        default=Format.TEXT.value,
        help="the format of the report (default: %(default)s)",
    )
    formats.add_argument(
        "-j",
        "--json",
        action="store_const",
        dest="format",
        const=Format.JSON.value,
        help="print the report as JSON, for scripts",
    )
    formats.add_argument(
        "--ticket", action="store_true", help="print the report as a ticket for the server's administrators"
    )
    parser.add_argument(
        "--also",
        metavar="FORMAT=FILE",
        type=_format_and_file,
        action="append",
        default=[],
        help="write the same report to a file in one more format, for example --also junit=flushcheck.xml",
    )


def _format_and_file(given: str) -> tuple[Format, str]:
    name, equals, path = given.partition("=")
    if name not in [form.value for form in Format] or not equals or not path:
        raise argparse.ArgumentTypeError(
            f"{given[:60]!r}: expected one of {', '.join(Format)}, = and a file, "
            "for example --also junit=flushcheck.xml"
        )
    return Format(name), path


def is_text(arguments: argparse.Namespace) -> bool:
    """Whether the report is text for this terminal, so that there may be more around it."""
    return arguments.format == Format.TEXT and not arguments.ticket and not arguments.quiet


def write_report(
    report: Report, arguments: argparse.Namespace, console: Console, checked: CheckResult | None = None
) -> int:
    """Write the Report; return the exit code of its verdict.

    Args:
        checked: the findings in files of the same path, shown with the report; they do not change the
            exit code.
    """
    result = Result(report.target, report)

    def text(form: Format, *, width: int, color: bool) -> str:
        if form is Format.JSON:
            return _dumped(_document(report, checked))
        if form is Format.TEXT:
            return _for_people(report, checked, width=width, color=color)
        return rendered([result], form)

    if arguments.ticket:
        console.write(ticket(report))
    else:
        console.write(text(Format(arguments.format), width=console.width, color=console.color))
    _write_also(arguments, text)
    return result.exit_code


def write_results(results: Sequence[Result], arguments: argparse.Namespace, console: Console) -> int:
    """Write the Reports on several addresses; return the exit code of the worst."""

    def text(form: Format, *, width: int, color: bool) -> str:
        if form is Format.JSON:
            return _dumped({"results": [_result_document(result) for result in results]})
        return _text(results, width=width, color=color) if form is Format.TEXT else rendered(results, form)

    if arguments.ticket:
        console.write("\n".join(ticket(result.report) for result in results))
    else:
        console.write(text(Format(arguments.format), width=console.width, color=console.color))
    _write_also(arguments, text)
    return exit_code(results)


def _write_also(arguments: argparse.Namespace, text: Callable[..., str]) -> None:
    """Write the files of `--also`, without colors.

    Raises:
        UsageError: one of them cannot be written.
    """
    for form, path in getattr(arguments, "also", ()):  # `tap` has no such option
        try:
            Path(path).write_text(
                text(form, width=_FILE_WIDTH, color=False), encoding="utf-8", errors="replace"
            )
        except OSError as error:
            raise UsageError(
                f"--also {form}={path}: {error.strerror}; expected a writable file, for example --also "
                "junit=flushcheck.xml"
            ) from None


def rendered(results: Sequence[Result], form: Format) -> str:
    """The results in one of the formats for other programs."""
    if form is Format.SARIF:
        return _dumped(sarif_reports(results, version=VERSION))
    renderers = {
        Format.JUNIT: junit,
        Format.GITHUB: github,
        Format.MARKDOWN: markdown,
        Format.PROMETHEUS: prometheus,
    }
    return renderers[form](results)


def _result_document(result: Result) -> dict[str, Any]:
    return {
        "name": result.name,
        "expected": result.expected,
        "as_expected": result.exit_code == 0,
        "allowed": list(result.allowed),
        "sentence": result.sentence,
        "report": document(result.report),
    }


def _document(report: Report, checked: CheckResult | None) -> dict[str, Any]:
    data = document(report)
    if checked is not None:
        data["config"] = cross_checks_document(compare(report, checked.findings), checked)
    return data


def _for_people(report: Report, checked: CheckResult | None, *, width: int, color: bool) -> str:
    text = terminal(report, width=width, color=color)
    if checked is not None:
        cross_checks = compare(report, checked.findings)
        text += "\n" + cross_checks_text(cross_checks, checked, width=width, color=color)
    return text


def _text(results: Sequence[Result], *, width: int, color: bool) -> str:
    """A line for each address, then the whole report on each that is not as expected."""
    longest = max(len(result.name) for result in results)
    lines = "".join(
        f"{'ok' if result.exit_code == 0 else '!!'} {printable(result.name):<{longest}}  "
        f"{result.report.verdict:<8} {printable(result.sentence)}\n"
        for result in results
    )
    whole = [terminal(result.report, width=width, color=color) for result in results if result.exit_code]
    return "\n".join([lines, *whole])


def _dumped(data: dict[str, Any]) -> str:
    # ASCII: no control character from the other side reaches the terminal.
    return json.dumps(data, indent=2) + "\n"
