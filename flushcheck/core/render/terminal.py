"""The Report for a person at a terminal: what is wrong first, then why, then the line that fixes it.

Text that came from the far side is made printable here: a header must not move the cursor.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from flushcheck.core.model import Accusation, Confidence, Fix, Flow, Health, Report, Verdict
from flushcheck.core.observations import LABELS

_COLORS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}
_HEALTH_COLOR = {
    Health.FLOWING: "green",
    Health.HELD: "red",
    Health.BROKEN: "red",
    Health.UNKNOWN: "yellow",
}
_CONFIDENCE = {
    Confidence.CERTAIN: "certain",
    Confidence.LIKELY: "likely",
    Confidence.POSSIBLE: "possible",
}
_LEAST_WIDTH = 40
_MOST_WIDTH = 100  # longer lines are hard to read
_PICTURE_WIDTH = 50  # cells of a time line


def terminal(report: Report, *, width: int, color: bool) -> str:
    """The Report as lines of text, ending in a newline.

    Args:
        width: columns of the terminal.
        color: whether to use ANSI colours.
    """
    page = _Page(max(_LEAST_WIDTH, min(width, _MOST_WIDTH)), color)
    page.line(f"{report.health.upper()}  {report.target}", _HEALTH_COLOR[report.health], "bold")
    page.text(report.headline)
    page.gap()
    for verdict in report.verdicts:
        _verdict(page, verdict)
    for accusation in report.accusations:
        page.gap()
        _accusation(page, accusation)
    _hints(page, report.verdicts)
    if report.notes:
        page.gap()
        for note in report.notes:
            page.text(f"note: {note}", hang=6)
    return page.done()


def _verdict(page: _Page, verdict: Verdict) -> None:
    good = verdict.flow is Flow.FLOWING
    mark, hue = ("ok", "green") if good else ("!!", "red")
    label = f"  {mark} {verdict.transport:<10} {verdict.flow:<10}"
    page.text(f"{label} {verdict.summary}", hang=len(label) + 1, hue=hue, hue_to=len(label))
    if not good and len(verdict.sent_s) > 1:
        cells = min(_PICTURE_WIDTH, page.width - 20)
        sent, came = picture(verdict.sent_s, verdict.received_s, cells)
        page.line(f"       sent     {sent}".rstrip(), "dim")
        page.line(f"       received {came}".rstrip(), "dim")


def picture(sent_s: Sequence[float], received_s: Sequence[float], cells: int) -> tuple[str, str]:
    """Two time lines, one above the other: when Pieces were sent, and when they came.

    A cell shows how many fell into it: `.` none, `|` one, 2 to 9, `#` more.
    """
    whole_s = max(*sent_s, *received_s, 1e-9)

    def line(moments: Iterable[float]) -> str:
        counts = [0] * cells
        for at_s in moments:
            counts[min(cells - 1, max(0, int(at_s / whole_s * (cells - 1))))] += 1
        return "".join("." if n == 0 else "|" if n == 1 else str(n) if n < 10 else "#" for n in counts)

    return line(sent_s), line(received_s)


def _accusation(page: _Page, accusation: Accusation) -> None:
    culprit = accusation.culprit
    page.text(
        f"culprit ({_CONFIDENCE[accusation.confidence]}): {culprit.id}", hang=2, hue="yellow", bold=True
    )
    page.text(f"  {culprit.title}", hang=2)
    page.text(f"  on {', '.join(accusation.transports)}", hang=2)
    for number, fix in enumerate(culprit.fixes):
        _fix(page, "fix" if number == 0 else "or", fix)
    page.text("  evidence:")
    for fact in accusation.evidence:
        page.text(f"  - {fact.sentence}", hang=4)


def _fix(page: _Page, word: str, fix: Fix) -> None:
    page.text(f"  {word}: {fix.where}", hang=6, hue="bold")
    for line in fix.change.splitlines():
        page.line(f"      {line}", "green")  # never wrapped: it is there to be copied
    page.text(f"      cost: {fix.caution}", hang=6)


def _hints(page: _Page, verdicts: Iterable[Verdict]) -> None:
    freed = [verdict for verdict in verdicts if verdict.freed_by]
    if freed:
        page.gap()
    for verdict in freed:
        page.text(
            f"{verdict.transport}: the app can free this by itself, as seen here with "
            f"{' or '.join(LABELS[variant] for variant in verdict.freed_by)}",
            hang=2,
        )


class _Page:
    """Lines of a width, printable and coloured."""

    def __init__(self, width: int, color: bool) -> None:
        self.width = width
        self._color = color
        self._lines: list[str] = []

    def gap(self) -> None:
        self._lines.append("")

    def line(self, text: str, *hues: str) -> None:
        self._lines.append(self._paint(printable(text), hues))

    def text(
        self, text: str, *, hang: int = 0, hue: str = "", hue_to: int | None = None, bold: bool = False
    ) -> None:
        """A paragraph; further lines are set in by `hang`, the first `hue_to` characters coloured."""
        lines = textwrap.wrap(
            printable(text),
            self.width,
            subsequent_indent=" " * hang,
            drop_whitespace=True,
            break_on_hyphens=False,
        ) or [""]
        hues = tuple(name for name in (hue, "bold" if bold else "") if name)
        first = lines[0]
        end = len(first) if hue_to is None else hue_to
        self._lines.append(self._paint(first[:end], hues) + first[end:])
        self._lines += lines[1:]

    def done(self) -> str:
        return "\n".join(self._lines) + "\n"

    def _paint(self, text: str, hues: tuple[str, ...]) -> str:
        if not self._color or not hues:
            return text
        codes = ";".join(_COLORS[hue] for hue in hues)
        return f"\x1b[{codes}m{text}\x1b[0m"


def printable(text: str) -> str:
    """The text with everything that could steer a terminal shown as an escape."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )
