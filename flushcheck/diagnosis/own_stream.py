"""The parts of a Report that are different for a stream of the user's own app.

Its records carry no send time: no lag and no latency is known, and what arrived together may have been sent
together. Where nothing separates a slow app from a hold, the headline says so, and names the one thing to do
that would.
"""

from __future__ import annotations

from dataclasses import replace

from flushcheck.diagnosis.token_sentences import describe_ending, describe_tokens
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.own_streams import shape
from flushcheck.measurement.own_wording import own_summary
from flushcheck.measurement.timing import Timing
from flushcheck.measurement.tokens import token_metrics
from flushcheck.model import (
    Flow,
    Observation,
    Outcome,
    Run,
    StreamReport,
    TransportReport,
    Vantage,
    Variant,
)

# What would separate a slow app from a hold.
ADD_REPEAT = "To know, let flushcheck repeat the request in other ways: add --repeat"
ADD_DIRECT = "To know, request the same at the app's own port too: add --direct http://localhost:PORT/…"
LOOK_INSIDE = (
    "It arrives so at the app's own port too: the app sends it so, or something at that port holds it. To "
    "know, log in the app when it writes"
)

TOO_LITTLE = (
    "At the app's own port it arrives one by one, and the difference is too small to tell a hold from the "
    "network's jitter. To know, watch a longer stream"
)


def own_stream(seen: Observations) -> Observation | None:
    """The first look at the user's own stream; None in a run against a flushcheck service."""
    for observation in seen:
        if observation.is_own and observation.probe.vantage is Vantage.PATH:
            return observation
    return None


def stream_report(run: Run, observation: Observation) -> StreamReport:
    """What the stream is made of, and how it ended."""
    own, tokens = shape(observation), token_metrics(observation)
    per_delivery = own.records / own.deliveries if own.deliveries else 0.0
    end = observation.format_end
    if end:
        sentences = describe_tokens(end, tokens, per_delivery)
    else:
        sentences = [sentence for sentence in [describe_ending(tokens.ending, end, tokens.error)] if sentence]
    return StreamReport(
        method=run.method,
        status=observation.status,
        format=observation.format or observation.framing,
        framing=observation.framing,
        records=own.records,
        deliveries=own.deliveries,
        longest_gap_s=own.longest_gap_s,
        done=observation.done,
        ended_s=observation.ended_s,
        summary=_end(observation),
        tokens=tokens,
        token_sentences=tuple(sentences),
    )


def _end(observation: Observation) -> str:
    after = f"after {observation.ended_s:.1f} s"
    marker = " with its end marker" if observation.done else ""
    match observation.outcome:
        case Outcome.COMPLETE if observation.delimited:
            return f"ended{marker} {after}"
        case Outcome.COMPLETE:
            doubt = "" if marker else ": a stream that was cut would look the same"
            return f"ended by closing the connection{marker} {after}{doubt}"
        case Outcome.CUT:
            return f"cut {after}{marker or ', before the end of the response'}: {observation.detail}"
        case Outcome.STOPPED:
            return f"not followed to its end: {observation.detail}"
    return observation.detail


def own_could_not_tell(seen: Observations, observation: Observation, who: str) -> str:
    """The headline of a stream that shows nothing, with what to do next."""
    _, timing = seen[observation.probe]
    sentence = f"could not tell{who}: {own_summary(observation, timing)}"
    own = shape(observation)
    if timing.flow is not Flow.UNKNOWN:
        return sentence
    if own.deliveries == 1:
        return f"{sentence}: a slow app, or held to the end. {next_step(seen)}"
    return f"{sentence}: the app sends it so, or something collects it. {next_step(seen)}"


def own_transport_report(
    report: TransportReport, observation: Observation, timing: Timing
) -> TransportReport:
    """The same report with what is known of the user's own stream."""
    own = shape(observation)
    return replace(
        report,
        hold_s=timing.held_s,
        first_piece_s=own.first_s,
        pieces_sent=own.records,
        pieces_received=own.records,
        sent_s=(),  # a saved run may have pieces here; the moments below are those of records
        received_s=tuple(arrival.at_s for arrival in observation.arrivals for _ in arrival.records),
    )


def next_step(seen: Observations) -> str:
    """The one thing to do that would separate a slow app from a hold."""
    own = [observation.probe for observation in seen.whole if observation.is_own]
    if not any(probe.variant is not Variant.BASELINE for probe in own):
        return ADD_REPEAT
    beside = [probe for probe in own if probe.vantage in (Vantage.DIRECT, Vantage.UNPROXIED)]
    if not beside:
        return ADD_DIRECT
    flows = {timing.flow for probe in beside if (timing := seen.whole.timing(probe))}
    return TOO_LITTLE if Flow.FLOWING in flows else LOOK_INSIDE
