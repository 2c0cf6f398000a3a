"""A proxy that does not pass the WebSocket upgrade on."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.findings import Finding, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits import upgrade_lines
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
    id="websocket-upgrade",
    title="a proxy drops the Upgrade header, so WebSocket never opens",
    why=(
        "Upgrade and Connection are hop-by-hop headers (RFC 9110, section 7.6.1): a proxy takes them out "
        "unless it is told to pass them on, and it must speak HTTP/1.1 to the app to do so."
    ),
    symptoms=(
        "The app answers the handshake with 400: it received Sec-WebSocket-Key and no Upgrade. nginx and "
        "Apache look the same here."
    ),
    fixes=(
        Fix(
            where="nginx, the location block with proxy_pass",
            change=(
                "proxy_http_version 1.1;\n"
                "proxy_set_header Upgrade $http_upgrade;\n"
                'proxy_set_header Connection "upgrade";'
            ),
            caution=(
                "proxy_set_header here drops every proxy_set_header inherited from above: repeat those; "
                "where ordinary requests share the block, set Connection from a map on $http_upgrade"
            ),
        ),
        Fix(
            where="Apache, the virtual host (2.4.47 or later)",
            change='ProxyPass "/" "http://127.0.0.1:8000/" upgrade=websocket',
            caution="older versions need mod_proxy_wstunnel and a RewriteRule on the Upgrade header",
        ),
    ),
    references=(
        "https://nginx.org/en/docs/http/websocket.html",
        "https://httpd.apache.org/docs/2.4/mod/mod_proxy.html#protoupgrade",
        "https://www.rfc-editor.org/rfc/rfc9110.html#section-7.6.1",
    ),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """The app got the key of a handshake, but not the rest of it."""
    probe = Probe(transport)
    observation, timing = seen.get(probe), seen.timing(probe)
    if (
        transport is not Transport.WEBSOCKET
        or observation is None
        or timing is None
        or timing.flow is not Flow.FAILED
        or observation.request_at_app is None
    ):
        return None
    origin = observation.request_at_app
    lost = _missing(origin)
    if origin.gateway or not lost:
        return None
    if not origin.websocket_key:
        return _asked_plainly(origin)
    return Detection(
        CULPRIT,
        Confidence.CERTAIN,
        (
            Evidence(
                f"websocket: the handshake was answered with {observation.status}: the app received "
                f"Sec-WebSocket-Key, but {', '.join(lost)}",
                (probe.id,),
            ),
        ),
    )


def _asked_plainly(origin: RequestAtApp) -> Detection | None:
    """From a browser the handshake cannot be read back; what the app saw of a plain request can."""
    if origin.protocol != "HTTP/1.0":
        return None
    said = Evidence(
        "websocket: it does not open, and the app is asked over HTTP/1.0, over which none can",
        (Probe(Transport.WEBSOCKET).id,),
    )
    return Detection(CULPRIT, Confidence.LIKELY, (said,))


def _missing(origin: RequestAtApp) -> list[str]:
    """What of the handshake did not reach the app."""
    lost = []
    if "websocket" not in origin.upgrade.lower():
        lost.append("no Upgrade: websocket")
    if "upgrade" not in origin.connection.lower():
        lost.append(f"Connection: {origin.connection or 'nothing'} instead of upgrade")
    if origin.protocol == "HTTP/1.0":
        lost.append("HTTP/1.0")
    return lost


SERVERS = (Server.NGINX, Server.APACHE, Server.LIGHTTPD, Server.VARNISH)


def lint(block: Block) -> Iterator[Finding]:
    """Not passed on: a note. Half passed on: somebody wanted it, and it is blocked."""
    yield from upgrade_lines.nginx_findings(block, CULPRIT)
    yield from upgrade_lines.apache_findings(block, CULPRIT)
    yield from upgrade_lines.lighttpd_findings(block, CULPRIT)
    yield from upgrade_lines.varnish_findings(block, CULPRIT)
