"""Lines without effect: a guilty line and an innocent one for each row of each table."""

from __future__ import annotations

import re

import pytest

from flushcheck.culprits.line_without_effect import CULPRIT
from flushcheck.culprits.no_effect import TABLES, Row
from tests.culprits.configurations import (
    APACHE,
    APP_SERVER,
    CADDY,
    GUNICORN,
    HAPROXY,
    LIGHTTPD,
    NGINX,
    PHP,
    VARNISH,
    found,
)

PROXY = "location / { %s proxy_pass http://x; }"
FREE = "location / { proxy_buffering off; %s proxy_pass http://x; }"
HTTP11 = "location / { proxy_http_version 1.1; %s proxy_pass http://x; }"
ZIPPED = "gzip on; gzip_types *; location / { proxy_http_version 1.1; %s proxy_pass http://x; }"
FASTCGI = "location / { %s fastcgi_pass x; }"
UWSGI = "location / { %s uwsgi_pass x; }"
SERVER = "server { %s location / { proxy_pass http://x; } }"
TWO = "server { %s location / { proxy_pass http://x; } location /p { fastcgi_pass x; } }"
GLOBAL = "http { %s server { location / { proxy_pass http://x; } } }"
PASSENGER = "location / { passenger_enabled on; passenger_buffer_response on; %s }"
FCGI = "%s\nProxyPass / fcgi://x/\n"
FLUSHED = "%s\nProxyPass / fcgi://x/ flushpackets=on\n"
FCGID = "%s\nAddHandler fcgid-script .fcgi\n"
PLAIN = "%s\nProxyPass / http://x/\n"
SECURED = "SecRuleEngine On\n%s\n<Location />\nSecResponseBodyAccess On\n</Location>\nProxyPass / http://x/\n"
FRAGMENT = "%s\n"
TICKS = "frontend f\nmode http\nbind :80\ndefault_backend b\nbackend b\nmode http\n%s\nserver s x:1\n"
SMOOTH = "frontend f\nmode http\nbind :80\noption http-no-delay\ndefault_backend b\nbackend b\nmode http\n%s\nserver s x:1\n"
TCP = "listen l\nmode tcp\nbind :80\n%s\nserver s x:1\n"
INHERITED = "defaults\n%s\nlisten l\nmode tcp\nbind :80\nserver s x:1\n"
MAIN = "global\n%s\n"
ENCODE = ":80 {\nencode gzip\nreverse_proxy x:1 {\n%s\n}\n}\n"
PASSED = ":80 {\nreverse_proxy x:1 {\n%s\n}\n}\n"
BUFFERED = ":80 {\nreverse_proxy x:1 {\nbuffer_responses\n%s\n}\n}\n"
COLLECTED = '%s\nproxy.server = ( "" => ( ( "host" => "x", "port" => 1 ) ) )\n'
STREAMED = "server.stream-response-body = 1\n" + COLLECTED
FETCHED = (
    'vcl 4.0;\nbackend d { .host = "x"; }\nsub vcl_backend_response {\nset beresp.do_stream = false;\n%s\n}\n'
)
SENT = 'vcl 4.0;\nbackend d { .host = "x"; }\nsub vcl_backend_response {\n%s\n}\n'
ZIPPING = (
    'vcl 4.0;\nbackend d { .host = "x"; }\nsub vcl_backend_response {\nset beresp.do_gzip = true;\n%s\n}\n'
)
INI = "[PHP]\noutput_buffering = 4096\n%s\n"
UNBUFFERED = "[PHP]\noutput_buffering = 0\n%s\n"
SYNC = "workers = 2\n%s\n"
GEVENT = 'workers = 2\nworker_class = "gevent"\n%s\n'

