"""A gateway protocol that has no WebSocket."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Evidence,
    Fix,
    Flow,
    Owner,
    Probe,
    RequestAtApp,
    Symptom,
    Transport,
)

CULPRIT = Culprit(
    id="gateway-websocket",
    title="the app is behind a gateway or server that cannot carry WebSocket",
    why=(
        "A WebSocket takes over the connection in both directions. FastCGI, CGI, SCGI and AJP give the app a "
        "request and take a response: they have no connection that a WebSocket could take over."
    ),
    symptoms="The app sees GATEWAY_INTERFACE, and its response to the handshake has status 501.",
    detection="The WebSocket handshake reaches the app through a gateway.",
    fixes=(
        Fix(
            where="the page",
            change="new EventSource(url)   // or fetch() with a reader; both flow where this gateway flows",
            by=Owner.CLIENT,
            moves_to=(Transport.CHUNKED, Transport.EVENTS),
            cost="each message to the app needs its own request",
        ),
        Fix(
            where="the web server",
            change="pass the WebSocket's address to an HTTP app server (for example gunicorn) instead",
            by=Owner.SERVER,
            cost="the HTTP app server is one more process to run",
        ),
    ),
    references=("https://www.rfc-editor.org/rfc/rfc3875.html",),
    holds=False,
    shows=(Symptom(Flow.FAILED),),
    measured_on=("Apache 2.4.71", "lighttpd 1.4.69", "nginx 1.22.1", "uWSGI 2.0.21"),
)


# The service's response where the server does not hand out the connection.
NOT_IMPLEMENTED = 501


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """The handshake reached the app through a gateway."""
    probe = Probe(transport)
    observation = seen.get(probe)
    if (
        transport is not Transport.WEBSOCKET
        or observation is None
        or seen.flow(transport) is not Flow.FAILED
        or observation.request_at_app is None
        or not (observation.request_at_app.gateway or observation.status == NOT_IMPLEMENTED)
    ):
        return None
    refused = Evidence(
        f"websocket: the app was called through {_way(observation.request_at_app)}, and its response to the "
        f"handshake has status {observation.status}",
        (probe.id,),
    )
    return Detection(CULPRIT, Confidence.CERTAIN, (refused,))


def _way(request: RequestAtApp) -> str:
    return f"a gateway ({request.gateway})" if request.gateway else request.server or "its server"


_NAMES = {
    "fastcgi": "FastCGI",
    "fcgid": "FastCGI",
    "scgi": "SCGI",
    "ajp": "AJP",
    "uwsgi": "uwsgi",
    "cgi": "CGI",
    "mod_wsgi": "mod_wsgi",
    "passenger": "Passenger",
}


SERVERS = (Server.NGINX, Server.APACHE, Server.LIGHTTPD, Server.CADDY, Server.UWSGI)


def lint(block: Block) -> Iterator[Finding]:
    """A note: the gateway may carry everything but a WebSocket."""
    if block.server is Server.UWSGI:
        yield block.finding(
            CULPRIT,
            Level.NOTE,
            "uWSGI hands no connection to a WSGI app: WebSocket needs uWSGI's own API in the app; polling, "
            "chunked and SSE work",
            at=block.pass_directive,
        )
    elif block.via in _NAMES:
        yield block.finding(
            CULPRIT,
            Level.NOTE,
            f"{_NAMES[block.via]} cannot carry WebSocket; polling, chunked and SSE work",
            at=block.pass_directive,
        )
