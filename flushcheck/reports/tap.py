"""A TapReport as text and as a plain document."""

from __future__ import annotations

from typing import Any

from flushcheck.model import Verdict
from flushcheck.reports.terminal import time_line
from flushcheck.reports.text_writer import TextWriter
from flushcheck.tapping.report import TapReport, TapRung

SCHEMA = 1

_WIDTH = 40  # cells of a time line
_NAME = 28  # characters of a layer's name
_STYLES = {Verdict.FLOWING: "green", Verdict.HELD: "red", Verdict.BROKEN: "red", Verdict.UNKNOWN: "yellow"}


def tap_text(report: TapReport, *, width: int, color: bool) -> str:
    """Return the report for a terminal.

    Args:
        report: what to show.
        width: columns of the terminal.
        color: whether to use ANSI colours.
    """
    page = TextWriter(width, color)
    page.line(f"{report.verdict.upper()}  {report.url}", _STYLES[report.verdict], "bold")
    page.text(report.headline)
    if report.rungs:
        page.gap()
        _ladder(page, report)
    if report.fix:
        page.gap()
        page.text(f"  fix: {report.fix}", hang=7)
    if report.evidence:
        page.gap()
        page.line("evidence:")
        for sentence in report.evidence:
            page.text(f"- {sentence}", hang=2)
    if report.notes:
        page.gap()
        page.line("notes:")
        for sentence in report.notes:
            page.text(f"- {sentence}", hang=2)
    return page.done()


def _ladder(page: TextWriter, report: TapReport) -> None:
    """A line for each place: what left the layer, and when. The reader's is on its own clock."""
    whole_s = max((moment for rung in report.rungs for moment in rung.times_s), default=0.0)
    name_width = min(_NAME, max(len(_label(rung, number)) for number, rung in enumerate(report.rungs)))
    cells = max(10, min(_WIDTH, page.width - name_width - 28))
    page.line(f"     {'':{name_width}} deliveries  0 {'':.<{cells - 4}} {whole_s:.1f} s", "dim")
    for number, rung in enumerate(report.rungs):
        mark = "!!" if rung.holds else "  "
        line = time_line(rung.times_s, whole_s, cells)
        added = f" {rung.content_encoding}" if rung.content_encoding else ""
        label = _label(rung, number)[:name_width]
        style = "red" if rung.holds else "dim"
        page.line(f"  {mark} {label:<{name_width}} {rung.deliveries:>10}  {line}{added}", style)


def _label(rung: TapRung, number: int) -> str:
    return rung.name if number == 0 or rung.name == "reader" else f"after {rung.name}"


def tap_document(report: TapReport) -> dict[str, Any]:
    """Return the report as a plain document; docs/json.md describes it."""
    return {
        "schema": SCHEMA,
        "url": report.url,
        "verdict": str(report.verdict),
        "headline": report.headline,
        "place": str(report.place),
        "cause": str(report.cause),
        "layers": [_layer(rung) for rung in report.guilty],
        "rungs": [
            {
                **_layer(rung),
                "chunks": rung.chunks,
                "deliveries": rung.deliveries,
                "size_bytes": rung.size_bytes,
                "content_encoding": rung.content_encoding,
                "waited_s": round(rung.waited_s, 4),
                "holds": rung.holds,
                "times_s": [round(moment, 4) for moment in rung.times_s],
            }
            for rung in report.rungs
        ],
        "fix": report.fix,
        "evidence": list(report.evidence),
        "notes": list(report.notes),
        "queued_s": round(report.queued_s, 4),
        "loop_blocked_s": round(report.loop_blocked_s, 4),
        "protocol": report.protocol,
        "server": report.server,
    }


def _layer(rung: TapRung) -> dict[str, str]:
    return {"name": rung.name, "layer": rung.layer, "version": rung.version}
