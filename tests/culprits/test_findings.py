"""What a finding of each linter says, what it leaves out, and what its edits write."""

from __future__ import annotations

import pytest

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
    found,
    haproxy,
    http,
    http11,
    vcl,
    words,
)

SAYS = [
    # culprit, server, configuration, in its sentence or its fix
    ("nginx-proxy-buffering", NGINX, http(), "the app is called over HTTP/1.0"),
    ("nginx-proxy-buffering", NGINX, http("proxy_set_header X-Accel-Buffering no;"), "proxy_set_header X-Accel-Buffering (f:1) has no effect here"),
    ("nginx-proxy-buffering", NGINX, http("add_header x-accel-buffering no;"), "add_header X-Accel-Buffering (f:1) has no effect here"),
    ("nginx-proxy-buffering", NGINX, http("proxy_ignore_headers X-Accel-Buffering;"), "the app cannot switch it off with a response header: f:1 ignores"),
    ("nginx-proxy-buffering", NGINX, TWO_NGINX % ("", ""), "the inner nginx (f:1) removes X-Accel-Buffering"),
    ("nginx-ignore-headers", NGINX, http11("proxy_ignore_headers X-Accel-Buffering; gzip on;"), "which gzip holds"),
    ("nginx-ignore-headers", NGINX, fastcgi("fastcgi_ignore_headers X-Accel-Buffering;"), "fastcgi_buffering off;"),
    ("nginx-limit-rate", NGINX, http("limit_rate 64k;"), "faster than 65536 bytes/s"),
    ("nginx-limit-rate", NGINX, http("limit_rate $rate;"), "faster than the rate in $rate"),
    ("nginx-gzip", NGINX, http11("gzip on; gzip_types text/plain;"), "sent as text/plain is held to its end for every client that offers gzip"),
    ("nginx-gzip", NGINX, http11("gzip on;"), "sent as text/html is held"),
    ("nginx-gzip", NGINX, http11("brotli on; brotli_types *;"), "for every client that offers br"),
    ("nginx-proxy-cache", NGINX, http("proxy_cache z;"), "stores each response that states its lifetime unless the app forbids it"),
    ("nginx-proxy-cache", NGINX, http("proxy_cache z; proxy_cache_valid any 1m; proxy_no_cache $x;"), "stores every response unless the app forbids it, where proxy_no_cache allows it"),
    ("nginx-proxy-cache", NGINX, http("proxy_cache z; proxy_ignore_headers Cache-Control;"), "the app cannot prevent it with Cache-Control: f:1 ignores"),
    ("idle-timeout", NGINX, http("proxy_read_timeout 15s;"), "silent for 15 s is cut, even with a heartbeat every 15 s"),
    ("idle-timeout", NGINX, fastcgi(), "proxy_read_timeout 1h;"),
    ("idle-timeout", APACHE, PROXY % "", "ProxyTimeout 3600"),
    ("idle-timeout", APACHE, FCGID % "", "FcgidIOTimeout 3600"),
    ("idle-timeout", HAPROXY, haproxy("timeout server 1m"), "timeout tunnel 1h"),
    ("apache-proxy-fcgi", APACHE, PROXY_FCGI % "flushpackets=auto", "pieces less than 10 ms apart wait"),
    ("apache-proxy-fcgi", APACHE, PROXY_FCGI % "", "flushpackets is off (Apache's default)"),
    ("apache-proxy-fcgi", APACHE, '<FilesMatch "x">\nSetHandler "proxy:fcgi://localhost"\n</FilesMatch>\n', "ProxySet flushpackets=on"),
    ("apache-proxy-fcgi", APACHE, "ProxyPass /a fcgi://x/\nProxyPass /b fcgi://x/b flushpackets=on\n", "the parameter is"),
    ("apache-mod-fcgid", APACHE, FCGID % "FcgidOutputBufferSize 4096", "only when a buffer of 4096 bytes is full"),
    ("apache-mod-fcgid", APACHE, FCGID % "SetEnv FCGIDOUTPUTBUFFERSIZE 0", "SetEnv FcgidOutputBufferSize (f:1) has no effect"),
    ("apache-mod-security", APACHE, PROXY % "SecRuleEngine On\nSecResponseBodyAccess On", "with the content type text/event-stream"),
    ("apache-ratelimit", APACHE, PROXY % "SetOutputFilter RATE_LIMIT\nSetEnv rate-limit 400\nSetEnv rate-limit 800", "800 KiB/s"),
    ("response-cache", APACHE, PROXY % "CacheEnable disk /", "stores each response that states its lifetime: the next"),
    ("response-cache", APACHE, PROXY % "CacheEnable disk /\nCacheStoreNoStore On", "stores every response (CacheStoreNoStore)"),
    ("response-cache", VARNISH, vcl("set beresp.ttl = 10s;\nreturn (pass);"), "every response that no return (pass) exempts;"),
    ("haproxy-http-delay", HAPROXY, haproxy(), "clients over HTTP/1.1"),
    ("haproxy-http-delay", HAPROXY, haproxy("no option http-no-delay"), "is off ("),
    ("haproxy-http-delay", HAPROXY, haproxy(), "is not set (HAProxy's default)"),
    ("haproxy-wait-for-body", HAPROXY, haproxy("http-response wait-for-body time 1s if { path /x }"), "where the condition holds"),
    ("haproxy-compression", HAPROXY, haproxy("compression algo gzip\ncompression type text/plain"), "sent as text/plain arrives"),
    ("caddy-encode", CADDY, ":80 {\nencode /a/* gzip {\nminimum_length 65\n}\nreverse_proxy x:1\n}\n", "if its first write has 65 bytes or more and the request matches /a/*"),
    ("caddy-encode", CADDY, ":80 {\nencode gzip\nreverse_proxy x:1\n}\n", "512 bytes or more"),
    ("caddy-encode", CADDY, ":80 {\nencode gzip {\nminimum_length 2\n}\nreverse_proxy x:1\n}\n", "2 bytes or more"),
    ("caddy-encode", CADDY, ":80 {\nencode gzip {\nminimum_length 2\n}\nreverse_proxy x:1\n}\n", "inside the encode block"),
    ("caddy-encode", CADDY, ":80 {\nencode gzip\nreverse_proxy x:1\n}\n", "the encode directive: encode gzip {"),
    ("varnish-do-stream", VARNISH, vcl("set beresp.do_esi = true;"), "set beresp.do_esi = false;"),
    ("varnish-do-stream", VARNISH, vcl("set beresp.do_stream = false;"), "set beresp.do_stream = true;"),
    ("varnish-do-stream", VARNISH, vcl('if (bereq.url ~ "x") {\nset beresp.do_esi = true;\n}'), "where the condition around it is true"),
    ("varnish-gzip", VARNISH, vcl('if (bereq.url ~ "x") {\nset beresp.do_gzip = true;\n}'), "where the condition around it is true"),
    ("passenger-buffer-response", NGINX, PASSENGER % "passenger_buffer_response on;", "passenger_buffer_response off;"),
    ("passenger-buffer-response", APACHE, "PassengerEnabled on\nPassengerBufferResponse On\n", "PassengerBufferResponse off"),
    ("php-output-buffering", PHP, "output_buffering = On\n", "PHP collects everything"),
    ("php-output-buffering", PHP, "output_buffering = 4096\n", "PHP collects 4096 bytes"),
    ("php-output-buffering", PHP, "output_buffering = 4096\n", "php.ini: output_buffering = Off"),
    ("php-output-buffering", PHP, "[www]\nphp_admin_value[output_buffering] = 4096\n", "the pool: php_admin_value[output_buffering] = 0"),
    ("php-output-buffering", NGINX, fastcgi('fastcgi_param PHP_VALUE "output_buffering=4096";'), 'fastcgi_param PHP_VALUE "output_buffering=0";'),
    ("php-output-buffering", APACHE, "php_value output_buffering 4096\n", "Apache, the php_value line: php_value output_buffering 0"),
    ("php-zlib", APACHE, "php_flag zlib.output_compression on\n", "php_flag zlib.output_compression off"),
    ("php-zlib", PHP, "[www]\nphp_admin_flag[zlib.output_compression] = on\n", "php_admin_flag[zlib.output_compression] = off"),
    ("php-zlib", PHP, "output_handler = ob_gzhandler\n", "php.ini: output_handler ="),
    ("php-zlib", APACHE, "php_value output_handler ob_gzhandler\n", "php_value output_handler none"),
    ("gunicorn-sync-worker", GUNICORN, "workers = 1\n", "1 stream at a time with 1 worker, all others wait"),
    ("gunicorn-sync-worker", GUNICORN, "workers = 2\n", "2 streams at a time with 2 workers, all others wait"),
    ("gunicorn-sync-worker", GUNICORN, "import os\nworkers = int(os.environ['W'])\n", "1 stream at a time in each worker"),
    ("gunicorn-sync-worker", GUNICORN, "worker_class = 'gthread'\nthreads = 7\n", "7 streams at a time with 1 worker"),
    ("gunicorn-sync-worker", GUNICORN, "workers = 2\n", 'gunicorn.conf.py: worker_class = "gevent"'),
    ("gunicorn-sync-worker", GUNICORN, "web: gunicorn a:b\n", "command line: -k gevent"),
    ("gunicorn-timeout", GUNICORN, "timeout = 5\n", "lasts longer than 5 s is cut"),
    ("gateway-websocket", NGINX, fastcgi(), "FastCGI cannot carry WebSocket"),
    ("websocket-upgrade", NGINX, http(), "the app is called over HTTP/1.0"),
    ("websocket-upgrade", NGINX, http(), "Upgrade is not passed on, Connection is not set to upgrade"),
    ("websocket-upgrade", NGINX, http("proxy_set_header Connection close;"), "Connection is 'close'"),
    ("websocket-upgrade", APACHE, PROXY % "", "no upgrade=websocket"),
    ("websocket-upgrade", APACHE, "SetEnv force-proxy-request-1.0 1\nProxyPass / http://x/ upgrade=websocket\n", "makes Apache call the app over HTTP/1.0"),
    ("websocket-upgrade", LIGHTTPD, 'proxy.server = ( "" => (( "host" => "x" )) )\n', '"upgrade" => "enable"'),
    ("websocket-upgrade", VARNISH, vcl(""), "return (pipe);"),
]  # fmt: skip