XAB = "X-Accel-Buffering no;"
TABLE = [
    # server, (around, guilty line), (around, innocent line)
    (NGINX, (PROXY, "fastcgi_buffering off;"), (FASTCGI, "fastcgi_buffering off;")),
    (NGINX, (PROXY, "scgi_buffering off;"), (PROXY, "proxy_temp_path /tmp;")),
    (NGINX, (PROXY, "uwsgi_request_buffering off;"), (UWSGI, "uwsgi_read_timeout 60s;")),
    (NGINX, (PROXY, "fastcgi_keep_conn on;"), (FASTCGI, "fastcgi_keep_conn on;")),
    (NGINX, (FASTCGI, "proxy_buffering off;"), (PROXY, "proxy_buffering off;")),
    (NGINX, (UWSGI, "proxy_buffering off;"), (FREE, "")),
    (NGINX, (PASSENGER, "proxy_buffering off;"), (PASSENGER, "passenger_friendly_error_pages off;")),
    (NGINX, (FREE, "fastcgi_buffering off;"), (GLOBAL, "fastcgi_buffers 8 4k;")),
    (NGINX, (SERVER, "fastcgi_buffering off;"), (TWO, "fastcgi_buffering off;")),
    (NGINX, (SERVER, "uwsgi_buffering off;"), (SERVER, "uwsgi_read_timeout 9s;")),
    (NGINX, (GLOBAL, "uwsgi_buffering off;"), (GLOBAL, "include unread; uwsgi_buffering off;")),
    (NGINX, (PROXY, f"proxy_set_header {XAB}"), (PROXY, "proxy_set_header X-Accel-Expires 0;")),
    (NGINX, (FREE, f"proxy_set_header {XAB}"), (FREE, "proxy_set_header Host x;")),
    (NGINX, (FASTCGI, "fastcgi_param HTTP_X_ACCEL_BUFFERING no;"), (FASTCGI, "fastcgi_param HTTPS on;")),
    (NGINX, (PROXY, 'more_set_input_headers "X-Accel-Buffering: no";'), (PROXY, 'more_set_input_headers "X: no";')),
    (NGINX, (PROXY, "passenger_buffer_response on;"), (PASSENGER, "")),
    (NGINX, (FREE, 'more_set_headers "Content-Encoding: none";'), (FREE, 'more_set_headers "Content-Type: x";')),
    (NGINX, (PROXY, 'more_set_headers "Cache-Control: no-transform";'), (PROXY, 'more_set_headers "Cache-Control: no-cache";')),
    (NGINX, (PROXY, 'more_set_headers "Connection: keep-alive";'), (FREE, 'more_set_headers "Connection: keep-alive";')),
    (NGINX, (PROXY, f"add_header {XAB}"), (FREE, f"add_header {XAB}")),
    (NGINX, (PROXY, 'more_set_headers "X-Accel-Buffering: no";'), (FREE, 'more_set_headers "X-Accel-Buffering: no";')),
    (NGINX, (PROXY, "proxy_hide_header X-Accel-Buffering;"), (FREE, "proxy_hide_header X-Accel-Buffering;")),
    (NGINX, (PROXY, "proxy_pass_header X-Accel-Buffering;"), (PROXY, "proxy_pass_header Server;")),
    (NGINX, (PROXY, "proxy_request_buffering off;"), (FREE, "proxy_request_buffering off;")),
    (NGINX, (FREE, "chunked_transfer_encoding off;"), (FREE, "chunked_transfer_encoding on;")),
    (NGINX, (PROXY, "chunked_transfer_encoding on;"), (HTTP11, "chunked_transfer_encoding on;")),
    (NGINX, (FREE, "add_header Content-Encoding identity;"), (FREE, "add_header X-Content identity;")),
    (NGINX, (FREE, "add_header Content-Type text/event-stream;"), (FREE, "add_header X-Type text/event-stream;")),
    (NGINX, (FREE, "add_header Transfer-Encoding chunked;"), (FREE, "add_header Vary x;")),
    (NGINX, (PROXY, 'add_header Cache-Control "no-cache, no-transform";'), (PROXY, "add_header Cache-Control no-cache;")),
    (NGINX, (PROXY, "add_header Connection keep-alive;"), (FREE, "add_header Connection keep-alive;")),
    (NGINX, (PROXY, "tcp_nodelay on;"), (GLOBAL, "tcp_nodelay on;")),
    (NGINX, (SERVER, "postpone_output 0;"), (FREE, "postpone_output 0;")),
    (NGINX, (PROXY, "lingering_close off;"), (FREE, "lingering_close off;")),
    (NGINX, (PROXY, "limit_rate 0;"), (PROXY, "limit_rate 1m;")),
    (NGINX, (PROXY, "proxy_cache off;"), ("proxy_cache z; server { " + PROXY + " }", "proxy_cache off;")),
    (NGINX, (PROXY, "proxy_cache_bypass 1;"), (PROXY, "fastcgi_x 1;")),
    (NGINX, (PROXY, "proxy_no_cache 1;"), ("proxy_cache z; " + PROXY, "proxy_no_cache 1;")),
    (NGINX, (PROXY, "proxy_store off;"), (FREE, "proxy_store off;")),
    (NGINX, (PROXY, "proxy_max_temp_file_size 0;"), (GLOBAL, "proxy_max_temp_file_size 0;")),
    (NGINX, (PROXY, "proxy_buffers 8 16k;"), (SERVER, "proxy_buffers 8 16k;")),
    (NGINX, (PROXY, "proxy_buffer_size 1k;"), (FREE, "proxy_buffer_size 1k;")),
    (NGINX, (PROXY, "gzip off;"), ("gzip on; " + PROXY, "gzip off;")),
    (NGINX, (SERVER, "gzip off;"), (PROXY, "include unread; gzip off;")),
    (NGINX, (ZIPPED, "gzip_buffers 1 1k;"), (PROXY, "gzip_buffers 1 1k;")),
    (NGINX, (PROXY, 'proxy_set_header Accept-Encoding "";'), (FREE, 'proxy_set_header Accept-Encoding "";')),
    (NGINX, (PROXY, 'proxy_set_header Connection "";'), (PROXY, "proxy_set_header Connection upgrade;")),
    (NGINX, (PROXY, "proxy_set_header Connection keep-alive;"), (FRAGMENT, "proxy_set_header Connection x; proxy_buffering on;")),
    (NGINX, (PROXY, "proxy_set_header Cache-Control no-cache;"), (PROXY, "proxy_set_header Host x;")),
    (NGINX, (PROXY, "default_type text/event-stream;"), (PROXY, "default_type text/plain;")),
    (NGINX, (FASTCGI, 'fastcgi_param PHP_VALUE "output_buffering=0";'), (FASTCGI, 'fastcgi_param PHP_VALUE "memory_limit=1G";')),
    (NGINX, (FRAGMENT, f"proxy_set_header {XAB}"), (FRAGMENT, "fastcgi_buffering off; proxy_buffering off;")),
    (NGINX, (FRAGMENT, "proxy_buffering on; tcp_nodelay on;"), (FRAGMENT, "proxy_buffering off; tcp_nodelay on;")),
    (APACHE, (FLUSHED, "SetEnv FcgidOutputBufferSize 0"), (FLUSHED, "SetEnv HOME /")),
    (APACHE, (FCGI, "SetEnv chunked yes"), (FCGI, "SetEnv chunk yes")),
    (APACHE, (FRAGMENT, "SetEnv OutputBufferSize 0"), (FCGID, "FcgidOutputBufferSize 0")),
    (APACHE, (FRAGMENT, "SetEnvIf Request_URI ^/s flushpackets=on"), (FRAGMENT, "SetEnvIf flushpackets ^/s x=on")),
    (APACHE, (FRAGMENT, "BrowserMatch x chunked"), (FRAGMENT, "BrowserMatch chunked x")),
    (APACHE, (FCGI, "SetEnv no-gzip 1"), (FLUSHED, "SetEnv no-gzip 1")),
    (APACHE, (FRAGMENT, "SetEnv no-gzip 1"), (FRAGMENT, "BrowserMatch x no-gzip")),
    (APACHE, (FCGI, "SetEnv downgrade-1.0 1"), (FLUSHED, "SetEnv downgrade-1.0 1")),
    (APACHE, (FCGI, "SetEnv proxy-sendchunked 1"), (PLAIN, "SetEnv proxy-sendchunked 1")),
    (APACHE, (PLAIN, "RequestHeader set X-Accel-Buffering no"), (PLAIN, "RequestHeader unset X-Accel-Buffering")),
    (APACHE, (FCGI, "Header set X-Accel-Buffering no"), (PLAIN, "Header set X-Accel-Buffering no")),
    (APACHE, (FCGI, "Header always set X-Accel-Buffering: no"), (FCGI, "Header always")),
    (APACHE, (PLAIN, "Header set Content-Encoding none"), (PLAIN, "Header unset Content-Encoding")),
    (APACHE, (FCGI, "Header set Cache-Control no-transform"), (FCGI, "Header set Cache-Control no-cache")),
    (APACHE, (FCGI, "RequestHeader unset Accept-Encoding"), (FLUSHED, "RequestHeader unset Accept-Encoding")),
    (APACHE, (FCGI, "php_value output_buffering 0"), (FCGI, "php_value memory_limit 1G")),
    (APACHE, (FCGID, "php_flag zlib.output_compression off"), (PLAIN, "php_flag zlib.output_compression off")),
    (APACHE, (FCGI, "FcgidOutputBufferSize 0"), (FLUSHED, "FcgidOutputBufferSize 0")),
    (APACHE, (FCGI, "EnableSendfile off"), (FCGI, "EnableSendfile on")),
    (APACHE, (FCGI, "KeepAlive Off"), (PLAIN, "KeepAlive Off")),
    (APACHE, (FCGI, "ProxyFCGIBackendType FPM"), (PLAIN, "ProxyFCGIBackendType FPM")),
    (APACHE, (FCGI, "ProxyIOBufferSize 65536"), (PLAIN, "ProxyIOBufferSize 65536")),
    (APACHE, (FCGI, "SecResponseBodyAccess Off"), (SECURED, "SecResponseBodyAccess Off")),
    (HAPROXY, (SMOOTH, "option forceclose"), (SMOOTH, "option httpclose")),
    (HAPROXY, (TICKS, "option tcp-nodelay"), (SMOOTH, "option http-no-delay")),
    (HAPROXY, (MAIN, "option http-no-delay"), (MAIN, "maxconn 100")),
    (HAPROXY, (TCP, "option http-no-delay"), (INHERITED, "option http-no-delay")),
    (HAPROXY, (TCP, "option http-buffer-request"), (TCP, "no option http-buffer-request")),
    (HAPROXY, (SMOOTH, "http-request set-header X-Accel-Buffering no"), (SMOOTH, "http-request del-header X-Accel-Buffering")),
    (HAPROXY, (TICKS, "http-response set-header X-Accel-Buffering no"), (SMOOTH, "http-response set-header X-Accel-Buffering no")),
    (HAPROXY, (TICKS, "http-response set-header Cache-Control no-transform"), (TICKS, "http-response set-header Cache-Control no-cache")),
    (HAPROXY, (TICKS, "option http-buffer-request"), (TICKS, "no option http-buffer-request")),
    (HAPROXY, (TICKS, "option nolinger"), (TICKS, "no option nolinger")),
    (CADDY, (PASSED, "header_up X-Accel-Buffering no"), (PASSED, "header_up Host x")),
    (CADDY, (ENCODE, "header_down X-Accel-Buffering no"), (PASSED, "header_down X-Accel-Buffering no")),
    (CADDY, (ENCODE, "flush_interval -1"), (BUFFERED, "flush_interval -1")),
    (CADDY, (ENCODE, "header_up -Accept-Encoding"), (PASSED, "header_up -Accept-Encoding")),
    (CADDY, (ENCODE, "buffer_requests"), (PASSED, "buffer_requests")),
    (CADDY, (ENCODE, "request_buffers 4KiB"), (PASSED, "request_buffers 4KiB")),
    (CADDY, (ENCODE, "transport http {\ncompression off\n}"), (ENCODE, "transport http {\ntls\n}")),
    (LIGHTTPD, (STREAMED, 'setenv.set-request-header = ( "X-Accel-Buffering" => "no" )'), (STREAMED, 'setenv.set-request-header = ( "A" => "no" )')),
    (LIGHTTPD, (COLLECTED, 'setenv.add-response-header = ( "X-Accel-Buffering" => "no" )'), (STREAMED, 'setenv.add-response-header = ( "X-Accel-Buffering" => "no" )')),
    (LIGHTTPD, (COLLECTED, "server.stream-request-body = 1"), (STREAMED, "server.stream-request-body = 1")),
    (LIGHTTPD, (COLLECTED, "server.chunkqueue-chunk-sz = 4096"), (STREAMED, "server.chunkqueue-chunk-sz = 4096")),
    (LIGHTTPD, (COLLECTED, "deflate.mimetypes = ( )"), (COLLECTED, 'deflate.mimetypes = ( "text/html" )')),
    (VARNISH, (SENT, 'set bereq.http.X-Accel-Buffering = "no";'), (SENT, 'set bereq.http.X = "no";')),
    (VARNISH, (FETCHED, 'if (x) { set beresp.http.X-Accel-Buffering = "no"; }'), (SENT, 'set beresp.http.X-Accel-Buffering = "no";')),
    (VARNISH, (FETCHED, "set beresp.uncacheable = true;"), (ZIPPING, "set beresp.uncacheable = true;")),
    (PHP, (INI, "implicit_flush = On"), (UNBUFFERED, "implicit_flush = On")),
    (PHP, (INI, "implicit_flush = 1"), (INI, "implicit_flush = Off")),
    (APP_SERVER, ("web: uvicorn a:a --limit-concurrency 5 %s", "--timeout-keep-alive 75"), ("web: uvicorn a:a %s", "--timeout-keep-alive 75")),
    (APP_SERVER, ("web: uvicorn a:a --limit-concurrency 5 %s", "--backlog 75"), ("web: granian a:a --backpressure 5 %s", "--backlog 75")),
    (APP_SERVER, ("web: waitress-serve --send-bytes=99 %s a:a", "--channel-timeout=9"), ("web: cheroot a:a %s", "--channel-timeout=9")),
    (GUNICORN, (SYNC, "worker_connections = 1000"), (GEVENT, "worker_connections = 1000")),
    (GUNICORN, (SYNC, "sendfile = False"), (GEVENT, "sendfile = False")),
]  # fmt: skip

