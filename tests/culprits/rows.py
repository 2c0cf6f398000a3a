"""What each other detector asks of a run: a row on either side of every condition."""

from __future__ import annotations

from dataclasses import replace

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
from flushcheck.model import Outcome, RequestAtApp, Variant
from tests.culprits.seen import (
    APP,
    BLOCKS,
    CERTAIN,
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
    LIKELY,
    NO,
    NO_TRANSFORM,
    NOT_TRIED,
    OTHER_TYPE,
    PADDED,
    PHP,
    POLLING,
    POSSIBLE,
    REPLAYED,
    THROTTLED,
    TICKS,
    TIMEOUT,
    UNKNOWN,
    WEBSOCKET,
    XAB,
    YES,
    Row,
    Seen,
    Table,
)

PASSED_THROUGH: list[Row] = [  # what every culprit asks for that is not nginx
    ("flows with the header",         {"frees": {XAB: YES}},                      None),
    ("the header was not tried",      {"frees": {XAB: NOT_TRIED}},                None),
    ("the header was removed",        {"stripped": True},                         None),
    ("nothing is held",               CLEAN,                                      None),
    ("the control is held",           {"control": HELD},                          None),
]  # fmt: skip

HTTP_HOP: list[Row] = [
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
    ("cut on a shared connection",    {**CLEAN, "flow": CUT, "http_version": "2"}, None),
]  # fmt: skip

ALL_COLLECTED: list[Row] = [
    ("the largest pieces are held",   {},                                         POSSIBLE),
    ("they are not",                  {"big": BLOCKS},                            None),
    ("they were not tried",           {"big": None},                              None),
    ("compressed",                    {"headers": GZIP},                          None),
    ("no control",                    {"control": None},                          None),
    ("the control is held",           {"control": HELD},                          None),
    ("flows with the header",         {"frees": {XAB: YES}},                      None),
    ("in ticks",                      {"flow": TICKS},                            None),
]  # fmt: skip

REFUSED: list[Row] = [
    ("refused, not by the app",       {"status": 404},                            POSSIBLE),
    ("refused by the app",            {"status": 404, "handshake": APP},          None),
    ("no response",                   {"status": 0},                              None),
    ("refused after a 101",           {"status": 101},                            None),
    ("opened",                        {"status": 404, "websocket": FLOWING},      None),
    ("no response in time",           {"status": 0, "handshake_outcome": TIMEOUT}, POSSIBLE),
]  # fmt: skip

REPLAY: list[Row] = [
    ("older than the request",        {},                                         CERTAIN),
    ("held",                          {"flow": HELD},                             None),
    ("an older stream elsewhere",     {"flow": HELD, "other": REPLAYED},          None),
]  # fmt: skip

PHP_APP: list[Row] = [
    ("the web server is a Python one", {"request": APP},                          None),
    ("the app did not report",        {"request": None},                          None),
    ("flows with the header",         {"frees": {XAB: YES}},                      None),
    ("the header was not tried",      {"frees": {XAB: NOT_TRIED}},                None),
    ("it flushes by itself",          {"frees": {XAB: NO, Variant.FLUSH: NO}},    None),
    ("nothing is held",               CLEAN,                                      None),
]  # fmt: skip

