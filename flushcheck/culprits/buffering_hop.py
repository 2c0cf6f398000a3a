"""Some program between the app's own port and the reader: shown by asking at both."""

from __future__ import annotations

from flushcheck.culprits import own_stream, x_accel
from flushcheck.culprits.evidence import hold_evidence
from flushcheck.measurement.observations import Observations
from flushcheck.model import Confidence, Culprit, Detection, Fix, Flow, Owner, Source, Transport

CULPRIT = Culprit(
    id="buffering-hop",
    title="a proxy in front of the app holds the response",
    why=(
        "A program between the app's port and the reader collects the response before it sends it on: a "
        "web server, a gateway, a CDN. Most proxies do so by default."
    ),
    symptoms="At the app's own port the stream flows; at the public address it arrives later and together.",
    detection="The same stream flows at the app's own port and is held at the public address.",
    fixes=(
        Fix(
            where="the proxy in front of the app",
            change="switch off response buffering for the stream's address",
            by=Owner.SERVER,
            note="the directive depends on the product: see the headers Via and Server in the evidence",
        ),
        x_accel.APP_FIX,
    ),
    shown_by=frozenset({Source.PATH}),
    generic=True,
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """The user's own stream flows at the app's own port."""
    if not own_stream.without_compressor(seen, transport) or seen.control(transport) is not Flow.FLOWING:
        return None
    facts = (
        hold_evidence(seen, transport),
        *own_stream.length_evidence(seen, transport),
        *own_stream.server_evidence(seen, transport),
    )
    return Detection(CULPRIT, Confidence.LIKELY, facts)