ABSENT = [
    # culprit, server, configuration, not in its sentence
    ("nginx-proxy-buffering", NGINX, http("add_header X-Other no;"), "has no effect"),
    ("nginx-fastcgi-buffering", NGINX, fastcgi(), "is called over"),
    ("nginx-ignore-headers", NGINX, http("proxy_ignore_headers X-Accel-Buffering;"), "gzip"),
    ("nginx-proxy-cache", NGINX, http("proxy_cache z; proxy_ignore_headers Cache-Control;"), "unless"),
    ("nginx-proxy-cache", NGINX, http("proxy_cache z;"), "allows it"),
    ("idle-timeout", NGINX, http("proxy_read_timeout 16s;"), "even with"),
    ("apache-mod-fcgid", APACHE, FCGID % "SetEnv OTHER 0", "SetEnv"),
    ("apache-mod-security", APACHE, PROXY % "SecRuleEngine On\nSecResponseBodyAccess On\nSecResponseBodyMimeType text/event-stream", "the app can avoid it"),
    ("apache-proxy-fcgi", APACHE, PROXY_FCGI % "flushpackets=off", "the parameter is"),
    ("response-cache", APACHE, PROXY % "CacheEnable disk /\nCacheStoreNoStore On", "the app can prevent"),
    ("response-cache", VARNISH, vcl("set beresp.ttl = 10s;"), "exempts"),
    ("haproxy-wait-for-body", HAPROXY, haproxy("http-response wait-for-body time 1s"), "condition"),
    ("varnish-gzip", VARNISH, vcl("set beresp.do_gzip = true;"), "condition"),
    ("varnish-do-stream", VARNISH, vcl("set beresp.do_esi = true;"), "condition"),
    ("caddy-encode", CADDY, ":80 {\nencode gzip {\nminimum_length 1\n}\nreverse_proxy x:1\n}\n", ", if "),
    ("gunicorn-sync-worker", GUNICORN, "workers = 2\n", "unless"),
    ("websocket-upgrade", NGINX, http("proxy_set_header Connection upgrade;"), "Connection"),
]  # fmt: skip


