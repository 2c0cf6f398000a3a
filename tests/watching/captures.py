"""What watched streams would look like: data for the tests of analysis, verdict, sentences and report."""

from __future__ import annotations

import dataclasses
import random

from flushcheck.model import Arrival, ReceivedPiece
from flushcheck.watching.records import StreamFormat
from flushcheck.watching.stream_capture import StreamCapture, WatchOutcome

RECORD_BYTES = 40

Groups = list[tuple[float, int]]  # moments, and how many records arrive at each


def captured(groups: Groups, *, mid_record: bool = False, **changes: object) -> StreamCapture:
    """Return a capture of so many records at these moments.

    Args:
        groups: what arrives.
        mid_record: whether every arrival ends in the middle of a record.
        changes: other fields of the capture.
    """
    seqs = iter(range(100_000))
    arrivals = tuple(
        Arrival(
            at_s,
            count * RECORD_BYTES,
            count * RECORD_BYTES,
            tuple(ReceivedPiece(next(seqs), 0.0, RECORD_BYTES) for _ in range(count)),
        )
        for at_s, count in groups
    )
    base = StreamCapture(
        "http://app/stream",
        WatchOutcome.ENDED,
        status=200,
        headers=(("content-type", "text/event-stream"),),
        headers_s=groups[0][0] if groups else 0.01,
        ended_s=groups[-1][0] if groups else 1.0,
        format=StreamFormat.EVENTS,
        arrivals=arrivals,
    )
    capture = dataclasses.replace(base, **changes)  # type: ignore[arg-type]
    return dataclasses.replace(capture, mid_record=(mid_record,) * len(capture.arrivals))


def evenly(count: int, gap_s: float, *, records: int = 1, start_s: float = 0.0) -> Groups:
    """Return groups of the same size, the same time apart."""
    return [(start_s + n * gap_s, records) for n in range(count)]


_draw = random.Random(3)

SINGLY = evenly(40, 0.1)
ONCE: Groups = [(8.2, 40)]
BLOCKS: Groups = [(0.8, 10), (2.0, 10), (2.4, 10), (4.0, 10), (6.0, 10)]
TICKS: Groups = [(0.2 * n, 3 + n % 4) for n in range(12)]
JITTER: Groups = [(0.1 * n + 0.3 * _draw.random(), 1 + (n % 5 == 0)) for n in range(0, 40, 2)]
