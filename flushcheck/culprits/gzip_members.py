"""A member of gzip for each piece: Django's GZipMiddleware under ASGI before 6.0, and its like."""

from __future__ import annotations

from flushcheck.configs.versions import DJANGO_GZIP_FLUSH, DJANGO_GZIP_MEMBERS
from flushcheck.culprits.evidence import header_evidence
from flushcheck.measurement.observations import Observations
from flushcheck.model import Confidence, Culprit, Detection, Evidence, Fix, Owner, Source, Transport

CULPRIT = Culprit(
    id="gzip-members",
    title="each piece is compressed as a gzip member of its own, and browsers read only the first one",
    why=(
        "A middleware compresses each chunk of the response by itself. The result is a sequence of gzip "
        "members. RFC 1952 allows that, but browsers, curl and most HTTP libraries stop at the end of the "
        "first member. Django's GZipMiddleware did so under ASGI from 4.2 to 5.2."
    ),
    symptoms=(
        "The first piece arrives, then nothing, although bytes arrive. Without compression the stream "
        "flows. A program that decompresses all members shows no fault."
    ),
    detection="The body holds further gzip members behind the first one.",
    fixes=(
        Fix(
            where="the app, on each streamed response",
            change="Content-Encoding: identity",
            by=Owner.APP,
            cost="these responses are not compressed",
            note="Django's middleware leaves a response alone that has this header",
            response_header=True,
        ),
        Fix(
            where="the app, the version of Django",
            change="pip install 'Django>=6.1'",
            by=Owner.APP,
            note="6.0 writes one member and holds the stream; 6.1 flushes after each chunk",
        ),
    ),
    references=(
        "https://www.rfc-editor.org/rfc/rfc1952#section-2.2",
        "https://docs.djangoproject.com/en/stable/ref/middleware/#module-django.middleware.gzip",
    ),
    shown_by=frozenset({Source.PATH, Source.APP}),
    versions=(DJANGO_GZIP_MEMBERS, DJANGO_GZIP_FLUSH),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """More gzip members follow the first one."""
    observation = seen.get(seen.first(transport))
    if observation is None or not observation.unread_bytes:
        return None
    size_bytes = sum(arrival.size_bytes for arrival in observation.arrivals)
    members = Evidence(
        f"{transport}: of {size_bytes} bytes {observation.unread_bytes} follow the end of the first gzip "
        "member, and browsers, curl and httpx do not read them",
        (observation.probe.id,),
    )
    server = header_evidence(transport, "Server", observation.header("server"))
    return Detection(CULPRIT, Confidence.CERTAIN, (members, *server))
