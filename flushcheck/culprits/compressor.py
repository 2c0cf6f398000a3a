"""Some compressor that does not flush: described by what it does, not named."""

from __future__ import annotations

from flushcheck.culprits import own_stream
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Fix,
    Flow,
    Owner,
    Source,
    Symptom,
    Transport,
    Variant,
)

CULPRIT = Culprit(
    id="compressor",
    title="a compressor holds the stream: it does not flush after each piece",
    why=(
        "A middleware of the app, or a proxy in front of it, compresses the response. A compressor keeps "
        "text until it has enough for a block, unless its program flushes it after each write. Most do not."
    ),
    symptoms=(
        "Only clients that offer a compression are affected, so browsers are and plain curl is not. gzip "
        "may send its header of 10 bytes and then nothing; br and zstd hold the response's header too."
    ),
    detection="The stream is held compressed, and the same request without compression flows.",
    fixes=(
        Fix(
            where="the app, on each streamed response",
            change="Content-Encoding: identity",
            by=Owner.APP,
            cost="these responses are not compressed",
            note="tested with Flask-Compress, Django, nginx and Caddy; `compression` for Node wants none",
            response_header=True,
        ),
        Fix(
            where="the app, on each streamed response",
            change="Cache-Control: no-cache, no-transform",
            by=Owner.APP,
            variant=Variant.NO_TRANSFORM,
            note="`compression` for Node and Rack::Deflater obey it; nginx and Caddy do not",
            response_header=True,
        ),
        Fix(
            where="the compressor's settings, in the app or in the proxy",
            change="exclude text/event-stream, or the stream's address, from compression",
            by=Owner.SERVER,
            cost="these responses are not compressed",
            note=(
                "or flush after each write; `compression` for Node needs both flush: Z_SYNC_FLUSH and, for "
                "browsers, brotli: {flush: BROTLI_OPERATION_FLUSH}"
            ),
        ),
    ),
    references=("https://www.rfc-editor.org/rfc/rfc9110#section-8.4",),
    shown_by=frozenset({Source.PATH, Source.APP}),
    generic=True,
    shows=(Symptom(Flow.HELD, compressed=True),),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """The user's own stream is held compressed, and flows without compression."""
    if not own_stream.by_compressor(seen, transport):
        return None
    facts = (
        *own_stream.compressor_evidence(seen, transport),
        *own_stream.length_evidence(seen, transport),
    )
    return Detection(CULPRIT, Confidence.CERTAIN, facts)
