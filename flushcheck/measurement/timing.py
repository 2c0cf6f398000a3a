"""How one Observation arrived: from moments and sizes to a Flow, and nothing about causes.

Everything is measured against the service's own send offsets. For each Piece, delay = arrival - offset;
the smallest delay is the path's plain latency and is subtracted, so no two clocks have to agree, and
an app that wrote late is not mistaken for a path that held it. What remains is the lag.

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

from flushcheck.measurement.own_streams import shape
from flushcheck.measurement.patterns import (
    Delivery,
    at_the_end,
    block,
    deliveries,
    follows_next,
    mostly_late,
    opening_s,
    rate_bps,
    threshold,
    timer,
    waits_for_next,
)
from flushcheck.measurement.tls_records import buffer_bytes
from flushcheck.model import Flow, Lag, Observation, Outcome, Scenario, Transport

# Below this share of Pieces overtaken by a later send, a path flows. With both cores busy 0.00 to
# 0.10 were seen on loopback; a byte buffer of one Piece and a timer of two give 0.5 and more.
KEPT_SHARE = 0.3

# Where so many Pieces were overtaken, the observer's own stall not allowed for, the Flow is left open: a
# timer of two Pieces gives 0.5.
HIDDEN_SHARE = 0.45

# The least time by which a later Piece must have been sent before the wait counts as overtaken.
MIN_LATE_S = 0.02

# Lags without a pattern up to this are jitter, seen on mobile and radio links; beyond it: unknown.
JITTER_S = 0.6

# Jitter merges neighbours; a path on which four Pieces and more share each delivery is another thing.
JITTER_SHARE = 0.25

# A stream cannot arrive before it is sent: more than this early, an older response was played back.
REPLAY_S = 0.25

# Deliveries as much alike, and as many, are a buffer's even where every lag could be the machine's: three
# in four of nginx's over FastCGI were within 0.002 of their median, over HTTP all were the same.
EXACT = 0.005
EXACT_DELIVERIES = 5

# Deliveries up to this many are too few to tell their size.
FEW_DELIVERIES = 3


@dataclass(frozen=True, slots=True)
class Timing:
    """What the moments and sizes of one Observation amount to."""

    flow: Flow
    lag_s: Lag = field(default_factory=Lag)
    latency_s: float = 0.0  # the smallest delay of a Piece: what every one of them took
    deliveries: int = 0  # that completed Pieces
    hold_bytes: int | None = None  # size of a block, for BLOCKS
    period_s: float = 0.0  # for TICKS; for BLOCKS, of the timer that would explain them nearly as well
    rate_bps: float = 0.0  # text bytes a second, for THROTTLED
    late_s: float = 0.0  # for LATE: how long nothing came
    queued_s: float = 0.0  # for LATE: how much after others of its run it began
    jittery: bool = False  # for FLOWING: late without a pattern, as on a path with jitter
    waits_for_next: bool = False  # for LATE: each Piece came with the next one
    waited_s: float = (
        0.0  # of Scenario.OWN, which has no lag: how much longer it waited than the same elsewhere
    )

    @property
    def held_s(self) -> float:
        """The longest that anything was kept, as far as it is known."""
        return max(self.lag_s.max, self.late_s, self.queued_s, self.waited_s)


def measure(observation: Observation) -> Timing:
    """Say how an Observation arrived.

    The stall of the observer itself is allowed for: a Piece that came while the observer was kept
    from running is not late. What has no send times has neither lag nor latency.
    """
    if observation.is_own:
        own = shape(observation)
        return Timing(own.flow, deliveries=own.deliveries, hold_bytes=own.hold_bytes, period_s=own.period_s)
    pieces = observation.pieces
    if observation.outcome in (Outcome.REFUSED, Outcome.UNREACHABLE):
        return Timing(Flow.FAILED)
    if not pieces:
        return Timing(Flow.CUT if observation.outcome is Outcome.CUT else Flow.FAILED)
    delays = [piece.at_s - piece.sent_s for piece in pieces]
    latency_s = min(delays)
    lags = [delay - latency_s for delay in delays]
    lag_s = Lag(statistics.median(lags), max(lags))
    seen = deliveries(observation.arrivals)
    if observation.outcome is Outcome.CUT:
        timing = Timing(Flow.CUT)
    elif latency_s < -REPLAY_S:
        timing = Timing(Flow.REPLAYED)
    elif observation.probe.transport is Transport.POLLING:
        timing = Timing(Flow.FLOWING)  # each poll is a response of its own: none can hold another
    else:
        timing = _pattern(observation, seen, latency_s, lag_s)
    if observation.header("content-encoding"):
        # A compressor lets go when its own output is full: how much text that is depends on the text.
        timing = replace(timing, hold_bytes=None)
    return replace(
        timing,
        lag_s=lag_s,
        latency_s=latency_s,
        deliveries=sum(1 for delivery in seen if delivery.pieces),
    )


def flow(observation: Observation) -> Flow:
    """The Flow of one Observation."""
    return measure(observation).flow


def unclear(observation: Observation) -> bool:
    """Whether the observer was kept from running and the Flow is unknown: a second Observation may tell."""
    return observation.stall_s > MIN_LATE_S and flow(observation) is Flow.UNKNOWN


def kept_share(seen: Sequence[Delivery], latency_s: float, spare_s: float) -> float:
    """The share of Pieces that arrived only after, or together with, one that was sent later.

    Args:
        seen: the deliveries.
        latency_s: the path's plain latency, same clocks.
        spare_s: how late a Piece may be for reasons that are not the path's.

    Returns: 0.0 to 1.0; the last Piece, which nothing can overtake, does not count.
    """
    pieces = [(delivery, piece) for delivery in seen for piece in delivery.pieces]
    overtaken = 0
    for (delivery, piece), (_, after) in itertools.pairwise(pieces):
        late = delivery.at_s - latency_s > after.sent_s + spare_s
        # Where every Piece waits, the smallest delay is a wait too: then only the company tells.
        shared = delivery.pieces[-1].sent_s > piece.sent_s + spare_s
        overtaken += late or shared
    return overtaken / max(1, len(pieces) - 1)


def _pattern(observation: Observation, seen: Sequence[Delivery], latency_s: float, lag_s: Lag) -> Timing:
    pieces = observation.pieces
    spare_s = min(max(MIN_LATE_S, observation.stall_s), JITTER_S)
    if late_s := opening_s(seen, latency_s, spare_s):
        return Timing(Flow.LATE, late_s=late_s)
    exact = block(seen)
    if exact and exact.spread <= EXACT and len(seen) >= EXACT_DELIVERIES:
        # However busy the machine: chance does not fill so many deliveries to the same byte. Blocks of two to
        # three Pieces let most of them go with the next one, but what waits for the next has no such size.
        return Timing(Flow.BLOCKS, hold_bytes=int(exact.value))
    if waits_for_next(pieces, latency_s, spare_s):
        return Timing(Flow.LATE, late_s=lag_s.p50, waits_for_next=True)
    if kept_share(seen, latency_s, spare_s) < KEPT_SHARE:
        hidden = spare_s > MIN_LATE_S and (
            mostly_late(pieces, lag_s) or kept_share(seen, latency_s, MIN_LATE_S) >= HIDDEN_SHARE
        )
        return Timing(Flow.UNKNOWN if hidden or follows_next(pieces) else Flow.FLOWING)
    if at_the_end(pieces, lag_s) and block(seen) is None:
        # What came while Pieces were still being sent may be a late opening, met late by a stalled observer.
        early = pieces[0].at_s < pieces[-1].sent_s and observation.stall_s > MIN_LATE_S
        return Timing(Flow.UNKNOWN if early else Flow.HELD)
    encrypted = buffer_bytes(observation) if observation.probe.scenario is Scenario.KILO else None
    if encrypted is not None:
        # Every TLS record holds a full buffer, also where few deliveries leave a size and a timer open.
        return Timing(Flow.BLOCKS, hold_bytes=int(exact.value) if exact else encrypted)
    if rate := rate_bps(seen, pieces, latency_s):
        return Timing(Flow.THROTTLED, rate_bps=rate)
    bytes_fit = min((fit for fit in (block(seen), threshold(seen)) if fit), default=None)
    time_fit = timer(seen, latency_s)
    if bytes_fit and (time_fit is None or bytes_fit.spread < time_fit.spread):
        # A stall blurs a timer, never a size: what could be one all the same is told by other Probes.
        other = timer(seen, latency_s, observation.stall_s)
        period_s = other.value if other else 0.0
        return Timing(Flow.BLOCKS, hold_bytes=int(bytes_fit.value), period_s=period_s)
    if time_fit:
        return Timing(Flow.TICKS, period_s=time_fit.value)
    if len(seen) <= FEW_DELIVERIES and lag_s.max > JITTER_S:
        return Timing(Flow.BLOCKS)  # too few to tell their size: a larger Scenario will
    apart = sum(1 for delivery in seen if delivery.pieces) >= JITTER_SHARE * len(pieces)
    # What a stall may have made of a timer is not taken for jitter.
    if lag_s.max <= JITTER_S and apart and timer(seen, latency_s, observation.stall_s) is None:
        return Timing(Flow.FLOWING, jittery=True)
    return Timing(Flow.UNKNOWN)
