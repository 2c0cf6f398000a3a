"""An inner nginx that obeys X-Accel-Buffering and removes it; in front of it a proxy that buffers."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import nginx
from flushcheck.configs.findings import Finding, Server, level_for
from flushcheck.configs.tree import Block
from flushcheck.culprits import nginx_blocks, own_stream, x_accel
from flushcheck.measurement.observations import Observations
from flushcheck.model import Culprit, Detection, Fix, Flow, Owner, Place, Symptom, Transport

CULPRIT = Culprit(
    id="nginx-hint-taken",
    title="an outer proxy buffers, and the nginx behind it removes X-Accel-Buffering from the response",
    why=(
        "X-Accel-Buffering reaches one nginx only: the first one obeys it and removes it. A second nginx "
        "further out never receives the header and keeps buffering."
    ),
    symptoms=(
        "X-Accel-Buffering: no was sent, was removed on the way, and the stream was still held. From "
        "outside this looks the same as one nginx with proxy_ignore_headers X-Accel-Buffering."
    ),
    detection="The header X-Accel-Buffering: no is removed on the way and changes nothing.",
    fixes=(
        Fix(
            where="the outer nginx, the location block with proxy_pass",
            change="proxy_buffering off;",
            by=Owner.SERVER,
            server=Server.NGINX,
            place=Place.ADDRESS,
            cost="a slow reader keeps the connection to the inner nginx busy for as long as it reads",
        ),
        Fix(
            where="the inner nginx, the location block with proxy_pass",
            change="proxy_pass_header X-Accel-Buffering;",
            by=Owner.SERVER,
            server=Server.NGINX,
            note="the app must send the header; clients see it unless the outer proxy removes it",
        ),
    ),
    references=(
        "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass_header",
        "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering",
    ),
    looks_like=("nginx-ignore-headers", "nginx-proxy-buffering"),
    shows=(Symptom(Flow.BLOCKS, block_bytes=4096), Symptom(Flow.HELD)),
    measured_on=("nginx 1.22.1",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """The header was removed and freed nothing."""
    if seen.is_own(transport):
        return own_stream.detect_without_effect(seen, transport, CULPRIT)
    return x_accel.detect_without_effect(seen, transport, CULPRIT)


SERVERS = (Server.NGINX,)


def lint(block: Block) -> Iterator[Finding]:
    """A pass to another server of the same configuration, which removes the header."""
    held = nginx.hold(block)
    if not block.inner_strips_header or block.inner_server is None or held is None:
        return
    value = nginx.buffering(block)
    yield block.finding(
        CULPRIT,
        level_for(held.readers),
        f"{block.pass_directive.text} leads to the server at {block.inner_server.place}, which removes "
        f"X-Accel-Buffering from the app's responses, so {block.say(value)} here never receives it",
        at=block.pass_directive,
        value=value,
        edits=nginx_blocks.free(block),
        readers=held.readers,
    )
