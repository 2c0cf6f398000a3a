"""The live view of a watched stream: a line for each read while it runs. What it shows is a Report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flushcheck.model.wording import count_of
from flushcheck.reports.text_writer import printable
from flushcheck.watching.records import Record, RecordKind

# From here on a size is shown in kilobytes.
KILO = 10_000


@dataclass(frozen=True, slots=True)
class Counts:
    """How much of a stream has arrived."""

    records: int = 0
    size_bytes: int = 0  # before decompression

    def plus(self, records: int, size_bytes: int) -> Counts:
        """The same with one more read."""
        return Counts(self.records + records, self.size_bytes + size_bytes)


def stream_text(records: tuple[Record, ...]) -> str:
    """Return the text that records bring, safe for a terminal: newlines and tabs stay as they are."""
    text = "".join(
        f"{record.text}\n" if record.kind is RecordKind.DATA else record.text
        for record in records
        if record.kind in (RecordKind.CONTENT, RecordKind.DATA)
    )
    return "".join(char if char in "\n\t" else printable(char) for char in text.replace("\r\n", "\n"))


def live_counts(counts: Mapping[str, Counts]) -> str:
    """What has arrived by now at each address, for a line that is redrawn.

    Args:
        counts: by the name of the address; "" for the only one.
    """
    if not any(count.size_bytes for count in counts.values()):
        return "waiting for the first byte"
    return "; ".join(
        f"{printable(name)} {_count(count)}" if name else _count(count) for name, count in counts.items()
    )


def _count(count: Counts) -> str:
    return f"{count_of(count.records, 'record')}, {_size(count.size_bytes)}"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1000:.1f} kB" if size_bytes >= KILO else f"{size_bytes} bytes"


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