PHP_BUFFER: list[Row] = [
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

PHP_COMPRESSOR: list[Row] = [("compressed", {}, LIKELY), ("not compressed", {"headers": {}}, None), *PHP_APP]

FCGI: list[Row] = [
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

FCGID: list[Row] = [
    ("a block of 64 KiB",             {},                                         LIKELY),
    ("smaller",                       {"size": 65_535},                           None),
    ("held whole",                    {"size": None, "kilo": HELD},               POSSIBLE),
    ("blocks without a size",         {"size": None, "kilo": BLOCKS},             None),
    ("no gateway",                    {"request": APP},                           None),
    ("the app did not report",        {"request": None},                          None),
    ("a Content-Length",              {"headers": LENGTH},                        None),
    *PASSED_THROUGH,
]  # fmt: skip

MOD_SECURITY: list[Row] = [
    ("flows after padding", {"frees": {XAB: NO, OTHER_TYPE: YES, PADDED: YES}}, None),
    ("held after padding too", {"frees": {XAB: NO, OTHER_TYPE: YES, PADDED: NO}}, LIKELY),
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
    ("a handshake stored as well",    {"websocket": FAILED, "status": 200},       None),
    ("a handshake refused",           {"websocket": FAILED, "status": 400},       LIKELY),
    ("a handshake over HTTP/2",       {"websocket": FLOWING, "status": 200},      LIKELY),
]  # fmt: skip

PASSENGER: list[Row] = [
    ("Passenger runs the app",        {},                                         LIKELY),
    ("another server",                {"request": APP},                           None),
    ("the app did not report",        {"request": None},                          None),
    *PASSED_THROUGH,
]  # fmt: skip

HAPROXY: list[Row] = [
    ("ticks, not over HTTP/1.0",      {},                                         LIKELY),
    ("HTTP/1.0 was not tried",        {"frees": {}},                              POSSIBLE),
    ("HTTP/1.0 did not tell",         {"frees": {HTTP10: NOT_TRIED}},             None),
    ("ticks over HTTP/1.0 too",       {"frees": {HTTP10: NO}},                    None),
    ("over HTTP/1.0 here alone",      {"frees": {HTTP10: NO}, "other": TICKS, "other_frees": {HTTP10: YES}}, None),
    ("tried on the other one",        {"frees": {}, "other": TICKS, "other_frees": {HTTP10: YES}}, LIKELY),
    ("... without effect",            {"frees": {}, "other": TICKS, "other_frees": {HTTP10: NO}},  None),
    ("also, but not over HTTP/2",     {"frees": {HTTP10: NO}, "browser": replace(HOP, flow=FLOWING, http_version="2")}, LIKELY),
    ("untried, but not over HTTP/2",  {"frees": {}, "browser": replace(HOP, flow=FLOWING, http_version="2")}, LIKELY),
    ("over HTTP/2 too",               {"frees": {HTTP10: NO}, "browser": replace(HOP, flow=TICKS, http_version="2")}, POSSIBLE),
    ("over HTTP/2 held",              {"frees": {HTTP10: NO}, "browser": replace(HOP, flow=HELD, http_version="2")}, None),
    ("an nginx calls it",             {"frees": {HTTP10: NO, XAB: NO}, "stripped": True}, POSSIBLE),
    ("no nginx calls it",             {"frees": {HTTP10: NO, XAB: NO}},           None),
    ("a browser over HTTP/1.1",       {"frees": {HTTP10: NO}, "browser": replace(HOP, flow=FLOWING)}, None),
    ("no such stream over HTTP/2",    {"frees": {HTTP10: NO}, "browser": replace(HOP, transport=EVENTS, flow=FLOWING, http_version="2")}, None),
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

ZSTD = {"content-encoding": "zstd"}
CADDY_ENCODE: list[Row] = [
    ("Caddy, compressed",             {},                                         LIKELY),
    ("Caddy, as zstd",                {"headers": {**ZSTD, "server": "Caddy"}},   LIKELY),
    ("zstd of no name",               {"headers": ZSTD},                          POSSIBLE),
    ("zstd of Envoy",                 {"headers": {**ZSTD, "server": "envoy"}},   None),
    ("gzip of no name",               {"headers": GZIP},                          None),
    ("one piece late",                {"waits_for_next": True},                   None),
    ("not held at all",               CLEAN,                                      None),
    ("another server",                {"headers": {**GZIP, "server": "squid"}},   None),
    ("not compressed",                {"headers": {"server": "Caddy"}},           None),
    ("held uncompressed too",         {"frees": {XAB: NO, IDENTITY: NO}},         None),
    ("identity untried",              {"frees": {XAB: NO}},                       None),
    ("the header was removed",        {"stripped": True},                         None),
]  # fmt: skip

COMPRESSOR: list[Row] = [  # what every compressor asks for that is not nginx's
    ("held uncompressed too",         {"frees": {XAB: NO, NO_TRANSFORM: YES, IDENTITY: NO}}, None),
    ("identity untried",              {"frees": {XAB: NO, NO_TRANSFORM: YES}},    None),
    ("the header was removed",        {"stripped": True},                         None),
    ("nothing is held",               CLEAN,                                      None),
]  # fmt: skip

ENVOY_ZSTD: list[Row] = [
    ("Envoy, as zstd",                {},                                         LIKELY),
    ("a header of its own",           {"headers": {**ZSTD, "x-envoy-upstream-service-time": "3"}}, LIKELY),
    ("no name",                       {"headers": ZSTD},                          POSSIBLE),
    ("Caddy",                         {"headers": {**ZSTD, "server": "Caddy"}},   None),
    ("as gzip",                       {"headers": {**GZIP, "server": "envoy"}},   None),
    ("not compressed",                {"headers": {"server": "envoy"}},           None),
    ("no-transform has no effect",    {"frees": {XAB: NO, IDENTITY: YES, NO_TRANSFORM: NO}}, None),
    ("no-transform untried",          {"frees": {XAB: NO, IDENTITY: YES}},        LIKELY),
    ("... but on the other one",      {"frees": {XAB: NO, IDENTITY: YES}, "other": HELD, "other_frees": {NO_TRANSFORM: NO}}, None),
    *COMPRESSOR,
]  # fmt: skip

ONE_LATE: list[Row] = [
    ("one piece late as gzip",        {},                                         LIKELY),
    ("as deflate",                    {"headers": {"content-encoding": "deflate"}}, LIKELY),
    ("as brotli",                     {"headers": {"content-encoding": "br"}},    None),
    ("late at its opening",           {"waits_for_next": False},                  None),
    ("no-transform has no effect",    {"frees": {XAB: NO, IDENTITY: YES, NO_TRANSFORM: NO}}, None),
    ("no-transform untried",          {"frees": {XAB: NO, IDENTITY: YES}},        None),
    ("... but on the other one",      {"frees": {XAB: NO, IDENTITY: YES}, "other": LATE, "other_frees": {NO_TRANSFORM: YES}}, LIKELY),
    ("late over HTTP/1.0 too",        {"frees": {XAB: NO, IDENTITY: YES, NO_TRANSFORM: YES, HTTP10: NO}}, None),
    ("not over HTTP/1.0",             {"frees": {XAB: NO, IDENTITY: YES, NO_TRANSFORM: YES, HTTP10: YES}}, LIKELY),
    *COMPRESSOR,
]  # fmt: skip

TRAEFIK = replace(APP, forwarded=("x-forwarded-for", "x-forwarded-port", "x-forwarded-server", "x-real-ip"))
STORED_BY_TRAEFIK: list[Row] = [
    ("stored, passed on by Traefik",  {},                                         LIKELY),
    ("no more than Traefik adds",     {"request": replace(TRAEFIK, forwarded=TRAEFIK.forwarded[1:])}, LIKELY),
    ("no X-Real-Ip",                  {"request": replace(TRAEFIK, forwarded=TRAEFIK.forwarded[:-1])}, None),
    ("the app did not report",        {"request": None},                          None),
    ("in blocks",                     {"flow": BLOCKS},                           None),
    ("no Content-Length",             {"headers": {}},                            None),
    ("the WebSocket fails",           {"websocket": FAILED},                      None),
    ("another hop in the response",   {"headers": {**LENGTH, "via": "1.1 box"}},  None),
    ("another hop in the request",    {"request": replace(TRAEFIK, via="1.1 box")}, None),
    *PASSED_THROUGH,
]  # fmt: skip

UNANSWERED: list[Row] = [
    ("no response, Envoy named",      {},                                         LIKELY),
    ("no name",                       {"headers": {}},                            None),
    ("another name",                  {"headers": {"server": "envoy-like"}},      None),
    ("a header of its own",           {"headers": {"x-envoy-upstream-service-time": "3"}}, LIKELY),
    ("a response",                    {"status": 400},                            None),
    ("refused at once",               {"handshake_outcome": Outcome.REFUSED},     None),
    ("it opened",                     {"websocket": FLOWING, "handshake_outcome": None}, None),
    ("it was not tried",              {"websocket": None},                        None),
    ("streams are held too",          {"flow": HELD},                             None),
    ("events flow",                   {"flow": HELD, "other": FLOWING},           LIKELY),
    ("a stream waited for its turn",  {"queued_s": 2.0},                          None),
    ("events waited",                 {"other": FLOWING, "other_queued_s": 2.0},  None),
    ("it opens at the app's port",    {"websocket_at_app": FLOWING},              LIKELY),
    ("not at the app's port either",  {"websocket_at_app": FAILED},               None),
]  # fmt: skip

CADDY_BUFFER: list[Row] = [
    ("opened over HTTP/2",            {"websocket": FLOWING},                      None),
    ("a handshake with 200",          {},                                         LIKELY),
    ("no name",                       {"headers": {}},                            POSSIBLE),
    ("named in Via",                  {"headers": {"via": "1.1 Caddy"}},          LIKELY),
    ("named by the handshake",        {"headers": {}, "handshake_headers": {"server": "Caddy"}}, LIKELY),
    ("a handshake with 400",          {"status": 400},                            None),
    ("no WebSocket tried",            {"websocket": None},                        None),
    ("a Content-Length",              {"headers": LENGTH},                        None),
    ("compressed",                    {"headers": GZIP},                          None),
    ("blocks of a size",              {"size": 4096},                             None),
    *PASSED_THROUGH,
]  # fmt: skip

STORED = {**LENGTH, "accept-ranges": "bytes"}
LIGHTTPD: list[Row] = [
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
VARNISH_STREAM: list[Row] = [
    ("stored by Varnish",             {},                                         LIKELY),
    ("no Content-Length",             {"headers": {"x-varnish": "2"}},            None),
    ("no X-Varnish",                  {"headers": LENGTH},                        None),
    ("flows with the header",         {"frees": {XAB: YES}},                      None),
    ("the header was not tried",      {"frees": {XAB: NOT_TRIED}},                None),
    ("an nginx behind it",            {"stripped": True},                         LIKELY),
    ("nothing is held",               CLEAN,                                      None),
    ("the control is held",           {"control": HELD},                          None),
]  # fmt: skip

VARNISH_GZIP: list[Row] = [
    ("compressed for all",            {},                                         LIKELY),
    ("flows uncompressed",            {"frees": {XAB: NO, IDENTITY: YES}},        None),
    ("identity untried",              {"frees": {XAB: NO}},                       None),
    ("no X-Varnish",                  {"headers": GZIP},                          None),
    ("not compressed",                {"headers": {"x-varnish": "2"}},            None),
    ("a Content-Length",              {"headers": {**GZIP, **VARNISH}},           None),
    ("the header was removed",        {"stripped": True},                         None),
]  # fmt: skip

WAITED = replace(HOP, flow=LATE, queued_s=2.0)
OTHER_ONE = replace(HOP, transport=EVENTS)

QUEUED: list[Row] = [
    ("began later",                   {},                                         LIKELY),
    ("began at once",                 {"queued_s": 0.0},                          None),
    ("no gunicorn",                   {"request": PHP},                           None),
    ("the app did not report",        {"request": None},                          None),
    ("a hop named like it",           {"request": None, "headers": {"server": "gunicorn"}}, None),
    ("on a shared connection",        {"http_version": "2"},                      POSSIBLE),
    ("shared, and over HTTP/1.1 too", {"http_version": "2", "http1": WAITED},     LIKELY),
    ("shared, none over HTTP/1.1",    {"http_version": "2", "http1": HOP},        None),
    ("shared, no such HTTP/1.1",      {"http_version": "2", "http1": OTHER_ONE},  POSSIBLE),
    ("its own, none over HTTP/1.1",   {"http1": HOP},                             LIKELY),
]  # fmt: skip

SHARED: list[Row] = [
    ("none waited over HTTP/1.1",     {},                                         LIKELY),
    ("over HTTP/3",                   {"http_version": "3"},                      LIKELY),
    ("on a connection of its own",    {"http_version": "1.1"},                    None),
    ("began at once",                 {"queued_s": 0.0},                          None),
    ("the app keeps all waiting",     {"http1": WAITED},                          None),
    ("HTTP/1.1 was not tried",        {"http1": None},                            POSSIBLE),
    ("nor on this transport",         {"http1": OTHER_ONE},                       POSSIBLE),
]  # fmt: skip

KILLED: list[Row] = [
    ("all cut, each closed",          {},                                         POSSIBLE),
    ("connections stay open",         {"headers": {"connection": "keep-alive"}},  None),
    ("events flow",                   {"other": FLOWING},                         None),
    ("the WebSocket flows",           {"websocket": FLOWING},                     None),
    ("the others were not tried",     {"other": None, "websocket": None},         POSSIBLE),
    ("no gunicorn",                   {"polling": PHP},                           None),
    ("no poll",                       {"polling": None},                          None),
    ("not cut",                       {"flow": HELD, "kilo": HELD},               None),
]  # fmt: skip

BELOW_HTTP: list[Row] = [
    ("the WebSocket is held too",     {},                                         LIKELY),
    ("in blocks and ticks",           {"flow": BLOCKS, "websocket": TICKS},       LIKELY),
    ("late",                          {"flow": LATE},                             None),
    ("the WebSocket is late",         {"websocket": LATE},                        None),
    ("the WebSocket flows",           {"websocket": FLOWING},                     None),
    ("the control is held",           {"control": HELD},                          None),
    ("no poll",                       {"polling": None},                          None),
]  # fmt: skip

SAME_AGE: list[Row] = [
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
UPGRADE: list[Row] = [
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

NO_KEY = RequestAtApp(protocol="HTTP/1.1", upgrade="websocket", connection="upgrade")
WITHOUT_KEY: list[Row] = [
    ("over HTTP/2, no key",           {},                                         LIKELY),
    ("over HTTP/1.1",                 {"http_version": "1.1"},                    None),
    ("over HTTP/3",                   {"http_version": "3"},                      None),
    ("with its key",                  {"handshake": replace(NO_KEY, websocket_key=True)}, None),
    ("no Upgrade",                    {"handshake": replace(NO_KEY, upgrade="")}, None),
    ("the app speaks HTTP/2",         {"handshake": replace(NO_KEY, protocol="HTTP/2.0")}, None),
    ("it did not reach the app",      {"handshake": None},                        None),
    ("it opened",                     {"websocket": FLOWING},                     None),
    ("it was not tried",              {"websocket": None},                        None),
]  # fmt: skip

NO_WEBSOCKET: list[Row] = [
    ("a gateway",                     {},                                         CERTAIN),
    ("a server that has none",        {"handshake": APP, "status": 501},          CERTAIN),
    ("another refusal",               {"handshake": APP, "status": 500},          None),
    ("it did not reach the app",      {"handshake": None},                        None),
    ("it opened",                     {"websocket": FLOWING},                     None),
    ("it was not tried",              {"websocket": None},                        None),
]  # fmt: skip

OWN_HOLD: list[Row] = [
    ("the control is held",           {},                                         CERTAIN),
    ("held at its own port",          {"control": None, "direct": HELD},          CERTAIN),
    ("the control flows",             {"control": FLOWING},                       None),
    ("no control",                    {"control": None},                          None),
    ("the control is compressed",     {"control_headers": GZIP},                  None),
    ("the control is late throughout", {"control": LATE, "control_late_s": 1.0},  CERTAIN),
    ("the control only began late",   {"control": LATE, "control_late_s": 1.1},   None),
    ("nothing is held",               CLEAN,                                      None),
]  # fmt: skip

OWN_LAYER: list[Row] = [
    ("the outermost mount flows",     {},                                         CERTAIN),
    ("it is held too",                {"outer": HELD},                            None),
    ("it is cut",                     {"outer": CUT},                             None),
    ("one mount",                     {"outer": None},                            None),
    ("large pieces are held",         {"flow": FLOWING},                          CERTAIN),
    ("nothing is held",               CLEAN,                                      None),
    ("without a pattern",             {"flow": UNKNOWN, "kilo": FLOWING},         None),
    ("it waited for its turn",        {"queued_s": 1.0},                          None),
    ("cut inside",                    {"flow": CUT, "kilo": CUT},                 CERTAIN),
    ("refused inside",                {"flow": FAILED, "kilo": FAILED},           CERTAIN),
    ("no response inside",            {"flow": FAILED, "kilo": FAILED, "outcome": Outcome.UNREACHABLE}, None),
]  # fmt: skip

OWN_COMPRESSOR: list[Row] = [
    ("the control is compressed",     {},                                         LIKELY),
    ("it is not compressed",          {"control_headers": {}},                    None),
    ("the control flows",             {"control": FLOWING},                       None),
    ("no control",                    {"control": None},                          None),
    ("nothing is held",               CLEAN,                                      None),
]  # fmt: skip

ALL_CUT = Seen(**{**CLEAN, "flow": CUT}, other=CUT, websocket=CUT)

TABLES: list[Table] = [
    (http_hop, CHUNKED, HOP, HTTP_HOP),
    (http_hop, CHUNKED, replace(HOP, stripped=True, size=None, big=HELD), ALL_COLLECTED),
    (http_hop, WEBSOCKET, Seen(**CLEAN, websocket=FAILED), REFUSED),
    (http_hop, CHUNKED, Seen(**{**CLEAN, "flow": FAILED}, request=None), [("refused, and no handshake", {}, None)]),
    (http_hop, POLLING, Seen(**CLEAN, polling_flow=CUT), [("a poll that is cut", {}, None)]),
    (response_cache, CHUNKED, replace(HOP, flow=REPLAYED), REPLAY),
    # On the second Transport, so that the first one's blocks are not taken for its own.
    (php_output_buffering, EVENTS, replace(HOP, transport=EVENTS, request=PHP, size=8184, other=HELD, other_size=4096), [
        ("its own blocks", {}, LIKELY),
    ]),
    (apache_proxy_fcgi, EVENTS, replace(HOP, transport=EVENTS, request=FASTCGI, size=4096, other=HELD, other_size=65_536), [
        ("its own blocks", {}, LIKELY),
    ]),
    (apache_mod_fcgid, EVENTS, replace(HOP, transport=EVENTS, request=FASTCGI, size=65_536, other=HELD, other_size=4096), [
        ("its own blocks", {}, LIKELY),
    ]),
    (apache_mod_security, POLLING, replace(HOP, transport=POLLING, polling=None, size=None, frees={XAB: NO, OTHER_TYPE: YES}), [
        ("a poll", {}, LIKELY), ("a poll in blocks", {"size": 4096}, None),
    ]),
    (caddy_buffer_responses, WEBSOCKET, replace(HOP, size=None, headers={"server": "Caddy"}, websocket=FAILED, status=200), [
        ("the handshake", {}, LIKELY), ("of no name", {"headers": {}}, POSSIBLE), ("streams flow", CLEAN, None),
        ("another response", {"status": 404}, None),
    ]),
    (caddy_buffer_responses, POLLING, replace(HOP, transport=POLLING, polling=None, size=None, websocket=FAILED, status=200), [
        ("a poll", {}, POSSIBLE), ("a poll in blocks", {"size": 4096}, None),
    ]),
    (php_output_buffering, CHUNKED, replace(HOP, request=PHP, size=8184), PHP_BUFFER),
    (php_zlib, CHUNKED, replace(HOP, request=PHP, headers=GZIP), PHP_COMPRESSOR),
    (apache_proxy_fcgi, CHUNKED, replace(HOP, request=FASTCGI, size=4096), FCGI),
    (apache_mod_fcgid, CHUNKED, replace(HOP, request=FASTCGI, size=65_536), FCGID),
    (apache_mod_security, CHUNKED, replace(HOP, size=None, frees={XAB: NO, OTHER_TYPE: YES}), MOD_SECURITY),
    (passenger_buffer_response, CHUNKED, replace(HOP, request=RequestAtApp(server="Phusion Passenger")), PASSENGER),
    (haproxy_http_delay, CHUNKED, replace(HOP, flow=TICKS, period_s=0.2, lag_s=0.2, frees={HTTP10: YES}), HAPROXY),
    (haproxy_compression, CHUNKED, replace(HOP, flow=LATE, waits_for_next=True, headers=GZIP, frees={XAB: NO, IDENTITY: YES, NO_TRANSFORM: YES}), ONE_LATE),
    (envoy_compressor, CHUNKED, replace(HOP, headers={**ZSTD, "server": "envoy"}, frees={XAB: NO, IDENTITY: YES, NO_TRANSFORM: YES}), ENVOY_ZSTD),
    (traefik_buffering, CHUNKED, replace(HOP, size=None, headers=LENGTH, request=TRAEFIK), STORED_BY_TRAEFIK),
    (envoy_buffer, WEBSOCKET, Seen(**CLEAN, websocket=FAILED, status=0, handshake_outcome=TIMEOUT, headers={"server": "envoy"}), UNANSWERED),
    (envoy_buffer, CHUNKED, Seen(**CLEAN, websocket=FAILED, status=0, handshake_outcome=TIMEOUT, headers={"server": "envoy"}), [("a stream", {}, None)]),
    (envoy_allow_connect, WEBSOCKET, Seen(**CLEAN, websocket=FAILED, status=400, handshake=NO_KEY, http_version="2"), WITHOUT_KEY),
    (envoy_allow_connect, CHUNKED, Seen(**{**CLEAN, "flow": FAILED}, request=NO_KEY, http_version="2"), [("no WebSocket", {}, None)]),
    (caddy_encode, CHUNKED, replace(HOP, headers={**GZIP, "server": "Caddy"}, frees={XAB: NO, IDENTITY: YES}), CADDY_ENCODE),
    (caddy_buffer_responses, CHUNKED, replace(HOP, size=None, headers={"server": "Caddy"}, websocket=FAILED, status=200), CADDY_BUFFER),
    (lighttpd_stream_response_body, CHUNKED, replace(HOP, headers=STORED, request=replace(APP, forwarded=("x-host",))), LIGHTTPD),
    (varnish_do_stream, CHUNKED, replace(HOP, headers=VARNISH), VARNISH_STREAM),
    (varnish_gzip, CHUNKED, replace(HOP, headers={**GZIP, "x-varnish": "2"}, frees={XAB: NO, IDENTITY: NO}), VARNISH_GZIP),
    (gunicorn_sync_worker, CHUNKED, replace(HOP, flow=LATE, queued_s=2.0), QUEUED),
    (http2_stream_limit, CHUNKED, replace(WAITED, http_version="2", http1=HOP), SHARED),
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
    (app_layer, CHUNKED, replace(HOP, control=None, outer=FLOWING), OWN_LAYER),
    (flask_compress, CHUNKED, replace(HOP, control=HELD, control_headers=GZIP), OWN_COMPRESSOR),
]  # fmt: skip
