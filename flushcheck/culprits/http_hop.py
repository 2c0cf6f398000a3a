"""Some HTTP hop that is not nginx: described by what it does, not named."""

from __future__ import annotations

from flushcheck.culprits import x_accel
from flushcheck.culprits.evidence import variant_evidence
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import STREAMED
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Evidence,
    Fix,
    Flow,
    Observation,
    Outcome,
    Probe,
    Transport,
    Variant,
)

CULPRIT = Culprit(
    id="http-hop",
    title="an HTTP hop that is not nginx keeps the response",
    why=(
        "Something between the app and the reader collects the response before it passes it on: a proxy, "
        "a CDN, a gateway of the hosting, an antivirus. It leaves X-Accel-Buffering in the response, "
        "which every nginx takes out."
    ),
    symptoms=(
        "Held, with X-Accel-Buffering: no sent by the app, arriving at the reader, and changing nothing, "
        "while the app's own loopback flows."
    ),
    fixes=(
        Fix(
            where="the proxy, CDN or gateway in front of the app",
            change="switch off response buffering, and compression, for the stream's address",
            caution="its name decides the words: look at the headers Via and Server in the evidence",
        ),
    ),
    references=(),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Held where nginx would have taken the hint, or by something further out than the nginx that did."""
    observation = seen.get(Probe(transport))
    if observation is None:
        return None
    if x_accel.throttled(seen, transport):
        return _slows(seen, transport)
    if seen.is_held(transport):
        return _keeps(seen, transport)
    if observation.outcome is Outcome.CUT and transport in STREAMED:
        return _cuts(seen, observation)
    return _refuses(observation)


def _keeps(seen: Observations, transport: Transport) -> Detection | None:
    if seen.flow(Transport.WEBSOCKET) is Flow.UNKNOWN:
        return None  # kept as well, it would be something below HTTP
    if x_accel.passed_through(seen, transport):
        evidence = [*x_accel.passed_through_evidence(seen, transport)]
    elif x_accel.stripped_without_effect(seen, transport) and seen.has_content_length(transport):
        evidence = [
            *x_accel.header_evidence(seen, transport),
            Evidence(
                f"{transport}: a Content-Length appeared, which that nginx does not add: it is further out"
            ),
        ]
    else:
        return None
    if seen.has_content_length(transport) and x_accel.passed_through(seen, transport):
        evidence.append(Evidence(f"{transport}: a Content-Length appeared that the service did not send"))
    if seen.frees(transport, Variant.IDENTITY) is Answer.YES:
        evidence.append(variant_evidence(seen, transport, Variant.IDENTITY))
    if seen.compressor_header_only(transport):
        evidence.append(
            Evidence(f"{transport}: the first read was a compressor's header alone, then silence")
        )
    evidence += _names(seen.header(transport, "via"), seen.header(transport, "server"), transport)
    if seen.control(transport) is Flow.FLOWING:
        evidence.append(Evidence(f"{transport}: {seen.control_place(transport)} the same stream flows"))
        return Detection(CULPRIT, Confidence.LIKELY, tuple(evidence))
    evidence.append(Evidence(f"{transport}: there was no control run, so the app itself is not cleared"))
    return Detection(CULPRIT, Confidence.POSSIBLE, tuple(evidence))


def _slows(seen: Observations, transport: Transport) -> Detection | None:
    """A rate that a WebSocket does not meet: no slow link."""
    held = seen.held_baseline(transport)
    timing = seen.timing(held) if held else None
    if seen.frees(transport, Variant.XAB) is Answer.NOT_TRIED:
        return None  # it may be nginx's limit_rate
    if held is None or timing is None or seen.flow(Transport.WEBSOCKET, held.scenario) is not Flow.FLOWING:
        return None
    said = Evidence(
        f"{transport}: text came at {timing.rate_bps:.0f} bytes a second, ever later, while a WebSocket "
        "carried the same text at its pace",
        (held.id, Probe(Transport.WEBSOCKET, held.scenario).id),
    )
    return Detection(CULPRIT, Confidence.LIKELY, (said,))


def _cuts(seen: Observations, observation: Observation) -> Detection | None:
    """The response is cut and the WebSocket, as old, is not."""
    transport = observation.probe.transport
    if seen.flow(Transport.WEBSOCKET) is not Flow.FLOWING:
        return None
    said = Evidence(
        f"{transport}: cut after {len(observation.pieces)} pieces at {observation.ended_s:.1f} s, while a "
        "WebSocket of the same length is not",
        (observation.probe.id,),
    )
    return Detection(CULPRIT, Confidence.LIKELY, (said,))


def _refuses(observation: Observation) -> Detection | None:
    """An answer in HTTP that is not the app's: the app says in each refusal what it saw."""
    if observation.outcome is not Outcome.REFUSED or observation.request_at_app is not None:
        return None
    transport = observation.probe.transport
    if transport is not Transport.WEBSOCKET or observation.status in (0, 101):
        return None
    said = Evidence(
        f"websocket: the handshake was answered with {observation.status}, and not by the app",
        (observation.probe.id,),
    )
    names = _names(observation.header("via"), observation.header("server"), transport)
    return Detection(CULPRIT, Confidence.POSSIBLE, (said, *names))


def _names(via: str, server: str, transport: Transport) -> list[Evidence]:
    """What the answer says about who was on its way."""
    return [
        Evidence(f"{transport}: the answer says {name}: {value[:100]}")
        for name, value in (("via", via), ("server", server))
        if value
    ]
