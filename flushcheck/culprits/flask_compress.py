"""A compressor inside the app: Flask-Compress and its like."""

from __future__ import annotations

from flushcheck.culprits.evidence import hold_evidence, variant_evidence
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import HELD_FLOWS
from flushcheck.model import Confidence, Culprit, Detection, Evidence, Fix, Transport, Variant

CULPRIT = Culprit(
    id="flask-compress",
    title="a compressor inside the app keeps the stream (as Flask-Compress does)",
    why=(
        "A middleware compresses the response in the app itself and does not flush between writes. Flask-"
        "Compress does so for deflate, br and zstd, and never for a client that offers gzip alone, so "
        "curl --compressed of old sees nothing wrong."
    ),
    symptoms=("Held, compressed, on the service's own loopback as well; the same stream flows uncompressed."),
    fixes=(
        Fix(
            where="the app",
            change='app.config["COMPRESS_STREAMS"] = False',
            caution=(
                "streams are not compressed any more; or take the stream's type out of COMPRESS_MIMETYPES"
            ),
        ),
        Fix(
            where="the app, on each streamed response",
            change="Content-Encoding: identity",
            caution="stops Flask-Compress, nginx and Caddy; seen to do so",
        ),
    ),
    references=("https://github.com/colour-science/flask-compress",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """The control, over loopback or at the app's own port, is kept too, and compressed."""
    control = seen.control_probe(transport)
    observation = seen.get(control) if control else None
    if not seen.is_held(transport) or seen.control(transport) not in HELD_FLOWS or observation is None:
        return None
    encoding = observation.header("content-encoding")
    if not encoding:
        return None
    facts = [
        hold_evidence(seen, transport),
        Evidence(f"{transport}: {seen.control_place(transport)} the same stream is kept too, as {encoding}"),
    ]
    if seen.frees(transport, Variant.IDENTITY) is Answer.YES:
        facts.append(variant_evidence(seen, transport, Variant.IDENTITY))
    return Detection(CULPRIT, Confidence.LIKELY, tuple(facts))
