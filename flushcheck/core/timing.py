"""How one Observation arrived: from moments and sizes to a Flow, and nothing about causes.

Everything is measured against the service's own send offsets. For each Piece, delay = arrival - offset;
the smallest delay is the path's plain latency and is subtracted, so no two clocks have to agree, and
an app that wrote late is not mistaken for a path that kept it. What remains is the lag.

A busy machine makes single Pieces late at random; a buffer keeps nearly all of them, in a pattern. So
one large lag means nothing here. What counts is the share of Pieces that were still under way when a
later one had already been sent, and then the pattern of the groups in which they came:

- the same number of bytes in every group, whatever the time: a buffer of that size;
- the same time between groups, whatever the bytes: a timer;
- everything in one group at the end: a hold larger than the stream;
- no pattern: a path with jitter, unless the lags are beyond what jitter makes.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from flushcheck.core.model import Arrival, Flow, Lag, Mark, Observation, Outcome

# Reads closer together than this are one delivery: a block of 64 KiB is read in about 8 pieces over
# 1 ms on loopback, and no Probe sends two Pieces within 30 ms of each other.
SAME_GROUP_S = 0.012

# Below this share of Pieces overtaken by a later send, a path flows. With both cores busy 0.00 to
# 0.10 were seen on loopback; a byte buffer of one Piece and a timer of two give 0.5 and more.
KEPT_SHARE = 0.3

# The least time by which a later Piece must have been sent before the wait counts as overtaken.
LEAST_LATE_S = 0.02

# How far the groups' bytes may differ and still be one block size: 4064 to 4096 over FastCGI, whose
# record headers take 8 bytes each out of the block, and 89.2 to 90.8 KB of text out of a gzip buffer.
SAME_BYTES = 0.03

# A block smaller than this many records is left to a Scenario with smaller ones.
LEAST_RECORDS = 1.5

# How far the periods may differ and still be one timer: 200 ms of HAProxy came as 195 to 210.
SAME_PERIOD = 0.15

# Lags without a pattern up to this are jitter, seen on mobile and radio links; beyond it: unknown.
JITTER_S = 0.6

# Jitter merges neighbours; a path on which four Pieces and more share each delivery is another thing.
JITTER_SHARE = 0.25

# Lags that grow to this much are a throttle's; less is what a burst on a busy machine makes.
LEAST_THROTTLE_S = 0.3

# A stream cannot arrive before it is sent: more than this early, an older answer was played back.
REPLAY_S = 0.25

# All that was sent over at least this share of the stream's span came together: held to the end.
HELD_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Timing:
    """What the moments and sizes of one Observation amount to."""

    flow: Flow
    lag_s: Lag = field(default_factory=Lag)
    latency_s: float = 0.0  # the smallest delay of a Piece: what every one of them took
    hold_bytes: int | None = None  # size of a block, for BLOCKS
    period_s: float = 0.0  # for TICKS
    groups: int = 0  # deliveries that completed Pieces
    rate_bps: float = 0.0  # text bytes a second, for THROTTLED
    late_s: float = 0.0  # for LATE: how much later than others of its run it began


def measure(observation: Observation) -> Timing:
    """Say how an Observation arrived.

    The stall of the observer itself is allowed for: a Piece that came while the observer was kept
    from running is not late.
    """
    marks = observation.marks
    if observation.outcome in (Outcome.REFUSED, Outcome.UNREACHABLE):
        return Timing(Flow.FAILED)
    if not marks:
        return Timing(Flow.CUT if observation.outcome is Outcome.CUT else Flow.FAILED)
    delays = [at_s - mark.sent_s for at_s, mark in marks]
    latency_s = min(delays)
    lags = [delay - latency_s for delay in delays]
    lag_s = Lag(statistics.median(lags), max(lags))
    if observation.outcome is Outcome.CUT:
        return Timing(Flow.CUT, lag_s, latency_s)
    if latency_s < -REPLAY_S:
        return Timing(Flow.REPLAYED, lag_s, latency_s)
    groups = _grouped(observation.arrivals)
    found = _pattern(observation, groups, latency_s, lag_s)
    with_pieces = sum(1 for group in groups if any(arrival.marks for arrival in group))
    return replace(found, lag_s=lag_s, latency_s=latency_s, groups=with_pieces)


def flow(observation: Observation) -> Flow:
    """The Flow of one Observation."""
    return measure(observation).flow


def kept_share(marks: Sequence[tuple[float, Mark]], latency_s: float, spare_s: float) -> float:
    """The share of Pieces that arrived only after a later one had been sent.

    Args:
        marks: Pieces with the moment they arrived, in order.
        latency_s: the path's plain latency, same clocks as the marks.
        spare_s: how late a Piece may be for reasons that are not the path's.

    Returns: 0.0 to 1.0; the last Piece, which nothing can overtake, does not count.
    """
    pairs = list(itertools.pairwise(marks))
    overtaken = sum(
        1 for (at_s, _), (_, after) in pairs if at_s - latency_s > after.sent_s + min(spare_s, JITTER_S)
    )
    return overtaken / len(pairs) if pairs else 0.0


def _pattern(observation: Observation, groups: list[list[Arrival]], latency_s: float, lag_s: Lag) -> Timing:
    marks = observation.marks
    spare_s = max(LEAST_LATE_S, observation.stall_s)
    if kept_share(marks, latency_s, spare_s) < KEPT_SHARE:
        return Timing(Flow.FLOWING)
    sent_span_s = marks[-1][1].sent_s - marks[0][1].sent_s
    came_span_s = marks[-1][0] - marks[0][0]
    if lag_s.max >= HELD_SHARE * sent_span_s and came_span_s <= (1 - HELD_SHARE) * sent_span_s:
        blocks = _block_bytes(groups)
        # Two blocks and the rest in the last instant still tell nothing but "at the end".
        if blocks is None or came_span_s <= SAME_GROUP_S:
            return Timing(Flow.HELD)
    if rate_bps := _rate_bps(observation, latency_s):
        return Timing(Flow.THROTTLED, rate_bps=rate_bps)
    if (size_bytes := _block_bytes(groups)) is not None:
        return Timing(Flow.BLOCKS, hold_bytes=size_bytes)
    if period_s := _period_s(groups):
        return Timing(Flow.TICKS, period_s=period_s)
    if len(groups) <= 3 and lag_s.max > JITTER_S:
        return Timing(Flow.BLOCKS)  # too few to tell their size: a larger Scenario will
    deliveries = sum(1 for group in groups if any(arrival.marks for arrival in group))
    if lag_s.max <= JITTER_S and deliveries >= JITTER_SHARE * len(marks):
        return Timing(Flow.FLOWING)
    return Timing(Flow.UNKNOWN)


def _rate_bps(observation: Observation, latency_s: float) -> float:
    """Text bytes a second, if the lags only ever grow; 0.0 if they do not.

    What a buffer holds comes out with the End at the latest, so its last Piece is not late. What a rate
    holds back is later with each Piece, the last one most.
    """
    lags = [at_s - mark.sent_s - latency_s for at_s, mark in observation.marks]
    if len(lags) < 4 or lags[-1] < LEAST_THROTTLE_S or lags[-1] < 0.8 * max(lags):
        return 0.0
    quarter = max(1, len(lags) // 4)
    means = [statistics.mean(lags[at : at + quarter]) for at in range(0, len(lags) - quarter + 1, quarter)]
    if any(after <= before for before, after in itertools.pairwise(means)):
        return 0.0
    seconds = observation.arrivals[-1].at_s - observation.arrivals[0].at_s
    return sum(arrival.text_bytes for arrival in observation.arrivals) / max(seconds, 1e-3)


def _grouped(arrivals: Sequence[Arrival]) -> list[list[Arrival]]:
    """Reads that belong to one delivery, together."""
    groups: list[list[Arrival]] = []
    for arrival in arrivals:
        if groups and arrival.at_s - groups[-1][-1].at_s <= SAME_GROUP_S:
            groups[-1].append(arrival)
        else:
            groups.append([arrival])
    return groups


def _block_bytes(groups: list[list[Arrival]]) -> int | None:
    """The size that the groups share, if they do.

    The last group is what was left; the first is short by the response's header, which nginx and
    others keep in the same buffer. Two blocks that came together count as a multiple, but most must
    come alone, and a block must hold more than one record: else any merging of equal records, by a
    busy machine or a path with jitter, would look like blocks of one record.
    """
    sizes = [sum(arrival.text_bytes for arrival in group) for group in groups[1:-1]]
    if not sizes:
        return None
    unit = statistics.median_low(sorted(sizes)[: (len(sizes) + 1) // 2])
    arrivals = [arrival for group in groups for arrival in group]
    pieces = sum(len(arrival.marks) for arrival in arrivals)
    record_bytes = sum(arrival.text_bytes for arrival in arrivals) / max(1, pieces)
    if unit < LEAST_RECORDS * record_bytes:
        return None
    if len(sizes) == 1:
        first = sum(arrival.text_bytes for arrival in groups[0])
        return unit if abs(first - unit) <= 2 * SAME_BYTES * unit else None
    alone = [size for size in sizes if abs(size - unit) <= SAME_BYTES * unit]
    fitting = [size for size in sizes if _is_multiple(size, unit)]
    if len(alone) < 0.5 * len(sizes) or len(fitting) < 0.8 * len(sizes):
        return None
    return round(statistics.median(alone))


def _is_multiple(size: int, unit: int) -> bool:
    times = max(1, round(size / unit))
    return abs(size / times - unit) <= SAME_BYTES * unit


def _period_s(groups: list[list[Arrival]]) -> float:
    """The time between groups if it is always the same (or a multiple); 0.0 if it is not."""
    starts = [group[0].at_s for group in groups if any(arrival.marks for arrival in group)]
    gaps = [after - before for before, after in itertools.pairwise(starts[:-1])]
    if len(gaps) < 2:
        return 0.0
    period_s = statistics.median(gaps)
    regular = sum(1 for gap in gaps if abs(gap - period_s) <= SAME_PERIOD * period_s)
    return period_s if regular >= 0.75 * len(gaps) else 0.0
