"""A proxy that does not pass the WebSocket upgrade on."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import versions
from flushcheck.configs.findings import Finding, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits import upgrade_lines
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Evidence,
    Flow,
    Probe,
    RequestAtApp,
    Symptom,
    Transport,
)

CULPRIT = Culprit(
    id="websocket-upgrade",
    title="a proxy drops the Upgrade header, so WebSocket never opens",
    why=(
        "Upgrade and Connection are hop-by-hop headers (RFC 9110, section 7.6.1): a proxy removes them "
        "unless it is configured to pass them on, and to do so it must speak HTTP/1.1 to the app."
    ),
    symptoms=(
        "The app's response to the handshake has status 400: it received Sec-WebSocket-Key and no Upgrade. "
        "nginx, Apache, lighttpd, Varnish and Squid look the same here."
    ),
    detection="The app received the key of a WebSocket handshake, but not the rest of it.",
    fixes=(
        upgrade_lines.NGINX_FIX,
        upgrade_lines.NGINX_HEADERS_FIX,
        upgrade_lines.APACHE_FIX,
        upgrade_lines.APACHE_HTTP10_FIX,
        upgrade_lines.LIGHTTPD_FIX,
        upgrade_lines.VARNISH_FIX,
        upgrade_lines.SQUID_FIX,
    ),
    references=(
        "https://nginx.org/en/docs/http/websocket.html",
        "https://httpd.apache.org/docs/2.4/mod/mod_proxy.html#protoupgrade",
        "https://redmine.lighttpd.net/projects/lighttpd/wiki/Mod_proxy",
        "https://varnish-cache.org/docs/7.1/users-guide/vcl-example-websockets.html",
        "https://www.squid-cache.org/Doc/config/http_upgrade_request_protocols/",
        "https://www.rfc-editor.org/rfc/rfc9110.html#section-7.6.1",
    ),
    versions=(versions.NGINX_UPSTREAM_HTTP11,),
    holds=False,
    shows=(Symptom(Flow.FAILED),),
    measured_on=(
        "nginx 1.22.1",
        "nginx 1.30.6",
        "Apache 2.4.71",
        "lighttpd 1.4.69",
        "Varnish 7.1.1",
        "Squid 5.7",
    ),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """The app got the key of a handshake, but not the rest of it."""
    probe = Probe(transport)
    observation = seen.get(probe)
    if (
        transport is not Transport.WEBSOCKET
        or observation is None
        or seen.flow(transport) is not Flow.FAILED
        or observation.request_at_app is None
    ):
        return None
    request = observation.request_at_app
    lost = _missing(request)
    if request.gateway or not lost:
        return None
    if not request.websocket_key:
        return _plain_request(request)
    refused = Evidence(
        f"websocket: the response to the handshake has status {observation.status}: the app received "
        f"Sec-WebSocket-Key, but {', '.join(lost)}",
        (probe.id,),
    )
    return Detection(CULPRIT, Confidence.CERTAIN, (refused,))


def _plain_request(request: RequestAtApp) -> Detection | None:
    """From a browser the handshake cannot be read back; what the app saw of a plain request can."""
    if request.protocol != "HTTP/1.0":
        return None
    old_http = Evidence(
        "websocket: it does not open, and the app is called over HTTP/1.0, which cannot carry a WebSocket",
        (Probe(Transport.WEBSOCKET).id,),
    )
    return Detection(CULPRIT, Confidence.LIKELY, (old_http,))


def _missing(request: RequestAtApp) -> list[str]:
    """What of the handshake did not reach the app."""
    lost = []
    if "websocket" not in request.upgrade.lower():
        lost.append("no Upgrade: websocket")
    if "upgrade" not in request.connection.lower():
        lost.append(f"Connection: {request.connection or 'nothing'} instead of upgrade")
    if request.protocol == "HTTP/1.0":
        lost.append("HTTP/1.0")
    return lost


SERVERS = (Server.NGINX, Server.APACHE, Server.LIGHTTPD, Server.VARNISH, Server.ENVOY, Server.SQUID)


def lint(block: Block) -> Iterator[Finding]:
    """Not passed on: a note. Half passed on: an error, since the rest of the lines is there."""
    yield from upgrade_lines.nginx_findings(block, CULPRIT)
    yield from upgrade_lines.apache_findings(block, CULPRIT)
    yield from upgrade_lines.lighttpd_findings(block, CULPRIT)
    yield from upgrade_lines.varnish_findings(block, CULPRIT)
    yield from upgrade_lines.envoy_findings(block, CULPRIT)
    yield from upgrade_lines.squid_findings(block, CULPRIT)
