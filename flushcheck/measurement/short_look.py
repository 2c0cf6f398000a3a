"""Whether a first look at short streams is enough for a verdict, or the full length has to decide.

A short stream shows a path that flows, and a hold that is plain: by size, by time, or to the very end. It may
also show what is none of these, or what a busy machine or a network with jitter made of it. Then a short look
decides nothing: what it left open is asked for at full length. If a Probe is open that the verdict rests on,
everything is; if only a size or an experiment is, that alone.

It must stay true that a short look lets nothing pass that the full length would not, save what happens only
later than the short streams last, and that it accuses nothing that the full length would not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from flushcheck.measurement.cross_probe import SAME_PERIOD, timings
from flushcheck.measurement.patterns import POWERS_OF_TWO, SAME_BYTES, block, deliveries
from flushcheck.measurement.plan import HELD_FLOWS, STREAMED
from flushcheck.measurement.timing import Timing
from flushcheck.model import Flow, Observation, Outcome, Probe, Scenario, Transport, Vantage, Variant

# An observer that was kept from running for two Pieces and more may have made a hold, or have missed one.
# With two busy loops on two cores 0.01 to 0.08 s were seen in nearly all of the streams.
MAX_STALL_S = 0.1

# A network that stood still for most of a short stream looks like a hold to its end. Then it kept the polls,
# which nothing can hold, for as long; on a path that holds streams alone they took a hundredth of that.
WITNESS_SHARE = 0.25

# A stream that began this much later than the quickest may have waited for another one's end, which is near
# in a short look: only full length tells a queue from a slow start. A busy pair of cores made up to 0.3 s.
LATE_START_S = 0.4

# What waits for the end comes with it: not before, and no later than this beyond what others take. A response
# that is late by a second looks the same in a short stream.
AT_END_S = 0.1

# So many deliveries show any size of block: three that are alike between the first and the last.
MIN_SIZED = 5

# Scenarios that measure the size of a hold.
SIZES = (Scenario.KILO, Scenario.BIG)


def unsettled(observations: Iterable[Observation]) -> tuple[Probe, ...]:
    """The Probes that need the full length, of the short streams of one run.

    Args:
        observations: the baselines, with the experiments and the control or without.
    """
    seen = {observation.probe: observation for observation in observations}
    measured = timings(seen)
    held = any(
        timing.flow in HELD_FLOWS and probe.vantage is Vantage.PATH for probe, timing in measured.items()
    )
    late = _late_starters(measured)
    return tuple(
        probe
        for probe, observation in seen.items()
        # What the service sees of itself says who holds a stream, where one is held.
        if (held or probe.vantage is not Vantage.LOOPBACK)
        and (
            probe in late
            or not _is_settled(observation, measured[probe])
            or not _is_witnessed(probe, measured)
            or not _is_timed(probe, measured)
            or not _came_with_the_end(observation, measured)
        )
    )


def separable(left_open: Collection[Probe], observations: Iterable[Observation]) -> bool:
    """Whether the full length of these Probes alone will do, beside the short streams of the others.

    It will for experiments, and for the size of a hold that smaller Pieces show plainly.
    """
    flows = {
        probe: timing.flow
        for probe, timing in timings({seen.probe: seen for seen in observations}).items()
        if probe not in left_open
    }
    return all(
        probe.vantage is Vantage.PATH
        and (
            probe.variant is not Variant.BASELINE
            or (probe.scenario in SIZES and flows.get(replace(probe, scenario=Scenario.TOKEN)) in HELD_FLOWS)
        )
        for probe in left_open
    )


def confirms(experiments: Iterable[Observation], baselines: Iterable[Observation]) -> bool:
    """Whether short experiments confirm that a path is clean.

    Large Pieces are kept in part by some paths on which text flows, so that they may show a plain hold.

    Args:
        experiments: those that a clean path calls for.
        baselines: at full length. All of them flowed.
    """
    made = {observation.probe: observation for observation in experiments}
    measured = timings({observation.probe: observation for observation in baselines} | made)
    late = _late_starters(measured)
    return all(
        _is_settled(observation, measured[probe])
        # A compressor may keep each Piece until the next one: few Pieces do not show that plainly.
        and not observation.header("content-encoding")
        and probe not in late
        and (probe.scenario is Scenario.BIG or measured[probe].flow in (Flow.FLOWING, Flow.FAILED))
        for probe, observation in made.items()
    )


def _is_settled(observation: Observation, timing: Timing) -> bool:
    """Whether one short stream by itself shows a pattern that needs no more Pieces."""
    if observation.outcome in (Outcome.REFUSED, Outcome.UNREACHABLE):
        return True
    if observation.probe.vantage is Vantage.LOOPBACK and timing.flow in (Flow.FAILED, Flow.CUT):
        return True  # that is no control, of whatever length
    if observation.outcome is not Outcome.COMPLETE or observation.stall_s > MAX_STALL_S:
        return False
    if timing.flow is Flow.FLOWING:
        return not timing.jittery
    compressed = bool(observation.header("content-encoding"))
    if timing.flow is Flow.BLOCKS:
        return compressed or (timing.hold_bytes is not None and _is_sized(observation, timing.hold_bytes))
    if timing.flow is Flow.LATE:
        return timing.waits_for_next
    if timing.flow is Flow.UNKNOWN:
        return _is_large_and_compressed(observation)
    if timing.flow is Flow.HELD and observation.probe.scenario is Scenario.KILO:
        return (
            not observation.tls_version
        )  # a short one ends before it fills two TLS records: see `tls_records`
    return timing.flow in (Flow.HELD, Flow.TICKS, Flow.REPLAYED)


def _is_large_and_compressed(observation: Observation) -> bool:
    """Whether it is one whose size more Pieces could not tell: a compressor's output has none."""
    return observation.probe.scenario is Scenario.BIG and bool(observation.header("content-encoding"))


