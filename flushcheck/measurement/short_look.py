"""Whether a first look at short streams is enough for a verdict, or the full length has to decide.

A short stream shows a path that flows, and a hold that is plain: by size, by time, or to the very end. It may
also show what is none of these, or what a busy machine or a network with jitter made of it. Two seconds more
tell those apart, so that a short look never decides them: everything that it saw is thrown away then. What it
must not do is to let pass what the full length would not, and the reverse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flushcheck.measurement.cross_probe import timings
from flushcheck.measurement.plan import HELD_FLOWS, STREAMED
from flushcheck.measurement.timing import Timing
from flushcheck.model import Flow, Observation, Outcome, Probe, Scenario, Transport, Vantage

# An observer that was kept from running for two Pieces and more may have made a hold, or have missed one.
# With two busy loops on two cores 0.01 to 0.08 s were seen in nearly all of the streams.
MAX_STALL_S = 0.1

# A network that stood still for most of a short stream looks like a hold to its end. Then it kept the polls,
# which nothing can hold, for as long; on a path that holds streams alone they took a hundredth of that.
WITNESS_SHARE = 0.25


def is_clear(observations: Iterable[Observation]) -> bool:
    """Whether each of these short streams shows what the full length would show.

    Args:
        observations: the baselines, with the experiments or without.
    """
    seen = {observation.probe: observation for observation in observations}
    measured = timings(seen)
    held = any(
        timing.flow in HELD_FLOWS and probe.vantage is Vantage.PATH for probe, timing in measured.items()
    )
    return all(
        _is_settled(observation, measured[probe]) and _is_witnessed(probe, measured)
        for probe, observation in seen.items()
        # What the service sees of itself says who holds a stream, where one is held.
        if held or probe.vantage is not Vantage.LOOPBACK
    )


def is_clean(observations: Iterable[Observation], baselines: Iterable[Observation]) -> bool:
    """Whether these short experiments confirm that the path of the baselines is clean.

    Large Pieces are kept in part by some paths on which text flows, so that they may show a plain hold.

    Args:
        observations: of the experiments that a clean path calls for.
        baselines: all of which flowed, at full length.
    """
    seen = {observation.probe: observation for observation in observations}
    both = {observation.probe: observation for observation in baselines} | seen
    measured = timings(both)
    return all(
        _is_settled(observation, measured[probe])
        and (probe.scenario is Scenario.BIG or measured[probe].flow in (Flow.FLOWING, Flow.FAILED))
        for probe, observation in seen.items()
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
    if timing.flow is Flow.BLOCKS:
        # The output of a compressor has no size that could be told; a buffer's size has to be known.
        return timing.hold_bytes is not None or bool(observation.header("content-encoding"))
    if timing.flow is Flow.LATE:
        return timing.waits_for_next
    return timing.flow in (Flow.HELD, Flow.TICKS)


def _is_witnessed(probe: Probe, measured: Mapping[Probe, Timing]) -> bool:
    """Whether it was this stream that was held to the end, not the network that stood still.

    A response that is streamed gets experiments, which tell as well; a WebSocket gets none.
    """
    timing = measured[probe]
    if timing.flow is not Flow.HELD or probe.vantage is not Vantage.PATH:
        return True
    polls = measured.get(Probe(Transport.POLLING, client=probe.client))
    if polls is None or polls.flow not in HELD_FLOWS | {Flow.FLOWING}:
        return probe.transport in STREAMED
    return polls.lag_s.max <= WITNESS_SHARE * timing.lag_s.max
