"""The Report for a person at a terminal: what is wrong first, then why, then the line that fixes it.

Text that came from the far side is escaped by `TextWriter`: a header must not move the cursor.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flushcheck.culprits.evidence import LABELS
from flushcheck.model import (
    Confidence,
    CulpritReport,
    FaultLocation,
    Fix,
    Flow,
    Hop,
    Report,
    TransportReport,
    Variant,
    Verdict,
)
from flushcheck.model.wording import any_of
from flushcheck.reports.fixes import cost_and_note
from flushcheck.reports.text_writer import TextWriter

_HEALTH_COLOR = {
    Verdict.FLOWING: "green",
    Verdict.HELD: "red",
    Verdict.BROKEN: "red",
    Verdict.UNKNOWN: "yellow",
}
_CONFIDENCE = {
    Confidence.CERTAIN: "certain",
    Confidence.LIKELY: "likely",
    Confidence.POSSIBLE: "possible",
}
_PICTURE_WIDTH = 50  # cells of a time line


def terminal(report: Report, *, width: int, color: bool) -> str:
    """The Report as lines of text, ending in a newline.

    Args:
        width: columns of the terminal.
        color: whether to use ANSI colours.
    """
    page = TextWriter(width, color)
    page.line(f"{report.verdict.upper()}  {report.target}", _HEALTH_COLOR[report.verdict], "bold")
    page.text(report.headline)
    page.gap()
    for verdict in report.transports:
        _verdict(page, verdict)
    _located(page, report.fault_location)
    for culprit_report in report.culprits:
        page.gap()
        _culprit_report(page, culprit_report)
    _freed_by(page, report.transports)
    _hops(page, report.hops)
    if report.notes:
        page.gap()
        for note in report.notes:
            page.text(f"note: {note}", hang=6)
    return page.done()


def _verdict(page: TextWriter, verdict: TransportReport) -> None:
    flows = verdict.flow is Flow.FLOWING
    good = flows and not (verdict.idle and verdict.idle.cuts)
    mark, style = ("ok", "green") if good else ("!!", "red")
    label = f"  {mark} {verdict.transport:<10} {verdict.flow:<10}"
    page.text(f"{label} {verdict.summary}", hang=len(label) + 1, style=style, style_to=len(label))
    if not flows and len(verdict.sent_s) > 1:
        cells = min(_PICTURE_WIDTH, page.width - 20)
        sent, came = picture(verdict.sent_s, verdict.received_s, cells)
        page.line(f"       sent     {sent}".rstrip(), "dim")
        page.line(f"       received {came}".rstrip(), "dim")


def picture(sent_s: Sequence[float], received_s: Sequence[float], cells: int) -> tuple[str, str]:
    """Two time lines: when Pieces were sent, and when they arrived.

    A cell shows how many fell into it: `.` none, `|` one, 2 to 9, `#` more.
    """
    whole_s = max(*sent_s, *received_s, 1e-9)

    def line(moments: Iterable[float]) -> str:
        counts = [0] * cells
        for at_s in moments:
            counts[min(cells - 1, max(0, int(at_s / whole_s * (cells - 1))))] += 1
        return "".join("." if n == 0 else "|" if n == 1 else str(n) if n < 10 else "#" for n in counts)

    return line(sent_s), line(received_s)


def _culprit_report(page: TextWriter, culprit_report: CulpritReport) -> None:
    culprit = culprit_report.culprit
    page.text(
        f"culprit ({_CONFIDENCE[culprit_report.confidence]}): {culprit.id}", hang=2, style="yellow", bold=True
    )
    page.text(f"  {culprit.title}", hang=2)
    page.text(f"  on {', '.join(culprit_report.transports)}", hang=2)
    for number, fix in enumerate(culprit.fixes):
        _fix(page, "fix" if number == 0 else "or", fix)
    page.text("  evidence:")
    for fact in culprit_report.evidence:
        page.text(f"  - {fact.sentence}", hang=4)


def _fix(page: TextWriter, word: str, fix: Fix) -> None:
    page.text(f"  {word}: {fix.where}", hang=6, style="bold")
    for line in fix.change.splitlines():
        page.line(f"      {line}", "green")  # never wrapped: it is there to be copied
    for label, text in cost_and_note(fix):
        page.text(f"      {label}: {text}", hang=12)


def _located(page: TextWriter, located: FaultLocation | None) -> None:
    if located is None:
        return
    page.gap()
    page.text(f"located: {located.summary}", hang=2, style="bold")
    for fact in located.evidence:
        page.text(f"  - {fact.sentence}", hang=4)


def _hops(page: TextWriter, hops: Sequence[Hop]) -> None:
    if hops:
        page.gap()
        page.text("servers found between app and reader, nearest to the app first where the order is known:")
    for hop in hops:
        page.text(f"- {hop.what} ({hop.evidence.sentence})", hang=2)


def _freed_by(page: TextWriter, verdicts: Iterable[TransportReport]) -> None:
    """What the app can do by itself, once for all Transports on which the same was measured to work."""
    freed: dict[tuple[Variant, ...], list[str]] = {}
    for verdict in verdicts:
        if verdict.freed_by:
            freed.setdefault(verdict.freed_by, []).append(verdict.transport)
    if freed:
        page.gap()
    for variants, transports in freed.items():
        page.text(
            f"{', '.join(transports)}: tested here, the stream flows with "
            f"{any_of([LABELS[variant] for variant in variants])}",
            hang=2,
        )
