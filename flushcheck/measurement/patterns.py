"""The patterns in which a hold lets go: each is one question to the deliveries of one Observation.

A delivery is a group of reads that arrived together. The patterns differ in what stays the same from one
delivery to the next: the bytes (a buffer), the time (a timer), the ratio of both (a rate), or nothing
(a path with jitter). The Probes' Pieces differ in size and pace, so that only one of them can.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from flushcheck.model import Arrival, Lag, ReceivedPiece, TimedPiece

# Reads closer together than this are one delivery: a block of 64 KiB is read in about 8 parts over
# 1 ms on loopback, and no Probe sends two Pieces within 30 ms of each other.
SAME_DELIVERY_S = 0.012

# How far the bytes may differ and still be one block size: 4064 to 4096 over FastCGI, whose record
# headers take 8 bytes each out of the block, and 89.2 to 90.8 KB of text out of a gzip buffer.
SAME_BYTES = 0.03

# A block smaller than this many records is left to a Scenario with smaller ones.
MIN_RECORDS = 1.5

# Where only one delivery is whole, the first one, which is short by the header, must be this near to it.
SAME_AS_FIRST = 2 * SAME_BYTES

# Of the deliveries, at least this share holds one block, and this share a whole number of blocks.
ALONE_SHARE = 0.5
MULTIPLE_SHARE = 0.8

# A threshold is read from this many deliveries and more.
MIN_FULL = 3

# ... and that of the user's own records, whose app may group them by itself, from this many.
MIN_FULL_RECORDS = 5
# A size that is no power of two, as waitress' send_bytes, takes so many, and all that near to it.
MIN_FULL_ODD = 10
NARROW_ODD = 0.05

# How far the largest delivery below a threshold may be from the smallest above it.
NARROW = 0.12

# Thresholds are powers of two in every program measured: PHP, mod_fcgid and mod_proxy_fcgi.
POWERS_OF_TWO = tuple(2**power for power in range(8, 20))

# How far the times may differ and still be one timer: 200 ms of HAProxy came as 195 to 215.
SAME_TIME = 0.08

# The shortest timer that can be told from the pace of the Pieces themselves.
MIN_TIMER_S = 0.04

# Lags that grow to this much are a throttle's; less is what a burst on a busy machine makes.
MIN_THROTTLE_S = 0.3

# A throttle delays the last Piece most; a busy machine may delay another one a little more.
LAST_SHARE = 0.8

# The first delivery alone was late by this much, and all others came at their pace.
MIN_OPENING_S = 0.4

# How much of it must be left where the observer was stalled as it began, and how late the others may be.
OPENING_BEYOND_STALL_S = 0.5 * MIN_OPENING_S
OTHERS_SHARE = 0.25

# Fewer Pieces show no pattern: of the first delivery for an opening, of all for the other two.
MIN_OPENING_PIECES = 3
MIN_PIECES = 4

# A compressor keeps a Piece's last bits back, unless they happen to fill a byte: one in five did (h2o).
WITH_NEXT_SHARE = 0.6

# Where the observer was stalled for half a gap, Pieces must come this near to the next one's moment (a share
# of the gap), and more of them.
LONG_STALL_SHARE = 0.5
NEAR_NEXT = 0.15
WITH_NEXT_SHARE_STALLED = 0.8

# Where half of the Pieces are late by this share of the gap between two of them, a stall of the observer does
# not explain it: one stall makes some Pieces late, not half of them.
LATE_GAPS = 0.8

# The Pieces of at least this share of the stream's span came together: held to the end.
HELD_SHARE = 0.8

# Pieces follow the moment of the next one where their spread around it is at most this share of that around
# their own.
FOLLOWING_SHARE = 0.5

# Gaps that differ by less show nothing: half of the waits are so far from the median.
MIN_UNEVEN_S = 0.005

# A Piece that waits for the next one is late by a whole gap; half of it is left where a gap is uneven.
WAITING_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Delivery:
    """Reads that belong together."""

    at_s: float  # when the first of them returned
    until_s: float  # when the last of them did
    size_bytes: int  # of text
    pieces: tuple[ReceivedPiece, ...]
    records: tuple[int, ...] = ()  # sizes of the records of the user's own app, in place of Pieces
    mid_record: bool = False  # it ends in the middle of one

    @property
    def count(self) -> int:
        """How many Pieces or records it completed."""
        return len(self.pieces) + len(self.records)


def reads_together(arrivals: Sequence[Arrival]) -> list[list[Arrival]]:
    """Put reads together that came within `SAME_DELIVERY_S` of each other."""
    groups: list[list[Arrival]] = []
    for arrival in arrivals:
        if groups and arrival.at_s - groups[-1][-1].at_s <= SAME_DELIVERY_S:
            groups[-1].append(arrival)
        else:
            groups.append([arrival])
    return groups


def deliveries(arrivals: Sequence[Arrival]) -> tuple[Delivery, ...]:
    """What each group of reads that came together amounts to."""
    return tuple(
        Delivery(
            group[0].at_s,
            group[-1].at_s,
            sum(arrival.text_bytes for arrival in group),
            tuple(piece for arrival in group for piece in arrival.pieces),
            tuple(size for arrival in group for size in arrival.records),
            group[-1].mid_record,
        )
        for group in reads_together(arrivals)
    )


@dataclass(frozen=True, slots=True, order=True)
class Fit:
    """One explanation of the deliveries, and how well it holds."""

    spread: float  # how far they are from it, as a share of it: the smaller, the better
    value: float  # bytes or seconds


def block(seen: Sequence[Delivery]) -> Fit | None:
    """The number of bytes that is always the same; None if none is.

    The last delivery is the remainder; the first is short by the response's header, which nginx and
    others keep in the same buffer. Two blocks that came together count as a multiple, but most must
    come alone, and a block must hold more than one record: else any merging of equal records, by a
    busy machine or a path with jitter, would look like blocks of one record.
    """
    sizes = [delivery.size_bytes for delivery in seen[1:-1]]
    if not sizes:
        return None
    unit = statistics.median_low(sorted(sizes)[: (len(sizes) + 1) // 2])
    count = sum(delivery.count for delivery in seen)
    text_bytes = sum(delivery.size_bytes for delivery in seen)
    if unit <= 0 or unit * count < MIN_RECORDS * text_bytes:
        return None
    if len(sizes) == 1:
        away = abs(seen[0].size_bytes - unit) / unit
        return Fit(away, unit) if away <= SAME_AS_FIRST else None
    alone = [size for size in sizes if abs(size - unit) <= SAME_BYTES * unit]
    fitting = [size for size in sizes if _is_multiple(size, unit)]
    if len(alone) < ALONE_SHARE * len(sizes) or len(fitting) < MULTIPLE_SHARE * len(sizes):
        return None
    return Fit(_spread(alone), round(statistics.median(alone)))


def threshold(seen: Sequence[Delivery]) -> Fit | None:
    """The number of bytes at which whole records are let go; None if no number explains it.

    Apache's mod_proxy_fcgi and PHP's flush() alone do not cut records: they pass on everything as soon
    as it is 4096 bytes or more. Then each delivery is at least that long, and was shorter before its
    last record came.
    """
    full = [delivery for delivery in seen[:-1] if delivery.pieces]
    sized = [(delivery.size_bytes, tuple(piece.size_bytes for piece in delivery.pieces)) for delivery in full]
    return _threshold(sized) if all(size for _, sizes in sized for size in sizes) else None


def record_threshold(seen: Sequence[Delivery]) -> Fit | None:
    """The same for records of the user's own app, from which alone it follows that they are held.

    An app that writes so many records each time, or all that it has each time, fills no such size.
    """
    full = [delivery for delivery in seen[:-1] if delivery.records]
    if len(full) < MIN_FULL_RECORDS or any(delivery.mid_record for delivery in full):
        return None
    sized = [(delivery.size_bytes, delivery.records) for delivery in full]
    if len({delivery.count for delivery in full}) == 1:
        return None
    fit = _threshold(sized)
    if fit is None:
        return _limit(sized)
    is_clear = len(full) >= MIN_FULL_ODD and fit.spread <= NARROW_ODD
    return fit if is_clear or fit.value in POWERS_OF_TWO else _limit(sized)


def _threshold(full: Sequence[tuple[int, tuple[int, ...]]]) -> Fit | None:
    """The same, of deliveries as their sizes and the sizes of what they completed."""
    if len(full) < MIN_FULL:
        return None
    framed = statistics.mean((size - sum(sizes)) / len(sizes) for size, sizes in full)
    enough = min(size for size, _ in full)
    short = max(size - sizes[-1] - framed for size, sizes in full)
    if not (1 - NARROW) * enough <= short < enough:
        return None
    if sum(len(sizes) for _, sizes in full) < MIN_RECORDS * len(full):
        return None
    value = next((power for power in POWERS_OF_TWO if short < power < enough), enough)
    return Fit((enough - short) / enough, value)


def _limit(full: Sequence[tuple[int, tuple[int, ...]]]) -> Fit | None:
    """The power of two that no delivery exceeds, and that each would exceed with the next record.

    A child process of Python lets go of what it printed before the record that does not fit into 8192 bytes.
    """
    framed = statistics.mean((size - sum(sizes)) / len(sizes) for size, sizes in full)
    largest = max(size for size, _ in full)
    next_size = min(size + sizes[0] + framed for (size, _), (_, sizes) in itertools.pairwise(full))
    value = next((power for power in POWERS_OF_TWO if largest <= power < next_size), None)
    if value is None or next_size > (1 + NARROW) * largest:
        return None
    return Fit((next_size - largest) / largest, value)


def timer(seen: Sequence[Delivery], latency_s: float, stall_s: float = 0.0) -> Fit | None:
    """The time that is always the same, in seconds; None if none is.

    Two kinds of timer: one that ticks, whose deliveries are a period apart, and one that is started by
    the first byte (HAProxy without http-no-delay), which keeps each delivery's first Piece equally long.
    Every delivery counts: on a path with jitter only those of several Pieces look alike. A delivery may
    be out of time by as much as the observer was stalled.
    """
    whole = [delivery for delivery in seen if delivery.pieces][:-1]
    kept = [delivery.at_s - latency_s - delivery.pieces[0].sent_s for delivery in whole]
    fits = (ticks(seen, stall_s), _same_time(kept, stall_s))
    return min((fit for fit in fits if fit is not None), default=None)


def ticks(seen: Sequence[Delivery], stall_s: float = 0.0) -> Fit | None:
    """The period that is always the same from one delivery to the next, in seconds; None if none is.

    The last delivery is what was left at the end: it comes at no tick.
    """
    whole = [delivery for delivery in seen if delivery.count][:-1]
    return _same_time([after.at_s - before.at_s for before, after in itertools.pairwise(whole)], stall_s)


def _same_time(times: Sequence[float], stall_s: float) -> Fit | None:
    """The time that these have in common; None if they have none."""
    if len(times) < 2 or statistics.median(times) < MIN_TIMER_S:
        return None
    fit = Fit(_spread(times), statistics.median(times))
    return fit if fit.spread <= SAME_TIME + stall_s / fit.value else None


def rate_bps(seen: Sequence[Delivery], pieces: Sequence[TimedPiece], latency_s: float) -> float:
    """Text bytes a second, if the lags only ever grow; 0.0 if they do not.

    What a buffer holds comes out with the End at the latest, so its last Piece is not late. What a rate
    holds back is later with each Piece, the last one most.
    """
    lags = [piece.at_s - piece.sent_s - latency_s for piece in pieces]
    if len(lags) < MIN_PIECES or lags[-1] < MIN_THROTTLE_S or lags[-1] < LAST_SHARE * max(lags):
        return 0.0
    quarter = len(lags) // 4
    means = [statistics.mean(lags[at : at + quarter]) for at in range(0, len(lags) - quarter + 1, quarter)]
    if any(after <= before for before, after in itertools.pairwise(means)):
        return 0.0
    return sum(delivery.size_bytes for delivery in seen) / max(seen[-1].until_s - seen[0].at_s, 1e-3)


def opening_s(seen: Sequence[Delivery], latency_s: float, spare_s: float) -> float:
    """How long the first delivery was kept, if it alone was, in seconds; 0.0 otherwise."""
    whole = [delivery for delivery in seen if delivery.pieces]
    if len(whole) < MIN_FULL or len(whole[0].pieces) < MIN_OPENING_PIECES:
        return 0.0
    first, *others = (delivery.at_s - latency_s - delivery.pieces[0].sent_s for delivery in whole)
    # An observer that was stalled as it began would have met the first delivery late, too.
    kept = first - spare_s >= OPENING_BEYOND_STALL_S and first >= MIN_OPENING_S
    return first if kept and max(others) <= max(spare_s, OTHERS_SHARE * first) else 0.0


def waits_for_next(pieces: Sequence[TimedPiece], latency_s: float, spare_s: float) -> bool:
    """Whether each Piece came only when the next one had been sent: something keeps the last one back."""
    pairs = _pairs_apart(pieces)
    if not pairs:
        return False
    gap_s = statistics.median(after.sent_s - before.sent_s for before, after in pairs)
    lag_s = statistics.median(piece.at_s - latency_s - piece.sent_s for piece, _ in pairs)
    # A stall as long as the gap would let every Piece pass for one that came with the next.
    stalled = spare_s >= LONG_STALL_SHARE * gap_s
    near_s, share = (NEAR_NEXT * gap_s, WITH_NEXT_SHARE_STALLED) if stalled else (spare_s, WITH_NEXT_SHARE)
    with_next = [abs(piece.at_s - latency_s - after.sent_s) <= near_s for piece, after in pairs]
    return lag_s >= WAITING_SHARE * gap_s > 0 and sum(with_next) >= share * len(pairs)


def follows_next(pieces: Sequence[TimedPiece]) -> bool:
    """Whether each Piece came with the next one, as far as the uneven gaps between them show.

    The plain latency of such a stream shows only in its last Piece, which comes with the end. Where that is
    late too, all seem to come at their own pace, a gap later.
    """
    pairs = _pairs_apart(pieces)
    if not pairs:
        return False
    own_s = [before.at_s - before.sent_s for before, _ in pairs]
    next_s = [before.at_s - after.sent_s for before, after in pairs]
    uneven_s = _away(own_s)
    return (
        uneven_s >= MIN_UNEVEN_S
        and statistics.median(next_s) >= 0
        and _away(next_s) <= FOLLOWING_SHARE * uneven_s
    )


def _pairs_apart(pieces: Sequence[TimedPiece]) -> list[tuple[TimedPiece, TimedPiece]]:
    """Each Piece with the next one; none if they are too few, or most came together."""
    pairs = list(itertools.pairwise(pieces))
    # The last two may come together, with the end; others are as far apart as they were sent.
    apart = sum(after.at_s - before.at_s > SAME_DELIVERY_S for before, after in pairs)
    return pairs if len(pairs) >= MIN_PIECES and apart >= WITH_NEXT_SHARE * (len(pairs) - 1) else []


def mostly_late(pieces: Sequence[TimedPiece], lag_s: Lag) -> bool:
    """Whether more Pieces were late than a stall, which comes now and then, accounts for."""
    gaps = [after.sent_s - before.sent_s for before, after in itertools.pairwise(pieces)]
    return bool(gaps) and lag_s.p50 >= LATE_GAPS * statistics.median(gaps) > 0


def at_the_end(pieces: Sequence[TimedPiece], lag_s: Lag) -> bool:
    """Whether nearly all of the stream came together when it was over, or nearly."""
    sent_span_s = pieces[-1].sent_s - pieces[0].sent_s
    came_span_s = pieces[-1].at_s - pieces[0].at_s
    return lag_s.max >= HELD_SHARE * sent_span_s and came_span_s <= (1 - HELD_SHARE) * sent_span_s


def _is_multiple(size: int, unit: int) -> bool:
    times = max(1, round(size / unit))
    return abs(size / times - unit) <= SAME_BYTES * unit


def _spread(values: Sequence[float]) -> float:
    """How far three in four of these are from their median, which is above 0, as a share of it."""
    middle = statistics.median(values)
    away = sorted(abs(value - middle) / middle for value in values)
    return away[(3 * len(away) + 3) // 4 - 1]


def _away(values: Sequence[float]) -> float:
    """How far half of these are from their median, in their unit."""
    middle = statistics.median(values)
    return statistics.median(abs(value - middle) for value in values)
