"""nginx `scgi_buffering`."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.findings import Finding, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits import nginx_blocks, own_stream, x_accel
from flushcheck.measurement.observations import Observations
from flushcheck.model import Culprit, Detection, Fix, Flow, Owner, Place, Symptom, Transport

CULPRIT = Culprit(
    id="nginx-scgi-buffering",
    title="nginx scgi_buffering holds the response until a buffer is full or the app has finished",
    why=(
        "scgi_buffering is on by default. nginx collects what the SCGI server writes and sends it on when "
        "a buffer of scgi_buffers is full (4096 bytes on most machines) or the app has finished."
    ),
    symptoms=(
        "Blocks of 4096 bytes; a stream shorter than one block arrives whole at its end. "
        "X-Accel-Buffering: no on the response switches the buffering off."
    ),
    detection="As nginx-proxy-buffering, with SCGI between nginx and the app.",
    fixes=(
        Fix(
            where="nginx, the location block with scgi_pass",
            change="scgi_buffering off;",
            by=Owner.SERVER,
            server=Server.NGINX,
            place=Place.ADDRESS,
            cost=(
                "a slow reader keeps an SCGI worker busy for as long as it reads; scgi_cache does not work "
                "in this block"
            ),
        ),
        x_accel.APP_FIX,
    ),
    references=("https://nginx.org/en/docs/http/ngx_http_scgi_module.html#scgi_buffering",),
    shows=(Symptom(Flow.BLOCKS, block_bytes=4096), Symptom(Flow.HELD)),
    measured_on=("nginx 1.22.1",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """As proxy_buffering, with SCGI between nginx and the app."""
    if seen.is_own(transport):
        return own_stream.detect_nginx_buffer(seen, transport, CULPRIT)
    return x_accel.detect_gateway_buffering(seen, transport, CULPRIT, "SCGI/1")


SERVERS = (Server.NGINX,)


def lint(block: Block) -> Iterator[Finding]:
    """On by default, so a block without a line is guilty too."""
    yield from nginx_blocks.hold(block, CULPRIT, "scgi")
