"""Some HTTP hop, or a filter in one: described by what it does, not named. It is not nginx's own buffering.

The last resort: it is considered only on a Transport on which no other detector finds a culprit that is more
than possible. So each of its rules says what separates this hop from nginx, from the app and from the link.
"""

from __future__ import annotations

from flushcheck.culprits import x_accel
from flushcheck.culprits.evidence import (
    compressor_header_evidence,
    content_length_evidence,
    header_evidence,
    variant_evidence,
)
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
    Owner,
    Probe,
    Scenario,
    Source,
    Symptom,
    Transport,
    Variant,
)
from flushcheck.model.wording import count_of

CULPRIT = Culprit(
    id="http-hop",
    title="an HTTP hop holds the response, and nginx's own buffering is not the reason",
    why=(
        "A hop between the app and the reader collects the response before it sends it on: a proxy, a CDN, "
        "a gateway of the hosting provider, an antivirus program, or code that a server runs on the "
        "response, such as a Lua filter in nginx. X-Accel-Buffering: no switches nginx's own buffering off, "
        "and changes nothing here."
    ),
    symptoms=(
        "The stream is held although the app sends X-Accel-Buffering: no; the header reaches the reader and "
        "changes nothing, while the stream flows on the app's own loopback."
    ),
    detection=(
        "The stream is held, X-Accel-Buffering: no reaches the reader and changes nothing, or a hop further "
        "out than the nginx that removed it added a Content-Length. Where the header is removed and streams "
        "of any size are held to their end, it is possible only."
    ),
    fixes=(
        Fix(
            where="the proxy, CDN or gateway in front of the app",
            change="switch off response buffering, and compression, for the stream's address",
            by=Owner.SERVER,
            note="the directive depends on the product: see the headers Via and Server in the evidence",
        ),
    ),
    references=(),
    shown_by=frozenset({Source.PATH}),
    generic=True,
    shows=(Symptom(Flow.HELD), Symptom(Flow.LATE)),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Held where nginx would have removed the header, or by something further out than the nginx that did."""
    observation = seen.get(seen.first(transport))
    if observation is None or observation.is_own:
        return None  # of the user's own stream: see compressor, joined_response and buffering_hop
    if x_accel.throttled(seen, transport):
        return _slows(seen, transport)
    if seen.is_held(transport):
        return _holds(seen, transport)
    if observation.outcome is Outcome.CUT and transport in STREAMED:
        return _cuts(seen, observation)
    if transport is Transport.WEBSOCKET and seen.handshake_unanswered():
        return _waits(observation)
    return _refuses(observation)


def _holds(seen: Observations, transport: Transport) -> Detection | None:
    if seen.flow(Transport.WEBSOCKET) is Flow.UNKNOWN:
        return None  # held as well, it would be something below HTTP
    if x_accel.passed_through(seen, transport):
        evidence = [*x_accel.passed_through_evidence(seen, transport)]
        if seen.has_content_length(transport):
            evidence.append(content_length_evidence(transport))
    elif x_accel.stripped_without_effect(seen, transport) and seen.has_content_length(transport):
        evidence = [
            *x_accel.stripped_evidence(seen, transport),
            Evidence(
                f"{transport}: the response has a Content-Length, which that nginx does not add: the hop "
                "that added it is further out"
            ),
        ]
    elif _collects_all(seen, transport):
        return _collects(seen, transport)
    else:
        return None
    if seen.frees(transport, Variant.IDENTITY) is Answer.YES:
        evidence.append(variant_evidence(seen, transport, Variant.IDENTITY))
    evidence += compressor_header_evidence(seen, transport)
    evidence += _names(seen.header(transport, "via"), seen.header(transport, "server"), transport)
    if seen.control(transport) is Flow.FLOWING:
        evidence.append(Evidence(f"{transport}: {seen.control_place(transport)} the same stream flows"))
        return Detection(CULPRIT, Confidence.LIKELY, tuple(evidence))
    evidence.append(Evidence(f"{transport}: there was no control, so the app itself may hold the stream"))
    return Detection(CULPRIT, Confidence.POSSIBLE, tuple(evidence))


def _collects_all(seen: Observations, transport: Transport) -> bool:
    """Whether the header was removed without effect, and no size of Pieces filled a buffer."""
    return (
        x_accel.stripped_without_effect(seen, transport)
        and not seen.compressed(transport)
        and seen.flow(transport, Scenario.BIG) is Flow.HELD
        and seen.control(transport) is Flow.FLOWING
    )


def _collects(seen: Observations, transport: Transport) -> Detection:
    """Something holds more than any nginx does by itself; it may also be what removed the header."""
    observation, _ = seen[Probe(transport, Scenario.BIG)]
    size = sum(arrival.text_bytes for arrival in observation.arrivals)
    whole = Evidence(
        f"{transport}: a stream of {size} bytes is held to its end as well, and nginx's buffers are smaller "
        "unless proxy_buffers makes them as large",
        (Probe(transport, Scenario.BIG).id,),
    )
    return Detection(CULPRIT, Confidence.POSSIBLE, (*x_accel.stripped_evidence(seen, transport), whole))


def _slows(seen: Observations, transport: Transport) -> Detection | None:
    """A rate that a WebSocket does not meet: no slow link."""
    held, timing = seen.baseline(transport), seen.held_timing(transport)
    if seen.frees(transport, Variant.XAB) is Answer.NOT_TRIED:
        return None  # it may be nginx's limit_rate
    if timing is None or seen.flow(Transport.WEBSOCKET, held.scenario) is not Flow.FLOWING:
        return None
    rate = Evidence(
        f"{transport}: text arrived at {timing.rate_bps:.0f} bytes a second, with a growing delay, while the "
        "same text flowed over a WebSocket",
        (held.id, Probe(Transport.WEBSOCKET, held.scenario).id),
    )
    return Detection(CULPRIT, Confidence.LIKELY, (rate,))


def _cuts(seen: Observations, observation: Observation) -> Detection | None:
    """The response is cut and the WebSocket, as old, is not."""
    transport = observation.probe.transport
    # On a connection that carries others too, the app's own server may have ended it.
    if seen.flow(Transport.WEBSOCKET) is not Flow.FLOWING or observation.shares_connection:
        return None
    pieces = count_of(len(observation.pieces), "piece")
    cut = Evidence(
        f"{transport}: cut after {pieces} at {observation.ended_s:.1f} s, "
        "while a WebSocket of the same length is not",
        (observation.probe.id,),
    )
    return Detection(CULPRIT, Confidence.LIKELY, (cut,))


def _waits(handshake: Observation) -> Detection:
    """No response to a handshake: a hop waits for the end of the request, or drops it."""
    waited = Evidence(
        f"websocket: no response to the handshake within {handshake.ended_s:.1f} s, while streams on the "
        "same path flow",
        (handshake.probe.id,),
    )
    return Detection(CULPRIT, Confidence.POSSIBLE, (waited,))


def _refuses(observation: Observation) -> Detection | None:
    """An HTTP response that is not the app's: in each of its refusals the app says what it saw."""
    if observation.outcome is not Outcome.REFUSED or observation.request_at_app is not None:
        return None
    transport = observation.probe.transport
    if transport is not Transport.WEBSOCKET or observation.status in (0, 101):
        return None
    refused = Evidence(
        f"websocket: the response to the handshake has status {observation.status}, and it is not the app's",
        (observation.probe.id,),
    )
    names = _names(observation.header("via"), observation.header("server"), transport)
    return Detection(CULPRIT, Confidence.POSSIBLE, (refused, *names))


def _names(via: str, server: str, transport: Transport) -> tuple[Evidence, ...]:
    """What the response says of the hops that it passed."""
    return (*header_evidence(transport, "Via", via), *header_evidence(transport, "Server", server))
