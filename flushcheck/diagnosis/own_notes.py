"""What else a stream of the user's own app shows: facts that hold nothing by themselves, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flushcheck.diagnosis.own_stream import ADD_REPEAT, next_step
from flushcheck.diagnosis.token_sentences import describe_shrunk
from flushcheck.measurement.observations import XAB, Observations
from flushcheck.measurement.own_streams import comparable, shape
from flushcheck.measurement.tokens import gaps_shrank, token_metrics
from flushcheck.model import Flow, Observation, Outcome, Transport, Vantage, Variant

# A header that arrives with the first record, and so late, keeps readers waiting.
LATE_S = 0.5
WITH_S = 0.05

# A response as small and as short as this shows nothing of a stream.
SMALL_BYTES = 4096
SHORT_S = 0.5

NAME_THE_CAUSE = (
    "the cause shows when flushcheck repeats the request in other ways: add --repeat, or check the "
    "configuration of the proxy with flushcheck check FILE"
)

XAB_VALUES = frozenset({"yes", "no"})  # that nginx knows (ngx_http_upstream_process_buffering)

SHOWN = 40  # characters of a value from the far side


def own_notes(seen: Observations, observation: Observation) -> tuple[str, ...]:
    """Return the facts, one sentence each."""
    return tuple(
        note
        for notes in (_hidden, _no_stream, _header, _x_accel, _event_stream, _turns, _cache, _tokens)
        for note in notes(seen, observation)
    )


def _hidden(seen: Observations, observation: Observation) -> Iterator[str]:
    if observation.hidden_headers:
        yield (
            "the response is of another origin, and a page can read some of its headers only: it cannot tell "
            "whether the stream was compressed, nor which servers it passed; a response with "
            "Access-Control-Expose-Headers: * shows a page all of them"
        )


def _no_stream(seen: Observations, observation: Observation) -> Iterator[str]:
    """A short response says nothing about a stream, however it arrived."""
    own = shape(observation)
    if (
        observation.outcome is Outcome.COMPLETE
        and own.records == 1
        and observation.ended_s < SHORT_S
        and sum(arrival.text_bytes for arrival in observation.arrivals) <= SMALL_BYTES
    ):
        yield "one small record, over at once, is no stream: request what takes longer to make"


def _header(seen: Observations, observation: Observation) -> Iterator[str]:
    """No server measured sends the header before the app's first byte."""
    own = shape(observation)
    if (
        own.deliveries > 1
        and observation.headers_s >= LATE_S
        and own.first_s - observation.headers_s <= WITH_S
    ):
        waiting = "EventSource's onopen and fetch() wait" if _is_events(observation) else "fetch() waits"
        comment = ": ok and an empty line" if _is_events(observation) else "an empty line"
        yield (
            f"the header arrived with the first record, after {observation.headers_s:.1f} s: {waiting} "
            f"until then; to open at once, the app can send {comment} first"
        )


def _x_accel(seen: Observations, observation: Observation) -> Iterator[str]:
    value = observation.header(XAB)
    if value and value.lower() not in XAB_VALUES:
        yield (
            f"the response has X-Accel-Buffering: {value[:SHOWN]}, which nginx ignores: the value that "
            "switches its buffering off is no"
        )


def _event_stream(seen: Observations, observation: Observation) -> Iterator[str]:
    other = seen.get(replace(observation.probe, variant=Variant.EVENT_STREAM))
    timing = seen.timing(other.probe) if other else None
    if other and timing and timing.flow is Flow.FLOWING and not comparable(observation, other):
        yield "with Accept: text/event-stream the app sends an event stream, and that flows"


def _turns(seen: Observations, observation: Observation) -> Iterator[str]:
    queued = seen.queued(observation.probe.transport)
    if queued is not None:
        yield (
            f"a second request at the same time began {queued[1].queued_s:.1f} s later, when another one had "
            "ended: the app serves only a few streams at once"
        )


def _cache(seen: Observations, observation: Observation) -> Iterator[str]:
    own = shape(observation)
    for other in seen:
        later = shape(other) if other.is_own and other.probe != observation.probe else None
        if later and later.deliveries == 1 and own.deliveries > 1 and own.last_s - later.first_s > LATE_S:
            age = other.header("age")
            because = f" (Age: {age[:SHOWN]})" if age else ""
            yield f"a repeat arrived at once, before the app can have sent it: a cache responded{because}"
            return


def _tokens(seen: Observations, observation: Observation) -> Iterator[str]:
    """A second address shows whether tokens were collected on the way."""
    for vantage in (Vantage.DIRECT, Vantage.UNPROXIED):
        other = seen.get(replace(observation.probe, vantage=vantage))
        shrunk = gaps_shrank(token_metrics(observation), token_metrics(other)) if other else None
        if shrunk:
            yield describe_shrunk(shrunk)


def repeat_note(seen: Observations, *, is_named: bool) -> tuple[str, ...]:
    """What to do where one request shows a fault and not its cause.

    Args:
        is_named: whether a culprit is named.
    """
    return () if is_named or next_step(seen) != ADD_REPEAT else (NAME_THE_CAUSE,)


def _is_events(observation: Observation) -> bool:
    return observation.probe.transport is Transport.EVENTS
