"""`compression`, the middleware for Express and Connect."""

from __future__ import annotations

from flushcheck.model import Culprit, Fix, Flow, Owner, Source, Symptom

CULPRIT = Culprit(
    id="express-compression",
    title="`compression` for Express holds the stream, and the usual fix frees gzip but not br",
    why=(
        "The middleware compresses text, events included, and does not flush after each write. Browsers "
        "offer br, whose compressor the often repeated `flush: Z_SYNC_FLUSH` does not concern."
    ),
    symptoms=(
        "Browsers get br and see nothing before the end, the header included. A client that offers only gzip "
        "gets 10 bytes at once. Without compression the stream flows."
    ),
    detection="A tap after the middleware sees one chunk where the tap before it saw all pieces.",
    fixes=(
        Fix(
            where="the app, on each streamed response",
            change="Content-Encoding: none",
            by=Owner.APP,
            cost="these responses are not compressed",
            note="measured on compression 1.8.2 with Express 5.3",
            response_header=True,
        ),
        Fix(
            where="the app, where it adds the middleware",
            change=(
                "compression({flush: zlib.constants.Z_SYNC_FLUSH,\n"
                "             brotli: {flush: zlib.constants.BROTLI_OPERATION_FLUSH}})"
            ),
            by=Owner.APP,
            note="both are needed: each frees one encoding only",
        ),
        Fix(
            where="the app, after each write",
            change="res.flush()",
            by=Owner.APP,
        ),
    ),
    references=("https://expressjs.com/en/resources/middleware/compression.html",),
    looks_like=("compressor",),
    shown_by=frozenset({Source.APP, Source.TAP}),
    layers=("compression",),
    shows=(Symptom(Flow.HELD, compressed=True),),
    measured_on=("Node.js 20.20.2",),
)
