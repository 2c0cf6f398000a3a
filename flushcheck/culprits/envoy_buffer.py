"""Envoy's buffer filter, met by a WebSocket."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import envoy as envoy_config
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block, ellipsize
from flushcheck.configs.yaml_nodes import child
from flushcheck.culprits import envoy
from flushcheck.culprits.lint_common import NO_OVERRIDE
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
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
    id="envoy-buffer",
    title="Envoy's buffer filter waits for the end of the request, so WebSocket never opens",
    why=(
        "The buffer filter passes a request on when it is complete. The request that opens a WebSocket never "
        "ends: the connection stays open for messages. So the handshake never reaches the app. Responses are "
        "not buffered. Measured on Envoy 1.40.0."
    ),
    symptoms=(
        "Polling, chunked and event streams flow; a WebSocket handshake gets no response at all until the "
        "client gives up, for browsers and for HTTP/1.1 clients."
    ),
    detection=(
        "The handshake gets no response within the time limit, streams on the same path flow, and Envoy "
        "names itself."
    ),
    fixes=(
        Fix(
            where="Envoy, upgrade_configs of the HTTP connection manager",
            change=(
                "- upgrade_type: websocket\n"
                "  filters:\n"
                "  - name: envoy.filters.http.router\n"
                "    typed_config:\n"
                '      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router'
            ),
            by=Owner.SERVER,
            server=Server.ENVOY,
            note="the upgrade then has its own list of filters: repeat the others that it needs",
        ),
        Fix(
            where="Envoy, the route of the WebSocket",
            change=(
                "typed_per_filter_config:\n"
                "  envoy.filters.http.buffer:\n"
                '    "@type": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.BufferPerRoute\n'
                "    disabled: true"
            ),
            by=Owner.SERVER,
            server=Server.ENVOY,
            place=Place.ADDRESS,
            note=envoy.FILTER_NAME_NOTE,
        ),
    ),
    references=("https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/buffer_filter",),
    shown_by=frozenset({Source.PATH, Source.FILE}),
    shows=(Symptom(Flow.FAILED),),
    measured_on=("Envoy 1.40.0",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """A handshake without a response, beside streams that flow."""
    handshake = seen.get(Probe(transport))
    if transport is not Transport.WEBSOCKET or handshake is None or not seen.handshake_unanswered():
        return None
    names = envoy.evidence(seen)
    if not names:
        return None
    waited = Evidence(
        f"websocket: no response to the handshake within {handshake.ended_s:.1f} s, while streams on the "
        "same path flow",
        (handshake.probe.id,),
    )
    return Detection(CULPRIT, Confidence.LIKELY, (waited, *names))


SERVERS = (Server.ENVOY,)


def lint(block: Block) -> Iterator[Finding]:
    """Where a WebSocket is passed on and its list of filters has this one."""
    place = envoy_config.place_of(block)
    upgrade = place.upgrade
    if upgrade is None or child(upgrade, "filters") is not None:
        return
    for each in place.filters():
        if each.kind == "buffer":
            # Where another route is without it, that one is for WebSocket.
            elsewhere = envoy_config.is_off_elsewhere(block, each)
            yield block.finding(
                CULPRIT,
                Level.NOTE if elsewhere else Level.ERROR,
                f"{ellipsize(each.name)} waits for the end of each request, and the request that opens a "
                "WebSocket has none: a WebSocket never opens; other streams flow",
                at=each.at,
                override=NO_OVERRIDE,
            )
