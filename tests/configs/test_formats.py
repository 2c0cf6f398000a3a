"""Why a block without Findings lets a stream through, for every server."""

import pytest

from flushcheck.configs.findings import Server
from flushcheck.configs.formats import FORMATS
from tests.configs.shape import blocks

REASONS = [
    # server, text, name of the file, and the reason of its block
    (Server.NGINX,    "location / {\nproxy_buffering off; proxy_pass http://x; }",        "f", "proxy_buffering off (line 2)"),
    (Server.NGINX,    "location / {\nproxy_http_version 1.1; proxy_pass http://x; }",     "f", "proxied with HTTP/1.1 (line 2): chunks pass one by one"),
    (Server.NGINX,    "location / { passenger_enabled on; }",                             "f", "Passenger does not buffer the response"),
    (Server.APACHE,   "ProxyPass / http://x/",                                            "f", "mod_proxy_http passes each piece on at once"),
    (Server.APACHE,   "ProxyPass / fcgi://x/ flushpackets=on",                            "f", "flushpackets on (line 1)"),
    (Server.APACHE,   "FcgidOutputBufferSize 0\nAddHandler fcgid-script .f",              "f", "FcgidOutputBufferSize 0 (line 1)"),
    (Server.APACHE,   "WSGIScriptAlias / /app.wsgi",                                      "f", "the module passes each piece on at once"),
    (Server.APACHE,   "php_flag zlib.output_compression off",                             "f", "no cause of a hold is known for it"),
    (Server.HAPROXY,  "listen l\nmode http\noption http-no-delay\nserver s x:1",          "f", "option http-no-delay (line 3)"),
    (Server.HAPROXY,  "listen l\nmode http\nserver s x:1",                                "f", "option http-no-delay in every frontend that leads here"),
    (Server.LIGHTTPD, 'server.stream-response-body = 1\nproxy.server = ( "" => 1 )',      "f", "server.stream-response-body 1 (line 1)"),
    (Server.CADDY,    "a {\n reverse_proxy x\n}",                                         "f", "nothing encodes or buffers this response"),
    (Server.VARNISH,  'backend b { .host = "x"; }',                                       "f", "responses are streamed, neither compressed nor searched for ESI"),
    (Server.PHP,      "output_buffering = Off",                                           "f", "output_buffering Off (line 1)"),
    (Server.PHP,      "[w]\npm = x",                                                      "f", "the pool buffers nothing by itself; php.ini decides"),
    (Server.PHP,      "[w]\npm = x\nphp_value[output_buffering] = 0",                     "f", "output_buffering 0 (line 3)"),
    (Server.GUNICORN, "worker_class = 'gevent'",                           "gunicorn.conf.py", "worker_class gevent (line 1)"),
    (Server.GUNICORN, "threads = 9",                                       "gunicorn.conf.py", "worker_class gthread (line 1)"),
    (Server.GUNICORN, "worker_class = choose()",                           "gunicorn.conf.py", "worker_class (line 1) is computed: not checked"),
]  # fmt: skip


@pytest.mark.parametrize(("server", "text", "file", "reason"), REASONS)
def test_the_reason_why_a_block_passes(server, text, file, reason):
    (block,) = blocks(server, text, file)
    assert FORMATS[server].pass_reason(block) == reason


def test_every_server_has_a_format():
    assert set(FORMATS) == set(Server)
    assert all(FORMATS[server].server is server for server in Server)


NAMES = {"nginx": "nginx", "apache": "Apache", "haproxy": "HAProxy", "lighttpd": "lighttpd", "caddy": "Caddy",
         "varnish": "Varnish", "php": "PHP", "gunicorn": "gunicorn"}  # fmt: skip


def test_a_server_is_named_as_it_names_itself():
    assert {server.value: server.display_name for server in Server} == NAMES
