"""The patterns in which a hold lets go: each is one question to the deliveries of one Observation.

A delivery is what arrived together. The patterns are told apart by what stays the same from one
delivery to the next: the bytes (a buffer), the time (a timer), the ratio of both (a rate), or nothing
(a path with jitter). The Probes' Pieces differ in size and pace, so that only one of them can.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from flushcheck.model import Arrival, ReceivedPiece

# Reads closer together than this are one delivery: a block of 64 KiB is read in about 8 pieces over
# 1 ms on loopback, and no Probe sends two Pieces within 30 ms of each other.
SAME_DELIVERY_S = 0.012

# How far the bytes may differ and still be one block size: 4064 to 4096 over FastCGI, whose record
# headers take 8 bytes each out of the block, and 89.2 to 90.8 KB of text out of a gzip buffer.
SAME_BYTES = 0.03

# A block smaller than this many records is left to a Scenario with smaller ones.
LEAST_RECORDS = 1.5

# How far the times may differ and still be one timer: 200 ms of HAProxy came as 195 to 215.
SAME_TIME = 0.08

# How far what was short of a threshold may be from what was enough, and still be told.
NARROW = 0.12

# The shortest timer that is told from the pace of the Pieces themselves.
LEAST_TIMER_S = 0.04

# Lags that grow to this much are a throttle's; less is what a burst on a busy machine makes.
LEAST_THROTTLE_S = 0.3

# The first delivery alone was late by this much, and all others came at their pace.
LEAST_OPENING_S = 0.4


# A compressor keeps a Piece's last bits back, unless they happen to fill a byte: one in five did (h2o).
MOSTLY = 0.6

# How near to the next Piece's moment, as a share of the gap, where the observer was stalled for that long.
NEAR_NEXT = 0.15
NEARLY_ALL = 0.8


@dataclass(frozen=True, slots=True)
class Delivery:
    """Reads that belong together."""

    at_s: float  # when the first of them returned
    until_s: float  # when the last of them did
    size_bytes: int  # of text
    pieces: tuple[ReceivedPiece, ...]


def deliveries(arrivals: Sequence[Arrival]) -> tuple[Delivery, ...]:
    """Put reads together that came within `SAME_DELIVERY_S` of each other."""
    groups: list[list[Arrival]] = []
    for arrival in arrivals:
        if groups and arrival.at_s - groups[-1][-1].at_s <= SAME_DELIVERY_S:
            groups[-1].append(arrival)
        else:
            groups.append([arrival])
    return tuple(
        Delivery(
            group[0].at_s,
            group[-1].at_s,
            sum(arrival.text_bytes for arrival in group),
            tuple(piece for arrival in group for piece in arrival.pieces),
        )
        for group in groups
    )


@dataclass(frozen=True, slots=True, order=True)
class Fit:
    """One explanation of the deliveries, and how well it holds."""

    spread: float  # how far they are from it, as a share of it: the smaller, the better
    value: float  # bytes or seconds


def block(seen: Sequence[Delivery]) -> Fit | None:
    """The number of bytes that is always the same; None if none is.

    The last delivery is what was left; the first is short by the response's header, which nginx and
    others keep in the same buffer. Two blocks that came together count as a multiple, but most must
    come alone, and a block must hold more than one record: else any merging of equal records, by a
    busy machine or a path with jitter, would look like blocks of one record.
    """
    sizes = [delivery.size_bytes for delivery in seen[1:-1]]
    if not sizes:
        return None
    unit = statistics.median_low(sorted(sizes)[: (len(sizes) + 1) // 2])
    pieces = sum(len(delivery.pieces) for delivery in seen)
    record_bytes = sum(delivery.size_bytes for delivery in seen) / max(1, pieces)
    if unit < LEAST_RECORDS * record_bytes:
        return None
    if len(sizes) == 1:
        away = abs(seen[0].size_bytes - unit) / unit
        return Fit(away, unit) if away <= 2 * SAME_BYTES else None
    alone = [size for size in sizes if abs(size - unit) <= SAME_BYTES * unit]
    fitting = [size for size in sizes if _is_multiple(size, unit)]
    if len(alone) < 0.5 * len(sizes) or len(fitting) < 0.8 * len(sizes):
        return None
    return Fit(_spread(alone), round(statistics.median(alone)))


def threshold(seen: Sequence[Delivery]) -> Fit | None:
    """The number of bytes at which whole records are let go; None if no number explains it.

    Apache's mod_proxy_fcgi and PHP's flush() alone do not cut records: they pass on everything as soon
    as it is 4096 bytes or more. Then each delivery is at least that long, and was shorter before its
    last record came.
    """
    full = [delivery for delivery in seen[:-1] if delivery.pieces]
    if len(full) < 3 or not all(piece.size_bytes for delivery in full for piece in delivery.pieces):
        return None
    framed = statistics.mean(
        (delivery.size_bytes - sum(piece.size_bytes for piece in delivery.pieces)) / len(delivery.pieces)
        for delivery in full
    )
    enough = min(delivery.size_bytes for delivery in full)
    short = max(delivery.size_bytes - delivery.pieces[-1].size_bytes - framed for delivery in full)
    if not (1 - NARROW) * enough <= short < enough:
        return None
    if sum(len(delivery.pieces) for delivery in full) < LEAST_RECORDS * len(full):
        return None
    powers = [2**power for power in range(8, 20) if short < 2**power <= enough]
    return Fit((enough - short) / enough, powers[-1] if powers else enough)


def timer(seen: Sequence[Delivery], latency_s: float, stall_s: float = 0.0) -> Fit | None:
    """The time that is always the same, in seconds; None if none is.

    Two kinds of timer: one that ticks, whose deliveries are a period apart, and one that is started by
    the first byte (HAProxy without http-no-delay), which keeps each delivery's first Piece equally long.
    Every delivery counts: on a path with jitter only those of several Pieces look alike. A delivery may
    be out of time by as much as the observer was stalled.
    """
    whole = [delivery for delivery in seen if delivery.pieces][:-1]
    apart = [after.at_s - before.at_s for before, after in itertools.pairwise(whole)]
    kept = [delivery.at_s - latency_s - delivery.pieces[0].sent_s for delivery in whole]
    fits = [Fit(_spread(times), statistics.median(times)) for times in (apart, kept) if len(times) > 1]
    timers = [fit for fit in fits if fit.value >= LEAST_TIMER_S]
    good = [fit for fit in timers if fit.spread <= SAME_TIME + stall_s / fit.value]
    return min(good, default=None)


def rate_bps(
    seen: Sequence[Delivery], pieces: Sequence[tuple[float, ReceivedPiece]], latency_s: float
) -> float:
    """Text bytes a second, if the lags only ever grow; 0.0 if they do not.

    What a buffer holds comes out with the End at the latest, so its last Piece is not late. What a rate
    holds back is later with each Piece, the last one most.
    """
    lags = [at_s - piece.sent_s - latency_s for at_s, piece in pieces]
    if len(lags) < 4 or lags[-1] < LEAST_THROTTLE_S or lags[-1] < 0.8 * max(lags):
        return 0.0
    quarter = max(1, len(lags) // 4)
    means = [statistics.mean(lags[at : at + quarter]) for at in range(0, len(lags) - quarter + 1, quarter)]
    if any(after <= before for before, after in itertools.pairwise(means)):
        return 0.0
    return sum(delivery.size_bytes for delivery in seen) / max(seen[-1].until_s - seen[0].at_s, 1e-3)


def opening_s(seen: Sequence[Delivery], latency_s: float, spare_s: float) -> float:
    """How long the first delivery was kept, if it alone was, in seconds; 0.0 otherwise."""
    whole = [delivery for delivery in seen if delivery.pieces]
    if len(whole) < 3 or len(whole[0].pieces) < 3:
        return 0.0
    first, *others = (delivery.at_s - latency_s - delivery.pieces[0].sent_s for delivery in whole)
    # An observer that was stalled as it began would have met the first delivery late, too.
    kept = first - spare_s >= 0.5 * LEAST_OPENING_S and first >= LEAST_OPENING_S
    return first if kept and max(others) <= max(spare_s, 0.25 * first) else 0.0


def waits_for_next(pieces: Sequence[tuple[float, ReceivedPiece]], latency_s: float, spare_s: float) -> bool:
    """Whether each Piece came only when the next one had been sent: something keeps the last one back."""
    pairs = list(itertools.pairwise(pieces))
    # The last two may come together, with the end; others are as far apart as they were sent.
    apart = sum(after_s - before_s > SAME_DELIVERY_S for (before_s, _), (after_s, _) in pairs)
    if len(pairs) < 4 or apart < MOSTLY * (len(pairs) - 1):
        return False
    gap_s = statistics.median(after.sent_s - before.sent_s for (_, before), (_, after) in pairs)
    lag_s = statistics.median(at_s - latency_s - piece.sent_s for (at_s, piece), _ in pairs)
    # A stall as long as the gap would let every Piece pass for one that came with the next.
    near_s, share = (spare_s, MOSTLY) if spare_s < 0.5 * gap_s else (NEAR_NEXT * gap_s, NEARLY_ALL)
    with_next = [abs(at_s - latency_s - after.sent_s) <= near_s for (at_s, _), (_, after) in pairs]
    return lag_s >= 0.5 * gap_s > 0 and sum(with_next) >= share * len(pairs)


def _is_multiple(size: int, unit: int) -> bool:
    times = max(1, round(size / unit))
    return abs(size / times - unit) <= SAME_BYTES * unit


def _spread(values: Sequence[float]) -> float:
    """How far three in four of these are from their median, as a share of it."""
    middle = statistics.median(values)
    if middle <= 0:
        return 1.0
    away = sorted(abs(value - middle) / middle for value in values)
    return away[(3 * len(away) + 3) // 4 - 1]
