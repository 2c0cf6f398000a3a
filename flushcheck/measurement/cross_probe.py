"""Corrections that need several Observations of the same run.

`timing` looks at one Observation and cannot tell a queue from a long way, a timer from a buffer that happens
to fill as often, or jitter from an unknown hold. Here the Timings of a run are compared with each other; each
function decides one such question and changes nothing else. Causes stay with the Culprits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from flushcheck.measurement.own_streams import (
    comparable,
    held_beside,
    is_jitter,
    is_joined,
    is_late_opening,
    is_replayed,
    is_timed,
    shape,
    waited_s,
)
from flushcheck.measurement.patterns import block, deliveries
from flushcheck.measurement.plan import HELD_FLOWS, SHAPES, STREAMED
from flushcheck.measurement.queues import QUEUED_S, begins_in_turn, mark_queued
from flushcheck.measurement.timing import MIN_LATE_S, Timing, measure
from flushcheck.model import Flow, Observation, Outcome, Probe, Scenario, Transport, Vantage, Variant

# How far two measurements of one timer may be apart: 0.36 to 0.40 s were seen of 0.4 s on a busy machine.
SAME_PERIOD = 0.12

# On a path with jitter every Transport has some: 10 polls had at least 0.9 of the largest lag of any.
QUIET = 0.15

# The Flows of a hold that each stream of its kind meets, and variants that no single hold gives way to: nginx
# obeys one, compressors another, sniffers the third, and the first bytes of a response the last.
HOLDS = HELD_FLOWS - {Flow.REPLAYED}
UNRELATED = (Variant.XAB, Variant.NO_TRANSFORM, Variant.NOSNIFF, Variant.PADDED)

# A Piece waits for no more than one period of a timer; a busy machine adds less than half of another.
BEYOND_TICK = 1.5

# Fewer bytes than any Piece of the larger Scenarios.
SMALL_BLOCK = SHAPES[Scenario.KILO].size_bytes
NOT_BY_SIZE = frozenset({Flow.TICKS, Flow.UNKNOWN})

Seen = Mapping[Probe, Observation]


def timings(seen: Seen) -> dict[Probe, Timing]:
    """How each Observation of one run arrived, in the light of all the others."""
    return correct(seen, {probe: measure(observation) for probe, observation in seen.items()})


def correct(seen: Seen, measured: Mapping[Probe, Timing]) -> dict[Probe, Timing]:
    """The Timings of one run, corrected by each other.

    Args:
        seen: the Observations.
        measured: what `measure` says of each by itself.
    """
    corrected = dict(measured)
    _doubt_what_one_stream_met(seen, corrected)
    mark_queued(seen, corrected)
    _refute_small_blocks(corrected)
    _refute_timers(seen, corrected)
    _settle_ticks(corrected)
    _doubt_jitter(seen, corrected)
    _settle_own(seen, corrected)
    return corrected


def _doubt_what_one_stream_met(seen: Seen, corrected: dict[Probe, Timing]) -> None:
    """A hold that one stream met, and no other that would have met it as well, was the moment's.

    Both are rare: on a link with jitter to a busy machine a stream may look like one that a hop delays.
    """
    for probe, timing in corrected.items():
        if probe.variant is not Variant.BASELINE or timing.flow not in HOLDS:
            continue
        if probe.transport is Transport.WEBSOCKET:
            # It has no variants. That its first pieces or all came late is little to go by.
            weak = timing.flow in (Flow.LATE, Flow.THROTTLED) and seen[probe].stall_s > MIN_LATE_S
            others = _near(probe, corrected) if weak else ()
        else:
            others = tuple(corrected.get(replace(probe, variant=variant)) for variant in UNRELATED)
        flows = {other.flow if other else None for other in others}
        if Flow.FLOWING in flows and flows <= {Flow.FLOWING, Flow.UNKNOWN}:
            corrected[probe] = replace(timing, flow=Flow.UNKNOWN, hold_bytes=None)


def _near(probe: Probe, corrected: Mapping[Probe, Timing]) -> tuple[Timing | None, ...]:
    """The streamed baselines beside this one."""
    return tuple(
        corrected.get(replace(probe, transport=transport, scenario=scenario))
        for transport in STREAMED
        for scenario in (Scenario.TOKEN, Scenario.KILO)
    )


def _settle_ticks(corrected: dict[Probe, Timing]) -> None:
    """Where blocks could be a timer's as well, take them for it if another Probe shows the same timer.

    Small Pieces may add up to nearly the same size, period by period; those of another size do not.
    """
    periods_s = [timing.period_s for timing in corrected.values() if timing.flow is Flow.TICKS]
    for probe, timing in corrected.items():
        same = any(abs(timing.period_s - period_s) <= SAME_PERIOD * period_s for period_s in periods_s)
        if timing.flow is Flow.BLOCKS and same:
            corrected[probe] = replace(timing, flow=Flow.TICKS, hold_bytes=None)


def _refute_small_blocks(corrected: dict[Probe, Timing]) -> None:
    """A buffer too small for a Piece of a kilobyte lets those flow: where they are kept, it is none.

    Four small Pieces a tick add up to as much again and again, by chance.
    """
    for probe, timing in corrected.items():
        if probe.scenario is not Scenario.TOKEN or timing.flow is not Flow.BLOCKS:
            continue
        # A WebSocket has no such Pieces of its own; what keeps it keeps HTTP as well.
        near = (probe.transport, *STREAMED)
        kilos = (corrected.get(replace(probe, transport=other, scenario=Scenario.KILO)) for other in near)
        kilo = next((kilo for kilo in kilos if kilo), None)
        if (timing.hold_bytes or SMALL_BLOCK) < SMALL_BLOCK and kilo and kilo.flow in NOT_BY_SIZE:
            corrected[probe] = replace(timing, flow=kilo.flow, hold_bytes=None, period_s=kilo.period_s)


def _refute_timers(seen: Seen, corrected: dict[Probe, Timing]) -> None:
    """A timer lets small Pieces go as often: where they are held for much longer, a size holds the others.

    Two deliveries of a large buffer are as far apart as two ticks.
    """
    for probe, timing in corrected.items():
        small = corrected.get(replace(probe, scenario=Scenario.TOKEN))
        if probe.scenario is not Scenario.KILO or timing.flow is not Flow.TICKS or small is None:
            continue
        if small.flow is Flow.HELD and small.lag_s.max > BEYOND_TICK * timing.period_s:
            fit = block(deliveries(seen[probe].arrivals))
            size = int(fit.value) if fit and not seen[probe].header("content-encoding") else None
            corrected[probe] = replace(timing, flow=Flow.BLOCKS, hold_bytes=size, period_s=0.0)


def _doubt_jitter(seen: Seen, corrected: dict[Probe, Timing]) -> None:
    """What looks like jitter is not the network's when another Transport of the same run has none.

    Nor is it where larger Pieces of the same Transport come by a timer: load on the path blurs ticks.
    """
    lags_s = (
        timing.lag_s.max
        for probe, timing in corrected.items()
        if probe.vantage is Vantage.PATH and seen[probe].outcome is Outcome.COMPLETE
    )
    quietest_s = min(lags_s, default=0.0)
    for probe, timing in corrected.items():
        larger = corrected.get(replace(probe, scenario=Scenario.KILO))
        ticks = larger is not None and larger.flow is Flow.TICKS
        if timing.jittery and (ticks or quietest_s < QUIET * timing.lag_s.max):
            corrected[probe] = replace(timing, flow=Flow.UNKNOWN)


def _settle_own(seen: Seen, corrected: dict[Probe, Timing]) -> None:
    """Streams of the user's own app: held is what arrives one by one when it is requested in another way."""
    own = {probe: observation for probe, observation in seen.items() if observation.is_own}
    shapes = {probe: shape(observation) for probe, observation in own.items()}
    for probe, observation in own.items():
        if corrected[probe].flow not in (Flow.UNKNOWN, Flow.BLOCKS):
            continue
        here = shapes[probe]
        same = [other for other in own if other != probe and comparable(observation, own[other])]
        others = [shapes[other] for other in same]
        if any(_asked_apart(probe, other) and is_replayed(here, shapes[other]) for other in same):
            corrected[probe] = replace(corrected[probe], flow=Flow.REPLAYED)
            continue
        flowing = [there for there in others if held_beside(here, there)]
        if flowing or is_joined(observation, here):
            waits_s = [waited_s(here, there) for there in flowing]
            corrected[probe] = replace(
                corrected[probe], flow=here.pattern, waited_s=max(waits_s, default=0.0)
            )
            if any(is_timed(here, there) for there in flowing) and here.hold_bytes is None:
                period_s = here.period_s or here.shortest_gap_s
                corrected[probe] = replace(corrected[probe], flow=Flow.TICKS, period_s=period_s)
        elif opening := [there for there in others if is_late_opening(here, there)]:
            late_s = max(here.first_s - there.first_s for there in opening)
            corrected[probe] = replace(corrected[probe], flow=Flow.LATE, late_s=late_s, waited_s=late_s)
        elif corrected[probe].flow is Flow.UNKNOWN and any(is_jitter(here, there) for there in others):
            corrected[probe] = replace(corrected[probe], flow=Flow.FLOWING, jittery=True)
    _mark_own_queued(own, corrected)


def _asked_apart(probe: Probe, other: Probe) -> bool:
    """Whether they are one request, made at the same moment at the public address and at the app's own port.

    An app may keep its responses by itself: a repeat of the same address shows no cache on the path.
    """
    here = probe.variant is Variant.BASELINE and probe.vantage is Vantage.PATH
    return here and other.variant is Variant.BASELINE and other.vantage in (Vantage.DIRECT, Vantage.UNPROXIED)


def _mark_own_queued(own: Seen, corrected: dict[Probe, Timing]) -> None:
    """Mark the streams whose response began only when another one of the same address was over."""
    for probe, observation in own.items():
        others = [other for other in own.values() if other.probe.vantage is probe.vantage]
        quickest_s = min(other.headers_s for other in others)
        waited = observation.headers_s - quickest_s
        begun_s = observation.requested_s + observation.headers_s
        in_turn = any(
            begins_in_turn(
                begun_s, other.requested_s + other.ended_s, max(observation.stall_s, other.stall_s)
            )
            for other in others
            if other is not observation and other.has_arrived
        )
        if corrected[probe].flow is Flow.FLOWING and waited > QUEUED_S and in_turn:
            corrected[probe] = replace(corrected[probe], flow=Flow.LATE, queued_s=waited)
