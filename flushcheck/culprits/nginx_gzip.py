"""nginx `gzip` on top of a buffered upstream."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import nginx
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits import nginx_blocks, x_accel
from flushcheck.culprits.evidence import variant_evidence
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.model import Confidence, Culprit, Detection, Fix, Transport, Variant

CULPRIT = Culprit(
    id="nginx-gzip",
    title="nginx gzip holds the stream while proxy_buffering is on",
    why=(
        "With gzip on for the stream's type, nginx compresses the response. While the upstream is "
        "buffered it never flushes the compressor, so what was written stays inside until the "
        "compressor has enough. With buffering off nginx flushes after every write."
    ),
    symptoms=(
        "Held, header included, but only for a client that offers gzip; the same stream flows without "
        "encodings, and with X-Accel-Buffering: no. curl without --compressed sees nothing wrong."
    ),
    fixes=(
        Fix(
            where="nginx, the location block that passes to the app",
            change="proxy_buffering off;",
            caution=(
                "gzip stays on and flushes each write; a slow reader now keeps the app's connection "
                "busy for as long as it reads (fastcgi_buffering or uwsgi_buffering where those pass)"
            ),
        ),
        Fix(
            where="nginx, the location block that passes to the app",
            change="gzip off;",
            caution="nothing in this block is compressed any more",
        ),
        x_accel.APP_FIX,
    ),
    references=(
        "https://nginx.org/en/docs/http/ngx_http_gzip_module.html",
        "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering",
    ),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Held and compressed; flowing without encodings; flowing when nginx is told not to buffer."""
    alone = x_accel.needs_compression(seen, transport)
    if not x_accel.honored(seen, transport) or alone is Answer.NO:
        return None
    if alone is Answer.NOT_TRIED:
        # Compressed, and no client without encodings was tried: the buffer alone may be it.
        return Detection(CULPRIT, Confidence.POSSIBLE, x_accel.header_evidence(seen, transport))
    only = variant_evidence(seen, x_accel.transport_with_identity_probe(seen, transport), Variant.IDENTITY)
    return Detection(CULPRIT, Confidence.CERTAIN, (*x_accel.header_evidence(seen, transport), only))


# What streams are sent as. Compression of other types, application/json above all, concerns whole answers.
STREAM_TYPES = ("text/event-stream", "text/plain", "application/x-ndjson", "application/jsonl")


def lint(block: Block) -> Iterator[Finding]:
    """Where chunks would pass one by one, were it not for the compressor that nobody flushes."""
    # A block that holds anyway has its Finding, and the same fix.
    if block.server is not Server.NGINX or not nginx.flushes_chunks(block):
        return
    for encoder, offered in (("gzip", "gzip"), ("brotli", "br")):
        yield from _held(block, encoder, offered)


def _held(block: Block, encoder: str, offered: str) -> Iterator[Finding]:
    value = block.value(encoder, "off")
    if value.first != "on":
        return
    # text/html is always compressed, whatever the list says.
    listed = block.value(f"{encoder}_types", "text/html")
    every = "*" in listed.args
    hit = [kind for kind in STREAM_TYPES if every or kind in (arg.lower() for arg in listed.args)]
    buffering = nginx.buffering(block)
    kinds = " or ".join(hit) if hit else "text/html"
    yield block.finding(
        CULPRIT,
        Level.WARNING if hit else Level.NOTE,
        f"{block.say(value)} with {block.say(buffering)}: a stream sent as {kinds} "
        f"is held to its end for every client that offers {offered}",
        value=value,
        edits=nginx_blocks.free(block),
        override=nginx_blocks.override(block),
    )
