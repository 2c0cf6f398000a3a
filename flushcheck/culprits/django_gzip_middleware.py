"""Django's GZipMiddleware before 6.1, which does not flush."""

from __future__ import annotations

from flushcheck.configs.versions import DJANGO_GZIP_FLUSH
from flushcheck.culprits import own_stream
from flushcheck.measurement.observations import Observations
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
)

CULPRIT = Culprit(
    id="django-gzip-middleware",
    title="Django's GZipMiddleware holds the stream: before Django 6.1 it does not flush its compressor",
    why=(
        "GZipMiddleware compresses a streamed response too. It writes the header of gzip at once, with a "
        "random file name of up to 100 bytes against the BREACH attack, and then keeps the text until the "
        "compressor has a block or the stream ends. Django 6.1 flushes after each chunk."
    ),
    symptoms=(
        "The response's header and 10 to 111 bytes arrive at once, then nothing until the end. Without "
        "compression the stream flows."
    ),
    detection=(
        "The stream is held as gzip and flows without compression, and the header of gzip has a file name, "
        "which no other compressor that was measured writes."
    ),
    fixes=(
        Fix(
            where="the app, on each streamed response",
            change="Content-Encoding: identity",
            by=Owner.APP,
            cost="these responses are not compressed",
            note="the middleware leaves a response alone that has this header",
            response_header=True,
        ),
        Fix(
            where="the app, the version of Django",
            change="pip install 'Django>=6.1'",
            by=Owner.APP,
            note="measured: 6.0 holds under WSGI and ASGI, 6.1 flows under both",
            until=DJANGO_GZIP_FLUSH,
        ),
    ),
    references=("https://docs.djangoproject.com/en/stable/ref/middleware/#module-django.middleware.gzip",),
    looks_like=("compressor",),
    shown_by=frozenset({Source.PATH, Source.APP, Source.TAP}),
    versions=(DJANGO_GZIP_FLUSH,),
    layers=("django.middleware.gzip.GZipMiddleware",),
    shows=(Symptom(Flow.HELD, compressed=True),),
    measured_on=("Django 5.2", "Django 6.0", "Django 6.1"),
)

FILE_NAME = 0x08  # a flag of the gzip header (RFC 1952, section 2.3.1)
MIN_HEAD_BYTES = 10


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Held by a compressor whose gzip header has a file name."""
    if not own_stream.by_compressor(seen, transport):
        return None
    observation, _ = seen[seen.baseline(transport)]
    if not has_file_name(observation.compressed_head):
        return None
    name = Evidence(
        f"{transport}: the header of gzip is {observation.head_bytes} bytes long and has a file name, as "
        "Django writes it",
        (observation.probe.id,),
    )
    return Detection(CULPRIT, Confidence.LIKELY, (*own_stream.compressor_evidence(seen, transport), name))


def has_file_name(compressed_head: str) -> bool:
    """Whether the header of gzip, in hexadecimal, has the flag of a file name."""
    try:
        head = bytes.fromhex(compressed_head)
    except ValueError:  # a run of unknown origin
        return False
    return head[:2] == b"\x1f\x8b" and len(head) >= MIN_HEAD_BYTES and bool(head[3] & FILE_NAME)
