"""The catalogue: every known Culprit, in the order in which Reports list equals.

A Culprit is one module with `CULPRIT` (the words and the fixes), `suspect` (what a run says for it) and,
where a server's configuration can show it, `lint`. To add one: its file, one line here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from flushcheck.configs.findings import Finding, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits import (
    apache_mod_fcgid,
    apache_mod_security,
    apache_proxy_fcgi,
    apache_ratelimit,
    app_response,
    caddy_buffer_responses,
    caddy_encode,
    flask_compress,
    gateway_websocket,
    gunicorn_sync_worker,
    gunicorn_timeout,
    haproxy_compression,
    haproxy_http_delay,
    haproxy_wait_for_body,
    http_hop,
    idle_timeout,
    lighttpd_stream_response_body,
    nginx_fastcgi_buffering,
    nginx_gzip,
    nginx_hint_taken,
    nginx_ignore_headers,
    nginx_limit_rate,
    nginx_proxy_buffering,
    nginx_proxy_cache,
    nginx_scgi_buffering,
    nginx_ssi,
    nginx_uwsgi_buffering,
    passenger_buffer_response,
    php_output_buffering,
    php_zlib,
    response_cache,
    tcp_middlebox,
    varnish_do_stream,
    varnish_gzip,
    websocket_upgrade,
)
from flushcheck.measurement.observations import Observations
from flushcheck.model import Culprit, Detection, Transport


class Detector(Protocol):
    """What every Culprit's module offers."""

    CULPRIT: Culprit

    def detect(self, seen: Observations, transport: Transport) -> Detection | None:
        """What the run says for this Culprit on this Transport; None if nothing does."""


@runtime_checkable
class Linter(Protocol):
    """What the module of a Culprit offers that a file can show."""

    CULPRIT: Culprit
    SERVERS: tuple[Server, ...]  # whose configurations can show it: `lint` sees blocks of these alone

    def lint(self, block: Block) -> Iterator[Finding]:
        """What this block shows of it; nothing if it is innocent."""


DETECTORS: tuple[Detector, ...] = (
    app_response,
    flask_compress,
    nginx_proxy_buffering,
    nginx_gzip,
    nginx_fastcgi_buffering,
    nginx_uwsgi_buffering,
    nginx_scgi_buffering,
    nginx_limit_rate,
    nginx_hint_taken,
    nginx_ignore_headers,
    nginx_proxy_cache,
    nginx_ssi,
    response_cache,
    php_output_buffering,
    php_zlib,
    apache_proxy_fcgi,
    apache_mod_fcgid,
    apache_mod_security,
    passenger_buffer_response,
    haproxy_http_delay,
    caddy_encode,
    caddy_buffer_responses,
    lighttpd_stream_response_body,
    varnish_do_stream,
    varnish_gzip,
    gunicorn_sync_worker,
    gunicorn_timeout,
    idle_timeout,
    tcp_middlebox,
    websocket_upgrade,
    gateway_websocket,
)

# Asked only about a Transport on which nobody above can be suspected: described, not named.
FALLBACK_DETECTORS: tuple[Detector, ...] = (http_hop,)

# Told by their configuration file alone: on the wire they look like some other hop.
STATIC_ONLY: tuple[Detector, ...] = (apache_ratelimit, haproxy_wait_for_body, haproxy_compression)

LINTERS: tuple[Linter, ...] = tuple(case for case in (*DETECTORS, *STATIC_ONLY) if isinstance(case, Linter))

CULPRITS: Mapping[str, Culprit] = MappingProxyType(
    {case.CULPRIT.id: case.CULPRIT for case in (*DETECTORS, *FALLBACK_DETECTORS, *STATIC_ONLY)}
)
