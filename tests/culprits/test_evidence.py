"""What each detector puts forward: every sentence of its evidence, compared whole, with the Probes it rests on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flushcheck.culprits import (
    apache_mod_fcgid,
    apache_mod_security,
    apache_proxy_fcgi,
    app_layer,
    app_response,
    caddy_buffer_responses,
    caddy_encode,
    envoy_allow_connect,
    envoy_buffer,
    envoy_compressor,
    flask_compress,
    gateway_websocket,
    gunicorn_sync_worker,
    gunicorn_timeout,
    haproxy_compression,
    haproxy_http_delay,
    http2_stream_limit,
    http_hop,
    lighttpd_stream_response_body,
    nginx_brotli,
    nginx_fastcgi_buffering,
    nginx_gzip,
    nginx_hint_taken,
    nginx_limit_rate,
    nginx_proxy_buffering,
    nginx_ssi,
    passenger_buffer_response,
    php_output_buffering,
    php_zlib,
    response_cache,
    tcp_middlebox,
    traefik_buffering,
    varnish_do_stream,
    varnish_gzip,
    websocket_upgrade,
)
from flushcheck.model import Outcome, RequestAtApp, Transport
from tests.culprits.rows import ALL_CUT, KEY, NO_KEY, STORED, TRAEFIK, VARNISH, WAITED, ZSTD
from tests.culprits.seen import (
    APP,
    CHUNKED,
    CLEAN,
    CLOSE,
    CUT,
    EVENTS,
    FAILED,
    FASTCGI,
    FLOWING,
    GZIP,
    HELD,
    HOP,
    HTTP10,
    IDENTITY,
    LATE,
    LENGTH,
    NGINX,
    NO,
    NO_TRANSFORM,
    OTHER_TYPE,
    PHP,
    REMOVED,
    REPLAYED,
    THROTTLED,
    TICKS,
    WEBSOCKET,
    XAB,
    YES,
    Seen,
)

WHOLE = "chunked: 1 pieces arrived in 1 delivery, held for up to 1.90 s [chunked-token]"
BLOCKS_4096 = "chunked: 1 pieces arrived in 1 delivery, held for up to 1.90 s; longer streams arrive in blocks of 4096 bytes [chunked-token]"
BLOCKS_8192 = BLOCKS_4096.replace("4096", "8192")
XAB_FREES = "chunked: with the response header X-Accel-Buffering: no the stream flows (longest wait 0.00 s instead of 1.90 s) [chunked-token chunked-token-x-accel-buffering]"
XAB_FREES_NOT = XAB_FREES.replace("flows", "is still held")
IDENTITY_FREES = "chunked: with a client that accepts no compression the stream flows (longest wait 0.00 s instead of 1.90 s) [chunked-token chunked-token-identity]"
IDENTITY_FREES_NOT = IDENTITY_FREES.replace("flows", "is still held")
GONE = "chunked: that header was sent and did not arrive; of all proxies tested, only nginx removes it"
REACHED = "chunked: that header reached the reader, and nginx would have removed it"
LOOPBACK = "chunked: on the service's own loopback the same stream flows"
LENGTH_ADDED = "chunked: the response has a Content-Length that the service did not send"
GATEWAY = "chunked: the app was called through a gateway (CGI/1.1)"
TELL_APART = "to tell the two apart, run `nginx -T | grep -n proxy_ignore_headers` on each nginx of the path"
SHARED_AND_WAITED = "chunked: on the HTTP/2 connection that it shares with others, the stream began 2.0 s after the first of them, and then flowed [chunked-token]"
NO_TRANSFORM_FREES = "chunked: with the response header Cache-Control: no-cache, no-transform the stream flows (longest wait 0.00 s instead of 1.90 s) [chunked-token chunked-token-no-transform]"
AS_GZIP, AS_ZSTD = (
    "chunked: the response has Content-Encoding: gzip",
    "chunked: the response has Content-Encoding: zstd",
)
TWO_HOLD_ZSTD = "Caddy before 2.9 and Envoy both hold zstd so; the response names neither"
ENVOY = "chunked: the response has Server: envoy [chunked-token]"
KEY_LOST = "websocket: opened over HTTP/2, the app received it over HTTP/1.1 with Upgrade: websocket and without Sec-WebSocket-Key; its response has status 400 [websocket-token]"
HELD_BY_HOP = (BLOCKS_8192, XAB_FREES_NOT, REACHED)
HELD_BY_NGINX = (BLOCKS_8192, XAB_FREES, GONE)

CADDY = replace(HOP, headers={**GZIP, "server": "Caddy"}, frees={XAB: NO, IDENTITY: YES})
COMPRESSED_BY_VARNISH = replace(HOP, headers={**GZIP, "x-varnish": "2"}, frees={XAB: NO, IDENTITY: NO})
COMPRESSED_IN_APP = replace(HOP, control=HELD, control_headers=GZIP)
X_HOST = replace(APP, forwarded=("x-host",))
LIGHTTPD = RequestAtApp(server="lighttpd/1.4.69")
REFUSED = Seen(**CLEAN, websocket=FAILED, status=400)
TICKING = replace(HOP, flow=TICKS, period_s=0.2004, lag_s=0.2103, frees={HTTP10: YES})
ROWS: list[tuple[str, Any, Transport, Seen, list[str]]] = [
    # name, detector, Transport, run, evidence
    ("nothing else", http_hop, CHUNKED, HOP, [*HELD_BY_HOP, LOOPBACK]),
    ("only larger pieces are held", http_hop, CHUNKED, replace(HOP, flow=FLOWING),
        ["chunked: 1 pieces arrived in 0 deliveries, held for up to 0.00 s; longer streams arrive in blocks of 8192 bytes [chunked-kilo]",
         "chunked: with the response header X-Accel-Buffering: no the stream is still held (longest wait 0.00 s instead of 0.00 s) [chunked-kilo chunked-kilo-x-accel-buffering]",
         REACHED, LOOPBACK]),
    ("a length", http_hop, CHUNKED, replace(HOP, headers=LENGTH), [*HELD_BY_HOP, LENGTH_ADDED, LOOPBACK]),
    ("names", http_hop, CHUNKED, replace(HOP, headers={"via": "1.1 box", "server": "box"}),
        [*HELD_BY_HOP, "chunked: the response has Via: 1.1 box", "chunked: the response has Server: box", LOOPBACK]),
    ("flows uncompressed", http_hop, CHUNKED, replace(HOP, frees={XAB: NO, IDENTITY: YES}, headers=GZIP),
        [*HELD_BY_HOP, IDENTITY_FREES, LOOPBACK]),
    ("held uncompressed too", http_hop, CHUNKED, replace(HOP, frees={XAB: NO, IDENTITY: NO}, headers=GZIP), [*HELD_BY_HOP, LOOPBACK]),
    ("the compressor's header", http_hop, CHUNKED, replace(HOP, first_read=(10, 0)),
        [*HELD_BY_HOP, "chunked: the first read was only the compressor's header, then nothing", LOOPBACK]),
    ("behind it an nginx", http_hop, CHUNKED, replace(HOP, stripped=True, headers=LENGTH),
        [BLOCKS_8192, XAB_FREES_NOT, GONE, "chunked: the response has a Content-Length, which that nginx does not add: the hop that added it is further out", LOOPBACK]),
    ("at the app's port", http_hop, CHUNKED, replace(HOP, control=None, direct=FLOWING),
        [*HELD_BY_HOP, "chunked: at the app's own port the same stream flows"]),
    ("no control", http_hop, CHUNKED, replace(HOP, control=None),
        [*HELD_BY_HOP, "chunked: there was no control, so the app itself may hold the stream"]),
    ("a rate", http_hop, CHUNKED, replace(HOP, flow=THROTTLED, rate_bps=800.0),
        ["chunked: text arrived at 800 bytes a second, with a growing delay, while the same text flowed over a WebSocket [chunked-token websocket-token]"]),
    ("a rate for larger pieces", http_hop, CHUNKED, replace(HOP, flow=FLOWING, kilo=THROTTLED, websocket_at_kilo=FLOWING),
        ["chunked: text arrived at 0 bytes a second, with a growing delay, while the same text flowed over a WebSocket [chunked-kilo websocket-kilo]"]),
    ("cut", http_hop, CHUNKED, replace(HOP, **{**CLEAN, "flow": CUT}),
        ["chunked: cut after 1 piece at 2.0 s, while a WebSocket of the same length is not [chunked-token]"]),
    ("refused", http_hop, WEBSOCKET, replace(REFUSED, status=404, handshake_headers={"via": "1.1 box", "server": "box"}),
        ["websocket: the response to the handshake has status 404, and it is not the app's [websocket-token]",
         "websocket: the response has Via: 1.1 box", "websocket: the response has Server: box"]),
    ("HTTP/1.0", nginx_proxy_buffering, CHUNKED, NGINX, [*HELD_BY_NGINX, "chunked: the app was called over HTTP/1.0"]),
    ("HTTP/1.1", nginx_proxy_buffering, CHUNKED, replace(NGINX, request=APP), [*HELD_BY_NGINX]),
    ("its own TLS buffer", nginx_proxy_buffering, EVENTS, replace(NGINX, transport=EVENTS, request=APP, http_version="2", tls_version="TLSv1.3", size=16_286, other=HELD, other_size=4096),
        [*(fact.replace("chunked", "events").replace("8192", "16286") for fact in HELD_BY_NGINX),
         "events: blocks of 16286 bytes are the TLS buffer of nginx for an HTTP/1.1 client, and this connection does not make them: a proxy in front calls this nginx with https (proxy_pass https://). The fix belongs to the nginx behind it"]),
    ("compressed", nginx_gzip, CHUNKED, replace(NGINX, headers=GZIP, frees={XAB: YES, IDENTITY: YES}), [*HELD_BY_NGINX, IDENTITY_FREES]),
    ("tried on the other one", nginx_gzip, CHUNKED, replace(NGINX, headers=GZIP, other=HELD, other_frees={IDENTITY: YES}),
        [*HELD_BY_NGINX, "events: with a client that accepts no compression the stream flows (longest wait 0.00 s instead of 0.00 s) [events-token events-token-identity]"]),
    ("its own identity", nginx_gzip, EVENTS, replace(NGINX, transport=EVENTS, headers=GZIP, frees={XAB: YES, IDENTITY: YES}, other=HELD, other_frees={IDENTITY: NO}),
        [fact.replace("chunked", "events") for fact in (*HELD_BY_NGINX, IDENTITY_FREES)]),
    ("compressed by a module", nginx_brotli, CHUNKED, replace(NGINX, headers={"content-encoding": "br"}, frees={XAB: YES, IDENTITY: YES}), [*HELD_BY_NGINX, IDENTITY_FREES]),
    ("identity untried", nginx_gzip, CHUNKED, replace(NGINX, headers=GZIP), [*HELD_BY_NGINX]),
    ("a gateway", nginx_fastcgi_buffering, CHUNKED, replace(NGINX, request=FASTCGI), [*HELD_BY_NGINX, GATEWAY]),
    ("the app did not report", nginx_fastcgi_buffering, CHUNKED, replace(NGINX, request=None), [*HELD_BY_NGINX]),
    ("a rate", nginx_limit_rate, CHUNKED, replace(NGINX, flow=THROTTLED, rate_bps=4096.4),
        ["chunked: text arrived at 4096 bytes a second, with a growing delay", WHOLE, XAB_FREES, GONE]),
    ("removed", nginx_hint_taken, CHUNKED, REMOVED, [BLOCKS_4096, XAB_FREES_NOT, GONE, TELL_APART]),
    ("frames", nginx_ssi, WEBSOCKET, Seen(**CLEAN, websocket=FAILED, status=0, handshake_outcome=Outcome.UNREACHABLE, detail='"seq":0'),
        ["websocket: the app's frames arrived without the header of the response, so no client can open it [websocket-token]"]),
    ("older", response_cache, CHUNKED, replace(HOP, flow=REPLAYED, headers={"age": "7", "x-cache": "HIT", "x-cache-status": "hit", "x-varnish": "2", "via": "1.1 v"}),
        ["chunked: 1 pieces arrived before they were sent: the response is old [chunked-token chunked-token-x-accel-buffering]",
         "chunked: the response has Age: 7", "chunked: the response has X-Cache: HIT", "chunked: the response has X-Cache-Status: hit",
         "chunked: the response has X-Varnish: 2", "chunked: the response has Via: 1.1 v"]),
    ("PHP", php_output_buffering, CHUNKED, replace(HOP, request=PHP), [BLOCKS_8192, XAB_FREES_NOT, "chunked: the app is PHP/8.2 fpm-fcgi"]),
    ("compressed", php_zlib, CHUNKED, replace(HOP, request=PHP, headers=GZIP),
        [BLOCKS_8192, XAB_FREES_NOT, "chunked: the app is PHP/8.2 fpm-fcgi; the response is compressed as gzip"]),
    ("a gateway", apache_proxy_fcgi, CHUNKED, replace(HOP, request=FASTCGI, size=4096), [BLOCKS_4096, XAB_FREES_NOT, REACHED, GATEWAY]),
    ("held whole", apache_mod_fcgid, CHUNKED, replace(HOP, request=FASTCGI, size=None, kilo=HELD), [WHOLE, XAB_FREES_NOT, REACHED, GATEWAY]),
    ("another type", apache_mod_security, CHUNKED, replace(HOP, size=None, frees={XAB: NO, OTHER_TYPE: YES}),
        [WHOLE, XAB_FREES_NOT, REACHED,
         "chunked: with the content type application/octet-stream the stream flows (longest wait 0.00 s instead of 1.90 s) [chunked-token chunked-token-other-type]"]),
    ("events flow", apache_mod_security, CHUNKED, replace(HOP, size=None, other=FLOWING),
        [WHOLE, XAB_FREES_NOT, REACHED, "events: with another content type the same text flows"]),
    ("Passenger", passenger_buffer_response, CHUNKED, replace(HOP, request=RequestAtApp(server="Phusion Passenger")),
        [*HELD_BY_HOP, "chunked: the app runs under Phusion Passenger"]),
    ("ticks", haproxy_http_delay, CHUNKED, TICKING,
        ["chunked: pieces arrived in ticks of 200 ms, held for up to 210 ms [chunked-token]",
         "chunked: with an HTTP/1.0 client the stream flows (longest wait 0.00 s instead of 0.21 s) [chunked-token chunked-token-http/1.0]"]),
    ("not over HTTP/2", haproxy_http_delay, CHUNKED, replace(TICKING, frees={HTTP10: NO}, browser=replace(HOP, flow=FLOWING, http_version="2")),
        ["chunked: pieces arrived in ticks of 200 ms, held for up to 210 ms [chunked-token]", "chunked: over HTTP/2 the same stream flows"]),
    ("HTTP/1.0 untried", haproxy_http_delay, CHUNKED, replace(TICKING, frees={}),
        ["chunked: pieces arrived in ticks of 200 ms, held for up to 210 ms [chunked-token]"]),
    ("Caddy", caddy_encode, CHUNKED, CADDY, [*HELD_BY_HOP, IDENTITY_FREES, AS_GZIP, "chunked: the response has Server: Caddy"]),
    ("of no name", caddy_encode, CHUNKED, replace(CADDY, headers=ZSTD), [*HELD_BY_HOP, IDENTITY_FREES, AS_ZSTD, TWO_HOLD_ZSTD]),
    ("of no name", envoy_compressor, CHUNKED, replace(CADDY, headers=ZSTD), [*HELD_BY_HOP, IDENTITY_FREES, AS_ZSTD, TWO_HOLD_ZSTD]),
    ("Envoy", envoy_compressor, CHUNKED, replace(CADDY, headers={**ZSTD, "server": "envoy"}, frees={XAB: NO, IDENTITY: YES, NO_TRANSFORM: YES}),
        [*HELD_BY_HOP, IDENTITY_FREES, NO_TRANSFORM_FREES, AS_ZSTD, "chunked: the response has Server: envoy"]),
    ("identity tried on the other one", envoy_compressor, CHUNKED, replace(CADDY, headers={**ZSTD, "server": "envoy"}, frees={XAB: NO}, other=HELD, other_frees={IDENTITY: YES, NO_TRANSFORM: YES}),
        [*HELD_BY_HOP, "events: with a client that accepts no compression the stream flows (longest wait 0.00 s instead of 0.00 s) [events-token events-token-identity]",
         "events: with the response header Cache-Control: no-cache, no-transform the stream flows (longest wait 0.00 s instead of 0.00 s) [events-token events-token-no-transform]",
         AS_ZSTD, "chunked: the response has Server: envoy"]),
    ("its own experiments", envoy_compressor, EVENTS, replace(CADDY, transport=EVENTS, headers={**ZSTD, "server": "envoy"}, frees={XAB: NO, IDENTITY: YES, NO_TRANSFORM: YES}, other=HELD, other_frees={IDENTITY: NO, NO_TRANSFORM: NO}),
        [fact.replace("chunked", "events") for fact in (*HELD_BY_HOP, IDENTITY_FREES, NO_TRANSFORM_FREES, AS_ZSTD, "chunked: the response has Server: envoy")]),
    ("one late", haproxy_compression, CHUNKED, replace(HOP, flow=LATE, waits_for_next=True, headers=GZIP, frees={XAB: NO, IDENTITY: YES, NO_TRANSFORM: YES}),
        ["chunked: each piece arrived only with the next one [chunked-token]", *(fact.replace("; longer streams arrive in blocks of 8192 bytes", "") for fact in HELD_BY_HOP),
         IDENTITY_FREES, NO_TRANSFORM_FREES, AS_GZIP]),
    ("stored", traefik_buffering, CHUNKED, replace(HOP, size=None, headers=LENGTH, request=TRAEFIK),
        [WHOLE, XAB_FREES_NOT, REACHED, LENGTH_ADDED, "chunked: the app received x-forwarded-port, x-forwarded-server, x-real-ip, which Traefik adds"]),
    ("no response", envoy_buffer, WEBSOCKET, replace(REFUSED, status=0, handshake_outcome=Outcome.TIMEOUT, headers={"server": "envoy"}),
        ["websocket: no response to the handshake within 2.0 s, while streams on the same path flow [websocket-token]", ENVOY]),
    ("a header of its own", envoy_buffer, WEBSOCKET, replace(REFUSED, status=0, handshake_outcome=Outcome.TIMEOUT, headers={"x-envoy-upstream-service-time": "3"}),
        ["websocket: no response to the handshake within 2.0 s, while streams on the same path flow [websocket-token]", ENVOY.replace("Server: envoy", "x-envoy-upstream-service-time")]),
    ("named on the path after a control", envoy_buffer, WEBSOCKET, replace(REFUSED, status=0, handshake_outcome=Outcome.TIMEOUT, handshake_headers={"x-envoy-" + "x" * 93: "3"}),
        ["websocket: no response to the handshake within 2.0 s, while streams on the same path flow [websocket-token]",
         f"websocket: the response has x-envoy-{'x' * 92} [websocket-token]"]),
    ("no response", http_hop, WEBSOCKET, replace(REFUSED, status=0, handshake_outcome=Outcome.TIMEOUT),
        ["websocket: no response to the handshake within 2.0 s, while streams on the same path flow [websocket-token]"]),
    ("no key", envoy_allow_connect, WEBSOCKET, replace(REFUSED, handshake=NO_KEY, http_version="2", headers={"server": "envoy"}),
        [KEY_LOST, ENVOY]),
    ("no key, over HTTP/2 alone", envoy_allow_connect, WEBSOCKET, replace(REFUSED, handshake=NO_KEY, http_version="2", http1=Seen(**CLEAN)),
        [KEY_LOST, "websocket: over HTTP/1.1 the same WebSocket works"]),
    ("no key over HTTP/1.1 either", envoy_allow_connect, WEBSOCKET, replace(REFUSED, handshake=NO_KEY, http_version="2", http1=Seen(**CLEAN, websocket=FAILED)), [KEY_LOST]),
    ("a page", caddy_buffer_responses, WEBSOCKET, replace(HOP, size=None, websocket=FAILED, status=200),
        ["websocket: the response to the handshake has status 200 [websocket-token]"]),
    ("all collected", http_hop, CHUNKED, replace(HOP, stripped=True, size=None, big=HELD),
        [WHOLE, XAB_FREES_NOT, GONE, "chunked: a stream of 32000 bytes is held to its end as well, and nginx's buffers are smaller unless proxy_buffers makes them as large [chunked-big]"]),
    ("the compressor's header", caddy_encode, CHUNKED, replace(CADDY, first_read=(10, 0)),
        [*HELD_BY_HOP, IDENTITY_FREES, AS_GZIP, "chunked: the response has Server: Caddy",
         "chunked: the first read was only the compressor's header, then nothing"]),
    ("a page", caddy_buffer_responses, CHUNKED, replace(HOP, size=None, websocket=FAILED, status=200),
        [WHOLE, XAB_FREES_NOT, REACHED, "websocket: the response to the handshake has status 200 [websocket-token]"]),
    ("X-Host", lighttpd_stream_response_body, CHUNKED, replace(HOP, headers=STORED, request=X_HOST),
        [*HELD_BY_HOP, "chunked: the response has a Content-Length and Accept-Ranges that the service did not send",
         "chunked: the app received X-Host, which lighttpd adds"]),
    ("its own FastCGI", lighttpd_stream_response_body, CHUNKED, replace(HOP, headers=STORED, request=LIGHTTPD),
        [*HELD_BY_HOP, "chunked: the response has a Content-Length and Accept-Ranges that the service did not send",
         "chunked: the app runs under lighttpd/1.4.69"]),
    ("stored", varnish_do_stream, CHUNKED, replace(HOP, headers={**VARNISH, "via": "1.1 v"}),
        [BLOCKS_8192, XAB_FREES_NOT, LENGTH_ADDED, "chunked: the response has X-Varnish: 2", "chunked: the response has Via: 1.1 v"]),
    ("compressed", varnish_gzip, CHUNKED, replace(COMPRESSED_BY_VARNISH, headers={**GZIP, "x-varnish": "2", "via": "1.1 v"}, first_read=(10, 0)),
        [*HELD_BY_HOP, IDENTITY_FREES_NOT, "chunked: the response has X-Varnish: 2", "chunked: the response has Via: 1.1 v",
         "chunked: the first read was only the compressor's header, then nothing"]),
    ("queued", gunicorn_sync_worker, CHUNKED, replace(HOP, flow=LATE, queued_s=2.0),
        ["chunked: requested together with others, chunked-token began 2.0 s after the first of them, and then flowed [chunked-token]"]),
    ("queued and closed", gunicorn_sync_worker, CHUNKED, replace(HOP, flow=LATE, queued_s=2.0, headers={"connection": "Close"}),
        ["chunked: requested together with others, chunked-token began 2.0 s after the first of them, and then flowed [chunked-token]",
         "chunked: the response has Connection: close, as from gunicorn's sync worker"]),
    ("shared and queued", http2_stream_limit, CHUNKED, replace(WAITED, http_version="2"), [SHARED_AND_WAITED]),
    ("over HTTP/3", http2_stream_limit, CHUNKED, replace(WAITED, http_version="3"), [SHARED_AND_WAITED.replace("HTTP/2", "HTTP/3")]),
    ("none queued over HTTP/1.1", http2_stream_limit, CHUNKED, replace(WAITED, http_version="2", http1=HOP),
        [SHARED_AND_WAITED, "chunked: over HTTP/1.1, each on a connection of its own, no stream waited"]),
    ("killed", gunicorn_timeout, CHUNKED, replace(ALL_CUT, headers=CLOSE),
        ["chunked: cut after 1 piece at 2.0 s, as all streams were; the app runs under gunicorn/27.0.1 and closes each connection, as a sync worker does [chunked-token]"]),
    ("held alike", tcp_middlebox, CHUNKED, replace(HOP, websocket=HELD),
        [BLOCKS_8192, "websocket: held as well, and no HTTP proxy holds a WebSocket [websocket-token]"]),
    ("held alike", tcp_middlebox, WEBSOCKET, replace(HOP, websocket=HELD),
        ["websocket: 1 pieces arrived in 0 deliveries, held for up to 0.00 s [websocket-token]",
         "websocket: held as well, and no HTTP proxy holds a WebSocket [websocket-token]"]),
    ("cut alike", tcp_middlebox, EVENTS, replace(ALL_CUT, ended_s=2.2),
        ["events: cut at 2.0 s, as every other stream, WebSocket included [chunked-token events-token websocket-token]"]),
    ("a key", websocket_upgrade, WEBSOCKET, replace(REFUSED, handshake=KEY),
        ["websocket: the response to the handshake has status 400: the app received Sec-WebSocket-Key, but no Upgrade: websocket, Connection: nothing instead of upgrade [websocket-token]"]),
    ("a key over HTTP/1.0", websocket_upgrade, WEBSOCKET, replace(REFUSED, handshake=replace(KEY, protocol="HTTP/1.0", upgrade="WebSocket", connection="close")),
        ["websocket: the response to the handshake has status 400: the app received Sec-WebSocket-Key, but Connection: close instead of upgrade, HTTP/1.0 [websocket-token]"]),
    ("no key", websocket_upgrade, WEBSOCKET, replace(REFUSED, handshake=RequestAtApp(protocol="HTTP/1.0")),
        ["websocket: it does not open, and the app is called over HTTP/1.0, which cannot carry a WebSocket [websocket-token]"]),
    ("a gateway", gateway_websocket, WEBSOCKET, replace(REFUSED, handshake=FASTCGI),
        ["websocket: the app was called through a gateway (CGI/1.1), and its response to the handshake has status 400 [websocket-token]"]),
    ("a server", gateway_websocket, WEBSOCKET, replace(REFUSED, handshake=APP, status=501),
        ["websocket: the app was called through gunicorn/27.0.1, and its response to the handshake has status 501 [websocket-token]"]),
    ("no server", gateway_websocket, WEBSOCKET, replace(REFUSED, handshake=RequestAtApp(), status=501),
        ["websocket: the app was called through its server, and its response to the handshake has status 501 [websocket-token]"]),
    ("two mounts", app_layer, CHUNKED, replace(HOP, control=None, outer=FLOWING),
        [BLOCKS_8192, "chunked: at the outermost mount of the app the same stream flows [chunked-token-outer]"]),
    ("cut inside", app_layer, CHUNKED, replace(HOP, flow=CUT, kilo=CUT, control=None, outer=FLOWING, detail="the connection broke"),
        ["chunked: at the innermost mount it is cut: the connection broke [chunked-token]",
         "chunked: at the outermost mount of the app the same stream flows [chunked-token-outer]"]),
    ("refused inside, without a reason", app_layer, CHUNKED, replace(HOP, flow=FAILED, kilo=FAILED, control=None, outer=FLOWING),
        ["chunked: at the innermost mount it is failed: refused [chunked-token]",
         "chunked: at the outermost mount of the app the same stream flows [chunked-token-outer]"]),
    ("the app", app_response, CHUNKED, replace(HOP, control=HELD),
        [BLOCKS_8192, "chunked: on the service's own loopback the same stream is held, held for up to 1.00 s [chunked-token-loopback]"]),
    ("the app's port", app_response, CHUNKED, replace(HOP, control=None, direct=HELD),
        [BLOCKS_8192, "chunked: at the app's own port the same stream is held, held for up to 1.00 s [chunked-token-direct]"]),
    ("in the app", flask_compress, CHUNKED, COMPRESSED_IN_APP,
        [BLOCKS_8192, "chunked: on the service's own loopback the same stream is held too, as gzip"]),
    ("at the app's port", flask_compress, CHUNKED, replace(COMPRESSED_IN_APP, control=None, direct=HELD),
        [BLOCKS_8192, "chunked: at the app's own port the same stream is held too, as gzip"]),
    ("flows uncompressed", flask_compress, CHUNKED, replace(COMPRESSED_IN_APP, frees={IDENTITY: YES}),
        [BLOCKS_8192, "chunked: on the service's own loopback the same stream is held too, as gzip", IDENTITY_FREES]),
]  # fmt: skip


def sentences(detector, on, seen):
    detection = detector.detect(seen.observations(), on)
    return [
        f"{fact.sentence} [{' '.join(fact.probes)}]" if fact.probes else fact.sentence
        for fact in detection.evidence
    ]


@pytest.mark.parametrize(
    ("detector", "on", "seen", "expected"),
    [pytest.param(*row, id=f"{row[0].CULPRIT.id} {name}") for name, *row in ROWS],
)
def test_the_evidence_states_what_was_seen(detector, on, seen, expected):
    assert sentences(detector, on, seen) == expected


COMPRESSOR_HEADERS = [
    # first read: bytes, bytes of text    is it the compressor's header alone?
    ((10, 0),                             True),
    ((2, 0),                              True),
    ((11, 0),                             False),
    ((10, 1),                             False),
    ((0, 0),                              False),
]  # fmt: skip


@pytest.mark.parametrize(("first_read", "header_alone"), COMPRESSOR_HEADERS)
def test_a_compressors_header_alone_is_evidence(first_read, header_alone):
    facts = " ".join(sentences(caddy_encode, CHUNKED, replace(CADDY, first_read=first_read)))
    assert ("only the compressor's header" in facts) is header_alone


def test_a_long_header_is_cut_in_the_evidence():
    facts = sentences(http_hop, CHUNKED, replace(HOP, headers={"via": "x" * 101}))
    assert facts[3] == f"chunked: the response has Via: {'x' * 100}"