def _is_sized(observation: Observation, size_bytes: int) -> bool:
    """Whether so few deliveries show this size: they are many enough, or it is one that buffers have.

    Where whole Pieces are let go together, some are alike by chance: 4886 bytes were read of 4339 (PHP-FPM
    behind Apache).
    """
    seen = deliveries(observation.arrivals)
    known = any(abs(size_bytes - power) <= SAME_BYTES * power for power in POWERS_OF_TWO)
    return known or (len(seen) >= MIN_SIZED and block(seen) is not None)


def _is_timed(probe: Probe, measured: Mapping[Probe, Timing]) -> bool:
    """Whether it was a timer that let larger Pieces go: it lets small ones go as often.

    Three deliveries are as far apart as two, by chance.
    """
    timing = measured[probe]
    if timing.flow is not Flow.TICKS or probe.scenario is Scenario.TOKEN:
        return True
    return any(
        other.scenario is Scenario.TOKEN
        and there.flow is Flow.TICKS
        and abs(there.period_s - timing.period_s) <= SAME_PERIOD * timing.period_s
        for other, there in measured.items()
    )


def _came_with_the_end(observation: Observation, measured: Mapping[Probe, Timing]) -> bool:
    """Whether a held stream came when it ended, as far as another stream shows how long that takes."""
    timing = measured[observation.probe]
    if timing.flow is not Flow.HELD or _is_large_and_compressed(observation):
        return True
    vantage = observation.probe.vantage
    others_s = [
        other.latency_s
        for probe, other in measured.items()
        if probe.vantage is vantage and other.flow is Flow.FLOWING
    ]
    first, last = observation.pieces[0], observation.pieces[-1]
    return (
        first.at_s >= last.sent_s and timing.latency_s - min(others_s, default=timing.latency_s) <= AT_END_S
    )


def _late_starters(measured: Mapping[Probe, Timing]) -> frozenset[Probe]:
    """The streams that flow, and began late beside others of their vantage."""
    late: set[Probe] = set()
    for vantage in Vantage:
        latency_s = {
            probe: timing.latency_s
            for probe, timing in measured.items()
            if probe.vantage is vantage and timing.flow is Flow.FLOWING
        }
        quickest_s = min(latency_s.values(), default=0.0)
        late |= {probe for probe, own_s in latency_s.items() if own_s - quickest_s > LATE_START_S}
    return frozenset(late)


def _is_witnessed(probe: Probe, measured: Mapping[Probe, Timing]) -> bool:
    """Whether it was this stream that was held to the end, not the network that stood still.

    A response that is streamed gets experiments, which tell as well; a WebSocket gets none.
    """
    timing = measured[probe]
    if timing.flow is not Flow.HELD or probe.vantage is not Vantage.PATH:
        return True
    polls = measured.get(Probe(Transport.POLLING, client=probe.client))
    if polls is None or polls.flow is not Flow.FLOWING:
        return probe.transport in STREAMED
    return polls.lag_s.max <= WITNESS_SHARE * timing.lag_s.max
