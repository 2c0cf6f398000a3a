"""Which version of a server program changed what a stream meets: the one place for these facts.

Each was measured on versions of either side. The number is the program's own, from its change log or the
commit, because the versions between were not run. docs/versions.md lists them.
"""

from __future__ import annotations

from flushcheck.model import VersionChange

NGINX_UPSTREAM_HTTP11 = VersionChange(
    program="nginx",
    since=(1, 29, 7),
    before="calls the app over HTTP/1.0 by default",
    after="calls the app over HTTP/1.1 by default",
    source="nginx CHANGES, 1.29.7; measured on 1.22.1, 1.26.3 and 1.30.6",
)
NGINX_TLS13 = VersionChange(
    program="nginx",
    since=(1, 23, 4),
    before="offers TLS 1.2 at most by default, which adds 24 bytes to each record",
    after="offers TLS 1.3 by default, which adds 17 bytes to each record",
    source="nginx CHANGES, 1.23.4; measured on 1.22.1, 1.26.3 and 1.30.6",
)
HAPROXY_TLS_TICKS = VersionChange(
    program="HAProxy",
    since=(2, 8),
    before="has ticks of 200 ms only where it writes plain HTTP/1.1 to its client",
    after="has ticks of 200 ms for HTTP/1.1 clients over TLS too",
    source="HAProxy commit ac78c4fd9 (2.8-dev6); measured on 2.6.12, 3.0.11 and 3.2.26",
)
HAPROXY_ALPN = VersionChange(
    program="HAProxy",
    since=(2, 8),
    before="offers HTTP/2 on a bind with ssl only with alpn h2",
    after="offers HTTP/2 on every bind with ssl unless no-alpn is set",
    source="HAProxy commit 5003ac7fe (2.8-dev8); measured on 2.6.12, 3.0.11 and 3.2.26",
)
HAPROXY_COMPRESSION_FLUSH = VersionChange(
    program="HAProxy",
    since=(2, 9),
    before="keeps the last bytes of each compressed piece until the next one",
    after="flushes each compressed piece",
    source="HAProxy commit 56f15298d (2.9-dev1); measured on 2.6.12, 3.0.11 and 3.2.26",
)
CADDY_ENCODE_FLUSH = VersionChange(
    program="Caddy",
    since=(2, 9),
    before="never flushes its compressor",
    after="flushes its compressor after each write",
    source="Caddy pull request 6471; measured on 2.6.2, 2.8.4, 2.9.1 and 2.11.7",
)

DJANGO_GZIP_FLUSH = VersionChange(
    program="Django",
    since=(6, 1),
    before="never flushes the compressor of its GZipMiddleware",
    after="flushes the compressor of its GZipMiddleware after each chunk",
    source="django/middleware/gzip.py; measured on 5.2, 6.0 and 6.1, under WSGI and ASGI",
)
DJANGO_GZIP_MEMBERS = VersionChange(
    program="Django",
    since=(6, 0),
    before="writes a gzip member for each chunk under ASGI",
    after="writes one gzip member for the whole response under ASGI",
    source="django/middleware/gzip.py; measured on 5.2, 6.0 and 6.1",
)
STARLETTE_GZIP_EVENTS = VersionChange(
    program="Starlette",
    since=(0, 46),
    before="compresses server-sent events too in its GZipMiddleware",
    after="leaves text/event-stream alone in its GZipMiddleware",
    source="starlette/middleware/gzip.py; measured on 0.45.3, 0.46.0, 1.3.0, 1.5.0 and 1.10.0",
)
STARLETTE_GZIP_FLUSH = VersionChange(
    program="Starlette",
    since=(1, 5),
    before="never flushes the compressor of its GZipMiddleware",
    after="flushes the compressor of its GZipMiddleware after each chunk",
    source="starlette/middleware/gzip.py; measured on 0.46.0, 1.3.0, 1.4.0, 1.5.0 and 1.10.0",
)

CHANGES = (
    NGINX_UPSTREAM_HTTP11,
    NGINX_TLS13,
    HAPROXY_TLS_TICKS,
    HAPROXY_ALPN,
    HAPROXY_COMPRESSION_FLUSH,
    CADDY_ENCODE_FLUSH,
    DJANGO_GZIP_FLUSH,
    DJANGO_GZIP_MEMBERS,
    STARLETTE_GZIP_EVENTS,
    STARLETTE_GZIP_FLUSH,
)
