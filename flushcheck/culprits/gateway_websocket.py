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
    Probe,
    RequestAtApp,
    Transport,
)

CULPRIT = Culprit(
    id="gateway-websocket",
    title="the app is reached through a gateway or server that cannot carry WebSocket",
    why=(
        "A WebSocket takes over the connection in both directions. FastCGI, CGI and SCGI hand the app a "
        "request and take back a response: there is no connection to take over."
    ),
    symptoms="The app sees GATEWAY_INTERFACE and answers the handshake with 501.",
    fixes=(
        Fix(
            where="the page",
            change="new EventSource(url)   // or fetch() with a reader; both flow where this gateway flows",
            caution="messages to the app then go as requests of their own",
        ),
        Fix(
            where="the web server",
            change="pass the WebSocket's address to an HTTP app server (for example gunicorn) instead",
            caution="a process of your own has to run for it",
        ),
    ),
    references=("https://www.rfc-editor.org/rfc/rfc3875.html",),
)


# What the service answers where the server does not hand out the connection.
NOT_IMPLEMENTED = 501


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """The handshake reached the app through a gateway."""
    probe = Probe(transport)
    observation, timing = seen.get(probe), seen.timing(probe)
    if (
        transport is not Transport.WEBSOCKET
        or observation is None
        or timing is None
        or timing.flow is not Flow.FAILED
        or observation.request_at_app is None
        or not (observation.request_at_app.gateway or observation.status == NOT_IMPLEMENTED)
    ):
        return None
    return Detection(
        CULPRIT,
        Confidence.CERTAIN,
        (
            Evidence(
                f"websocket: the app was asked through {_way(observation.request_at_app)} and answered "
                f"{observation.status}",
                (probe.id,),
            ),
        ),
    )


_NAMES = {
    "fastcgi": "FastCGI",
    "fcgid": "FastCGI",
    "scgi": "SCGI",
    "uwsgi": "uwsgi",
    "cgi": "CGI",
    "mod_wsgi": "mod_wsgi",
    "passenger": "Passenger",
}


def _way(origin: RequestAtApp) -> str:
    return f"a gateway ({origin.gateway})" if origin.gateway else origin.server or "its server"


SERVERS = (Server.NGINX, Server.APACHE, Server.LIGHTTPD, Server.CADDY)


def lint(block: Block) -> Iterator[Finding]:
    """Worth knowing where a gateway is all there is."""
    if block.via in _NAMES:
        yield block.finding(
            CULPRIT,
            Level.NOTE,
            f"passed over {_NAMES[block.via]}: WebSocket cannot get through; polling, chunked and SSE can",
            at=block.pass_directive,
        )
