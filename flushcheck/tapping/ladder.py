"""Which layer holds a stream: from moments and sizes of chunks at each tap.

Taps share one clock, so the time from one to the next is what the layer between them took. The reader has a
clock of its own: what the app took until a chunk left and what the reader waited for it are both durations
since the request, and their difference is the same for all chunks of a path that passes them on. The
smallest difference is the time before the app had the request, and the network's latency; what is above it is
held on the path.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from flushcheck.measurement.patterns import SAME_DELIVERY_S
from flushcheck.tapping.notes import Chunk, Place

# Chunks that follow each other within this time at one tap are one delivery: the parts of one event.
SAME_CHUNK_S = 0.003

# A stream shows a hold from so many deliveries on.
MIN_DELIVERIES = 3

# A layer joins if it passes on at most this share of what it gets, ...
JOINED_SHARE = 0.5
# ... and something waits in it for this long, and for most of the time between two deliveries.
MIN_WAIT_S = 0.05
PACE_SHARE = 0.8

# A layer delays if most deliveries wait for half the time until the next one.
MIN_DELAY_S = 0.02
DELAY_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Step:
    """What one layer did."""

    waited_s: float  # the longest wait
    holds: bool
    before_s: float = 0.0  # of two clocks: by how much the second is later at least


def groups(chunks: Sequence[Chunk], within_s: float = SAME_CHUNK_S) -> list[Chunk]:
    """Return deliveries: the last moment and the bytes of chunks that passed together."""
    found: list[Chunk] = []
    for chunk in chunks:
        if found and chunk.at_s - found[-1].at_s <= within_s:
            found[-1] = Chunk(chunk.at_s, found[-1].size_bytes + chunk.size_bytes)
        elif chunk.size_bytes:
            found.append(chunk)
    return found


def layer_step(inner: Place, outer: Place) -> Step:
    """Return what the layer between two taps did: both are on one clock."""
    same = sum(chunk.size_bytes for chunk in inner.chunks) == sum(chunk.size_bytes for chunk in outer.chunks)
    entered = groups(inner.chunks)
    differences = _by_bytes(entered, outer.chunks) if same else _by_order(entered, outer.chunks)
    step = _step(entered, outer.chunks, differences, SAME_CHUNK_S)
    return replace(step, holds=step.holds or _holds_beginning(entered, outer.chunks, differences))


def _holds_beginning(entered: list[Chunk], left: Sequence[Chunk], waits: list[float]) -> bool:
    """Whether a layer had several deliveries before it passed on the first: it looks at the beginning.

    Of two clocks this cannot be said: a connection may begin slowly.
    """
    if not left:
        return False
    kept = sum(delivery.at_s < left[0].at_s - SAME_CHUNK_S for delivery in entered)
    return kept >= MIN_DELIVERIES and max(waits[:kept]) >= MIN_WAIT_S


def path_step(outermost: Place, reader: Sequence[Chunk], *, same_bytes: bool) -> Step:
    """Return what lies between app and reader did: the reader's moments are on another clock.

    Args:
        outermost: what left the app.
        reader: what arrived, all of it or the beginning.
        same_bytes: whether nothing on the path compresses it.
    """
    entered = groups(outermost.chunks, SAME_DELIVERY_S)
    differences = _by_bytes(entered, reader) if same_bytes else _by_share(entered, reader)
    before_s = min(differences, default=0.0)
    waits = [difference - before_s for difference in differences]
    return replace(_step(entered[: len(waits)], reader, waits, SAME_DELIVERY_S), before_s=before_s)


def _step(entered: list[Chunk], left: Sequence[Chunk], waits: list[float], within_s: float) -> Step:
    """Args:
    entered: deliveries that came in.
    left: chunks that came out.
    waits: of each delivery, how long it was inside; shorter where some never left.
    within_s: chunks that come out within this time are one delivery.
    """
    waited_s = max(waits, default=0.0)
    if len(entered) < MIN_DELIVERIES or len(waits) < MIN_DELIVERIES:
        return Step(waited_s, holds=False)
    pace_s = statistics.median(after.at_s - before.at_s for before, after in pairwise(entered))
    out = len(groups(left, within_s))
    joins = out <= JOINED_SHARE * len(entered) and waited_s >= max(MIN_WAIT_S, PACE_SHARE * pace_s)
    delays = statistics.median(waits[:-1]) >= max(MIN_DELAY_S, DELAY_SHARE * pace_s)
    return Step(waited_s, holds=joins or delays)


def _by_bytes(entered: list[Chunk], left: Sequence[Chunk]) -> list[float]:
    """How much later each delivery left, of the same bytes: when all of them before its end had."""
    differences = []
    index, passed, end = 0, 0, 0
    for delivery in entered:
        end += delivery.size_bytes
        while passed < end and index < len(left):
            passed += left[index].size_bytes
            index += 1
        if passed < end:
            break
        differences.append(left[index - 1].at_s - delivery.at_s)
    return differences


def _by_order(entered: list[Chunk], left: Sequence[Chunk]) -> list[float]:
    """The same where a layer compresses: what leaves next, on the same clock, counts."""
    differences = []
    index = 0
    for delivery in entered:
        while index < len(left) and left[index].at_s < delivery.at_s - SAME_CHUNK_S:
            index += 1
        if index < len(left):
            differences.append(max(0.0, left[index].at_s - delivery.at_s))
    return differences


def _by_share(entered: list[Chunk], left: Sequence[Chunk]) -> list[float]:
    """The same where the path compresses: a delivery has left with its share of all bytes."""
    total_in, total_out = (sum(chunk.size_bytes for chunk in chunks) for chunks in (entered, left))
    if not total_out:
        return []
    reached = [
        (passed / total_out, chunk.at_s)
        for passed, chunk in zip(accumulate(chunk.size_bytes for chunk in left), left, strict=True)
    ]
    differences = []
    for end, delivery in zip(accumulate(chunk.size_bytes for chunk in entered), entered, strict=True):
        at_s = next(at_s for share, at_s in reached if share >= end / total_in)
        differences.append(at_s - delivery.at_s)
    return differences
