"""Each detector, with a row on either side of everything that it asks of a run.

The first row of a culprit is what convicts it; each further row changes one thing of that.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.culprits import (
    DETECTORS,
    FALLBACK_DETECTORS,
    apache_mod_fcgid,
    apache_mod_security,
    apache_proxy_fcgi,
    app_response,
    caddy_buffer_responses,
    caddy_encode,
    flask_compress,
    gateway_websocket,
    gunicorn_sync_worker,
    gunicorn_timeout,
    haproxy_http_delay,
    http_hop,
    lighttpd_stream_response_body,
    nginx_fastcgi_buffering,
    nginx_gzip,
    nginx_hint_taken,
    nginx_ignore_headers,
    nginx_limit_rate,
    nginx_proxy_buffering,
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
from flushcheck.measurement.answer import Answer
from flushcheck.model import Confidence, Flow, Outcome, RequestAtApp, Transport, Variant
from tests.culprits.seen import APP, Seen, Stated

CERTAIN, LIKELY, POSSIBLE = Confidence
YES, NO, NOT_TRIED = Answer
XAB, IDENTITY, HTTP10, OTHER_TYPE = Variant.XAB, Variant.IDENTITY, Variant.HTTP10, Variant.OTHER_TYPE
FLOWING, HELD, BLOCKS, TICKS = Flow.FLOWING, Flow.HELD, Flow.BLOCKS, Flow.TICKS
LATE, THROTTLED, CUT, FAILED, REPLAYED, UNKNOWN = (
    Flow.LATE, Flow.THROTTLED, Flow.CUT, Flow.FAILED, Flow.REPLAYED, Flow.UNKNOWN,
)  # fmt: skip
CHUNKED, EVENTS, WEBSOCKET, POLLING = (
    Transport.CHUNKED,
    Transport.EVENTS,
    Transport.WEBSOCKET,
    Transport.POLLING,
)

GZIP = {"content-encoding": "gzip"}
LENGTH = {"content-length": "60"}
CLOSE = {"connection": "close"}
OLD_HTTP = RequestAtApp(protocol="HTTP/1.0", server="gunicorn/27.0.1")
FASTCGI = RequestAtApp(protocol="HTTP/1.1", gateway="CGI/1.1", server="Apache/2.4")
UWSGI = RequestAtApp(protocol="HTTP/1.1", gateway="uwsgi")
SCGI = RequestAtApp(protocol="HTTP/1.1", gateway="SCGI/1")
PHP = RequestAtApp(gateway="CGI/1.1", server="PHP/8.2 fpm-fcgi")
CLEAN = {"flow": FLOWING, "kilo": FLOWING, "size": None}

NGINX = Seen(frees={XAB: YES}, stripped=True, request=OLD_HTTP)  # obeyed the header and removed it
REMOVED = Seen(stripped=True, size=4096)  # removed it, and the stream is held all the same
HOP = Seen()  # the header arrived and changed nothing


def compressed(answer: Answer) -> dict[str, object]:
    """A hold of compressed text, and whether it flows uncompressed."""
    return {"headers": GZIP, "frees": {XAB: YES, IDENTITY: answer}}


# Each: name, what is changed, the confidence that is left; None: not named.
BUFFERING = [
    ("held, flows with the header",   {},                                         CERTAIN),
    ("over HTTP/1.1",                 {"request": APP},                           CERTAIN),
    ("the app did not report",        {"request": None},                          LIKELY),
    ("held in blocks",                {"flow": BLOCKS},                           CERTAIN),
    ("only larger pieces are held",   {"flow": FLOWING},                          CERTAIN),
    ("nothing is held",               CLEAN,                                      None),
    ("does not flow with it",         {"frees": {XAB: NO}},                       None),
    ("not tried",                     {"frees": {XAB: NOT_TRIED}},                None),
    ("the header arrived",            {"stripped": False},                        None),
    ("at a constant rate",            {"flow": THROTTLED},                        None),
    ("a gateway",                     {"request": FASTCGI},                       None),
    ("compression alone",             compressed(YES),                            None),
    ("compressed or not",             compressed(NO),                             CERTAIN),
    ("compressed, identity untried",  compressed(NOT_TRIED),                      POSSIBLE),
]  # fmt: skip

COMPRESSION = [
    ("compression alone",             {},                                         CERTAIN),
    ("compressed or not",             compressed(NO),                             None),
    ("compressed, identity untried",  compressed(NOT_TRIED),                      POSSIBLE),
    ("not compressed",                {"headers": {}},                            None),
    ("the header arrived",            {"stripped": False},                        None),
    ("does not flow with it",         {"frees": {XAB: NO, IDENTITY: YES}},        None),
    ("identity on the other one",     {"frees": {XAB: YES}, "other": HELD, "other_frees": {IDENTITY: YES}}, CERTAIN),
    ("the other is not compressed",   {"frees": {XAB: YES}, "other": HELD, "other_headers": {}, "other_frees": {IDENTITY: YES}}, POSSIBLE),
    ("no effect on the other one",    {"frees": {XAB: YES}, "other": HELD, "other_frees": {IDENTITY: NO}},  None),
]  # fmt: skip

GATEWAY = [
    ("held, flows with the header",   {},                                         CERTAIN),
    ("the app did not report",        {"request": None},                          POSSIBLE),
    ("no gateway",                    {"request": APP},                           None),
    ("the header arrived",            {"stripped": False},                        None),
    ("at a constant rate",            {"flow": THROTTLED},                        None),
    ("compression alone",             compressed(YES),                            None),
    ("compressed or not",             compressed(NO),                             CERTAIN),
    ("compressed, identity untried",  compressed(NOT_TRIED),                      POSSIBLE),
]  # fmt: skip

WITHOUT_EFFECT = [
    ("removed, and held in blocks",   {},                                         POSSIBLE),
    ("the app did not report",        {"request": None},                          POSSIBLE),
    ("in blocks at token size",       {"flow": BLOCKS},                           POSSIBLE),
    ("in ticks",                      {"flow": TICKS},                            None),
    ("late",                          {"flow": LATE},                             None),
    ("no size",                       {"size": None},                             None),
    ("the header arrived",            {"stripped": False},                        None),
    ("flows with it",                 {"frees": {XAB: YES}},                      None),
    ("not tried",                     {"frees": {XAB: NOT_TRIED}},                None),
    ("PHP, nginx's own size",         {"request": PHP, "size": 4088},             POSSIBLE),
    ("PHP, more than nginx's",        {"request": PHP, "size": 4089},             None),
]  # fmt: skip

PASSED_THROUGH = [  # what every culprit asks for that is not nginx
    ("flows with the header",         {"frees": {XAB: YES}},                      None),
    ("the header was not tried",      {"frees": {XAB: NOT_TRIED}},                None),
    ("the header was removed",        {"stripped": True},                         None),
    ("nothing is held",               CLEAN,                                      None),
    ("the control is held",           {"control": HELD},                          None),
]  # fmt: skip

HTTP_HOP = [
    ("held, control flows",           {},                                         LIKELY),
    ("no control",                    {"control": None},                          POSSIBLE),
    ("no control but the app's port", {"control": None, "direct": FLOWING},       LIKELY),
    ("the WebSocket is unclear",      {"websocket": UNKNOWN},                     None),
    *PASSED_THROUGH,
    ("further out than the nginx",    {"stripped": True, "headers": LENGTH},      LIKELY),
    ("in ticks, further out",         {"stripped": True, "headers": LENGTH, "flow": TICKS}, None),
    ("PHP, further out",              {"stripped": True, "headers": LENGTH, "request": PHP, "size": None}, None),
    ("a rate, WebSocket flows",       {"flow": THROTTLED},                        LIKELY),
    ("a rate for all",                {"flow": THROTTLED, "websocket": THROTTLED}, None),
    ("a rate, the header untried",    {"flow": THROTTLED, "frees": {}},           None),
    ("a rate for larger pieces",      {"flow": FLOWING, "kilo": THROTTLED, "websocket_at_kilo": FLOWING}, LIKELY),
    ("... and WebSocket untried",     {"flow": FLOWING, "kilo": THROTTLED},       None),
    ("cut, WebSocket is not",         {**CLEAN, "flow": CUT},                     LIKELY),
    ("cut, as is the WebSocket",      {**CLEAN, "flow": CUT, "websocket": CUT},   None),
]  # fmt: skip

REFUSED = [
    ("refused, not by the app",       {"status": 404},                            POSSIBLE),
    ("refused by the app",            {"status": 404, "handshake": APP},          None),
    ("no response",                   {"status": 0},                              None),
    ("refused after a 101",           {"status": 101},                            None),
    ("opened",                        {"status": 404, "websocket": FLOWING},      None),
]  # fmt: skip

REPLAY = [
    ("older than the request",        {},                                         CERTAIN),
    ("held",                          {"flow": HELD},                             None),
    ("an older stream elsewhere",     {"flow": HELD, "other": REPLAYED},          None),
]  # fmt: skip

PHP_APP = [
    ("the web server is a Python one", {"request": APP},                          None),
    ("the app did not report",        {"request": None},                          None),
    ("flows with the header",         {"frees": {XAB: YES}},                      None),
    ("the header was not tried",      {"frees": {XAB: NOT_TRIED}},                None),
    ("nothing is held",               CLEAN,                                      None),
]  # fmt: skip

PHP_BUFFER = [
    ("PHP's block",                   {},                                         LIKELY),
    ("the smallest of PHP's",         {"size": 8100},                             LIKELY),
    ("smaller",                       {"size": 8099},                             POSSIBLE),
    ("the largest of PHP's",          {"size": 8192},                             LIKELY),
    ("larger",                        {"size": 8193},                             POSSIBLE),
    ("no size",                       {"size": None},                             POSSIBLE),
    ("a Content-Length",              {"headers": LENGTH},                        None),
    ("compressed",                    {"headers": GZIP},                          None),
    *PHP_APP,
]  # fmt: skip

PHP_COMPRESSOR = [("compressed", {}, LIKELY), ("not compressed", {"headers": {}}, None), *PHP_APP]

FCGI = [
    ("a block of 4096",               {},                                         LIKELY),
    ("the smallest",                  {"size": 3900},                             LIKELY),
    ("smaller",                       {"size": 3899},                             None),
    ("the largest",                   {"size": 5700},                             LIKELY),
    ("larger",                        {"size": 5701},                             None),
    ("no size",                       {"size": None},                             None),
    ("no gateway",                    {"request": APP},                           None),
    ("the app did not report",        {"request": None},                          None),
    ("a Content-Length",              {"headers": LENGTH},                        None),
    *PASSED_THROUGH,
]  # fmt: skip

FCGID = [
    ("a block of 64 KiB",             {},                                         LIKELY),
    ("smaller",                       {"size": 65_535},                           None),
    ("held whole",                    {"size": None, "kilo": HELD},               POSSIBLE),
    ("blocks without a size",         {"size": None, "kilo": BLOCKS},             None),
    ("no gateway",                    {"request": APP},                           None),
    ("the app did not report",        {"request": None},                          None),
    ("a Content-Length",              {"headers": LENGTH},                        None),
    *PASSED_THROUGH,
]  # fmt: skip

MOD_SECURITY = [
    ("flows as another type",         {},                                         LIKELY),
    ("held as another type",          {"frees": {XAB: NO, OTHER_TYPE: NO}},       None),
    ("another type untried",          {"frees": {XAB: NO}},                       None),
    ("event streams flow",            {"frees": {XAB: NO}, "other": FLOWING},     LIKELY),
    ("event streams are held",        {"frees": {XAB: NO}, "other": HELD},        None),
    ("in blocks",                     {"flow": BLOCKS},                           None),
    ("blocks of a size",              {"size": 4096},                             None),
    ("compressed",                    {"headers": GZIP},                          None),
    ("a Content-Length",              {"headers": LENGTH},                        None),
    ("the header was removed",        {"stripped": True},                         None),
    ("flows with the header",         {"frees": {XAB: YES, OTHER_TYPE: YES}},     None),
]  # fmt: skip

PASSENGER = [
    ("Passenger runs the app",        {},                                         LIKELY),
    ("another server",                {"request": APP},                           None),
    ("the app did not report",        {"request": None},                          None),
    *PASSED_THROUGH,
]  # fmt: skip

HAPROXY = [
    ("ticks, not over HTTP/1.0",      {},                                         LIKELY),
    ("HTTP/1.0 was not tried",        {"frees": {}},                              POSSIBLE),
    ("HTTP/1.0 did not tell",         {"frees": {HTTP10: NOT_TRIED}},             None),
    ("ticks over HTTP/1.0 too",       {"frees": {HTTP10: NO}},                    None),
    ("over HTTP/1.0 here alone",      {"frees": {HTTP10: NO}, "other": TICKS, "other_frees": {HTTP10: YES}}, None),
    ("tried on the other one",        {"frees": {}, "other": TICKS, "other_frees": {HTTP10: YES}}, LIKELY),
    ("... without effect",            {"frees": {}, "other": TICKS, "other_frees": {HTTP10: NO}},  None),
    ("the shortest tick",             {"period_s": 0.15},                         LIKELY),
    ("shorter",                       {"period_s": 0.149},                        None),
    ("the longest tick",              {"period_s": 0.35},                         LIKELY),
    ("longer",                        {"period_s": 0.351},                        None),
    ("the longest wait",              {"lag_s": 0.35},                            LIKELY),
    ("a longer wait",                 {"lag_s": 0.351},                           None),
    ("held",                          {"flow": HELD},                             None),
    ("the WebSocket ticks too",       {"websocket": TICKS},                       None),
    ("the control ticks too",         {"control": TICKS},                         None),
]  # fmt: skip

CADDY_ENCODE = [
    ("Caddy, compressed",             {},                                         LIKELY),
    ("another server",                {"headers": {**GZIP, "server": "squid"}},   None),
    ("not compressed",                {"headers": {"server": "Caddy"}},           None),
    ("held uncompressed too",         {"frees": {XAB: NO, IDENTITY: NO}},         None),
    ("identity untried",              {"frees": {XAB: NO}},                       None),
    ("the header was removed",        {"stripped": True},                         None),
]  # fmt: skip

CADDY_BUFFER = [
    ("a handshake with 200",          {},                                         LIKELY),
    ("no name",                       {"headers": {}},                            POSSIBLE),
    ("a handshake with 400",          {"status": 400},                            None),
    ("no WebSocket tried",            {"websocket": None},                        None),
    ("a Content-Length",              {"headers": LENGTH},                        None),
    ("compressed",                    {"headers": GZIP},                          None),
    ("blocks of a size",              {"size": 4096},                             None),
    *PASSED_THROUGH,
]  # fmt: skip

STORED = {**LENGTH, "accept-ranges": "bytes"}
LIGHTTPD = [
    ("stored, X-Host",                {},                                         LIKELY),
    ("stored, its own FastCGI",       {"request": RequestAtApp(gateway="CGI/1.1", server="lighttpd/1.4.69")}, LIKELY),
    ("stored by no name",             {"request": APP},                           POSSIBLE),
    ("the app did not report",        {"request": None},                          POSSIBLE),
    ("no Accept-Ranges",              {"headers": LENGTH},                        None),
    ("no Content-Length",             {"headers": {"accept-ranges": "bytes"}},    None),
    ("Varnish",                       {"headers": {**STORED, "x-varnish": "2"}},  None),
    *PASSED_THROUGH,
]  # fmt: skip

VARNISH = {**LENGTH, "x-varnish": "2"}
VARNISH_STREAM = [
    ("stored by Varnish",             {},                                         LIKELY),
    ("no Content-Length",             {"headers": {"x-varnish": "2"}},            None),
    ("no X-Varnish",                  {"headers": LENGTH},                        None),
    ("flows with the header",         {"frees": {XAB: YES}},                      None),
    ("the header was not tried",      {"frees": {XAB: NOT_TRIED}},                None),
    ("an nginx behind it",            {"stripped": True},                         LIKELY),
    ("nothing is held",               CLEAN,                                      None),
    ("the control is held",           {"control": HELD},                          None),
]  # fmt: skip

VARNISH_GZIP = [
    ("compressed for all",            {},                                         LIKELY),
    ("flows uncompressed",            {"frees": {XAB: NO, IDENTITY: YES}},        None),
    ("identity untried",              {"frees": {XAB: NO}},                       None),
    ("no X-Varnish",                  {"headers": GZIP},                          None),
    ("not compressed",                {"headers": {"x-varnish": "2"}},            None),
    ("a Content-Length",              {"headers": {**GZIP, **VARNISH}},           None),
    ("the header was removed",        {"stripped": True},                         None),
]  # fmt: skip

QUEUED = [
    ("began later",                   {},                                         LIKELY),
    ("began at once",                 {"queued_s": 0.0},                          None),
    ("no gunicorn",                   {"request": PHP},                           None),
    ("the app did not report",        {"request": None},                          None),
]  # fmt: skip

KILLED = [
    ("all cut, each closed",          {},                                         POSSIBLE),
    ("connections stay open",         {"headers": {"connection": "keep-alive"}},  None),
    ("events flow",                   {"other": FLOWING},                         None),
    ("the WebSocket flows",           {"websocket": FLOWING},                     None),
    ("the others were not tried",     {"other": None, "websocket": None},         POSSIBLE),
    ("no gunicorn",                   {"polling": PHP},                           None),
    ("no poll",                       {"polling": None},                          None),
    ("not cut",                       {"flow": HELD, "kilo": HELD},               None),
]  # fmt: skip

BELOW_HTTP = [
    ("the WebSocket is held too",     {},                                         LIKELY),
    ("in blocks and ticks",           {"flow": BLOCKS, "websocket": TICKS},       LIKELY),
    ("late",                          {"flow": LATE},                             None),
    ("the WebSocket is late",         {"websocket": LATE},                        None),
    ("the WebSocket flows",           {"websocket": FLOWING},                     None),
    ("the control is held",           {"control": HELD},                          None),
    ("no poll",                       {"polling": None},                          None),
]  # fmt: skip

SAME_AGE = [
    ("cut at the same age",           {},                                         POSSIBLE),
    ("the ages are alike",            {"ended_s": 0.5, "websocket_ended_s": 0.5, "other_ended_s": 0.9}, POSSIBLE),
    ("the ages differ",               {"other_ended_s": 2.41},                    None),
    ("events flow",                   {"other": FLOWING},                         None),
    ("events were not tried",         {"other": None},                            None),
    ("the WebSocket flows",           {"websocket": FLOWING},                     None),
    ("cut before the first piece",    {"empty": True},                            None),
    ("a worker that closes",          {"headers": CLOSE},                         None),
]  # fmt: skip

KEY = RequestAtApp(protocol="HTTP/1.1", websocket_key=True)
WHOLE = replace(KEY, upgrade="websocket", connection="upgrade")
UPGRADE = [
    ("a key, no Upgrade",             {},                                         CERTAIN),
    ("no Upgrade alone",              {"handshake": replace(WHOLE, upgrade="")},  CERTAIN),
    ("no Connection alone",           {"handshake": replace(WHOLE, connection="close")}, CERTAIN),
    ("HTTP/1.0 alone",                {"handshake": replace(WHOLE, protocol="HTTP/1.0")}, CERTAIN),
    ("a whole handshake",             {"handshake": WHOLE},                       None),
    ("a gateway",                     {"handshake": replace(KEY, gateway="CGI/1.1")}, None),
    ("no key, HTTP/1.0",              {"handshake": RequestAtApp(protocol="HTTP/1.0")}, LIKELY),
    ("no key, HTTP/1.1",              {"handshake": RequestAtApp(protocol="HTTP/1.1")}, None),
    ("it did not reach the app",      {"handshake": None},                        None),
    ("it opened",                     {"websocket": FLOWING},                     None),
    ("it was not tried",              {"websocket": None},                        None),
]  # fmt: skip

NO_WEBSOCKET = [
    ("a gateway",                     {},                                         CERTAIN),
    ("a server that has none",        {"handshake": APP, "status": 501},          CERTAIN),
    ("another refusal",               {"handshake": APP, "status": 500},          None),
    ("it did not reach the app",      {"handshake": None},                        None),
    ("it opened",                     {"websocket": FLOWING},                     None),
    ("it was not tried",              {"websocket": None},                        None),
]  # fmt: skip

OWN_HOLD = [
    ("the control is held",           {},                                         CERTAIN),
    ("held at its own port",          {"control": None, "direct": HELD},          CERTAIN),
    ("the control flows",             {"control": FLOWING},                       None),
    ("no control",                    {"control": None},                          None),
    ("the control is compressed",     {"control_headers": GZIP},                  None),
    ("nothing is held",               CLEAN,                                      None),
]  # fmt: skip

OWN_COMPRESSOR = [
    ("the control is compressed",     {},                                         LIKELY),
    ("it is not compressed",          {"control_headers": {}},                    None),
    ("the control flows",             {"control": FLOWING},                       None),
    ("no control",                    {"control": None},                          None),
    ("nothing is held",               CLEAN,                                      None),
]  # fmt: skip

INCLUDES = [
    ("frames without a header",       {},                                         LIKELY),
    ("a header came",                 {"status": 101},                            None),
    ("other bytes came",              {"detail": "no response in HTTP: 220 mail"}, None),
    ("refused",                       {"handshake_outcome": Outcome.REFUSED},     None),
    ("nothing flows",                 {"flow": HELD},                             None),
    ("events flow",                   {"flow": HELD, "other": FLOWING},           LIKELY),
    ("it was not tried",              {"websocket": None},                        None),
]  # fmt: skip

ALL_CUT = Seen(**{**CLEAN, "flow": CUT}, other=CUT, websocket=CUT)

TABLES = [
    # detector, on, what convicts it, the rows
    (nginx_proxy_buffering, CHUNKED, NGINX, BUFFERING),
    (nginx_gzip, CHUNKED, replace(NGINX, **compressed(YES)), COMPRESSION),
    (nginx_fastcgi_buffering, CHUNKED, replace(NGINX, request=FASTCGI), [*GATEWAY, ("uwsgi", {"request": UWSGI}, None)]),
    (nginx_uwsgi_buffering, CHUNKED, replace(NGINX, request=UWSGI), [*GATEWAY, ("SCGI", {"request": SCGI}, None)]),
    (nginx_scgi_buffering, CHUNKED, replace(NGINX, request=SCGI), [*GATEWAY, ("FastCGI", {"request": FASTCGI}, None)]),
    (nginx_limit_rate, CHUNKED, replace(NGINX, flow=THROTTLED), [
        ("a constant rate", {}, CERTAIN), ("held", {"flow": HELD}, None), ("no nginx", {"stripped": False}, None),
    ]),
    (nginx_hint_taken, CHUNKED, REMOVED, WITHOUT_EFFECT),
    (nginx_ignore_headers, CHUNKED, REMOVED, WITHOUT_EFFECT),
    (nginx_ssi, WEBSOCKET, Seen(**CLEAN, websocket=FAILED, status=0, handshake_outcome=Outcome.UNREACHABLE, detail='came: {"seq":0'), INCLUDES),
    (nginx_ssi, CHUNKED, Seen(**{**CLEAN, "flow": FAILED}, outcome=Outcome.UNREACHABLE, detail='came: {"seq":0', other=FLOWING), [
        ("no WebSocket", {}, None),
    ]),
    (http_hop, CHUNKED, HOP, HTTP_HOP),
    (http_hop, WEBSOCKET, Seen(**CLEAN, websocket=FAILED), REFUSED),
    (http_hop, CHUNKED, Seen(**{**CLEAN, "flow": FAILED}, request=None), [("refused, and no handshake", {}, None)]),
    (http_hop, POLLING, Seen(**CLEAN, polling_flow=CUT), [("a poll that is cut", {}, None)]),
    (response_cache, CHUNKED, replace(HOP, flow=REPLAYED), REPLAY),
    (php_output_buffering, CHUNKED, replace(HOP, request=PHP, size=8184), PHP_BUFFER),
    (php_zlib, CHUNKED, replace(HOP, request=PHP, headers=GZIP), PHP_COMPRESSOR),
    (apache_proxy_fcgi, CHUNKED, replace(HOP, request=FASTCGI, size=4096), FCGI),
    (apache_mod_fcgid, CHUNKED, replace(HOP, request=FASTCGI, size=65_536), FCGID),
    (apache_mod_security, CHUNKED, replace(HOP, size=None, frees={XAB: NO, OTHER_TYPE: YES}), MOD_SECURITY),
    (passenger_buffer_response, CHUNKED, replace(HOP, request=RequestAtApp(server="Phusion Passenger")), PASSENGER),
    (haproxy_http_delay, CHUNKED, replace(HOP, flow=TICKS, period_s=0.2, lag_s=0.2, frees={HTTP10: YES}), HAPROXY),
    (caddy_encode, CHUNKED, replace(HOP, headers={**GZIP, "server": "Caddy"}, frees={XAB: NO, IDENTITY: YES}), CADDY_ENCODE),
    (caddy_buffer_responses, CHUNKED, replace(HOP, size=None, headers={"server": "Caddy"}, websocket=FAILED, status=200), CADDY_BUFFER),
    (lighttpd_stream_response_body, CHUNKED, replace(HOP, headers=STORED, request=replace(APP, forwarded=("x-host",))), LIGHTTPD),
    (varnish_do_stream, CHUNKED, replace(HOP, headers=VARNISH), VARNISH_STREAM),
    (varnish_gzip, CHUNKED, replace(HOP, headers={**GZIP, "x-varnish": "2"}, frees={XAB: NO, IDENTITY: NO}), VARNISH_GZIP),
    (gunicorn_sync_worker, CHUNKED, replace(HOP, flow=LATE, queued_s=2.0), QUEUED),
    (gunicorn_timeout, CHUNKED, replace(ALL_CUT, headers=CLOSE), KILLED),
    (gunicorn_timeout, POLLING, replace(ALL_CUT, headers=CLOSE), [("a poll", {}, None)]),
    (tcp_middlebox, CHUNKED, replace(HOP, websocket=HELD), BELOW_HTTP),
    (tcp_middlebox, WEBSOCKET, replace(HOP, websocket=HELD), [
        ("HTTP is held", {}, LIKELY), ("HTTP flows", CLEAN, None), ("HTTP is late", {"flow": LATE}, None),
    ]),
    (tcp_middlebox, POLLING, replace(HOP, websocket=HELD), [("the poll flows", {}, None)]),
    (tcp_middlebox, EVENTS, ALL_CUT, SAME_AGE),
    (tcp_middlebox, POLLING, ALL_CUT, [("a poll", {}, None)]),
    (websocket_upgrade, WEBSOCKET, Seen(**CLEAN, websocket=FAILED, status=400, handshake=KEY), UPGRADE),
    (websocket_upgrade, CHUNKED, Seen(**{**CLEAN, "flow": FAILED}, request=KEY), [("no WebSocket", {}, None)]),
    (gateway_websocket, WEBSOCKET, Seen(**CLEAN, websocket=FAILED, status=400, handshake=FASTCGI), NO_WEBSOCKET),
    (gateway_websocket, CHUNKED, Seen(**{**CLEAN, "flow": FAILED}, request=FASTCGI), [("no WebSocket", {}, None)]),
    (app_response, CHUNKED, replace(HOP, control=HELD), OWN_HOLD),
    (flask_compress, CHUNKED, replace(HOP, control=HELD, control_headers=GZIP), OWN_COMPRESSOR),
]  # fmt: skip

ROWS = [
    pytest.param(detector, on, replace(guilty, **changes), confidence, id=f"{detector.CULPRIT.id}: {name}")
    for detector, on, guilty, rows in TABLES
    for name, changes, confidence in rows
]


@pytest.mark.parametrize(("detector", "on", "seen", "confidence"), ROWS)
def test_what_a_detector_makes_of_a_run(detector, on, seen, confidence):
    detection = detector.detect(seen.observations(), on)
    assert (detection.confidence if detection else None) is confidence
    if detection is not None:
        assert detection.culprit is detector.CULPRIT
        assert detection.evidence


def test_every_detector_has_a_table():
    # Silent streams have a table of their own: tests/measurement/test_idle_timeouts.py.
    tabled = {detector.CULPRIT.id for detector, *_ in TABLES} | {"idle-timeout"}
    assert tabled == {detector.CULPRIT.id for detector in (*DETECTORS, *FALLBACK_DETECTORS)}


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize(
    "detector", (*DETECTORS, *FALLBACK_DETECTORS), ids=lambda detector: detector.CULPRIT.id
)
def test_a_run_without_probes_shows_nothing(detector, transport):
    assert detector.detect(Stated({}, {}), transport) is None


COMPRESSOR_HEADERS = [
    # first read: bytes, bytes of text    is it the compressor's header alone?
    ((10, 0),                             True),
    ((2, 0),                              True),
    ((11, 0),                             False),
    ((10, 1),                             False),
    ((0, 0),                              False),
]  # fmt: skip

CADDY = Seen(headers={**GZIP, "server": "Caddy"}, frees={XAB: NO, IDENTITY: YES})
SENTENCES = [
    # detector             on        run                                                                  in its evidence
    (http_hop,             CHUNKED,  HOP,                                                                 "chunked: that header reached the reader"),
    (http_hop,             CHUNKED,  replace(HOP, headers=LENGTH),                                        "a Content-Length that the service did not send"),
    (http_hop,             CHUNKED,  replace(HOP, headers={"via": "1.1 box"}),                            "the response has Via: 1.1 box"),
    (http_hop,             CHUNKED,  replace(HOP, frees={XAB: NO, IDENTITY: YES}, headers=GZIP),          "with a client that accepts no compression the stream flows"),
    (http_hop,             CHUNKED,  replace(HOP, stripped=True, headers=LENGTH),                         "the hop that added it is further out"),
    (http_hop,             CHUNKED,  replace(HOP, control=None, direct=FLOWING),                          "at the app's own port the same stream flows"),
    (nginx_proxy_buffering, CHUNKED, NGINX,                                                               "the app was called over HTTP/1.0"),
    (nginx_gzip,           CHUNKED,  replace(NGINX, headers=GZIP, other=HELD, other_frees={IDENTITY: YES}), "events: with a client that accepts no compression"),
    (caddy_encode,         CHUNKED,  CADDY,                                                               "the response has Server: Caddy"),
    (varnish_do_stream,    CHUNKED,  replace(HOP, headers={**VARNISH, "via": "1.1 v"}),                   "the response has Via: 1.1 v"),
    (response_cache,       CHUNKED,  replace(HOP, flow=REPLAYED, headers={"age": "7"}),                   "the response has Age: 7"),
    (gunicorn_sync_worker, CHUNKED,  replace(HOP, flow=LATE, queued_s=2.0, headers=CLOSE),                "Connection: close, as from gunicorn's sync worker"),
    (gateway_websocket,    WEBSOCKET, Seen(**CLEAN, websocket=FAILED, handshake=FASTCGI),                 "called through a gateway (CGI/1.1)"),
    (gateway_websocket,    WEBSOCKET, Seen(**CLEAN, websocket=FAILED, handshake=APP, status=501),         "called through gunicorn/27.0.1"),
    (gateway_websocket,    WEBSOCKET, Seen(**CLEAN, websocket=FAILED, handshake=RequestAtApp(), status=501), "called through its server"),
    (websocket_upgrade,    WEBSOCKET, Seen(**CLEAN, websocket=FAILED, handshake=KEY),                     "no Upgrade: websocket, Connection: nothing instead of upgrade"),
    (websocket_upgrade,    WEBSOCKET, Seen(**CLEAN, websocket=FAILED, handshake=replace(KEY, connection="close")), "Connection: close instead"),
    (haproxy_http_delay,   CHUNKED,  replace(HOP, flow=TICKS, period_s=0.2, lag_s=0.21, frees={}),        "in ticks of 200 ms, held for up to 210 ms"),
    (flask_compress,       CHUNKED,  replace(HOP, control=HELD, control_headers=GZIP, frees={IDENTITY: YES}), "with a client that accepts no compression the stream flows"),
    (lighttpd_stream_response_body, CHUNKED, replace(HOP, headers=STORED, request=replace(APP, forwarded=("x-host",))), "the app received X-Host"),
]  # fmt: skip


@pytest.mark.parametrize(("detector", "on", "seen", "sentence"), SENTENCES)
def test_the_evidence_names_the_fact(detector, on, seen, sentence):
    detection = detector.detect(seen.observations(), on)
    assert sentence in " ".join(fact.sentence for fact in detection.evidence)


ABSENT = [
    # detector             run                                                    not in its evidence
    (http_hop,             HOP,                                                   "Content-Length"),
    (http_hop,             replace(HOP, frees={XAB: NO, IDENTITY: NO}),           "compression"),
    (gunicorn_sync_worker, replace(HOP, flow=LATE, queued_s=2.0),                 "Connection: close"),
    (nginx_proxy_buffering, replace(NGINX, request=APP),                          "was called over"),
]  # fmt: skip


@pytest.mark.parametrize(("detector", "seen", "words"), ABSENT)
def test_the_evidence_names_no_fact_that_was_not_seen(detector, seen, words):
    detection = detector.detect(seen.observations(), CHUNKED)
    assert words not in " ".join(fact.sentence for fact in detection.evidence)


@pytest.mark.parametrize(("first_read", "header_alone"), COMPRESSOR_HEADERS)
def test_a_compressors_header_alone_is_evidence(first_read, header_alone):
    detection = caddy_encode.detect(replace(CADDY, first_read=first_read).observations(), CHUNKED)
    sentences = " ".join(fact.sentence for fact in detection.evidence)
    assert ("only the compressor's header" in sentences) is header_alone


def test_a_long_header_is_cut_in_the_evidence():
    detection = http_hop.detect(replace(HOP, headers={"via": "x" * 101}).observations(), CHUNKED)
    assert f"Via: {'x' * 100}" == detection.evidence[3].sentence.removeprefix("chunked: the response has ")
