"""Traefik's `buffering` middleware."""

from __future__ import annotations

from flushcheck.culprits import x_accel
from flushcheck.culprits.evidence import content_length_evidence
from flushcheck.measurement.observations import Observations
from flushcheck.model import Confidence, Culprit, Detection, Evidence, Fix, Flow, Owner, Source, Transport

CULPRIT = Culprit(
    id="traefik-buffering",
    title="Traefik's buffering middleware reads the whole response first",
    why=(
        "The buffering middleware reads the response to its end, into memory and then into a file, before it "
        "sends the first byte on. It has no exception for event streams. Measured on Traefik 3.7."
    ),
    symptoms=(
        "Held to the end at any size, headers included, and the response has a Content-Length that the app "
        "did not send. A WebSocket is not affected."
    ),
    detection=(
        "The whole stream is held and then has a Content-Length, a WebSocket flows, X-Accel-Buffering: no "
        "reaches the reader, and the app received X-Forwarded-Server, X-Forwarded-Port and X-Real-Ip, "
        "which Traefik adds together."
    ),
    fixes=(
        Fix(
            where="Traefik, dynamic configuration: a router of their own for streams",
            change=(
                "http:\n"
                "  routers:\n"
                "    streams:\n"
                "      rule: PathPrefix(`/stream`)\n"
                "      service: app\n"
                "      middlewares: []   # those of the other router, without buffering"
            ),
            by=Owner.SERVER,
            note="write the path of your own streams; the longer rule has priority",
        ),
    ),
    references=("https://doc.traefik.io/traefik/middlewares/http/buffering/",),
    shown_by=frozenset({Source.PATH}),
)

# What Traefik adds to each request; no other program measured adds all of them by itself.
ADDED = frozenset({"x-forwarded-server", "x-forwarded-port", "x-real-ip"})


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Stored whole, a WebSocket that flows, and requests that Traefik has passed on."""
    request = seen.request_at_app(transport)
    held = seen.held_timing(transport)
    if (
        request is None
        or not set(request.forwarded) >= ADDED
        or held is None
        or held.flow is not Flow.HELD
        or not seen.has_content_length(transport)
        or not x_accel.passed_through(seen, transport)
        or seen.flow(Transport.WEBSOCKET) is not Flow.FLOWING
        or request.via
        or seen.header(transport, "via")  # another hop names itself, and may be the one that stores
    ):
        return None
    facts = (
        *x_accel.passed_through_evidence(seen, transport),
        content_length_evidence(transport),
        Evidence(f"{transport}: the app received {', '.join(sorted(ADDED))}, which Traefik adds"),
    )
    return Detection(CULPRIT, Confidence.LIKELY, facts)
