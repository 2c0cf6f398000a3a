"""Something that reads the whole response before it sends any of it: shown by a Content-Length."""

from __future__ import annotations

from flushcheck.culprits import own_stream
from flushcheck.culprits.evidence import hold_evidence
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    FaultPlace,
    Fix,
    Flow,
    Owner,
    Source,
    Symptom,
    Transport,
)

CULPRIT = Culprit(
    id="joined-response",
    title="the whole response is joined before any of it is sent: in the app, a middleware or a proxy",
    why=(
        "A view returns the whole text, a middleware reads the body to log or to change it, or a proxy "
        "stores it. It then knows the length and sends it as Content-Length. A response that is streamed "
        "has none."
    ),
    symptoms=(
        "The header, with a Content-Length, and the whole body arrive at the end, for every client, "
        "compressed or not."
    ),
    detection="An event stream arrives all at once, late, and with a Content-Length.",
    fixes=(
        Fix(
            where="the app: the view, then its middleware",
            change="return an iterator from the view; in middleware leave it alone, or wrap it",
            by=Owner.APP,
            fault=FaultPlace.APP,
            note=(
                "Flask: if not response.is_streamed; Django: if not response.streaming; Starlette: wrap "
                "response.body_iterator"
            ),
        ),
        Fix(
            where="the proxy in front of the app",
            change="switch off response buffering for the stream's address",
            by=Owner.SERVER,
            fault=FaultPlace.PATH,
        ),
    ),
    references=("https://www.rfc-editor.org/rfc/rfc9110#section-8.6",),
    shown_by=frozenset({Source.PATH, Source.APP}),
    generic=True,
    shows=(Symptom(Flow.HELD),),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """The user's own stream is held whole and has a Content-Length, compressed or not."""
    timing = seen.held_timing(transport)
    length = own_stream.length_evidence(seen, transport)
    if timing is None or timing.flow is not Flow.HELD or not length:
        return None
    if seen.control(transport) is Flow.FLOWING:
        return None  # the app does not join it: see buffering_hop
    if not own_stream.without_compressor(seen, transport):
        return None
    facts = (hold_evidence(seen, transport), *length, *own_stream.server_evidence(seen, transport))
    return Detection(CULPRIT, Confidence.CERTAIN, facts)
