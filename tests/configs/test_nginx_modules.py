"""nginx's directives beyond the table: newer ones, those of other modules, and filters of responses."""

import pytest

from flushcheck.configs.findings import Server
from flushcheck.configs.formats import FORMATS
from flushcheck.configs.nginx.modules import OWN_DIRECTIVES, module_of
from tests.configs.shape import blocks

OWN = [
    "add_header_inherit", "grpc_ssl_certificate_cache", "gzip_window", "http2_streams_index_size", "http3_hq",
    "keepalive_min_timeout", "max_headers", "postpone_gzipping", "proxy_ssl_conf_command", "quic_gso",
    "ssi_ignore_recycled_buffers", "ssl_conf_command", "ssl_object_cache_inheritable", "ssl_reject_handshake",
    "uwsgi_string", "http2_idle_timeout", "http2_push", "ssl", "quic_retry", "ssl_certificate_compression",
    "userid_flags", "http2", "keepalive_time",
]  # fmt: skip


@pytest.mark.parametrize("name", OWN)
def test_nginxs_own_directives(name):
    assert name in OWN_DIRECTIVES
    assert module_of(name) == ""


MODULES = [
    # directive                      the module that has it; "": none that is known
    ("brotli",                       "ngx_brotli"),
    ("brotli_types",                 "ngx_brotli"),
    ("brotlix",                      ""),
    ("unzstd_force",                 "zstd-nginx-module"),
    ("more_set_headers",             "headers-more"),
    ("more_headers",                 ""),
    ("body_filter_by_lua_block",     "lua-nginx-module"),
    ("js_import",                    "njs"),
    ("geoip2_proxy",                 "geoip2"),
    ("modsecurity_rules",            "ModSecurity"),
    ("pagespeed",                    "ngx_pagespeed"),
    ("passenger_enabled",            "Passenger"),
    ("vhost_traffic_status_zone",    "vhost-traffic-status"),
    ("auth_ldap",                    "an authentication module"),
    ("echo_sleep",                   "echo"),
    ("nchan_publisher",              "nchan or push-stream"),
    ("upload_pass",                  "upload"),
    ("subs_filter_types",            "substitutions"),
    ("replace_filter",               "replace-filter"),
    ("otel_trace",                   "a tracing module"),
    ("fancyindex",                   "fancyindex"),
    ("dav_ext_lock",                 "dav-ext"),
    ("srcache_fetch",                "srcache"),
    ("set_md5",                      "set-misc"),
    ("CheckRule",                    "naxsi"),
    ("testcookie",                   "testcookie"),
    ("check_http_send",              "upstream-check"),
    ("ssl_dyn_rec_enable",           "the dynamic TLS records patch"),
    ("aws_sign",                     "aws-auth"),
    ("proxy_connect",                "proxy-connect"),
    ("footer",                       "a filter module"),
    ("shib_request",                 "shibboleth"),
    ("proxy_cache_purge",            "cache-purge"),
    ("vod_mode",                     "a video module"),
    ("redis_pass",                   "a database module"),
    ("proxy_wasm",                   "ngx_wasm_module"),
    ("limit_upload_rate",            "limit-upload-rate"),
    ("eval",                         "another module"),
    ("perl_set",                     "perl"),
    ("proxy_buffering",              ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "module"), MODULES)
def test_directives_of_known_modules(name, module):
    assert module_of(name) == module


def through(name, program, line=1):
    return f"{name} (line {line}): responses go through {program}, which may collect them"


FILTERS = [
    # lines of a location, and why it is not known whether it passes chunks on
    ("body_filter_by_lua 'ngx.arg[1] = nil';",          [through("body_filter_by_lua", "Lua code")]),
    ("body_filter_by_lua_block { ngx.arg[1] = nil }",   [through("body_filter_by_lua_block", "Lua code")]),
    ("body_filter_by_lua_file a.lua;",                  [through("body_filter_by_lua_file", "Lua code")]),
    ("js_body_filter a;",                               [through("js_body_filter", "JavaScript code")]),
    ("subs_filter a b;",                                []),
    ("replace_filter a b;",                             [through("replace_filter", "the replace-filter module")]),
    ("pagespeed;",                                      [through("pagespeed", "PageSpeed")]),
    ("modsecurity on;",                                 [through("modsecurity", "ModSecurity")]),
    ("modsecurity off;",                                []),
    ("srcache_store GET /a;",                           [through("srcache_store", "the srcache module")]),
    ("trim on;",                                        [through("trim", "the trim module")]),
    ("length_hiding on;",                               [through("length_hiding", "the length-hiding module")]),
    ("footer a;",                                       [through("footer", "the footer module")]),
    ("proxy_wasm a;",                                   [through("proxy_wasm", "a WebAssembly filter")]),
    ("xslt_stylesheet a;",                              []),
    ("replace_filter a b;\nreplace_filter c d;",        [through("replace_filter", "the replace-filter module")]),
    ("trim on;\nreplace_filter a b;",                   [through("replace_filter", "the replace-filter module", 2), through("trim", "the trim module")]),
    ("image_filter resize 9 9;",                        ["image_filter (line 1): a response that is no image does not pass"]),
    ("image_filter off;",                               []),
    ("perl a::b;",                                      [through("perl", "Perl code")]),
    ("sub_filter a b;",                                 []),
    ("sub_filter a b; sub_filter_types application/json;", []),
    ("sub_filter_types text/event-stream;",             []),
    ("sub_filter a b; sub_filter_types text/css text/event-stream;", ["sub_filter (line 1) looks for its text in text/event-stream: it keeps back what may be the beginning of it"]),
    ("sub_filter a b; sub_filter_types *;",             ["sub_filter (line 1) looks for its text in *: it keeps back what may be the beginning of it"]),
    ("header_filter_by_lua_block { ngx.header.x = 1 }", []),
    ("access_by_lua_block { return }",                  []),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), FILTERS)
def test_a_body_filter_of_another_module_leaves_it_open(lines, expected):
    (block,) = blocks(Server.NGINX, f"location / {{ {lines} proxy_pass http://x; }}")
    assert [*FORMATS[Server.NGINX].doubts(block)] == expected


SCHEMES = [
    # line that passes, and whether its protocol is known
    ("proxy_pass http://x;",     True),
    ("proxy_pass HTTPS://x;",    True),
    ("proxy_pass $scheme://x;",  True),
    ("proxy_pass $x;",           True),
    ("proxy_pass ws://x;",       False),
    ("proxy_pass ajp://x;",      False),
    ("fastcgi_pass unix://x;",   True),
]  # fmt: skip


@pytest.mark.parametrize(("line", "known"), SCHEMES)
def test_nginx_refuses_a_protocol_that_it_does_not_have(line, known):
    (block,) = blocks(Server.NGINX, f"location / {{ {line} }}")
    scheme = line.split()[1].partition(":")[0]
    expected = [] if known else [f"{scheme}:// is no protocol of proxy_pass: nginx refuses this line"]
    assert [*FORMATS[Server.NGINX].doubts(block)] == expected
