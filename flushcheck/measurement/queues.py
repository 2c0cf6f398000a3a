"""Which streams of a run waited in a queue: they flow, but began only when another one was over.

An app server that serves K streams at once keeps the others waiting, headers included, and serves the next
one as soon as one ends. A busy machine delays streams as well, and some of them begin by chance when another
one ends. What separates the two: in a queue several streams take turns, or there is one place only; streams
that find a place begin at once; and the app never serves many more at once than while one waits. Where that
is not so, how the stream arrived is unknown. Causes stay with the Culprits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from flushcheck.measurement.timing import Timing
from flushcheck.model import Flow, Observation, Probe, Transport, Vantage

# A stream that began this much later than the quickest stream of the same run waited for its turn. A busy
# pair of cores made up to 0.3 s; a stream queued behind another of the plan waits for about 2.
QUEUED_S = 1.0

# A reader who waits this much longer than others for the first Piece is served late, whatever the reason:
# CGI processes took 3 s to start side by side; with both cores busy Passenger's took 1.3.
SLOW_START_S = 2.0

# How soon after the end of one stream the next one of the queue begins, with both cores busy.
TURN_S = 0.5

# How much earlier than the end of the one before it may be seen to begin: each has a thread of its own.
EARLY_S = 0.125

# A wait in a queue is longer by this factor than the delay of streams that waited for none.
MIN_CONTRAST = 3.0

# Requests of a run, beside its streams, that may take a place at the app: the one of its loopback.
BESIDE = 1


def begins_in_turn(begun_s: float, end_s: float, stall_s: float) -> bool:
    """Whether a stream that began at this moment took the place of one that ended at that one.

    Args:
        begun_s: seconds since the run began, as is `end_s`.
        end_s: when the other one ended.
        stall_s: how long the observer was kept from running: it may have read the end so much later.
    """
    return -(EARLY_S + stall_s) <= begun_s - end_s <= TURN_S


def mark_queued(seen: Mapping[Probe, Observation], corrected: dict[Probe, Timing]) -> None:
    """Mark the streams that flow, but began only when another one was over, or late for another reason.

    A process that is slow to start makes a stream late as well, but not just when another one ends.
    Moments are compared on one vantage only, as each has a clock of its own; but where the path's
    streams queue, they wait for the app, and so do the late ones of the other vantages.
    """
    queue = False
    for vantage in Vantage:
        waits_s = _waits(vantage, corrected)
        streams = {
            probe: observation
            for probe, observation in seen.items()
            if probe.vantage is vantage and probe.transport is not Transport.POLLING and observation.pieces
        }
        waiting = [probe for probe in streams if waits_s.get(probe, 0.0) > QUEUED_S]
        in_turn = [probe for probe in waiting if _in_turn(probe, streams)]
        others = sum(probe.vantage is not vantage and seen[probe].has_arrived for probe in seen)
        for probe in waiting:
            waited_s, timing = waits_s[probe], corrected[probe]
            if queue or (probe in in_turn and _is_queue(probe, streams, in_turn, waits_s, others)):
                corrected[probe] = replace(timing, flow=Flow.LATE, queued_s=waited_s)
            elif probe in in_turn:
                corrected[probe] = replace(timing, flow=Flow.UNKNOWN, late_s=waited_s)
            elif waited_s > SLOW_START_S:
                corrected[probe] = replace(timing, flow=Flow.LATE, late_s=waited_s)
        queue = queue or any(corrected[probe].queued_s for probe in streams)


def _waits(vantage: Vantage, corrected: Mapping[Probe, Timing]) -> dict[Probe, float]:
    """How much later than the quickest of them the streams of a vantage began that flow."""
    latency_s = {
        probe: timing.latency_s
        for probe, timing in corrected.items()
        if probe.vantage is vantage and timing.flow is Flow.FLOWING
    }
    quickest_s = min(latency_s.values(), default=0.0)
    return {probe: own_s - quickest_s for probe, own_s in latency_s.items()}


def _in_turn(probe: Probe, streams: Mapping[Probe, Observation]) -> bool:
    """Whether this stream began just when another one of its vantage ended."""
    own = streams[probe]
    return any(
        begins_in_turn(_begun_s(own), _end_s(other), max(own.stall_s, other.stall_s))
        for name, other in streams.items()
        if name != probe
    )


def _is_queue(
    probe: Probe,
    streams: Mapping[Probe, Observation],
    in_turn: Collection[Probe],
    waits_s: Mapping[Probe, float],
    others: int,
) -> bool:
    """Whether a stream that began when another one ended waited for that one, and was not late by chance.

    Args:
        probe: the stream.
        streams: all of its vantage, itself included.
        in_turn: those of them that began late, each when another one ended.
        waits_s: how much later than the quickest of them each began that flows.
        others: how many streams arrived at other vantages. They may have taken places too.
    """
    own, waited_s = streams[probe], waits_s[probe]
    prompt_s = max(waits_s[each] for each in waits_s if waits_s[each] <= QUEUED_S)
    if waited_s - own.stall_s <= QUEUED_S or waited_s < MIN_CONTRAST * prompt_s:
        return False  # the machine was as slow
    if own.shares_connection:
        return len(in_turn) > 1  # the server in front may allow each connection another number
    at_once = _most_at_once(streams.values())
    while_waiting = _most_at_once(streams.values(), own.requested_s, _begun_s(own) - TURN_S)
    if at_once > while_waiting + BESIDE + others:
        return False  # the app serves more at once than it did then
    counted = [seen.request_at_app.concurrent for seen in streams.values() if seen.request_at_app]
    return len(in_turn) > 1 or max([at_once, *counted]) == 1


def _most_at_once(
    observations: Iterable[Observation], since_s: float = 0.0, until_s: float = float("inf")
) -> int:
    """The most streams that were surely under way at one moment of this span of the run."""
    spans = [(_begun_s(seen), _end_s(seen) - EARLY_S - seen.stall_s) for seen in observations]
    # The number grows only where one begins.
    moments = [since_s, *(begun_s for begun_s, _ in spans if since_s <= begun_s <= until_s)]
    return max(sum(begun_s <= at_s < end_s for begun_s, end_s in spans) for at_s in moments)


def _begun_s(observation: Observation) -> float:
    """When its first Piece came, in seconds since the run began."""
    return observation.requested_s + observation.pieces[0].at_s


def _end_s(observation: Observation) -> float:
    return observation.requested_s + observation.ended_s
