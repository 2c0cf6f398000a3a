"""The response header X-Accel-Buffering: no as an experiment: what it tells about an nginx on the path.

nginx obeys the header and removes it, and no other proxy that was measured does either. Where a hop adds the
header to every response (add_header), only its effect counts. Else there are three
results: the stream flows and the header is gone (this nginx held it), the stream is held and the header is
gone (an nginx removed it, something further out holds), the stream is held and the header arrived (no nginx
took part). Each has one function here, and the evidence that goes with it.
"""

from __future__ import annotations

from flushcheck.culprits.evidence import gateway_evidence, hold_evidence, variant_evidence
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import HELD_FLOWS, STREAMED
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Evidence,
    Fix,
    Flow,
    Owner,
    Probe,
    RequestAtApp,
    Transport,
    Variant,
)

APP_FIX = Fix(
    where="the app, on each streamed response",
    change="X-Accel-Buffering: no",
    by=Owner.APP,
    variant=Variant.XAB,
    note="works only for responses with this header; nginx removes it, so clients never see it",
    response_header=True,
)


def honored(seen: Observations, transport: Transport) -> bool:
    """Whether an nginx on this path held the stream, and let it flow when the header told it to."""
    freed = seen.frees(transport, Variant.XAB) is Answer.YES
    obeyed = seen.header_stripped(transport) is Answer.YES or seen.header_added(transport)
    return freed and obeyed and not _ticks_fast(seen, transport)


# Token-size Pieces take a second and more to fill the smallest buffer that was measured (1 kB); HAProxy's
# ticks keep none of them for longer than 0.26 s.
FASTEST_FILL_S = 0.5


def _ticks_fast(seen: Observations, transport: Transport) -> bool:
    """Whether small Pieces come in ticks too short for a buffer: then the header's effect is a chance.

    A timer further in keeps no Piece where the machine is busy enough to write two at once.
    """
    held = seen.timing(Probe(transport))
    return held is not None and held.flow is Flow.TICKS and held.lag_s.max <= FASTEST_FILL_S


def stripped_without_effect(seen: Observations, transport: Transport) -> bool:
    """Whether an nginx removed the header and the stream was still held, in blocks.

    What ticks, or collects any amount, is no nginx: it stands further out than the one that removed it.
    """
    timing = seen.held_timing(transport)
    return (
        timing is not None
        and timing.flow in (Flow.HELD, Flow.BLOCKS)
        and seen.frees(transport, Variant.XAB) is Answer.NO
        and seen.header_stripped(transport) is Answer.YES
        and not _php_holds_more(seen, transport)
    )


def _php_holds_more(seen: Observations, transport: Transport) -> bool:
    """Whether the blocks cannot be nginx's own, since the app's PHP or its gateway makes larger ones.

    Over FastCGI nginx's blocks are 4096 bytes less 8 for each record; PHP's are 4096 and more.
    """
    request = seen.request_at_app(transport)
    size = seen.size_bytes(transport)
    return request is not None and request.server.startswith("PHP") and (size is None or size > 4088)


def passed_through(seen: Observations, transport: Transport) -> bool:
    """Whether the header arrived at the reader, so that no nginx removed it, and freed nothing."""
    return (
        seen.frees(transport, Variant.XAB) is Answer.NO
        and seen.header_stripped(transport) is Answer.NO
        and seen.control(transport) not in HELD_FLOWS
    )


def passed_through_evidence(seen: Observations, transport: Transport) -> tuple[Evidence, ...]:
    """The hold, and that nginx is not its cause."""
    return (
        hold_evidence(seen, transport),
        variant_evidence(seen, transport, Variant.XAB),
        Evidence(f"{transport}: that header reached the reader, and nginx would have removed it"),
    )


def gateway_behind(seen: Observations, transport: Transport) -> RequestAtApp | None:
    """What the app saw of a request that came through a gateway, held by no nginx; None if it is otherwise.

    A hop that stores the whole response shows a Content-Length: then the gateway is not what holds it.
    """
    request = seen.request_at_app(transport)
    if not passed_through(seen, transport) or seen.has_content_length(transport):
        return None
    return request if request is not None and request.gateway else None


def needs_compression(seen: Observations, transport: Transport) -> Answer:
    """Whether only a client that accepts compression meets the hold."""
    if not seen.compressed(transport):
        return Answer.NO
    return seen.frees(transport_with_identity_probe(seen, transport), Variant.IDENTITY)


def transport_with_identity_probe(seen: Observations, transport: Transport) -> Transport:
    """The Transport on which the client without compression decided something: this one if it did."""
    others = (other for other in STREAMED if seen.compressed(other))
    decided = (
        candidate
        for candidate in (transport, *others)
        if seen.frees(candidate, Variant.IDENTITY) is not Answer.NOT_TRIED
    )
    return next(decided, transport)


def stripped_evidence(seen: Observations, transport: Transport) -> tuple[Evidence, ...]:
    """The hold, what the header did to it, and that an nginx removed the header, or that a hop adds it."""
    if seen.header_added(transport):
        header = (
            "a hop adds X-Accel-Buffering to every response, too late for its own buffer: that the header "
            "arrives proves nothing; of all proxies tested, only nginx obeys it"
        )
    else:
        header = "that header was sent and did not arrive; of all proxies tested, only nginx removes it"
    return (
        hold_evidence(seen, transport),
        variant_evidence(seen, transport, Variant.XAB),
        Evidence(f"{transport}: {header}"),
    )


def certainty(seen: Observations, transport: Transport) -> Confidence:
    """How sure an effect of the header makes: less where it is not seen that it was removed."""
    return Confidence.LIKELY if seen.header_added(transport) else Confidence.CERTAIN


def detect_gateway_buffering(
    seen: Observations, transport: Transport, culprit: Culprit, gateway: str
) -> Detection | None:
    """What speaks for nginx's buffering of this gateway: as proxy_buffering, with the gateway at the app.

    Args:
        culprit: the culprit of this gateway.
        gateway: how `RequestAtApp.gateway` begins there, for example "CGI/".
    """
    request = seen.request_at_app(transport)
    if not honored(seen, transport) or throttled(seen, transport):
        return None
    compression = needs_compression(seen, transport)
    if compression is Answer.YES:
        return None
    if request is not None and not request.gateway.startswith(gateway):
        return None
    evidence = stripped_evidence(seen, transport)
    if request is None:
        return Detection(culprit, Confidence.POSSIBLE, evidence)
    sure = certainty(seen, transport) if compression is Answer.NO else Confidence.POSSIBLE
    return Detection(culprit, sure, (*evidence, gateway_evidence(transport, request)))


# What a run cannot separate: see `detect_without_effect`.
SEPARATE = Evidence(
    "to tell the two apart, run `nginx -T | grep -n proxy_ignore_headers` on each nginx of the path"
)


def detect_without_effect(seen: Observations, transport: Transport, culprit: Culprit) -> Detection | None:
    """What speaks for an nginx that ignores the header, and as much for a second proxy in front of one."""
    if not stripped_without_effect(seen, transport) or seen.size_bytes(transport) is None:
        return None
    return Detection(culprit, Confidence.POSSIBLE, (*stripped_evidence(seen, transport), SEPARATE))


def throttled(seen: Observations, transport: Transport) -> bool:
    """Whether the held baseline arrived at a constant rate, which no buffer causes."""
    timing = seen.held_timing(transport)
    return timing is not None and timing.flow is Flow.THROTTLED
