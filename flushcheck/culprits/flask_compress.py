"""A compressor inside the app: Flask-Compress and its like."""

from __future__ import annotations

from flushcheck.culprits.evidence import hold_evidence, variant_evidence
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import HELD_FLOWS
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Evidence,
    Fix,
    Flow,
    Owner,
    Source,
    Symptom,
    Transport,
    Variant,
)

CULPRIT = Culprit(
    id="flask-compress",
    title="a compressor inside the app holds the stream (Flask-Compress, for example)",
    why=(
        "A middleware compresses the response inside the app and does not flush between writes. "
        "Flask-Compress does so for deflate, br and zstd, but by default (COMPRESS_ALGORITHM_STREAMING) not "
        "for a client that offers gzip alone, so an old curl --compressed shows no fault."
    ),
    symptoms="Held and compressed, on the service's own loopback too; the same stream flows uncompressed.",
    detection="The control, over loopback or at the app's own port, is held too, and compressed.",
    fixes=(
        Fix(
            where="the app",
            change='app.config["COMPRESS_STREAMS"] = False',
            by=Owner.APP,
            cost="streams are no longer compressed",
            note="or remove the stream's content type from COMPRESS_MIMETYPES",
        ),
        Fix(
            where="the app, on each streamed response",
            change="Content-Encoding: identity",
            by=Owner.APP,
            cost="these responses are not compressed",
            note="tested with Flask-Compress, nginx and Caddy",
            response_header=True,
        ),
    ),
    references=("https://github.com/colour-science/flask-compress",),
    shown_by=frozenset({Source.PATH, Source.APP, Source.TAP}),
    layers=("flask_compress.flask_compress.Compress",),
    shows=(Symptom(Flow.HELD, compressed=True),),
    measured_on=("gunicorn 27.0.1",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """The control, over loopback or at the app's own port, is held too, and compressed."""
    observation = seen.get(seen.control_probe(transport))
    if not seen.is_held(transport) or seen.control(transport) not in HELD_FLOWS or observation is None:
        return None
    encoding = observation.header("content-encoding")
    if not encoding:
        return None
    facts = [
        hold_evidence(seen, transport),
        Evidence(f"{transport}: {seen.control_place(transport)} the same stream is held too, as {encoding}"),
    ]
    if seen.frees(transport, Variant.IDENTITY) is Answer.YES:
        facts.append(variant_evidence(seen, transport, Variant.IDENTITY))
    return Detection(CULPRIT, Confidence.LIKELY, tuple(facts))
