"""X-Accel-Buffering as an experiment: what it tells about an nginx on the path, and how that reads."""

from __future__ import annotations

from flushcheck.culprits.evidence import hold_evidence, variant_evidence
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import HELD_FLOWS, STREAMED
from flushcheck.model import Confidence, Culprit, Detection, Evidence, Fix, Flow, Transport, Variant

APP_FIX = Fix(
    where="the app, on each streamed response",
    change="X-Accel-Buffering: no",
    caution="only responses that carry the header are freed; nginx takes it out, so clients never see it",
)


def honored(seen: Observations, transport: Transport) -> bool:
    """Whether an nginx on this path was seen to hold the stream, and to let it go when told to.

    Only nginx both obeys X-Accel-Buffering and removes it from the response.
    """
    return (
        seen.is_held(transport)
        and seen.frees(transport, Variant.XAB) is Answer.YES
        and seen.header_stripped(transport) is Answer.YES
    )


def stripped_without_effect(seen: Observations, transport: Transport) -> bool:
    """Whether an nginx took the hint out of the response and the stream was held all the same, in blocks.

    What ticks, or collects any amount, is no nginx: it stands further out than the one that took it.
    """
    held = seen.held_baseline(transport)
    timing = seen.timing(held) if held else None
    return (
        timing is not None
        and timing.flow in (Flow.HELD, Flow.BLOCKS)
        and seen.frees(transport, Variant.XAB) is Answer.NO
        and seen.header_stripped(transport) is Answer.YES
        and not _behind_gateway(seen, transport)
    )


def _behind_gateway(seen: Observations, transport: Transport) -> bool:
    """Whether what is kept cannot be nginx's own, since the app's gateway or its PHP keeps more.

    Over FastCGI nginx's blocks are short of 4096 by 8 for each record; PHP's are 4096 and more.
    """
    origin = seen.request_at_app(transport)
    size = seen.size_bytes(transport)
    return origin is not None and origin.server.startswith("PHP") and (size is None or size > 4088)


def passed_through(seen: Observations, transport: Transport) -> bool:
    """Whether the hint arrived at the reader, so that no nginx took it, and freed nothing."""
    return (
        seen.is_held(transport)
        and seen.frees(transport, Variant.XAB) is Answer.NO
        and seen.header_stripped(transport) is Answer.NO
        and seen.control(transport) not in HELD_FLOWS
    )


def passed_through_evidence(seen: Observations, transport: Transport) -> tuple[Evidence, ...]:
    """The hold, and that nginx is not its cause."""
    return (
        hold_evidence(seen, transport),
        variant_evidence(seen, transport, Variant.XAB),
        Evidence(f"{transport}: that header arrived at the reader: every nginx measured takes it out"),
    )


def needs_compression(seen: Observations, transport: Transport) -> Answer:
    """Whether only a client that offers encodings meets the hold."""
    return (
        seen.frees(transport_with_identity_probe(seen, transport), Variant.IDENTITY)
        if seen.compressed(transport)
        else Answer.NO
    )


def transport_with_identity_probe(seen: Observations, transport: Transport) -> Transport:
    """The Transport on which a client without encodings told something: this one, or else the other one."""
    others = [other for other in STREAMED if other is not transport and seen.compressed(other)]
    told = [one for one in (transport, *others) if seen.frees(one, Variant.IDENTITY) is not Answer.NOT_TRIED]
    return told[0] if told else transport


def header_evidence(seen: Observations, transport: Transport) -> tuple[Evidence, ...]:
    """The hold, and what the hint did to it."""
    return (
        hold_evidence(seen, transport),
        variant_evidence(seen, transport, Variant.XAB),
        Evidence(
            f"{transport}: that header was sent and did not arrive: of all proxies measured only nginx "
            "takes it out"
        ),
    )


def detect_gateway_buffering(
    seen: Observations, transport: Transport, culprit: Culprit, gateway: str
) -> Detection | None:
    """What speaks for nginx's buffering of this gateway: as proxy_buffering, with the gateway at the app.

    Args:
        culprit: whom to suspect.
        gateway: how `Origin.gateway` begins there, for example "CGI/".
    """
    origin = seen.request_at_app(transport)
    if (
        not honored(seen, transport)
        or needs_compression(seen, transport) is Answer.YES
        or throttled(seen, transport)
    ):
        return None
    if origin is not None and not origin.gateway.startswith(gateway):
        return None
    asked = (
        (Evidence(f"{transport}: the app was asked through a gateway ({origin.gateway})"),) if origin else ()
    )
    known = origin is not None and needs_compression(seen, transport) is Answer.NO
    sure = Confidence.CERTAIN if known else Confidence.POSSIBLE
    return Detection(culprit, sure, (*header_evidence(seen, transport), *asked))


def throttled(seen: Observations, transport: Transport) -> bool:
    """Whether the kept baseline came at a constant rate, which is no buffer's doing."""
    held = seen.held_baseline(transport)
    timing = seen.timing(held) if held else None
    return timing is not None and timing.flow is Flow.THROTTLED