GUILTY = [pytest.param(server, *guilty, id=f"{server}: {guilty[1]}") for server, guilty, _ in TABLE]
INNOCENT = [pytest.param(server, *twin, id=f"{server}: {twin[1]}") for server, _, twin in TABLE]


def lines(server, text, name="f"):
    return found(CULPRIT.id, server, text, name)


@pytest.mark.parametrize(("server", "around", "line"), GUILTY)
def test_a_line_without_effect_is_found(server, around, line):
    (finding,) = lines(server, around.replace("%s", line))
    assert finding.message.split()[0] in line
    assert finding.fix.change


@pytest.mark.parametrize(("server", "around", "line"), INNOCENT)
def test_its_innocent_twin_is_not(server, around, line):
    assert lines(server, around.replace("%s", line)) == []


def _pattern(row: Row) -> re.Pattern[str]:
    return re.compile("it " + re.sub(r"\\\{\w+\\\}", ".+", re.escape(row.does)))


HTACCESS = [
    ("FcgidOutputBufferSize 0", True),
    ("ProxyFCGIBackendType FPM", False),
    ("SetEnv A b", False),
    ("<Location />\nRequire all granted\n</Location>", True),
]


@pytest.mark.parametrize("name", [".htaccess", "a/.htaccess", "site.htaccess", ".htaccess-old"])
@pytest.mark.parametrize(("line", "refused"), HTACCESS)
def test_a_server_line_in_a_htaccess_is_refused(name, line, refused):
    assert [finding.level for finding in lines(APACHE, line, name)] == ["warning"] * refused
    assert lines(APACHE, line, "host.conf") == []


