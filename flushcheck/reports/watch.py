"""The live view of a watched stream: a line for each read while it runs. What it shows is a Report."""

from __future__ import annotations

from flushcheck.reports.text_writer import printable
from flushcheck.watching.records import Record, RecordKind


def stream_text(records: tuple[Record, ...]) -> str:
    """Return the text that records bring, safe for a terminal: newlines and tabs stay as they are."""
    text = "".join(
        f"{record.text}\n" if record.kind is RecordKind.DATA else record.text
        for record in records
        if record.kind in (RecordKind.CONTENT, RecordKind.DATA)
    )
    return "".join(char if char in "\n\t" else printable(char) for char in text.replace("\r\n", "\n"))


def read_head(label: str) -> str:
    """Return the heading of the lines of `read_line`, with a label as wide as theirs."""
    return f"{'':{len(label)}}{'arrived':>11} {'after':>8} {'read':>9} {'records':>8}  text"


def read_line(
    at_s: float,
    gap_s: float,
    size_bytes: int,
    records: tuple[Record, ...],
    *,
    label: str,
    width: int,
) -> str:
    """Return one read as one line, no wider than the terminal.

    Args:
        at_s: when it arrived, since the request.
        gap_s: since the read before.
        size_bytes: as it arrived.
        records: that it completed.
        label: which of two streams; "" for the only one.
        width: columns of the terminal.
    """
    count = str(len(records)) if records else "-"
    head = f"{label}{at_s:9.3f} s {gap_s:+8.3f} {size_bytes:7d} B {count:>8}  "
    shown = printable(" ".join("".join(record.text for record in records).split()))
    return (head + shown)[: max(20, width - 1)]
