"""nginx `gzip` on top of a buffered upstream."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import nginx
from flushcheck.configs.findings import Finding, Level, Server, level_for
from flushcheck.configs.tree import Block
from flushcheck.culprits import lint_common, nginx_blocks, own_stream, x_accel
from flushcheck.culprits.evidence import variant_evidence
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Fix,
    Flow,
    Owner,
    Place,
    Symptom,
    Transport,
    Variant,
)
from flushcheck.model.wording import any_of

CULPRIT = Culprit(
    id="nginx-gzip",
    title="nginx gzip holds the stream while proxy_buffering is on",
    why=(
        "With gzip on for the stream's content type, nginx compresses the response. While proxy_buffering "
        "is on, nginx never flushes the compressor, so the text stays inside until the compressor has "
        "enough for a block. With proxy_buffering off, nginx flushes after every write."
    ),
    symptoms=(
        "Only clients that send Accept-Encoding: gzip are affected; headers and text both arrive late. The "
        "same stream flows without compression, and with X-Accel-Buffering: no. curl without --compressed "
        "shows no fault."
    ),
    detection=(
        "The stream is held and compressed; it flows without compression, and it flows when the response "
        "header X-Accel-Buffering: no switches nginx's buffering off."
    ),
    fixes=(
        Fix(
            where="nginx, the location block that passes to the app",
            change="proxy_buffering off;",
            by=Owner.SERVER,
            server=Server.NGINX,
            place=Place.ADDRESS,
            per_gateway=True,
            cost="a slow reader keeps the connection to the app busy for as long as it reads",
            note="gzip stays on and flushes each write",
        ),
        Fix(
            where="nginx, the location block that passes to the app",
            change="gzip off;",
            by=Owner.SERVER,
            server=Server.NGINX,
            place=Place.ADDRESS,
            encodings=frozenset({"gzip"}),
            cost="nginx no longer compresses anything in this block",
        ),
        x_accel.APP_FIX,
    ),
    references=(
        "https://nginx.org/en/docs/http/ngx_http_gzip_module.html",
        "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering",
    ),
    looks_like=("nginx-brotli", "nginx-proxy-buffering"),
    shows=(Symptom(Flow.HELD, compressed=True),),
    measured_on=("nginx 1.22.1", "nginx 1.30.6"),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Held and compressed; flowing without encodings; flowing when nginx does not buffer."""
    if seen.is_own(transport):
        return _detect_own(seen, transport)
    if seen.compressed(transport).lower() in MODULE_ENCODINGS:
        return None
    return detect_compressor(seen, transport, CULPRIT)


MODULE_ENCODINGS = frozenset({"br", "zstd"})  # of modules that nginx does not bring: nginx_brotli


def detect_compressor(seen: Observations, transport: Transport, culprit: Culprit) -> Detection | None:
    """The same for a compressor of this nginx, whichever encoding it writes."""
    compression = x_accel.needs_compression(seen, transport)
    if not x_accel.honored(seen, transport) or compression is Answer.NO:
        return None
    evidence = x_accel.stripped_evidence(seen, transport)
    if compression is Answer.NOT_TRIED:
        # Compressed, and no client without encodings was tried: the buffer alone may be it.
        return Detection(culprit, Confidence.POSSIBLE, evidence)
    tried_on = x_accel.transport_with_identity_probe(seen, transport)
    identity = variant_evidence(seen, tried_on, Variant.IDENTITY)
    return Detection(culprit, Confidence.CERTAIN, (*evidence, identity))


def _detect_own(seen: Observations, transport: Transport) -> Detection | None:
    """As gzip without its header at first: an nginx holds that too, where a compressor behind it does not."""
    is_nginx = own_stream.serves(seen, transport, own_stream.NGINX)
    if not is_nginx or not own_stream.by_compressor(seen, transport):
        return None
    if seen.compressed(transport).lower() != "gzip" or own_stream.header_is_early(seen, transport):
        return None
    sure = Confidence.LIKELY if seen.control(transport) is Flow.FLOWING else Confidence.POSSIBLE
    return Detection(CULPRIT, sure, own_stream.compressor_evidence(seen, transport))


# Compression of other types, application/json above all, concerns whole responses.
STREAM_TYPES = (*lint_common.STREAM_TYPES, "application/jsonl")


SERVERS = (Server.NGINX,)


def lint(block: Block) -> Iterator[Finding]:
    """Where each chunk would pass at once, if the compressor were flushed."""
    yield from compressor_findings(block, CULPRIT, "gzip", "gzip")


def compressor_findings(block: Block, culprit: Culprit, encoder: str, offered: str) -> Iterator[Finding]:
    """The Finding of one compressor of nginx.

    Args:
        encoder: its directive, for example "gzip".
        offered: how clients name its encoding.
    """
    # A block that holds for browsers anyway has its Finding, and the same fix.
    held = nginx.hold(block)
    if not nginx.flushes_chunks(block) or (held is not None and level_for(held.readers) is Level.ERROR):
        return
    value = block.value(encoder, "off")
    if value.first != "on":
        return
    # text/html is always compressed, whatever the list says.
    listed = block.value(f"{encoder}_types", "text/html")
    every = "*" in listed.args
    hit = [kind for kind in STREAM_TYPES if every or kind in (arg.lower() for arg in listed.args)]
    buffering = nginx.buffering(block)
    kinds = any_of(hit) if hit else "text/html"
    yield block.finding(
        culprit,
        Level.WARNING if hit else Level.NOTE,
        f"{block.say(value)} with {block.say(buffering)}: a stream sent as {kinds} "
        f"is held to its end for every client that offers {offered}",
        value=value,
        edits=nginx_blocks.free(block),
        override=nginx_blocks.override(block),
    )