@pytest.mark.parametrize(("name", "count"), [(".htaccess", 1), ("host.conf", 0)])
def test_a_setting_of_mod_php_may_stand_in_a_htaccess_of_fpm(name, count):
    assert len(lines(APACHE, "php_value output_buffering 0", name)) == count
    assert lines(APACHE, "php_value output_buffering 4096", name) == []


SAID = [lines(server, around.replace("%s", line)) for server, (around, line), _ in TABLE]
SAID += [lines(APACHE, "FcgidOutputBufferSize 0", ".htaccess")]


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, id=f"{server}: {row.names[0]}") for server in TABLES for row in TABLES[server].rows],
)
def test_every_row_is_said_of_a_line_here_and_has_its_evidence(row):
    pattern = _pattern(row)
    assert any(pattern.search(finding.message) for findings in SAID for finding in findings), row.does
    assert re.match(r"measured on [A-Za-z]+ \d+(\.\d+)+\b|from documentation: https://\S+$", row.evidence)


LEVELS = [
    # around, line, level, what the fix writes
    (PROXY, "fastcgi_buffering off;", "warning", "proxy_buffering off;"),
    (FREE, "fastcgi_buffering off;", "note", "proxy_buffering off;"),
    (FREE, "chunked_transfer_encoding off;", "note", "# remove the line: it does nothing for a stream"),
    (HTTP11, f"proxy_set_header {XAB}", "note", "proxy_buffering off;"),
]


