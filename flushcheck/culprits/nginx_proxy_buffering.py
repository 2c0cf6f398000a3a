"""nginx `proxy_buffering`, met over HTTP/1.0 or with a Content-Length."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import versions
from flushcheck.configs.findings import Finding, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits import nginx_blocks, own_stream, x_accel
from flushcheck.culprits.evidence import hold_evidence
from flushcheck.measurement.answer import Answer
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
    Scenario,
    Symptom,
    Transport,
)

HTTP11_FIX = Fix(
    where="nginx, the location block with proxy_pass",
    change='proxy_http_version 1.1;\nproxy_set_header Connection "";',
    by=Owner.SERVER,
    server=Server.NGINX,
    place=Place.ADDRESS,
    uncompressed=True,
    until=versions.NGINX_UPSTREAM_HTTP11,
    note=(
        "helps only while the app sends chunks and nothing compresses them; proxy_set_header here "
        "replaces every proxy_set_header inherited from an outer block: repeat those"
    ),
)

# Of a version that calls the app over HTTP/1.1 by itself, and yet called it over HTTP/1.0.
HTTP10_LINE_FIX = Fix(
    where="nginx, the location block with proxy_pass",
    change="# remove proxy_http_version 1.0",
    by=Owner.SERVER,
    server=Server.NGINX,
    uncompressed=True,
    since=versions.NGINX_UPSTREAM_HTTP11,
    note="helps only while the app sends chunks and nothing compresses them",
)

CULPRIT = Culprit(
    id="nginx-proxy-buffering",
    title="nginx proxy_buffering holds the response until a buffer is full or the app has finished",
    why=(
        "proxy_buffering is on by default. An older nginx requests the response over HTTP/1.0 unless "
        "configured otherwise, and then cannot tell where one write of the app ends: it "
        "sends data on when a buffer of proxy_buffers is full (4096 bytes on most machines) or the app "
        "closes the connection. Over HTTP/1.1 with chunks, the same nginx sends each chunk on at once to "
        "HTTP/2 clients and over plain HTTP. To an HTTP/1.1 client over TLS it does not: there it fills a "
        "buffer of ssl_buffer_size (16 kB by default) before it encrypts, and flushes it only with "
        "proxy_buffering off. Such a client is also another proxy that calls it with proxy_pass https://: "
        "then the stream is held for every reader."
    ),
    symptoms=(
        "Blocks of the buffer's size; a stream shorter than one block arrives whole at its end, and its "
        "headers with it. X-Accel-Buffering: no on the response switches the buffering off, and the header "
        "does not reach the client."
    ),
    detection=(
        "The stream is held without X-Accel-Buffering: no and flows with it; the app is called over HTTP, "
        "and compression makes no difference."
    ),
    fixes=(
        Fix(
            where="nginx, the location block with proxy_pass",
            change="proxy_buffering off;",
            by=Owner.SERVER,
            server=Server.NGINX,
            place=Place.ADDRESS,
            cost=(
                "a slow reader keeps the connection to the app busy for as long as it reads; proxy_cache "
                "does not work in this block"
            ),
        ),
        x_accel.APP_FIX,
        HTTP11_FIX,
        HTTP10_LINE_FIX,
    ),
    references=(
        "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering",
        "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_http_version",
    ),
    looks_like=("nginx-body-filter", "nginx-proxy-cache", "nginx-gzip", "nginx-brotli"),
    versions=(versions.NGINX_UPSTREAM_HTTP11,),
    shows=(
        Symptom(Flow.BLOCKS, block_bytes=4096),
        Symptom(Flow.BLOCKS, block_bytes=16384),
        Symptom(Flow.HELD),
    ),
    measured_on=("nginx 1.22.1", "nginx 1.26.3", "nginx 1.30.6"),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Held without X-Accel-Buffering and flowing with it, over HTTP, whatever the encoding."""
    if seen.is_own(transport):
        return _detect_own(seen, transport)
    compression = x_accel.needs_compression(seen, transport)
    if not x_accel.honored(seen, transport) or compression is Answer.YES:
        return None
    if x_accel.throttled(seen, transport):
        return None
    request = seen.request_at_app(transport)
    if request is not None and request.gateway:
        return None
    protocol = request and request.protocol
    old_http = [Evidence(f"{transport}: the app was called over HTTP/1.0")] if protocol == "HTTP/1.0" else []
    if compression is Answer.NOT_TRIED:
        sure = Confidence.POSSIBLE  # compressed, and no client without encodings was tried: gzip may be it
    else:
        sure = x_accel.certainty(seen, transport) if request else Confidence.LIKELY
    tls_http1 = seen.over_tls(transport) == "1.1"
    without_effect = {HTTP11_FIX, HTTP10_LINE_FIX} if protocol == "HTTP/1.1" or tls_http1 else set()
    inner = _inner_tls(seen, transport)
    evidence = (*x_accel.stripped_evidence(seen, transport), *old_http, *_tls_buffer(seen, transport), *inner)
    return Detection(CULPRIT, sure, evidence, frozenset(without_effect))


