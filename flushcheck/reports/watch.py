"""A watched stream for a terminal: a line for each read while it runs, then what can be said; and as JSON."""

from __future__ import annotations

from typing import Any

from flushcheck.model import Verdict
from flushcheck.reports.text_writer import TextWriter, printable
from flushcheck.watching.watch import Look, Record, Watch

SCHEMA = 2  # of `watch_document`, counted as that of a Report is

_COLOR = {Verdict.FLOWING: "green", Verdict.HELD: "red", Verdict.BROKEN: "red", Verdict.UNKNOWN: "yellow"}


def came_head(label: str) -> str:
    """What stands above the lines of `came_line`, with a label as wide as theirs."""
    return f"{'':{len(label)}}{'came at':>11} {'after':>8} {'read':>9} {'records':>8}  text"


def came_line(
    at_s: float,
    gap_s: float,
    size_bytes: int,
    records: tuple[Record, ...],
    *,
    label: str,
    width: int,
) -> str:
    """One read on one line, no wider than the terminal.

    Args:
        at_s: when it came, since the request.
        gap_s: since the read before.
        size_bytes: as it came.
        records: that it completed.
        label: which of two streams; "" for the only one.
        width: columns of the terminal.
    """
    count = str(len(records)) if records else "-"
    head = f"{label}{at_s:9.3f} s {gap_s:+8.3f} {size_bytes:7d} B {count:>8}  "
    shown = printable(" ".join("".join(record.text for record in records).split()))
    return (head + shown)[: max(20, width - 1)]


def watch_text(watch: Watch, *, width: int, color: bool) -> str:
    """What can be said, as lines of text, ending in a newline.

    Args:
        watch: what was seen.
        width: columns of the terminal.
        color: whether to use ANSI colours.
    """
    page = TextWriter(width, color)
    page.line(f"{watch.health.upper()}  {watch.looks[0].watched.url}", _COLOR[watch.health], "bold")
    page.text(watch.headline)
    for number, look in enumerate(watch.looks):
        page.gap()
        if len(watch.looks) > 1:
            page.line(f"{'beside' if number else 'asked'}: {look.watched.url}", "bold")
        for sentence in look.sentences:
            page.text(f"- {sentence}", hang=2)
    return page.done()


def watch_document(watch: Watch) -> dict[str, Any]:
    """The same as plain dicts, lists, strings and numbers, ready for `json.dumps`."""
    return {
        "schema": SCHEMA,
        "verdict": watch.health.value,
        "headline": watch.headline,
        "streams": [_look(look) for look in watch.looks],
    }


def _look(look: Look) -> dict[str, Any]:
    watched = look.watched
    return {
        "url": watched.url,
        "status": watched.status,
        "kind": watched.kind.value,
        "pattern": look.pattern.value,
        "records": look.records,
        "groups": look.steps,
        "block_bytes": look.block_bytes or None,
        "period_s": round(look.period_s, 4) or None,
        "headers_s": round(watched.headers_s, 4),
        "first_record_s": round(look.first_s, 4) if look.records else None,
        "last_record_s": round(look.last_s, 4) if look.records else None,
        "longest_gap_s": round(look.gap_s, 4),
        "ended": watched.ending.value,
        "ended_s": round(watched.ended_s, 4),
        "done": watched.done,
        "detail": watched.detail,
        "said": list(look.sentences),
        "arrivals": [
            {
                "at_s": round(arrival.at_s, 4),
                "size_bytes": arrival.size_bytes,
                "text_bytes": arrival.text_bytes,
                "records": len(arrival.pieces),
            }
            for arrival in watched.arrivals
        ],
    }