@pytest.mark.parametrize(("around", "line", "level", "change"), LEVELS)
def test_it_is_a_warning_where_the_block_holds(around, line, level, change):
    (finding,) = lines(NGINX, around.replace("%s", line))
    assert (finding.level.value, finding.fix.change) == (level, change)


def test_a_line_that_two_rows_name_is_found_once():
    (finding,) = lines(NGINX, PROXY.replace("%s", "proxy_buffers 8 16k;"))
    assert "larger" in finding.message


@pytest.mark.parametrize(("count", "seen"), [(50, 50), (51, 50)])
def test_of_many_lines_of_a_name_the_first_ones_are_looked_at(count, seen):
    assert len(lines(NGINX, FREE.replace("%s", "add_header Content-Encoding x;\n" * count))) == seen


OPTIONS = [
    # section of mode tcp, and how the finding begins
    ("no option http-buffer-request\noption  http-no-delay",   ["option http-no-delay has"]),
    ("option httpclose x y",                                   ["option httpclose x y has"]),
    ("option httpclose " + "x" * 142,                          ["option httpclose " + "x" * 142 + " has"]),
    ("option httpclose " + "x" * 144,                          ["option httpclose " + "x" * 140 + "... has"]),
    ("compression algo gzip",                                  ["compression algo gzip has"]),
    ("option tcp-nodelay",                                     ["option tcp-nodelay breaks"]),
    ("no option tcp-nodelay",                                  ["no option tcp-nodelay breaks"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "beginnings"), OPTIONS)
def test_an_option_of_haproxy_is_shown_as_its_file_has_it(text, beginnings):
    messages = [finding.message for finding in lines(HAPROXY, TCP.replace("%s", text))]
    assert len(messages) == len(beginnings)
    assert all(message.startswith(start) for message, start in zip(messages, beginnings, strict=True))
