"""The catalogue: every known culprit, in tie-break order: culprits of equal confidence are reported in it.

A culprit is one module with `CULPRIT` (its sentences, fixes and typed data), `detect` where a run can show
it, and `lint` where a server's configuration can. `CATALOGUE` lists the modules by hand; everything else here
follows from it. To add one: its file, one line in `CATALOGUE`.

Start with `nginx_gzip.py`, which has all three. What modules share: `evidence.py` (sentences of detectors),
`x_accel.py` (what X-Accel-Buffering tells of an nginx), `compression.py` (compressors that are not nginx's),
`envoy.py` (what names it), `lint_common.py`, `nginx_blocks.py`, `php_settings.py`, `upgrade_lines.py`.
`catalogue.py` finds a culprit by its id.

Pure: imports `model`, `measurement` and `configs`. May be imported by `diagnosis`, `checking`, `reports` and
all I/O.
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
    apache_output_filter,
    apache_proxy_ajp,
    apache_proxy_fcgi,
    apache_ratelimit,
    app_engine_standard,
    app_layer,
    app_response,
    app_server_limit,
    buffering_hop,
    byte_buffer,
    caddy_buffer_responses,
    caddy_encode,
    compressor,
    django_asgi_iterator,
    django_gzip_middleware,
    envoy_allow_connect,
    envoy_buffer,
    envoy_compressor,
    express_compression,
    flask_compress,
    gateway_websocket,
    gunicorn_preload_app,
    gunicorn_sync_worker,
    gunicorn_timeout,
    gunicorn_worker_connections,
    gzip_members,
    haproxy_compression,
    haproxy_http_delay,
    haproxy_wait_for_body,
    http2_stream_limit,
    http_hop,
    idle_timeout,
    iis_dynamic_compression,
    iis_response_buffer,
    joined_response,
    lambda_invoke_mode,
    lighttpd_stream_response_body,
    line_without_effect,
    next_compress,
    nginx_body_filter,
    nginx_brotli,
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
    rack_deflater,
    response_cache,
    squid_delay_pool,
    starlette_gzip_middleware,
    stream_deadline,
    tcp_middlebox,
    traefik_buffering,
    uwsgi_harakiri,
    uwsgi_transformation,
    varnish_do_stream,
    varnish_gzip,
    waitress_send_bytes,
    websocket_upgrade,
    werkzeug_server,
)
from flushcheck.measurement.observations import Observations
from flushcheck.model import Culprit, Detection, Transport


class Member(Protocol):
    """What the module of every culprit offers."""

    CULPRIT: Culprit


@runtime_checkable
class Detector(Protocol):
    """What the module of a culprit offers that a run can show."""

    CULPRIT: Culprit

    def detect(self, seen: Observations, transport: Transport) -> Detection | None:
        """What the run shows of it on this Transport; None if nothing."""


@runtime_checkable
class Linter(Protocol):
    """What the module of a culprit offers that a file can show."""

    CULPRIT: Culprit
    SERVERS: tuple[Server, ...]  # whose configurations can show it: `lint` sees blocks of these alone

    def lint(self, block: Block) -> Iterator[Finding]:
        """What this block shows of it; nothing if it is innocent."""


CATALOGUE: tuple[Member, ...] = (
    app_layer,
    app_response,
    flask_compress,
    gzip_members,
    django_gzip_middleware,
    nginx_proxy_buffering,
    nginx_gzip,
    nginx_brotli,
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
    haproxy_compression,
    caddy_encode,
    caddy_buffer_responses,
    envoy_compressor,
    traefik_buffering,
    lighttpd_stream_response_body,
    varnish_do_stream,
    varnish_gzip,
    gunicorn_sync_worker,
    http2_stream_limit,
    gunicorn_timeout,
    idle_timeout,
    stream_deadline,
    tcp_middlebox,
    websocket_upgrade,
    gateway_websocket,
    envoy_allow_connect,
    envoy_buffer,
    http_hop,
    compressor,
    joined_response,
    buffering_hop,
    apache_proxy_ajp,
    byte_buffer,
    waitress_send_bytes,
    apache_ratelimit,
    apache_output_filter,
    haproxy_wait_for_body,
    nginx_body_filter,
    iis_response_buffer,
    iis_dynamic_compression,
    squid_delay_pool,
    uwsgi_transformation,
    uwsgi_harakiri,
    app_server_limit,
    gunicorn_worker_connections,
    gunicorn_preload_app,
    werkzeug_server,
    django_asgi_iterator,
    starlette_gzip_middleware,
    express_compression,
    next_compress,
    lambda_invoke_mode,
    app_engine_standard,
    rack_deflater,
    line_without_effect,
)

_DETECTORS = tuple(module for module in CATALOGUE if isinstance(module, Detector))

DETECTORS = tuple(module for module in _DETECTORS if not module.CULPRIT.generic)

# Considered only for a Transport on which no other detector finds a culprit: it describes, and names none.
FALLBACK_DETECTORS = tuple(module for module in _DETECTORS if module.CULPRIT.generic)

LINTERS = tuple(module for module in CATALOGUE if isinstance(module, Linter))

CULPRITS: Mapping[str, Culprit] = MappingProxyType(
    {module.CULPRIT.id: module.CULPRIT for module in CATALOGUE}
)
