"""nginx `proxy_buffering`, met over HTTP/1.0 or with a Content-Length."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.findings import Finding
from flushcheck.configs.tree import Block
from flushcheck.culprits import nginx_blocks, x_accel
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.model import Confidence, Culprit, Detection, Evidence, Fix, Transport

CULPRIT = Culprit(
    id="nginx-proxy-buffering",
    title="nginx proxy_buffering keeps the response until a buffer is full or the app is done",
    why=(
        "proxy_buffering is on by default. nginx asks the app over HTTP/1.0 unless told otherwise "
        "(the default until 1.29.7), and then cannot tell where one write of the app ends: it passes "
        "the response on whenever a buffer of proxy_buffers is full (4096 bytes on most machines) or "
        "the app closes. Over HTTP/1.1 with chunks the same nginx passes each chunk on at once."
    ),
    symptoms=(
        "Blocks of the buffer's size; a stream shorter than one block arrives whole at its end, its "
        "header too. X-Accel-Buffering: no on the response frees it, and does not reach the client."
    ),
    fixes=(
        Fix(
            where="nginx, the location block with proxy_pass",
            change="proxy_buffering off;",
            caution=(
                "a slow reader now keeps the app's connection busy for as long as it reads, and "
                "proxy_cache does not work in this block"
            ),
        ),
        x_accel.APP_FIX,
        Fix(
            where="nginx, the location block with proxy_pass",
            change='proxy_http_version 1.1;\nproxy_set_header Connection "";',
            caution=(
                "helps only while the app sends chunks and nothing compresses; proxy_set_header here "
                "drops every proxy_set_header inherited from above: repeat those"
            ),
        ),
    ),
    references=(
        "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering",
        "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_http_version",
    ),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Held without X-Accel-Buffering and flowing with it, over HTTP, whatever the encoding."""
    if not x_accel.honored(seen, transport) or x_accel.needs_compression(seen, transport) is Answer.YES:
        return None
    if x_accel.throttled(seen, transport):
        return None
    origin = seen.request_at_app(transport)
    if origin is not None and origin.gateway:
        return None
    protocol = origin.protocol if origin else ""
    asked = (Evidence(f"{transport}: the app was asked over {protocol}"),) if protocol == "HTTP/1.0" else ()
    if x_accel.needs_compression(seen, transport) is Answer.NOT_TRIED:
        sure = Confidence.POSSIBLE  # compressed, and no client without encodings was tried: gzip may be it
    else:
        sure = Confidence.CERTAIN if origin else Confidence.LIKELY
    return Detection(CULPRIT, sure, (*x_accel.header_evidence(seen, transport), *asked))


def lint(block: Block) -> Iterator[Finding]:
    """On by default, so a block without a line is guilty too, unless the app is asked over HTTP/1.1."""
    yield from nginx_blocks.hold(block, CULPRIT, "http")
