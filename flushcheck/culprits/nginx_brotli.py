"""nginx with a module for brotli or zstd, on top of a buffered upstream."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.findings import Finding, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits import nginx_gzip, x_accel
from flushcheck.measurement.observations import Observations
from flushcheck.model import Culprit, Detection, Fix, Flow, Owner, Place, Symptom, Transport

_COST = "the module no longer compresses anything in this block"

CULPRIT = Culprit(
    id="nginx-brotli",
    title="nginx's brotli or zstd module holds the stream while proxy_buffering is on",
    why=(
        "A module compresses the response as brotli or zstd, for clients that offer it: browsers do over "
        "https. While proxy_buffering is on, nginx never tells the module to flush, so the text stays inside "
        "until the compressor has enough for a block. With proxy_buffering off, nginx flushes after every "
        "write. Measured with Debian's brotli module on nginx 1.22.1 and 1.30.6, over HTTP/1.1 and HTTP/2; "
        "zstd is the same by the module's source."
    ),
    symptoms=(
        "Only clients that offer br or zstd are affected; curl without --compressed shows no fault, and gzip "
        "off changes nothing. The same stream flows without compression, and with X-Accel-Buffering: no."
    ),
    detection="As nginx-gzip, with Content-Encoding: br or zstd.",
    fixes=(
        Fix(
            where="nginx, the location block that passes to the app",
            change="proxy_buffering off;",
            by=Owner.SERVER,
            server=Server.NGINX,
            place=Place.ADDRESS,
            per_gateway=True,
            cost="a slow reader keeps the connection to the app busy for as long as it reads",
            note="the module stays on and flushes each write",
        ),
        Fix(
            where="nginx, the location block that passes to the app",
            change="brotli off;",
            by=Owner.SERVER,
            server=Server.NGINX,
            place=Place.ADDRESS,
            encodings=frozenset({"br"}),
            cost=_COST,
        ),
        Fix(
            where="nginx, the location block that passes to the app",
            change="zstd off;",
            by=Owner.SERVER,
            server=Server.NGINX,
            place=Place.ADDRESS,
            encodings=frozenset({"zstd"}),
            cost=_COST,
        ),
        x_accel.APP_FIX,
    ),
    references=("https://github.com/google/ngx_brotli", "https://github.com/tokers/zstd-nginx-module"),
    looks_like=("nginx-gzip", "nginx-proxy-buffering"),
    shows=(Symptom(Flow.HELD, compressed=True),),
    measured_on=("nginx 1.22.1", "nginx 1.30.6"),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """As gzip, where the encoding is one of a module. A stream of one's own shows no header of nginx's."""
    if seen.is_own(transport) or seen.compressed(transport).lower() not in nginx_gzip.MODULE_ENCODINGS:
        return None
    return nginx_gzip.detect_compressor(seen, transport, CULPRIT)


SERVERS = (Server.NGINX,)


def lint(block: Block) -> Iterator[Finding]:
    """As gzip: where each chunk would pass at once, if the compressor were flushed."""
    for encoder, offered in (("brotli", "br"), ("zstd", "zstd")):
        yield from nginx_gzip.compressor_findings(block, CULPRIT, encoder, offered)