def _tls_buffer(seen: Observations, transport: Transport) -> tuple[Evidence, ...]:
    """The buffer that an nginx fills before it encrypts, where the TLS records show it."""
    size = seen.record_buffer_bytes(transport)
    if size is None:
        return ()
    return (
        Evidence(
            f"{transport}: the TLS records of longer streams hold {size} bytes each: a buffer of "
            "ssl_buffer_size is filled before nginx encrypts it",
            (Probe(transport, Scenario.KILO).id,),
        ),
    )


def _detect_own(seen: Observations, transport: Transport) -> Detection | None:
    """As the other gateways; alone where browsers get it over HTTP/2 piece by piece: the others hold that."""
    if not own_stream.flows_over_http2(seen, transport):
        return own_stream.detect_nginx_buffer(seen, transport, CULPRIT)
    if not own_stream.held_by_nginx(seen, transport):
        return None
    facts = (
        hold_evidence(seen, transport),
        Evidence(f"{transport}: over HTTP/2 it flows; over HTTP/1.1 with TLS nginx fills a buffer first"),
        *own_stream.server_evidence(seen, transport),
    )
    return Detection(CULPRIT, Confidence.LIKELY, facts)


# What fits into ssl_buffer_size (16384 bytes by default) beside the response's header and the chunk sizes:
# 16042 to 16293 bytes of text were measured in a record.
INNER_BLOCK = (15_900, 16_384)


def _inner_tls(seen: Observations, transport: Transport) -> tuple[Evidence, ...]:
    """The TLS buffer of an nginx that another proxy calls over https, as an HTTP/1.1 client.

    Over HTTP/2 and HTTP/3 nginx passes the chunks of an HTTP/1.1 app on at once, and to an HTTP/1.1 client
    its TLS records are full: where neither is so, these blocks are not made on the reader's own connection.
    """
    request, size = seen.request_at_app(transport), seen.size_bytes(transport)
    on_own_connection = seen.over_tls(transport) == "" or seen.record_buffer_bytes(transport) is not None
    smallest, largest = INNER_BLOCK
    if request is None or request.protocol != "HTTP/1.1" or on_own_connection:
        return ()
    if size is None or not smallest <= size <= largest:
        return ()
    return (
        Evidence(
            f"{transport}: blocks of {size} bytes are the TLS buffer of nginx for an HTTP/1.1 client, and "
            "this connection does not make them: a proxy in front calls this nginx with https (proxy_pass "
            "https://). The fix belongs to the nginx behind it"
        ),
    )


SERVERS = (Server.NGINX,)


def lint(block: Block) -> Iterator[Finding]:
    """On by default, so a block without a line is guilty too, unless the app is called over HTTP/1.1."""
    yield from nginx_blocks.hold(block, CULPRIT, "http")
