"""nginx `fastcgi_buffering`."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.findings import Finding, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits import nginx_blocks, own_stream, x_accel
from flushcheck.culprits.evidence import hold_evidence
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
    Symptom,
    Transport,
)

CULPRIT = Culprit(
    id="nginx-fastcgi-buffering",
    title="nginx fastcgi_buffering holds the response until a buffer is full or the app has finished",
    why=(
        "fastcgi_buffering is on by default. nginx collects what the FastCGI server writes, record headers "
        "included, and sends it on when a buffer of fastcgi_buffers is full (4096 bytes on most machines) "
        "or the app has finished."
    ),
    symptoms=(
        "Blocks of 4096 bytes less 8 for each FastCGI record in them: 4064 at 1 KB a record, 3640 at 64 "
        "bytes; short streams arrive whole at their end. The app sees GATEWAY_INTERFACE. "
        "X-Accel-Buffering: no on the response switches the buffering off."
    ),
    detection="As nginx-proxy-buffering, with FastCGI between nginx and the app.",
    fixes=(
        Fix(
            where="nginx, the location block with fastcgi_pass",
            change="fastcgi_buffering off;",
            by=Owner.SERVER,
            server=Server.NGINX,
            place=Place.ADDRESS,
            cost=(
                "a slow reader keeps a FastCGI process busy for as long as it reads; fastcgi_cache does "
                "not work in this block"
            ),
        ),
        x_accel.APP_FIX,
    ),
    references=("https://nginx.org/en/docs/http/ngx_http_fastcgi_module.html#fastcgi_buffering",),
    shows=(
        Symptom(Flow.BLOCKS, block_bytes=4096),
        Symptom(Flow.BLOCKS, block_bytes=16384),
        Symptom(Flow.HELD),
    ),
    measured_on=("nginx 1.22.1", "nginx 1.30.6"),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """As proxy_buffering, with FastCGI between nginx and the app."""
    if seen.is_own(transport):
        return _detect_own(seen, transport)
    return x_accel.detect_gateway_buffering(seen, transport, CULPRIT, "CGI/")


# A buffer of 4096 bytes, less 8 for each FastCGI record in it: 3640 at 64 bytes a record, 4088 with one.
MIN_BLOCK_BYTES, MAX_BLOCK_BYTES = 3600, 4088


def _detect_own(seen: Observations, transport: Transport) -> Detection | None:
    """Blocks a little smaller than nginx's buffer, from a server that calls itself nginx."""
    size = seen.hold_bytes(transport)
    if not own_stream.held_by_nginx(seen, transport):
        return None
    if seen.over_tls(transport) == "1.1":  # there ssl_buffer_size makes blocks, whatever the gateway
        return own_stream.detect_nginx_buffer(seen, transport, CULPRIT)
    if size is None or not MIN_BLOCK_BYTES <= size <= MAX_BLOCK_BYTES:
        return None
    facts = (
        hold_evidence(seen, transport),
        Evidence(f"{transport}: the blocks are a buffer of 4096 bytes less 8 for each FastCGI record"),
        *own_stream.server_evidence(seen, transport),
    )
    return Detection(CULPRIT, Confidence.LIKELY, facts)


SERVERS = (Server.NGINX,)


def lint(block: Block) -> Iterator[Finding]:
    """On by default, whatever the version of HTTP."""
    yield from nginx_blocks.hold(block, CULPRIT, "fastcgi")
