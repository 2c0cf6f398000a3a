"""Writes what the taps of one request showed, and the report of `watch` where the path is at fault."""

from __future__ import annotations

import argparse
import json

from flushcheck.checking.check import CheckResult
from flushcheck.cli.console import Console
from flushcheck.cli.report_output import EXIT_CODES, Format, write_report
from flushcheck.diagnosis.inference import judge
from flushcheck.model import Observation, Run, TapRequest, UsageError
from flushcheck.reports.json_report import document
from flushcheck.reports.tap import tap_document, tap_text
from flushcheck.tapping.judge import judge_tap, without_notes
from flushcheck.tapping.notes import NotesError, notes_from_text
from flushcheck.tapping.report import TapPlace, TapReport
from flushcheck.taps.recorder import Layer
from flushcheck.testing.known_layers import advice


def check_format(arguments: argparse.Namespace) -> None:
    """Refuse the formats that have no place for the layers of an app.

    Raises:
        UsageError: such a format was chosen.
    """
    if arguments.format not in (Format.TEXT, Format.JSON):
        raise UsageError(
            f"--format {arguments.format}: expected text or json for the layers of an app, for example --json"
        )


def report_on(url: str, tapped: TapRequest) -> TapReport:
    """The report on one request.

    Args:
        url: as it is shown.
        tapped: the request.
    """
    observation = tapped.observation
    try:
        return judge_tap(url, notes_from_text("".join(tapped.notes)), observation, advice=_advice)
    except NotesError as error:
        return without_notes(url, why_not(observation, error))


def why_not(observation: Observation, error: NotesError) -> str:
    """Why there are no notes: the stream itself may have failed."""
    if 200 <= observation.status < 300:
        return str(error)
    return observation.detail or f"status {observation.status}"


def write_tap(
    report: TapReport, run: Run, arguments: argparse.Namespace, console: Console, checked: CheckResult | None
) -> int:
    """Write the report; return the exit code of its verdict.

    Args:
        report: of the taps.
        run: of `watch`, for the path.
        arguments: with the format.
        console: where to.
        checked: the findings in files of the same path.
    """
    on_path = report.place is TapPlace.PATH
    if arguments.format == Format.JSON:
        data = tap_document(report) | {"watch": document(judge(run)) if on_path else None}
        console.write(json.dumps(data, indent=2) + "\n")
        return EXIT_CODES[report.verdict]
    if not arguments.ticket:
        console.write(tap_text(report, width=console.width, color=console.color))
    if on_path or arguments.ticket:
        console.write("" if arguments.ticket else "\n")
        write_report(judge(run), arguments, console, checked)
    return EXIT_CODES[report.verdict]


def _advice(name: str, path: str, version: str) -> str:
    """The fix of a layer; the one place where known layers are looked up."""
    return advice(Layer(name, path), version).strip().removeprefix("fix: ")