@pytest.mark.parametrize(("culprit", "server", "text", "sentence"), SAYS)
def test_a_finding_names_the_fact(culprit, server, text, sentence):
    assert sentence in words(culprit, server, text)


@pytest.mark.parametrize(("culprit", "server", "text", "sentence"), ABSENT)
def test_a_finding_names_no_fact_that_is_not_there(culprit, server, text, sentence):
    (finding,) = found(culprit, server, text)
    assert sentence not in f"{finding.message} {finding.override}"


EDITS = [
    # culprit, server, configuration, what --diff writes
    ("websocket-upgrade", NGINX, "map $http_upgrade $c { }\nserver { location / { proxy_pass http://x; } }", ["proxy_http_version 1.1;", "proxy_set_header Upgrade $http_upgrade;", "proxy_set_header Connection $c;"]),
    ("websocket-upgrade", NGINX, "map $other $c { }\nserver { location / { proxy_pass http://x; } }", ["proxy_http_version 1.1;", "proxy_set_header Upgrade $http_upgrade;", 'proxy_set_header Connection "upgrade";']),
    ("websocket-upgrade", NGINX, "map $http_upgrade $c $d { }\nserver { location / { proxy_pass http://x; } }", ["proxy_http_version 1.1;", "proxy_set_header Upgrade $http_upgrade;", 'proxy_set_header Connection "upgrade";']),
    ("websocket-upgrade", APACHE, PROXY % "", ["ProxyPass / http://x/ upgrade=websocket"]),
    ("websocket-upgrade", APACHE, "RewriteRule ^/(.*) http://x/$1 [P]\n", []),
    ("websocket-upgrade", LIGHTTPD, 'proxy.server = ( "" => (( "host" => "x" )) )\n', ['proxy.header = ( "upgrade" => "enable" )']),
    ("websocket-upgrade", LIGHTTPD, 'proxy.header = ( "https-remap" => "enable" )\nproxy.server = ( "" => (( "host" => "x" )) )\n', []),
    ("caddy-buffer-responses", CADDY, ":80 {\nreverse_proxy x:1 {\nbuffer_responses {\n}\n}\n}\n", []),
    ("caddy-encode", CADDY, ":80 {\nencode gzip {\nminimum_length 2\n}\nreverse_proxy x:1\n}\n", []),
    ("apache-mod-fcgid", APACHE, FCGID % "", ["FcgidOutputBufferSize 0"]),
    ("apache-mod-security", APACHE, PROXY % "SecRuleEngine On\nSecResponseBodyAccess On", ['<Location "/">', "    SecResponseBodyAccess Off", "</Location>"]),
    ("apache-proxy-fcgi", APACHE, PROXY_FCGI % 'flushpackets=off "keepalive=a b"', ['ProxyPass / fcgi://x/ "keepalive=a b" flushpackets=on']),
    ("php-output-buffering", NGINX, fastcgi('fastcgi_param PHP_VALUE "output_buffering=4096";'), []),
    ("php-output-buffering", PHP, "output_buffering = 4096\n", ["output_buffering = Off"]),
    ("idle-timeout", NGINX, http(), ["proxy_read_timeout 1h;"]),
    ("idle-timeout", APACHE, PROXY % "", []),
    ("gunicorn-sync-worker", GUNICORN, "web: gunicorn a:b\n", [" -k gevent"]),
    ("gunicorn-sync-worker", GUNICORN, 'CMD ["gunicorn", "a:b"]\n', [', "-k", "gevent"']),
    ("gunicorn-sync-worker", GUNICORN, "worker_class = 'gthread'\nthreads = 2\n", ['worker_class = "gevent"']),
]  # fmt: skip


@pytest.mark.parametrize(("culprit", "server", "text", "lines"), EDITS)
def test_an_edit_writes_the_lines_that_are_missing(culprit, server, text, lines):
    (finding,) = found(culprit, server, text)
    assert [line for edit in finding.edits for line in edit.lines] == lines
