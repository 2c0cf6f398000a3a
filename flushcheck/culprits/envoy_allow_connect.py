"""Envoy's `allow_connect`: a WebSocket over HTTP/2 that reaches the app without its key."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import envoy as envoy_config
from flushcheck.configs.findings import Action, Finding, Level, Reader, Server
from flushcheck.configs.tree import Block, edit
from flushcheck.configs.yaml_nodes import at, is_true, scalar
from flushcheck.culprits import envoy
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Client,
    Confidence,
    Culprit,
    Detection,
    Evidence,
    Fix,
    Flow,
    Owner,
    Place,
    Probe,
    Source,
    Symptom,
    Transport,
)

CULPRIT = Culprit(
    id="envoy-allow-connect",
    title="Envoy offers WebSocket over HTTP/2 and passes it on without Sec-WebSocket-Key",
    why=(
        "With allow_connect Envoy offers WebSocket over HTTP/2 (RFC 8441), so browsers open it there. To an "
        "app that speaks HTTP/1.1 Envoy writes the handshake with Upgrade and Connection, but without "
        "Sec-WebSocket-Key, which HTTP/2 does not have and RFC 6455 demands. The app refuses it. Measured on "
        "Envoy 1.40.0."
    ),
    symptoms=(
        "A browser's WebSocket fails with status 400. The same WebSocket over HTTP/1.1 works, so curl, wscat "
        "and most monitoring see no fault."
    ),
    detection=(
        "The handshake was made over HTTP/2, and the app received Upgrade: websocket over HTTP/1.1 without "
        "Sec-WebSocket-Key."
    ),
    fixes=(
        Fix(
            where="Envoy, http2_protocol_options of the listener's HTTP connection manager",
            change="http2_protocol_options: { allow_connect: false }",
            by=Owner.SERVER,
            server=Server.ENVOY,
            place=Place.SITE,
            note="browsers then open the WebSocket over HTTP/1.1; upgrade_configs stays as it is",
        ),
    ),
    references=(
        "https://www.rfc-editor.org/rfc/rfc8441.html",
        "https://github.com/envoyproxy/envoy/issues/8547",
    ),
    looks_like=("websocket-upgrade",),
    shown_by=frozenset({Source.PATH, Source.FILE}),
    holds=False,
    shows=(Symptom(Flow.FAILED),),
    measured_on=("Envoy 1.40.0",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """A handshake over HTTP/2 that reached the app as one over HTTP/1.1, whole but for its key."""
    observation = seen.get(Probe(transport))
    if (
        transport is not Transport.WEBSOCKET
        or observation is None
        or seen.flow(transport) is not Flow.FAILED
        or observation.http_version != "2"
        or observation.request_at_app is None
    ):
        return None
    request = observation.request_at_app
    if request.websocket_key or request.protocol != "HTTP/1.1" or "websocket" not in request.upgrade.lower():
        return None
    refused = Evidence(
        "websocket: opened over HTTP/2, the app received it over HTTP/1.1 with Upgrade: websocket and "
        f"without Sec-WebSocket-Key; its response has status {observation.status}",
        (observation.probe.id,),
    )
    http1 = seen.beside(Client.HTTP1)
    facts = [refused]
    if http1 is not None and http1.flow(transport) is Flow.FLOWING:
        facts.append(Evidence("websocket: over HTTP/1.1 the same WebSocket works"))
    return Detection(CULPRIT, Confidence.LIKELY, (*facts, *envoy.evidence(seen)))


SERVERS = (Server.ENVOY,)


def lint(block: Block) -> Iterator[Finding]:
    """Where browsers take HTTP/2, a WebSocket is passed on, and the app is called over HTTP/1.1."""
    place = envoy_config.place_of(block)
    line = at(place.manager.at, "http2_protocol_options", "allow_connect")
    if line is None or not is_true(scalar(line)) or place.upgrade is None:
        return
    if not place.manager.alpn_http2 or envoy_config.upstream_http2(block):
        return
    yield block.finding(
        CULPRIT,
        Level.ERROR,
        "allow_connect: browsers open a WebSocket over HTTP/2, and the app gets it over HTTP/1.1 without "
        "Sec-WebSocket-Key and refuses it; other streams flow",
        at=line,
        edits=(edit(Action.REPLACE, line, "allow_connect: false"),),
        readers=(Reader.BROWSER,),
    )
