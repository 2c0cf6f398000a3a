"""Starlette's GZipMiddleware, which FastAPI has too, before it flushed."""

from __future__ import annotations

from flushcheck.configs.versions import STARLETTE_GZIP_EVENTS, STARLETTE_GZIP_FLUSH
from flushcheck.model import Culprit, Fix, Flow, Owner, Source, Symptom

CULPRIT = Culprit(
    id="starlette-gzip-middleware",
    title="Starlette's GZipMiddleware holds the stream: before Starlette 1.5 it does not flush",
    why=(
        "The middleware compresses a streamed response too. It sends the header of gzip with the first chunk "
        "and keeps the text until the compressor has a block or the stream ends. From 0.46 on it leaves "
        "server-sent events alone, from 1.5 on it flushes after each chunk. FastAPI has the same middleware."
    ),
    symptoms="The header and 10 bytes arrive with the first piece, then nothing until the end.",
    detection="The middleware took the pieces one by one, and handed out chunks only at the end.",
    fixes=(
        Fix(
            where="the app, the version of Starlette",
            change="pip install 'Starlette>=1.5'",
            by=Owner.APP,
            note="measured: text/plain is held on 1.4.0 and flows on 1.5.0",
            until=STARLETTE_GZIP_FLUSH,
        ),
        Fix(
            where="the app, where it adds its middleware",
            change="remove GZipMiddleware, and let the proxy compress what is no stream",
            by=Owner.APP,
            cost="the app compresses nothing",
        ),
    ),
    references=("https://www.starlette.io/middleware/#gzipmiddleware",),
    looks_like=("compressor",),
    shown_by=frozenset({Source.APP, Source.TAP}),
    versions=(STARLETTE_GZIP_EVENTS, STARLETTE_GZIP_FLUSH),
    layers=("starlette.middleware.gzip.GZipMiddleware",),
    shows=(Symptom(Flow.HELD, compressed=True),),
    measured_on=("Starlette 0.46.0", "Starlette 1.3.0", "Starlette 1.4.0"),
)
