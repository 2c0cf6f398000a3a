"""Each linter on small configurations, with a row on either side of everything that it asks of one.

The fixtures in tests/config_files show each culprit as people meet it; these rows hold the conditions and thresholds.
"""

from __future__ import annotations

import pytest

from flushcheck.configs.findings import Server
from flushcheck.culprits import LINTERS
from tests.culprits.configurations import (
    APACHE,
    CADDY,
    FCGID,
    GUNICORN,
    HAPROXY,
    LIGHTTPD,
    NGINX,
    PASSENGER,
    PHP,
    PROXY,
    PROXY_FCGI,
    TWO_NGINX,
    VARNISH,
    fastcgi,
    haproxy,
    http,
    http11,
    levels,
    vcl,
)
from tests.culprits.structured_rows import STRUCTURED

TABLE: list[tuple[str, Server, list[tuple[str, str]]]] = [
    # culprit, server, (configuration, levels of its findings)
    ("nginx-proxy-buffering", NGINX, [
        (http(),                                     "error"),
        (http("proxy_buffering off;"),               ""),
        (http11(),                                   ""),
        (fastcgi(),                                  ""),
    ]),
    ("nginx-fastcgi-buffering", NGINX, [(fastcgi(), "error"), (fastcgi("fastcgi_buffering off;"), ""), (http(), "")]),
    ("nginx-limit-rate", NGINX, [
        (http("limit_rate 65535;"),                  "warning"),
        (http("limit_rate 64k;"),                    "note"),
        (http("limit_rate $rate;"),                  "note"),
        (http("limit_rate 0;"),                      ""),
        (http(),                                     ""),
        (http("limit_rate 1k; proxy_buffering off;"), ""),
        (PASSENGER % "limit_rate 1k;",               ""),
    ]),
    ("nginx-gzip", NGINX, [
        (http11("gzip on; gzip_types text/event-stream;"), "warning"),
        (http11("gzip on; gzip_types TEXT/plain;"),  "warning"),
        (http11("gzip on; gzip_types application/jsonl;"), "warning"),
        (http11("gzip on; gzip_types *;"),           "warning"),
        (http11("gzip on;"),                         "note"),
        (http11("gzip on; gzip_types application/json;"), "note"),
        (http11("brotli on; brotli_types text/plain;"), ""),
        (http11("gzip off;"),                        ""),
        (http11("gzip on; proxy_buffering off;"),    ""),
        (http("gzip on; gzip_types *;"),             ""),
    ]),
    ("nginx-brotli", NGINX, [
        (http11("brotli on; brotli_types text/event-stream;"), "warning"),
        (http11("brotli on; brotli_types *;"),       "warning"),
        (http11("brotli on;"),                       "note"),
        (http11("zstd on; zstd_types text/plain;"),  "warning"),
        (http11("zstd on; zstd_types text/plain;\nbrotli on;"), "warning note"),
        (http11("brotli static;"),                   ""),
        (http11("brotli off; zstd off;"),            ""),
        (http11("gzip on; gzip_types *;"),           ""),
        (http11("brotli on; proxy_buffering off;"),  ""),
        (http("brotli on; brotli_types *;"),         ""),
    ]),
    ("nginx-hint-taken", NGINX, [
        (TWO_NGINX % ("", ""),                       "error"),
        (TWO_NGINX % ("", "proxy_buffering off;"),   ""),
        (TWO_NGINX % ("proxy_pass_header X-Accel-Buffering;", ""), ""),
        (http(),                                     ""),
    ]),
    ("nginx-ignore-headers", NGINX, [
        (http("proxy_ignore_headers X-Accel-Buffering;"), "error"),
        (http("proxy_ignore_headers X-Accel-Buffering; proxy_buffering off;"), ""),
        (http11("proxy_ignore_headers X-Accel-Buffering;"), ""),
        (http11("proxy_ignore_headers X-Accel-Buffering; gzip on;"), "warning"),
        (http11("proxy_ignore_headers X-Accel-Buffering; gzip off;"), ""),
        (http("proxy_ignore_headers X-Accel-Buffering; gzip on;"), "error"),
        (http("proxy_ignore_headers Expires;"),      ""),
        (PASSENGER % "proxy_ignore_headers X-Accel-Buffering;", ""),
    ]),
    ("nginx-proxy-cache", NGINX, [
        (http("proxy_cache z;"),                     "note"),
        (http("proxy_cache z; proxy_cache_valid 200 1m;"), "warning"),
        (http("proxy_cache z; proxy_cache_valid any 1m;"), "warning"),
        (http("proxy_cache z; proxy_cache_valid 1m;"), "warning"),
        (http("proxy_cache z; proxy_cache_valid 404 1m;"), "note"),
        (http("proxy_cache z; proxy_cache_valid 200 1m; proxy_no_cache $x;"), "note"),
        (http("proxy_cache off;"),                   ""),
        (http("proxy_cache z; proxy_buffering off;"), ""),
        (http(),                                     ""),
        (fastcgi("fastcgi_cache z;"),                "note"),
        (fastcgi("proxy_cache z;"),                  ""),
    ]),
    ("nginx-ssi", NGINX, [
        (http11("ssi on; ssi_types *; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;").replace("Connection ''", "Host x"), "error"),
        (http11("ssi on; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;").replace("Connection ''", "Host x"), ""),
        (http11("ssi off; ssi_types *; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;").replace("Connection ''", "Host x"), ""),
        (http11("ssi on; ssi_types *;"),             ""),
        (fastcgi("ssi on; ssi_types *;"),            ""),
    ]),
    ("idle-timeout", NGINX, [
        (http("proxy_read_timeout 15s;"),            "warning"),
        (http("proxy_read_timeout 16s;"),            "note"),
        (http(),                                     "note"),
        (http("proxy_read_timeout 119s;"),           "note"),
        (http("proxy_read_timeout 120s;"),           ""),
        (http("proxy_read_timeout 0;"),              ""),
        (http("proxy_read_timeout $time;"),          ""),
        (fastcgi("fastcgi_read_timeout 5s;"),        "warning"),
        (fastcgi("proxy_read_timeout 5s;"),          "note"),
        (PASSENGER % "proxy_read_timeout 5s;",       ""),
    ]),
    ("idle-timeout", APACHE, [
        (PROXY % "",                                 "note"),
        (PROXY % "ProxyTimeout 10",                  "warning"),
        (PROXY % "Timeout 10",                       "warning"),
        (PROXY % "ProxyTimeout 300\nTimeout 10",     ""),
        ("ProxyPass / http://x/ timeout=10\n",       "warning"),
        ("ProxyTimeout 10\nProxyPass / http://x/ timeout=300\n", ""),
        (PROXY_FCGI % "timeout=10",                  "warning"),
        (FCGID % "",                                 "note"),
        (FCGID % "FcgidIOTimeout 10",                "warning"),
        (FCGID % "FcgidIOTimeout 300",               ""),
        (FCGID % "ProxyTimeout 10",                  "note"),
        ("ProxyTimeout 10\nphp_value output_buffering 4096\n", ""),
    ]),
    ("idle-timeout", HAPROXY, [
        (haproxy("timeout server 10s"),              "warning"),
        (haproxy("timeout server 1m"),               "note"),
        (haproxy("timeout server 1h"),               ""),
        (haproxy(),                                  ""),
    ]),
    ("apache-proxy-fcgi", APACHE, [
        (PROXY_FCGI % "",                            "error"),
        (PROXY_FCGI % "flushpackets=on",             ""),
        (PROXY_FCGI % "flushpackets=ON",             ""),
        ("FlushMaxThreshold 1\n" + PROXY_FCGI % "",  ""),
        ("FlushMaxThreshold 2\n" + PROXY_FCGI % "",  "error"),
        ("SSLEngine on\nFlushMaxThreshold 1\n" + PROXY_FCGI % "", "error"),
        ("<VirtualHost *:443>\nFlushMaxThreshold 1\n" + PROXY_FCGI % "" + "\n</VirtualHost>", "error"),
        ("<VirtualHost *:80>\nFlushMaxThreshold 1\n" + PROXY_FCGI % "" + "\n</VirtualHost>", ""),
        (PROXY_FCGI % "flushpackets=auto",           "warning"),
        (PROXY_FCGI % "flushpackets=off",            "error"),
        (PROXY % "",                                 ""),
    ]),
    ("apache-proxy-ajp", APACHE, [
        ("ProxyPass / ajp://x/\n",                   "warning"),
        ("ProxyPass / ajp://x/ flushpackets=on\n",   ""),
        ("ProxyPass / ajp://x/ flushpackets=On\n",   ""),
        ("ProxyPass / ajp://x/ flushpackets=auto\n", "warning"),
        ("ProxyPass / ajp://x/ flushpackets=off\n",  "warning"),
        (PROXY_FCGI % "",                            ""),
        (PROXY % "",                                 ""),
    ]),
    ("gateway-websocket", APACHE, [("ProxyPass / ajp://x/\n", "note"), (PROXY % "", "")]),
    ("apache-mod-fcgid", APACHE, [
        (FCGID % "",                                 "error"),
        (FCGID % "FcgidOutputBufferSize 0",          ""),
        (FCGID % "OutputBufferSize 0",               ""),
        (FCGID % "OutputBufferSize 4096",            "error"),
        (FCGID % "FcgidOutputBufferSize 4096",       "error"),
        (PROXY % "",                                 ""),
    ]),
    ("apache-mod-security", APACHE, [
        (PROXY % "SecRuleEngine On\nSecResponseBodyAccess On", "warning"),
        (PROXY % "SecRuleEngine DetectionOnly\nSecResponseBodyAccess on", "warning"),
        (PROXY % "SecRuleEngine Off\nSecResponseBodyAccess On", ""),
        (PROXY % "SecResponseBodyAccess On",         ""),
        (PROXY % "SecRuleEngine On\nSecResponseBodyAccess Off", ""),
        (PROXY % "SecRuleEngine On",                 ""),
        (PROXY % "SecRuleEngine On\nSecResponseBodyAccess On\nSecResponseBodyMimeType text/html", "note"),
        (PROXY % "SecRuleEngine On\nSecResponseBodyAccess On\nSecResponseBodyMimeType TEXT/EVENT-STREAM", "warning"),
        ("SecRuleEngine On\nSecResponseBodyAccess On\nProxyPass / uwsgi://x/\n", ""),
    ]),
    ("apache-ratelimit", APACHE, [
        (PROXY % "SetOutputFilter RATE_LIMIT\nSetEnv rate-limit 400", "warning"),
        (PROXY % "SetOutputFilter DEFLATE;RATE_LIMIT\nSetEnv rate-limit 400", "warning"),
        (PROXY % "AddOutputFilterByType RATE_LIMIT text/plain\nSetEnv rate-limit 400", "warning"),
        (PROXY % "SetOutputFilter RATE_LIMIT",       ""),
        (PROXY % "SetOutputFilter RATE_LIMIT\nSetEnv rate-limit 0", ""),
        (PROXY % "SetOutputFilter RATE_LIMIT\nSetEnv rate-limit", ""),
        (PROXY % "SetOutputFilter RATE_LIMIT\nSetEnv other 400", ""),
        (PROXY % "SetOutputFilter RATE_LIMIT\nSetEnv rate-limit 400\nUnsetEnv rate-limit", ""),
        (PROXY % "SetOutputFilter DEFLATE\nSetEnv rate-limit 400", ""),
        (PROXY % "SetOutputFilter RATE_LIMIT\nSetOutputFilter DEFLATE\nSetEnv rate-limit 400", ""),
        (PROXY % "SetEnv rate-limit 400",            ""),
        ("SetOutputFilter DEFLATE\nProxyPass /a http://x/\n<Location /a>\nSetOutputFilter RATE_LIMIT\nSetEnv rate-limit 400\n</Location>\n", "warning"),
        ("SetOutputFilter RATE_LIMIT\nSetEnv rate-limit 400\nProxyPass /a http://x/\n<Location /a>\nSetOutputFilter DEFLATE\n</Location>\n", ""),
        ("SetOutputFilter RATE_LIMIT\nSetEnv rate-limit 400\nphp_value output_buffering 4096\n", ""),
    ]),
    ("response-cache", APACHE, [
        (PROXY % "CacheEnable disk /",               "note"),
        (PROXY % "CacheEnable disk /\nCacheIgnoreCacheControl On", "warning"),
        (PROXY % "CacheEnable disk /\nCacheStoreNoStore on", "warning"),
        (PROXY % "CacheEnable disk /\nCacheIgnoreNoLastMod On", "warning"),
        (PROXY % "CacheEnable disk /\nCacheStoreNoStore Off", "note"),
        (PROXY % "",                                 ""),
        ("CacheEnable disk /\nProxyPass / uwsgi://x/\n", ""),
    ]),
    ("response-cache", VARNISH, [
        (vcl("set beresp.ttl = 10s;"),               "warning"),
        (vcl("set beresp.grace = 10s;"),             ""),
    ]),
    ("passenger-buffer-response", NGINX, [
        (PASSENGER % "passenger_buffer_response on;", "error"),
        (PASSENGER % "passenger_buffer_response off;", ""),
        (PASSENGER % "",                             ""),
        (http("passenger_buffer_response on;"),      ""),
    ]),
    ("passenger-buffer-response", APACHE, [
        ("PassengerEnabled on\nPassengerBufferResponse On\n", "error"),
        ("PassengerEnabled on\nPassengerBufferResponse off\n", ""),
        ("PassengerEnabled on\n",                    ""),
    ]),
    ("haproxy-http-delay", HAPROXY, [
        (haproxy(),                                  "error"),
        (haproxy("option http-no-delay"),            ""),
        (haproxy(front="option http-no-delay"),      ""),
        (haproxy("no option http-no-delay"),         "error"),
        ("listen l\nmode http\nbind :80\nserver s x:1\n", "error"),
        (haproxy(front="bind :443 ssl crt x alpn h2,http/1.1").replace("bind :80\n", ""), "warning"),
        (haproxy(front="bind :443 ssl crt x alpn h2,http/1.1"), "error"),
    ]),
    ("haproxy-wait-for-body", HAPROXY, [
        (haproxy("http-response wait-for-body time 1s"), "error"),
        (haproxy("http-response wait-for-body time 1s if { path /x }"), "warning"),
        (haproxy("http-response wait-for-body time 1s unless { path /x }"), "warning"),
        (haproxy(front="http-response wait-for-body time 1s"), "error"),
        (haproxy("http-response set-header X y"),    ""),
        (haproxy(),                                  ""),
    ]),
    ("haproxy-compression", HAPROXY, [
        (haproxy("compression algo gzip"),           "warning"),
        (haproxy("compression algo gzip\ncompression type text/plain"), "warning"),
        (haproxy("compression algo gzip\ncompression type text/html"), ""),
        (haproxy("compression algo identity"),       ""),
        (haproxy("compression algo"),                ""),
        (haproxy("compression offload"),             ""),
        (haproxy(front="compression algo gzip"),     "warning"),
        (haproxy("compression algo gzip", front="compression algo gzip"), "warning"),
        (haproxy(),                                  ""),
    ]),
    ("lighttpd-stream-response-body", LIGHTTPD, [
        ('proxy.server = ( "" => (( "host" => "x" )) )\n', "error"),
        ('server.stream-response-body = 1\nproxy.server = ( "" => (( "host" => "x" )) )\n', ""),
        ('server.stream-response-body = 0\nproxy.server = ( "" => (( "host" => "x" )) )\n', "error"),
    ]),
    ("caddy-encode", CADDY, [
        (":80 {\nencode gzip\nreverse_proxy x:1\n}\n", "warning"),
        (":80 {\nencode gzip {\nminimum_length 65\n}\nreverse_proxy x:1\n}\n", "warning"),
        (":80 {\nencode gzip {\nminimum_length 64\n}\nreverse_proxy x:1\n}\n", "warning"),
        (":80 {\nencode gzip {\nminimum_length 1\n}\nreverse_proxy x:1\n}\n", "warning"),
        (":80 {\nencode /a/* gzip {\nminimum_length 1\n}\nreverse_proxy x:1\n}\n", "warning"),
        (":80 {\n@m not path /s\nencode @m gzip\nreverse_proxy x:1\n}\n", ""),
        (":80 {\nencode gzip {\nmatch {\nheader Content-Type text/html*\n}\n}\nreverse_proxy x:1\n}\n", ""),
        (":80 {\nreverse_proxy x:1\n}\n",            ""),
    ]),
    ("caddy-buffer-responses", CADDY, [
        (":80 {\nreverse_proxy x:1 {\nbuffer_responses\n}\n}\n", "error"),
        (":80 {\nreverse_proxy x:1 {\nresponse_buffers 4k\n}\n}\n", "error"),
        (":80 {\nreverse_proxy x:1\n}\n",            ""),
    ]),
    ("varnish-do-stream", VARNISH, [
        (vcl("set beresp.do_stream = false;"),       "error"),
        (vcl("set beresp.do_stream = true;"),        ""),
        (vcl("set beresp.do_esi = true;"),           "error"),
        (vcl("set beresp.do_esi = false;"),          ""),
        (vcl('if (bereq.url ~ "x") {\nset beresp.do_esi = true;\n}'), "warning"),
        (vcl("set beresp.do_gzip = true;"),          ""),
    ]),
    ("varnish-gzip", VARNISH, [
        (vcl("set beresp.do_gzip = true;"),          "error"),
        (vcl("set beresp.do_gzip = false;"),         ""),
        (vcl('if (bereq.url ~ "x") {\nset beresp.do_gzip = true;\n}'), "warning"),
        (vcl("set beresp.do_esi = true;"),           ""),
    ]),
    ("php-output-buffering", PHP, [
        ("output_buffering = 4096\n",                "warning"),
        ("output_buffering = On\n",                  "warning"),
        ("output_buffering = 0\n",                   ""),
        ("output_buffering = Off\n",                 ""),
        ("implicit_flush = On\n",                    ""),
    ]),
    ("php-output-buffering", NGINX, [
        (fastcgi('fastcgi_param PHP_VALUE "output_buffering=4096";'), "warning"),
        (fastcgi('fastcgi_param PHP_ADMIN_VALUE "output_buffering=4096";'), "warning"),
        (fastcgi('fastcgi_param PHP_VALUE "output_buffering=0";'), ""),
        (fastcgi('fastcgi_param PHP_VALUE "memory_limit=4096";'), ""),
        (fastcgi('fastcgi_param OTHER "output_buffering=4096";'), ""),
        (fastcgi('fastcgi_param PHP_VALUE "output_buffering";'), ""),
        (http('fastcgi_param PHP_VALUE "output_buffering=4096";'), ""),
    ]),
    ("php-zlib", PHP, [
        ("zlib.output_compression = On\n",           "warning"),
        ("zlib.output_compression = Off\n",          ""),
        ("output_handler = ob_gzhandler\n",          "warning"),
        ("output_handler = other\n",                 ""),
        ("output_buffering = 4096\n",                ""),
    ]),
    ("php-zlib", APACHE, [("php_flag zlib.output_compression on\n", "warning"), ("php_flag zlib.output_compression off\n", "")]),
    ("gunicorn-sync-worker", GUNICORN, [
        ("workers = 2\n",                            "error"),
        ("workers = 100\n",                          "error"),
        ("worker_class = 'gevent'\n",                ""),
        ("worker_class = 'gthread'\nthreads = 15\n", "warning"),
        ("worker_class = 'gthread'\nthreads = 16\n", "note"),
        ("worker_class = 'gthread'\nthreads = 99\n", "note"),
        ("worker_class = 'gthread'\nthreads = 100\n", ""),
        ("worker_class = 'gthread'\nworkers = 2\nthreads = 7\n", "warning"),
        ("worker_class = 'gthread'\nworkers = 2\nthreads = 8\n", "note"),
        ("worker_class = 'gthread'\nworkers = 2\nthreads = 50\n", ""),
        ("import os\nworker_class = 'gthread'\nthreads = int(os.environ['T'])\n", ""),
        ("import os\nworker_class = os.environ.get('K', 'sync')\nworkers = 15\n", "warning"),
        ("import os\nworker_class = os.environ.get('K', 'sync')\nworkers = 16\n", "note"),
        ("web: gunicorn a:b\n",                      "error"),
    ]),
    ("gunicorn-timeout", GUNICORN, [
        ("workers = 2\n",                            "warning"),
        ("timeout = 5\n",                            "warning"),
        ("timeout = 0\n",                            ""),
        ("worker_class = 'gevent'\n",                ""),
    ]),
    ("gateway-websocket", NGINX, [(fastcgi(), "note"), (http(), ""), ("location / { uwsgi_pass x; }", "note")]),
    ("websocket-upgrade", NGINX, [
        (http(),                                     "note"),
        (http11("proxy_set_header Upgrade $http_upgrade;"), "error"),
        (http("proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;"), "error"),
        ("location / { proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_pass http://x; }", ""),
        ("location / { proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $c; proxy_pass http://x; }", ""),
        ("location / { proxy_http_version 1.1; proxy_set_header Upgrade ''; proxy_set_header Connection upgrade; proxy_pass http://x; }", "note"),
        ("server { proxy_set_header Upgrade $http_upgrade; location / { proxy_set_header Host x; proxy_pass http://x; } }", "warning"),
        (fastcgi(),                                  ""),
    ]),
    ("websocket-upgrade", APACHE, [
        (PROXY % "",                                 "note"),
        ("ProxyPass / http://x/ upgrade=websocket\n", ""),
        ("ProxyPass / http://x/ upgrade=ANY\n",      ""),
        ("ProxyPass / http://x/ upgrade=h2c\n",      "note"),
        ("SetEnv force-proxy-request-1.0 1\nProxyPass / http://x/ upgrade=websocket\n", "error"),
        ("ProxyPass /ws ws://x/\nProxyPass / http://x/\n", ""),
        ("ProxyPass /ws WSS://x/\nProxyPass / http://x/\n", ""),
        ("ProxyPass / fcgi://x/\n",                  ""),
    ]),
    ("websocket-upgrade", LIGHTTPD, [
        ('proxy.server = ( "" => (( "host" => "x" )) )\n', "note"),
        ('proxy.header = ( "upgrade" => "enable" )\nproxy.server = ( "" => (( "host" => "x" )) )\n', ""),
    ]),
    ("websocket-upgrade", VARNISH, [
        (vcl(""),                                    "note"),
        (vcl("") + "sub vcl_recv {\nreturn (pipe);\n}\n", ""),
    ]),
    *STRUCTURED,
]  # fmt: skip

ROWS = [
    pytest.param(culprit, server, text, expected, id=f"{culprit} {server}: {' '.join(text.split())[-60:]}")
    for culprit, server, rows in TABLE
    for text, expected in rows
]


@pytest.mark.parametrize(("culprit", "server", "text", "expected"), ROWS)
def test_what_a_linter_makes_of_a_configuration(culprit, server, text, expected):
    assert levels(culprit, server, text) == expected


# The same linter as that of nginx-fastcgi-buffering, for another gateway.
SAME_AS_FASTCGI = {"nginx-uwsgi-buffering", "nginx-scgi-buffering"}
# A table of its own: tests/culprits/test_no_effect.py.
ELSEWHERE = {"line-without-effect"}


def test_every_linter_has_rows_in_the_table():
    linters = {linter.CULPRIT.id for linter in LINTERS}
    tabled = {culprit for culprit, *_ in TABLE} | SAME_AS_FASTCGI | ELSEWHERE
    missing = sorted(linters - tabled)
    assert not missing, (
        f"add rows for {missing} to TABLE in tests/culprits/test_linters.py: a guilty configuration, and one on "
        "each side of every condition"
    )
    assert not tabled - linters, f"remove {sorted(tabled - linters)} from TABLE: no linter has this id"
