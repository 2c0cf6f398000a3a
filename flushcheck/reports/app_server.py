"""A ServerReport for a terminal, as one line of a log, as JSON."""

from __future__ import annotations

from typing import Any

from flushcheck.configs.findings import Level
from flushcheck.diagnosis.app_server import Capacity, ServerReport
from flushcheck.model.codec import to_json
from flushcheck.reports.text_writer import TextWriter

_HUES = {Level.ERROR: "red", Level.WARNING: "yellow", Level.NOTE: "dim"}


def server_report_text(report: ServerReport, *, width: int, color: bool) -> str:
    """The whole, for a person; ends in a newline."""
    page = TextWriter(width, color)
    page.text(report.name, bold=True)
    page.text(f"  streams    {_streams(report)}", hang=13)
    page.text(f"  websocket  {_websocket(report)}", hang=13)
    page.text(f"  that means {report.meaning}", hang=13)
    for remark in report.remarks:
        page.gap()
        label = f"  {remark.level:<8}"
        page.text(f"{label} {remark.sentence}", hang=11, style=_HUES[remark.level], style_to=len(label))
        if remark.fix:
            page.line(f"           fix: {remark.fix}", "green")  # never wrapped: it is there to be copied
    return page.done()


def _websocket(report: ServerReport) -> str:
    if not report.websocket:
        return "no"
    # A worker class that is not known may have a connection of another kind.
    return "not known" if report.worker and report.capacity is Capacity.UNKNOWN else "yes"


def server_report_line(report: ServerReport) -> str:
    """The same as one line for a log, without its end."""
    sentences = [f"runs under {report.name}: {_streams(report)}"]
    sentences += [
        f"{remark.level}: {remark.sentence}" for remark in report.remarks if remark.level is not Level.NOTE
    ]
    return "; ".join(sentences)


def server_report_document(report: ServerReport) -> dict[str, Any]:
    """The same as JSON: the fields of a ServerReport, and `streams`."""
    return {**to_json(report), "streams": report.streams}


_WITHOUT_NUMBER = {
    Capacity.UNLIMITED: "as many at once as are requested: the server sets no limit",
    Capacity.WEB_SERVER: "as many at once as the web server has processes",
}


def _streams(report: ServerReport) -> str:
    if not report.streams_per_process:
        return _WITHOUT_NUMBER.get(report.capacity, "not known how many at once")
    each = f"{report.streams_per_process} at once in each process"
    if report.processes:
        return f"{report.streams} at once" if report.processes == 1 else f"{report.streams} at once, {each}"
    return each
