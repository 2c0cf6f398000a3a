"""The pattern in which the records of one stream arrived: from moments and sizes, without a verdict.

Deliveries and blocks are those of a diagnosis (`measurement.patterns`). What needs send times is missing
here.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from flushcheck.measurement.patterns import MIN_TIMER_S, Delivery, block, deliveries
from flushcheck.watching.records import StreamFormat
from flushcheck.watching.stream_capture import StreamCapture

# Up to this share of records that share a delivery, records arrive one by one: two tokens are often written
# at once.
SHARED_SHARE = 0.3

# Up to so many deliveries are too few for a pattern.
MAX_FEW = 3

# Ticks are at least this many equal gaps, each within this share of their median.
MIN_TICKS = 4
SAME_TICK = 0.1

# Blocks of bytes end in the middle of records; an app that writes full pages ends them between records.
MID_RECORD_SHARE = 0.5


class Pattern(StrEnum):
    """How records arrived."""

    NOTHING = "nothing arrived"
    ONCE = "all at once"
    FEW = "in two or three deliveries"
    SINGLY = "one by one"
    BLOCKS = "in blocks"
    TICKS = "in ticks"
    GROUPS = "in groups"


@dataclass(frozen=True, slots=True)
class StreamAnalysis:
    """What the arrivals of one stream amount to."""

    capture: StreamCapture
    pattern: Pattern
    records: int
    deliveries: int  # that completed a record
    first_s: float  # when the first record arrived
    last_s: float  # when the last one did
    longest_gap_s: float  # between two deliveries
    block_bytes: int  # for BLOCKS, else 0
    period_s: float  # for TICKS, else 0.0
    cuts_records: bool  # its blocks end in the middle of records: no app writes so


def analyze(capture: StreamCapture) -> StreamAnalysis:
    """Return how one stream arrived."""
    seen = deliveries(capture.arrivals)
    complete = [delivery for delivery in seen if delivery.pieces]
    records = sum(len(delivery.pieces) for delivery in complete)
    gaps_s = [after.at_s - before.until_s for before, after in itertools.pairwise(seen)]
    pattern, block_bytes, period_s = _pattern(seen, complete, records)
    is_framed = capture.format is not StreamFormat.PLAIN
    return StreamAnalysis(
        capture,
        pattern,
        records,
        len(complete),
        first_s=complete[0].at_s if complete else 0.0,
        last_s=complete[-1].at_s if complete else 0.0,
        longest_gap_s=max(gaps_s, default=0.0),
        block_bytes=block_bytes,
        period_s=period_s,
        cuts_records=pattern is Pattern.BLOCKS and is_framed and _cuts_records(capture, seen),
    )


def _pattern(
    seen: Sequence[Delivery], complete: Sequence[Delivery], records: int
) -> tuple[Pattern, int, float]:
    """Return the pattern, with the size of a block and the length of a tick where there are such."""
    if not complete:
        return Pattern.NOTHING, 0, 0.0
    if len(complete) == 1:
        return Pattern.ONCE, 0, 0.0
    shared = (records - len(complete)) / (records - 1)
    if shared <= SHARED_SHARE:
        return Pattern.SINGLY, 0, 0.0
    if len(complete) <= MAX_FEW:
        return Pattern.FEW, 0, 0.0
    if (fit := block(seen)) is not None:
        return Pattern.BLOCKS, round(fit.value), 0.0
    # The last delivery is what was left at the end: it comes at no tick.
    gaps_s = [after.at_s - before.at_s for before, after in itertools.pairwise(complete)][:-1]
    period_s = statistics.median(gaps_s)
    if len(gaps_s) >= MIN_TICKS and period_s >= MIN_TIMER_S:
        if all(abs(gap_s - period_s) <= SAME_TICK * period_s for gap_s in gaps_s):
            return Pattern.TICKS, 0, period_s
    return Pattern.GROUPS, 0, 0.0


def _cuts_records(capture: StreamCapture, seen: Sequence[Delivery]) -> bool:
    """Whether most deliveries end in the middle of a record: only what counts bytes makes such."""
    mid_record = {
        arrival.at_s: mid for arrival, mid in zip(capture.arrivals, capture.mid_record, strict=True)
    }
    ends = [mid_record[delivery.until_s] for delivery in seen[:-1]]
    return bool(ends) and sum(ends) >= MID_RECORD_SHARE * len(ends)
