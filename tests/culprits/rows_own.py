"""What the detectors make of a stream of the user's own app: a row on either side of every condition.

A row is the first look and what was seen beside it. The first row of a culprit is what convicts it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flushcheck.culprits import (
    apache_mod_fcgid,
    apache_proxy_fcgi,
    app_response,
    buffering_hop,
    byte_buffer,
    caddy_encode,
    compressor,
    django_gzip_middleware,
    gunicorn_sync_worker,
    gzip_members,
    haproxy_http_delay,
    http_hop,
    joined_response,
    lighttpd_stream_response_body,
    nginx_fastcgi_buffering,
    nginx_gzip,
    nginx_hint_taken,
    nginx_ignore_headers,
    nginx_proxy_buffering,
    nginx_scgi_buffering,
    nginx_uwsgi_buffering,
    passenger_buffer_response,
    php_output_buffering,
    php_zlib,
    response_cache,
    varnish_do_stream,
    varnish_gzip,
)
from flushcheck.culprits.own_stream import EARLY_S
from flushcheck.model import Arrival, Confidence, Observation, Variant
from tests.measurement.own import (
    DIRECT,
    GZIP,
    HTTP1,
    HTTP10,
    IDENTITY,
    ONCE,
    OWN,
    SINGLY,
    TICKS,
    Groups,
    evenly,
    observed,
)

CERTAIN, LIKELY, POSSIBLE = Confidence

Row = tuple[str, tuple[Observation, ...], Confidence | None]

LENGTH = ("content-length", "1600")
BR = ("content-encoding", "br")
FREED = observed(SINGLY, IDENTITY)
STILL = observed(ONCE, IDENTITY)
AT_PORT = observed(SINGLY, DIRECT)


def server(name: str) -> tuple[str, str]:
    return ("server", name)


def held(*headers: tuple[str, str], **changes: Any) -> Observation:
    """A first look at which everything arrived at once, its header with it."""
    return observed(ONCE, **{"headers": headers, **changes})


def headed(size: int, *headers: tuple[str, str], **changes: Any) -> Observation:
    """The same, with bytes without text at first."""
    first = Arrival(0.1, size, 0)
    rest = Arrival(8.2, 400, 1600, records=(40,) * 40)
    return observed([], headers=headers, arrivals=(first, rest), headers_s=0.1, ended_s=8.2, **changes)


def blocks(size: int, *headers: tuple[str, str], **changes: Any) -> Observation:
    """A first look in blocks of this size that cut records."""
    arrivals = tuple(
        Arrival(0.5 * number, size, size, records=(100,) * (size // 100), mid_record=True)
        for number in range(8)
    )
    return observed([], headers=headers, arrivals=arrivals, ended_s=4.0, **changes)


def records(size: int, record: int, *headers: tuple[str, str]) -> Observation:
    """The same over TLS, in records that are all of one size."""
    seen = blocks(size, *headers, tls_version="TLSv1.3")
    return replace(
        seen, arrivals=tuple(replace(arrival, record_bytes=(record + 17,)) for arrival in seen.arrivals)
    )


WITH_NAME: dict[str, Any] = {"compressed_head": "1f8b08080000000000ff", "head_bytes": 55}
WITHOUT_NAME: dict[str, Any] = {"compressed_head": "1f8b08000000000000ff", "head_bytes": 10}

COMPRESSOR: list[Row] = [
    ("held, without it flowing",     (held(GZIP), FREED),                        CERTAIN),
    ("br",                           (held(BR), FREED),                          CERTAIN),
    ("not compressed",               (held(), FREED),                            None),
    ("held without it too",          (held(GZIP), STILL, AT_PORT),               None),
    ("not tried without it",         (held(GZIP), AT_PORT),                      None),
    ("flowing",                      (observed(SINGLY, headers=(GZIP,)), FREED), None),
]  # fmt: skip

DJANGO: list[Row] = [
    ("a header with a file name",    (headed(55, GZIP, **WITH_NAME), FREED),                          LIKELY),
    ("without a file name",          (headed(10, GZIP, **WITHOUT_NAME), FREED),                       None),
    ("held without it too",          (headed(55, GZIP, **WITH_NAME), STILL, AT_PORT),                 None),
    ("zstd",                         (headed(4, GZIP, compressed_head="28b52ffd0808080808ff"), FREED), None),
    ("a header that is cut",         (headed(9, GZIP, compressed_head="1f8b08080000000000"), FREED),  None),
    ("no hexadecimal",               (headed(55, GZIP, compressed_head="<script>"), FREED),           None),
    ("no header",                    (held(GZIP), FREED),                                             None),
]  # fmt: skip

MEMBERS: list[Row] = [
    ("a second member",              (observed([(0.1, 1)], headers=(GZIP,), unread_bytes=1),),   CERTAIN),
    ("one member",                   (observed([(0.1, 1)], headers=(GZIP,)),),                   None),
]  # fmt: skip

JOINED: list[Row] = [
    ("events with a length",         (held(LENGTH),),                            CERTAIN),
    ("held without encodings too",   (held(GZIP, LENGTH), observed(ONCE, IDENTITY, headers=(LENGTH,))), CERTAIN),
    ("flowing at the app's port",    (held(LENGTH), AT_PORT),                    None),
    ("compressed, untried",          (held(GZIP, LENGTH),),                      None),
    ("perhaps compressed",           (held(LENGTH, hidden_headers=True),),       None),
    ("perhaps, held without too",    (held(LENGTH, hidden_headers=True), observed(ONCE, IDENTITY, headers=(LENGTH,))), CERTAIN),
    ("by a compressor",              (held(GZIP, LENGTH), FREED),                None),
    ("without a length",             (held(), AT_PORT),                          None),
    ("in blocks",                    (blocks(4096, LENGTH),),                    None),
    ("nothing separates it",         (held(),),                                  None),
]  # fmt: skip

HOP: list[Row] = [
    ("joined on the way",            (held(LENGTH), AT_PORT),                    LIKELY),
    ("flowing at the app's port",    (held(), AT_PORT),                          LIKELY),
    ("compressed, held without too", (held(GZIP), STILL, AT_PORT),               LIKELY),
    ("compressed, untried",          (held(GZIP), AT_PORT),                      None),
    ("by a compressor",              (held(GZIP), FREED, AT_PORT),               None),
    ("no address beside it",         (held(LENGTH),),                            None),
    ("held at the port too",         (held(LENGTH), observed(ONCE, DIRECT, headers=(LENGTH,))), None),
    ("both flow",                    (observed(SINGLY), AT_PORT),                None),
]  # fmt: skip

APACHE_NAME, PHP_NAME = server("Apache/2.4.71 (Debian)"), ("x-powered-by", "PHP/8.2.36")


def filled(size: int, *headers: tuple[str, str], **changes: Any) -> Observation:
    """A first look in whole records, whenever so many bytes are full."""
    record = size // 8
    counts = (
        (record + 40,) * 8,
        (record - 20,) * 9,
        (record + 40,) * 8,
        (record - 20,) * 9,
        (record + 40,) * 8,
    )
    arrivals = tuple(
        Arrival(0.5 * n, sum(sizes), sum(sizes), records=sizes) for n, sizes in enumerate(counts)
    )
    rest = Arrival(4.0, 50, 50, records=(50,))
    return observed([], headers=headers, arrivals=(*arrivals, rest), ended_s=4.0, **changes)


def encrypted(size: int, *headers: tuple[str, str], **changes: Any) -> Observation:
    """A first look in TLS records of this size."""
    base = blocks(size, *headers, tls_version="TLSv1.3", **changes)
    arrivals = tuple(replace(arrival, record_bytes=(size + 17,)) for arrival in base.arrivals)
    return replace(base, arrivals=arrivals)


PHP_BLOCKS = replace(blocks(8184, PHP_NAME), probe=IDENTITY)
# All at once where it is compressed, when the last of those blocks comes.
ZIPPED = observed([(3.5, 640)], headers=(GZIP, PHP_NAME))
ZLIB: list[Row] = [
    ("its blocks without it",        (ZIPPED, PHP_BLOCKS),                           POSSIBLE),
    ("blocks of another",            (ZIPPED, replace(blocks(4096, PHP_NAME), probe=IDENTITY)), None),
    ("not PHP",                      (observed([(3.5, 640)], headers=(GZIP,)), PHP_BLOCKS), None),
    ("not compressed",               (observed([(3.5, 640)], headers=(PHP_NAME,)), PHP_BLOCKS), None),
    ("compressed all the same",      (ZIPPED, replace(blocks(8184, PHP_NAME, GZIP), probe=IDENTITY)), None),
    ("flowing without it",           (ZIPPED, observed(evenly(640, 0.005), IDENTITY)), None),
    ("not tried without it",         (ZIPPED,),                                      None),
]  # fmt: skip

XAB_NO, XAB_OFF = ("x-accel-buffering", "no"), ("x-accel-buffering", "off")
HINTED = observed(evenly(320, 0.0125), DIRECT, headers=(XAB_NO,))

NGINX_BLOCKS: list[Row] = [
    ("its own block",                (blocks(4096, server("nginx/1.22.1")),),    POSSIBLE),
    ("another server",               (blocks(4096, server("Apache")),),          None),
    ("another size",                 (blocks(8192, server("nginx")),),           None),
    ("the app sends the header",     (blocks(4096, server("nginx")), HINTED),    None),
    ("whole records",                (filled(4096, server("nginx")),),           None),
    ("at once",                      (held(server("nginx")), AT_PORT),           None),
    ("by a compressor",              (blocks(4096, server("nginx"), GZIP), observed(evenly(320, 0.1), IDENTITY)), None),
    ("16 kB over TLS",               (blocks(16_384, server("nginx"), tls_version="TLSv1.3"),), POSSIBLE),
    ("4 kB over TLS",                (blocks(4096, server("nginx"), tls_version="TLSv1.3"),), POSSIBLE),
    ("1 kB over TLS",                (blocks(1024, server("nginx"), tls_version="TLSv1.3"),), POSSIBLE),
    ("8 kB over TLS",                (blocks(8192, server("nginx"), tls_version="TLSv1.3"),), None),
    ("8 kB in records of 16 kB",     (records(8192, 16_384, server("nginx")),),  POSSIBLE),
    ("16 kB in records of 8 kB",     (records(16_384, 8192, server("nginx")),),  None),
    ("16 kB over TLS, another",      (blocks(16_384, server("Caddy"), tls_version="TLSv1.3"),), None),
    ("16 kB without TLS",            (blocks(16_384, server("nginx")),),         None),
    ("16 kB over HTTP/2",            (blocks(16_384, server("nginx"), tls_version="TLSv1.3", http_version="2"),), None),
]  # fmt: skip

GATEWAY_BLOCKS: list[Row] = [
    ("its own block",                (blocks(4096, server("nginx/1.22.1")),),    POSSIBLE),
    ("another server",               (blocks(4096, server("Apache")),),          None),
    ("another size",                 (blocks(8192, server("nginx")),),           None),
    ("over TLS",                     (blocks(4096, server("nginx"), tls_version="TLSv1.3"),), POSSIBLE),
    ("4 kB less 8 over TLS",         (blocks(4088, server("nginx"), tls_version="TLSv1.3"),), None),
    ("over HTTP/2",                  (blocks(4096, server("nginx"), tls_version="TLSv1.3", http_version="2"),), POSSIBLE),
    ("by a compressor",              (blocks(4096, server("nginx"), GZIP), observed(evenly(320, 0.1), IDENTITY)), None),
]  # fmt: skip

PROXY_FCGI: list[Row] = [
    ("whole records of 4096 bytes",  (filled(4096, APACHE_NAME),),                   LIKELY),
    ("from PHP",                     (filled(4096, APACHE_NAME, PHP_NAME),),         POSSIBLE),
    ("another server",               (filled(4096, server("nginx")),),               None),
    ("another size",                 (filled(8192, APACHE_NAME),),                   None),
    ("cut records",                  (blocks(4096, APACHE_NAME),),                   None),
    ("mod_ssl's buffer",             (encrypted(8192, APACHE_NAME),),                LIKELY),
    ("another TLS buffer",           (encrypted(4096, APACHE_NAME),),                None),
    ("flowing",                      (observed(SINGLY, headers=(APACHE_NAME,)),),    None),
    ("by a compressor",              (filled(4096, APACHE_NAME, GZIP), observed(evenly(60, 0.1), IDENTITY)), None),
]  # fmt: skip

MOD_FCGID: list[Row] = [
    ("whole records of 64 kB",       (filled(65_536, APACHE_NAME),),                 LIKELY),
    ("another server",               (filled(65_536, server("nginx")),),             None),
    ("another size",                 (filled(4096, APACHE_NAME),),                   None),
    ("cut records",                  (blocks(65_536, APACHE_NAME),),                 None),
]  # fmt: skip

RANGES = ("accept-ranges", "bytes")
LIGHTTPD: list[Row] = [
    ("stored as a file",             (held(LENGTH, RANGES, server("lighttpd/1.4.69")), AT_PORT), LIKELY),
    ("that does not name itself",    (held(LENGTH, RANGES, server("gunicorn")), AT_PORT),        POSSIBLE),
    ("no address beside it",         (held(LENGTH, RANGES, server("lighttpd")),),                None),
    ("without Accept-Ranges",        (held(LENGTH, server("lighttpd")), AT_PORT),                None),
    ("without a length",             (held(RANGES, server("lighttpd")), AT_PORT),                None),
    ("Varnish adds both too",        (held(LENGTH, RANGES, ("x-varnish", "2")), AT_PORT),        None),
    ("the app sends Accept-Ranges",  (held(LENGTH, RANGES, server("lighttpd")), observed(SINGLY, DIRECT, headers=(RANGES,))), None),
    ("the app sends a length",       (held(LENGTH, RANGES, server("lighttpd")), observed(SINGLY, DIRECT, headers=(LENGTH,))), None),
]  # fmt: skip

BY_PASSENGER = ("x-powered-by", "Phusion Passenger(R) 6.0.17")
PASSENGER: list[Row] = [
    ("its buffer",                   (blocks(4096, BY_PASSENGER),),                  LIKELY),
    ("named in Server",              (blocks(4096, server("Apache Phusion_Passenger/6.0.17")),), LIKELY),
    ("not its app",                  (blocks(4096, server("nginx")),),               None),
    ("3900 bytes",                   (blocks(3900, BY_PASSENGER),),                  LIKELY),
    ("fewer",                        (blocks(3899, BY_PASSENGER),),                  None),
    ("4400 bytes",                   (blocks(4400, BY_PASSENGER),),                  LIKELY),
    ("more",                         (blocks(4401, BY_PASSENGER),),                  None),
    ("at once",                      (held(BY_PASSENGER), AT_PORT),                  None),
    ("by a compressor",              (blocks(4096, BY_PASSENGER, GZIP), observed(evenly(320, 0.1), IDENTITY)), None),
]  # fmt: skip

PHP: list[Row] = [
    ("without any flush",            (blocks(8184, PHP_NAME, server("nginx")),),     LIKELY),
    ("8100 bytes",                   (blocks(8100, PHP_NAME),),                      LIKELY),
    ("fewer",                        (blocks(8099, PHP_NAME),),                      None),
    ("8192 bytes",                   (blocks(8192, PHP_NAME),),                      LIKELY),
    ("more",                         (blocks(8193, PHP_NAME),),                      None),
    ("with flush() alone",           (filled(4096, PHP_NAME, server("nginx")),),     LIKELY),
    ("behind Apache",                (filled(4096, PHP_NAME, APACHE_NAME),),         POSSIBLE),
    ("another size of records",      (filled(2048, PHP_NAME),),                      None),
    ("not PHP",                      (blocks(8184, server("nginx")),),               None),
    ("at once",                      (held(PHP_NAME), AT_PORT),                      None),
    ("by a compressor",              (blocks(8184, PHP_NAME, GZIP), observed(evenly(640, 0.1), IDENTITY)), None),
]  # fmt: skip

HINT_REMOVED: list[Row] = [
    ("removed without effect",       (blocks(4096, server("nginx")), HINTED),        POSSIBLE),
    ("4088 bytes over FastCGI",      (blocks(4088, server("nginx")), HINTED),        POSSIBLE),
    ("4087 bytes",                   (blocks(4087, server("nginx")), HINTED),        None),
    ("4097 bytes",                   (blocks(4097, server("nginx")), HINTED),        None),
    ("it arrives",                   (blocks(4096, server("nginx"), XAB_NO), HINTED), None),
    ("the app does not send it",     (blocks(4096, server("nginx")), observed(evenly(320, 0.0125), DIRECT)), None),
    ("it sends another value",       (blocks(4096, server("nginx")), observed(evenly(320, 0.0125), DIRECT, headers=(XAB_OFF,))), None),
    ("no address beside it",         (blocks(4096, server("nginx")),),               None),
    ("joined",                       (blocks(4096, server("nginx"), LENGTH), HINTED), None),
    ("at once",                      (held(), observed(SINGLY, DIRECT, headers=(XAB_NO,))), None),
]  # fmt: skip

BUFFER: list[Row] = [
    ("cut records",                  (blocks(2000),),                                LIKELY),
    ("a known size",                 (blocks(4096),),                                LIKELY),
    ("whole records",                (filled(4096),),                                LIKELY),
    ("nginx's own size",             (blocks(4096, server("nginx")),),               POSSIBLE),
    ("PHP's own size",               (filled(4096, PHP_NAME, APACHE_NAME),),         POSSIBLE),
    ("flowing at the app's port",    (blocks(2000), observed(evenly(160, 0.025), DIRECT)), None),
    ("the same at the app's port",   (blocks(2000), replace(blocks(2000), probe=DIRECT)), None),
    ("at once",                      (held(LENGTH),),                                None),
    ("by a compressor",              (blocks(2000, GZIP), observed(evenly(160, 0.1), IDENTITY)), None),
    ("compressed, untried",          (blocks(2000, GZIP),),                          None),
    ("perhaps compressed",           (blocks(2000, hidden_headers=True),),           None),
    ("flowing",                      (observed(SINGLY),),                            None),
]  # fmt: skip

APP: list[Row] = [
    ("the same at the app's port",   (blocks(2000), replace(blocks(2000), probe=DIRECT)), CERTAIN),
    ("flowing there",                (blocks(2000), observed(evenly(160, 0.025), DIRECT)), None),
    ("compressed there",             (blocks(2000), replace(blocks(2000, GZIP), probe=DIRECT)), None),
    ("a slow app, or held",          (held(), observed(ONCE, DIRECT)),               None),
]  # fmt: skip

CACHE: list[Row] = [
    ("before the app can send it",   (observed([(0.01, 40)]), AT_PORT),              CERTAIN),
    ("no address beside it",         (observed([(0.01, 40)]), FREED),                None),
    ("at its end",                   (held(), AT_PORT),                              None),
]  # fmt: skip

FASTCGI_BLOCKS: list[Row] = [
    ("4064 bytes over TLS",          (blocks(4064, server("nginx"), tls_version="TLSv1.3"),), None),
    ("16 kB over TLS",               (blocks(16_384, server("nginx"), tls_version="TLSv1.3"),), POSSIBLE),
    ("4096 bytes without TLS",       (blocks(4096, server("nginx")),),           None),
    ("4064 bytes",                   (blocks(4064, server("nginx/1.22.1")),),    LIKELY),
    ("4088 bytes",                   (blocks(4088, server("nginx")),),           LIKELY),
    ("4089 bytes",                   (blocks(4089, server("nginx")),),           None),
    ("3600 bytes",                   (blocks(3600, server("nginx")),),           LIKELY),
    ("3599 bytes",                   (blocks(3599, server("nginx")),),           None),
    ("another server",               (blocks(4064, server("Apache")),),          None),
    ("at once",                      (held(server("nginx")), AT_PORT),           None),
    ("by a compressor",              (blocks(4064, server("nginx"), GZIP), observed(evenly(320, 0.1), IDENTITY)), None),
]  # fmt: skip

NGINX_GZIP: list[Row] = [
    ("its header held too",          (held(GZIP, server("nginx")), FREED),                        POSSIBLE),
    ("flowing at the app's port",    (held(GZIP, server("nginx")), FREED, AT_PORT),               LIKELY),
    ("its header at once",           (headed(10, GZIP, server("nginx")), FREED),                  None),
    ("its header 0.3 s before",      (held(GZIP, server("nginx"), headers_s=7.89), FREED),         None),
    ("its header just 0.3 s before", (observed([(EARLY_S, 4)], headers=(GZIP, server("nginx")), headers_s=0.0), observed(evenly(4, 0.1), IDENTITY)), None),
    ("its header 0.29 s before",     (held(GZIP, server("nginx"), headers_s=7.91), FREED),        POSSIBLE),
    ("br",                           (held(BR, server("nginx")), FREED),                          None),
    ("another server",               (held(GZIP, server("Caddy")), FREED),                        None),
    ("held without it too",          (held(GZIP, server("nginx")), STILL, AT_PORT),               None),
]  # fmt: skip

CADDY: list[Row] = [
    ("Server: Caddy",                (held(GZIP, server("Caddy")), FREED),                        POSSIBLE),
    ("Via: 1.1 Caddy",               (held(GZIP, ("via", "1.1 Caddy")), FREED),                   POSSIBLE),
    ("flowing at the app's port",    (held(GZIP, server("Caddy")), FREED, AT_PORT),               LIKELY),
    ("another server",               (held(GZIP, server("nginx")), FREED),                        None),
    ("held without it too",          (held(GZIP, server("Caddy")), STILL, AT_PORT),               None),
]  # fmt: skip

VARNISH: list[Row] = [
    ("flowing at the app's port",    (headed(10, GZIP, ("x-varnish", "2")), AT_PORT),             LIKELY),
    ("flowing without it",           (headed(10, GZIP, ("x-varnish", "2")), FREED),               POSSIBLE),
    ("without X-Varnish",            (headed(10, GZIP), AT_PORT),                                 None),
    ("no header alone",              (held(GZIP, ("x-varnish", "2")), AT_PORT),                   None),
    ("nothing separates it",         (headed(10, GZIP, ("x-varnish", "2")),),                     None),
]  # fmt: skip

VARNISH_STREAM: list[Row] = [
    ("flowing at the app's port",    (held(LENGTH, ("x-varnish", "2")), AT_PORT),  LIKELY),
    ("no address beside it",         (held(LENGTH, ("x-varnish", "2")),),          POSSIBLE),
    ("without X-Varnish",            (held(LENGTH), AT_PORT),                      None),
    ("without a length",             (held(("x-varnish", "2")), AT_PORT),          None),
    ("by a compressor",              (held(GZIP, LENGTH, ("x-varnish", "2")), FREED), None),
]  # fmt: skip

LONG = evenly(60, 0.1)
TOGETHER = replace(OWN, variant=Variant.TOGETHER)
QUEUED = observed(SINGLY, replace(OWN, variant=Variant.TOGETHER, run=1), headers_s=4.0)

WORKER: list[Row] = [
    ("the second waited",            (observed(SINGLY, headers=(server("gunicorn"),), headers_s=0.1), QUEUED), LIKELY),
    ("another server",               (observed(SINGLY, headers=(server("waitress"),), headers_s=0.1), QUEUED), None),
    ("nothing waited",               (observed(SINGLY, headers=(server("gunicorn"),)),),                       None),
]  # fmt: skip


def ticks_of(period_s: float) -> Groups:
    return [(period_s * at_s / 0.2, count) for at_s, count in TICKS]


HAPROXY: list[Row] = [
    ("HTTP/1.0 has none",            (observed(ticks_of(0.2)), observed(LONG, HTTP10)),            LIKELY),
    ("without compression it flows", (observed(ticks_of(0.2)), observed(LONG, IDENTITY)),          POSSIBLE),
    ("another period",               (observed(ticks_of(0.5)), observed(LONG, HTTP10)),            None),
    ("HTTP/1.0 has them too",        (observed(ticks_of(0.2)), observed(ticks_of(0.2), HTTP10), observed(LONG, IDENTITY)), None),
    ("nothing separates them",       (observed(ticks_of(0.2)),),                                   None),
]  # fmt: skip

TABLES: list[tuple[Any, list[Row]]] = [
    (compressor, COMPRESSOR),
    (django_gzip_middleware, DJANGO),
    (gzip_members, MEMBERS),
    (joined_response, JOINED),
    (buffering_hop, HOP),
    (nginx_proxy_buffering, NGINX_BLOCKS),
    (nginx_fastcgi_buffering, FASTCGI_BLOCKS),
    (nginx_uwsgi_buffering, GATEWAY_BLOCKS),
    (nginx_scgi_buffering, GATEWAY_BLOCKS),
    (nginx_gzip, NGINX_GZIP),
    (apache_proxy_fcgi, PROXY_FCGI),
    (apache_mod_fcgid, MOD_FCGID),
    (lighttpd_stream_response_body, LIGHTTPD),
    (passenger_buffer_response, PASSENGER),
    (php_output_buffering, PHP),
    (php_output_buffering, ZLIB),
    (php_zlib, ZLIB),
    (nginx_hint_taken, HINT_REMOVED),
    (nginx_ignore_headers, HINT_REMOVED),
    (byte_buffer, BUFFER),
    (app_response, APP),
    (response_cache, CACHE),
    (caddy_encode, CADDY),
    (varnish_gzip, VARNISH),
    (varnish_do_stream, VARNISH_STREAM),
    (gunicorn_sync_worker, WORKER),
    (haproxy_http_delay, HAPROXY),
    (http_hop, [("the user's own stream", (held(), AT_PORT), None)]),
]

# The view of an HTTP/1.1 client beside a browser over HTTP/2: the first is the browser's.
HTTP2: dict[str, Any] = {"http_version": "2", "tls_version": "TLSv1.3"}
TLS: dict[str, Any] = {"tls_version": "TLSv1.3"}
VIEWS: list[tuple[Any, list[Row]]] = [
    (nginx_proxy_buffering, [
        ("flowing over HTTP/2",        (observed(SINGLY, **HTTP2), held(server("nginx"), probe=HTTP1, **TLS)),  LIKELY),
        ("another server",             (observed(SINGLY, **HTTP2), held(server("Caddy"), probe=HTTP1, **TLS)),  None),
        ("flowing over HTTP/1.1 too",  (observed(SINGLY, **TLS), held(server("nginx"), probe=HTTP1, **TLS)),    None),
        ("held over HTTP/2 too",       (observed(ONCE, **HTTP2), held(server("nginx"), probe=HTTP1, **TLS), AT_PORT), None),
        ("without TLS",                (observed(SINGLY, **HTTP2), held(server("nginx"), probe=HTTP1)),         None),
        ("by a compressor",            (observed(SINGLY, **HTTP2), held(server("nginx"), GZIP, probe=HTTP1, **TLS)), None),
    ]),
    (apache_proxy_fcgi, [
        ("flowing over HTTP/2",        (observed(SINGLY, **HTTP2), held(APACHE_NAME, probe=HTTP1, **TLS)),      LIKELY),
        ("from PHP",                   (observed(SINGLY, **HTTP2), held(APACHE_NAME, PHP_NAME, probe=HTTP1, **TLS)), LIKELY),
        ("held over HTTP/2 too",       (observed(ONCE, **HTTP2), held(APACHE_NAME, probe=HTTP1, **TLS), AT_PORT), None),
    ]),
    (nginx_uwsgi_buffering, [
        ("flowing over HTTP/2",        (observed(SINGLY, **HTTP2), replace(blocks(16_384, server("nginx"), **TLS), probe=HTTP1)), None),
    ]),
    (compressor, [
        ("held as the browser was",    (observed(ONCE, headers=(GZIP,), **HTTP2), FREED, held(GZIP, probe=HTTP1)), CERTAIN),
        ("in another encoding",        (observed(ONCE, headers=(BR,), **HTTP2), FREED, held(GZIP, probe=HTTP1)), None),
        ("held without it, alone",     (observed(ONCE, headers=(GZIP,), **HTTP2), FREED, held(GZIP, probe=HTTP1), observed(ONCE, replace(IDENTITY, client=HTTP1.client))), None),
        ("the browser's flows",        (observed(SINGLY, headers=(GZIP,), **HTTP2), FREED, held(GZIP, probe=HTTP1)), None),
    ]),
]  # fmt: skip

# An HTTP/1.1 client beside a browser: what it alone meets is told of it.
HTTP1_HELD = (
    observed(SINGLY, http_version="2", tls_version="TLSv1.3"),
    replace(blocks(16_384, server("nginx"), tls_version="TLSv1.3"), probe=HTTP1),
)
