"""Whom a finding concerns, listener by listener and version by version, and how severe that makes it."""

from __future__ import annotations

import pytest

from flushcheck.configs.findings import Finding, Server
from flushcheck.files import check_text
from flushcheck.model import Version
from tests.culprits.configurations import APACHE, CADDY, HAPROXY, NGINX

HTTP11 = "proxy_http_version 1.1;"
OLD, NEW, ANY = (1, 29, 6), (1, 29, 7), ()
TLS = "listen 443 ssl;"
H2 = "listen 443 ssl http2;"
FCGI = "ProxyPass / fcgi://x/ %s\n"


def server(listen: str, lines: str = "", target: str = "http://x") -> str:
    return f"server {{ {listen} location / {{ {lines} proxy_pass {target}; }} }}"


def gateway(listen: str, lines: str = "") -> str:
    return f"server {{ {listen} location / {{ {lines} fastcgi_pass x; }} }}"


def haproxy(bind: str, front: str = "") -> str:
    return f"frontend f\nmode http\n{bind}\n{front}\ndefault_backend b\nbackend b\nmode http\nserver s x:1\n"


def host(lines: str, port: int = 443, parameter: str = "") -> str:
    return f"<VirtualHost *:{port}>\n{lines}\nProxyPass / fcgi://x/ {parameter}\n</VirtualHost>\n"


INNER = server("listen 8443 ssl http2;", HTTP11)
OUTER = server(H2, "proxy_buffering off;", "%s://127.0.0.1:8443")

ROWS: list[tuple[str, Server, Version, str, str]] = [
    # culprit, server, version, configuration, and of each finding its level and readers
    ("nginx-proxy-buffering", NGINX, ANY, server("listen 80;"),                 "error plain"),
    ("nginx-proxy-buffering", NGINX, OLD, server("listen 80;"),                 "error plain"),
    ("nginx-proxy-buffering", NGINX, NEW, server("listen 80;"),                 ""),
    ("nginx-proxy-buffering", NGINX, NEW, server(""),                           ""),
    ("nginx-proxy-buffering", NGINX, ANY, server("", HTTP11),                   ""),
    ("nginx-proxy-buffering", NGINX, ANY, server("listen 80;", HTTP11),         ""),
    ("nginx-proxy-buffering", NGINX, ANY, server(TLS, HTTP11),                  "error http1 browser"),
    ("nginx-proxy-buffering", NGINX, ANY, server(TLS),                          "error http1 browser"),
    ("nginx-proxy-buffering", NGINX, NEW, server(TLS),                          "error http1 browser"),
    ("nginx-proxy-buffering", NGINX, ANY, server(TLS, HTTP11 + "proxy_buffering off;"), ""),
    ("nginx-proxy-buffering", NGINX, ANY, server(H2, HTTP11),                   "warning http1"),
    ("nginx-proxy-buffering", NGINX, NEW, server(H2),                           "warning http1"),
    ("nginx-proxy-buffering", NGINX, OLD, server(H2),                           "error http1 browser"),
    ("nginx-proxy-buffering", NGINX, ANY, server(TLS + "http2 on;", HTTP11),    "warning http1"),
    ("nginx-proxy-buffering", NGINX, ANY, server(TLS + "http2 off;", HTTP11),   "error http1 browser"),
    ("nginx-proxy-buffering", NGINX, ANY, "http2 on; " + server(TLS, HTTP11),   "warning http1"),
    ("nginx-proxy-buffering", NGINX, ANY, server("listen 80; http2 on;", HTTP11), ""),
    ("nginx-proxy-buffering", NGINX, ANY, server("listen 80; " + H2, HTTP11),   "warning http1"),
    ("nginx-proxy-buffering", NGINX, ANY, server("listen 80; " + TLS, HTTP11),  "error http1 browser"),
    ("nginx-proxy-buffering", NGINX, ANY, server(H2 + "listen 8443 ssl;", HTTP11), "error http1 browser"),
    ("nginx-proxy-buffering", NGINX, ANY, server("listen 443; ssl on;", HTTP11), "error http1 browser"),
    ("nginx-proxy-buffering", NGINX, ANY, server("listen 443; ssl off;", HTTP11), ""),
    ("nginx-proxy-buffering", NGINX, ANY, server("ssl on;", HTTP11),            "error http1 browser"),
    ("nginx-proxy-buffering", NGINX, ANY, server("listen 443 quic; " + H2, HTTP11), "warning http1"),
    ("nginx-proxy-buffering", NGINX, ANY, server("listen 443 quic;", HTTP11),   ""),
    # ssl and http2 behind listen belong to the socket, http2 on to the server.
    ("nginx-proxy-buffering", NGINX, ANY, server("listen 443;", HTTP11) + f" server {{ {H2} }}", "warning http1"),
    ("nginx-proxy-buffering", NGINX, ANY, server(TLS, HTTP11) + " server { listen 443 ssl; http2 on; }", "error http1 browser"),
    ("nginx-proxy-buffering", NGINX, ANY, server("listen 443;", HTTP11) + " server { listen 444 ssl; }", ""),
    # Another server that calls this one over https is an HTTP/1.1 client.
    ("nginx-proxy-buffering", NGINX, ANY, INNER,                                "warning http1"),
    ("nginx-proxy-buffering", NGINX, ANY, INNER + OUTER % "https",              "error http1 browser"),
    ("nginx-proxy-buffering", NGINX, ANY, INNER + OUTER % "http",               "warning http1"),
    ("nginx-fastcgi-buffering", NGINX, ANY, gateway(H2),                        "error http1 browser"),
    ("nginx-fastcgi-buffering", NGINX, NEW, gateway("listen 80;"),              "error plain"),
    ("nginx-fastcgi-buffering", NGINX, ANY, gateway(TLS, "fastcgi_buffering off;"), ""),
    ("nginx-gzip", NGINX, ANY, server(H2, HTTP11 + "gzip on; gzip_types *;"),   "warning "),
    ("nginx-gzip", NGINX, ANY, server(TLS, HTTP11 + "gzip on; gzip_types *;"),  ""),
    ("nginx-ignore-headers", NGINX, ANY, server(H2, HTTP11 + "proxy_ignore_headers X-Accel-Buffering;"), "warning http1"),
    ("nginx-ignore-headers", NGINX, ANY, server(H2, HTTP11 + "proxy_ignore_headers X-Accel-Buffering; gzip on;"), "warning "),
    ("nginx-ignore-headers", NGINX, ANY, server(TLS, HTTP11 + "proxy_ignore_headers X-Accel-Buffering;"), "error http1 browser"),
    ("nginx-hint-taken", NGINX, ANY, server("listen 8080;") + server(H2, HTTP11, "http://127.0.0.1:8080"), "warning http1"),

    ("haproxy-http-delay", HAPROXY, ANY, haproxy("bind :80"),                   "error plain"),
    ("haproxy-http-delay", HAPROXY, (2, 7, 9), haproxy("bind :443 ssl"),        ""),
    ("haproxy-http-delay", HAPROXY, (2, 8), haproxy("bind :443 ssl"),           "warning http1"),
    ("haproxy-http-delay", HAPROXY, ANY, haproxy("bind :443 ssl"),              "warning http1"),
    ("haproxy-http-delay", HAPROXY, (2, 8), haproxy("bind :443 ssl no-alpn"),   "error http1 browser"),
    ("haproxy-http-delay", HAPROXY, ANY, haproxy("bind :443 ssl no-alpn"),      "warning http1 browser"),
    ("haproxy-http-delay", HAPROXY, (3, 2), haproxy("bind :443 ssl alpn http/1.1"), "error http1 browser"),
    ("haproxy-http-delay", HAPROXY, (3, 2), haproxy("bind :443 ssl alpn h2,http/1.1"), "warning http1"),
    ("haproxy-http-delay", HAPROXY, (2, 6), haproxy("bind :80\nbind :443 ssl"), "error plain"),
    ("haproxy-http-delay", HAPROXY, (3, 2), haproxy("bind :80\nbind :443 ssl"), "error plain http1"),
    ("haproxy-http-delay", HAPROXY, (3, 2), haproxy("bind :80\nbind :443 ssl", "redirect scheme https if !{ ssl_fc }"), "warning http1"),
    ("haproxy-http-delay", HAPROXY, (3, 2), haproxy("bind :80\nbind :443 ssl", "http-request redirect scheme https unless { ssl_fc }"), "warning http1"),
    ("haproxy-http-delay", HAPROXY, (3, 2), haproxy("bind :80\nbind :443 ssl", "http-request redirect prefix https://x"), "error plain http1"),
    ("haproxy-http-delay", HAPROXY, (3, 2), haproxy("bind :80", "redirect scheme https if !{ ssl_fc }"), "error plain"),
    ("haproxy-http-delay", HAPROXY, (3, 2), haproxy("bind quic4@:443 ssl alpn h3\nbind :443 ssl"), "warning http1"),
    ("haproxy-http-delay", HAPROXY, ANY, haproxy(""),                           "warning "),
    ("haproxy-http-delay", HAPROXY, (3, 2), haproxy("bind :443 ssl", "option http-no-delay"), ""),
    ("haproxy-compression", HAPROXY, (2, 8, 9), haproxy("", "compression algo gzip"), "warning "),
    ("haproxy-compression", HAPROXY, (2, 9), haproxy("", "compression algo gzip"), ""),
    ("haproxy-compression", HAPROXY, ANY, haproxy("", "compression algo gzip"), "warning "),

    ("apache-proxy-fcgi", APACHE, ANY, FCGI % "",                               "error "),
    ("apache-proxy-fcgi", APACHE, ANY, "SSLEngine on\n" + FCGI % "",            "error http1 browser"),
    ("apache-proxy-fcgi", APACHE, ANY, host("", 80),                            "error plain"),
    ("apache-proxy-fcgi", APACHE, ANY, host("SSLEngine on", 80),                "error http1 browser"),
    ("apache-proxy-fcgi", APACHE, ANY, host(""),                                "error http1 browser"),
    ("apache-proxy-fcgi", APACHE, ANY, host("SSLEngine off"),                   "error plain"),
    ("apache-proxy-fcgi", APACHE, ANY, host("SSLEngine On\nProtocols h2 http/1.1"), "warning http1"),
    ("apache-proxy-fcgi", APACHE, ANY, host("Protocols H2"),                    "warning http1"),
    ("apache-proxy-fcgi", APACHE, ANY, host("Protocols http/1.1"),              "error http1 browser"),
    ("apache-proxy-fcgi", APACHE, ANY, "Protocols h2 http/1.1\n" + host("SSLEngine on"), "warning http1"),
    ("apache-proxy-fcgi", APACHE, ANY, host("Protocols h2c http/1.1", 80),      "error plain"),
    ("apache-proxy-fcgi", APACHE, ANY, host("Protocols h2", 80),                "error plain"),
    ("apache-proxy-fcgi", APACHE, ANY, host("", 443, "flushpackets=auto"),      "warning http1 browser"),
    ("apache-proxy-fcgi", APACHE, ANY, host("", 443, "flushpackets=on"),        ""),

    ("apache-proxy-ajp", APACHE, ANY, "ProxyPass / ajp://x/\n",                 "warning "),
    ("apache-proxy-ajp", APACHE, ANY, host("").replace("fcgi", "ajp"),          "warning http1 browser"),
    ("apache-proxy-ajp", APACHE, ANY, host("Protocols h2").replace("fcgi", "ajp"), "warning http1"),
    ("apache-proxy-ajp", APACHE, ANY, host("", 80).replace("fcgi", "ajp"),      "warning plain"),

    ("caddy-encode", CADDY, (2, 8, 4), ":80 {\nencode gzip {\nminimum_length 64\n}\nreverse_proxy x:1\n}\n", "error "),
    ("caddy-encode", CADDY, (2, 8, 4), ":80 {\nencode gzip {\nminimum_length 65\n}\nreverse_proxy x:1\n}\n", "warning "),
    ("caddy-encode", CADDY, (2, 8, 4), ":80 {\nencode /a gzip {\nminimum_length 1\n}\nreverse_proxy x:1\n}\n", "warning "),
    ("caddy-encode", CADDY, (2, 9), ":80 {\nencode gzip {\nminimum_length 1\n}\nreverse_proxy x:1\n}\n", ""),
    ("caddy-encode", CADDY, ANY, ":80 {\nencode gzip {\nminimum_length 1\n}\nreverse_proxy x:1\n}\n", "warning "),
]  # fmt: skip


def findings(culprit: str, of: Server, version: Version, text: str) -> list[Finding]:
    checked = check_text(text, server=of, name="f", version=version)
    return [finding for finding in checked.findings if finding.culprit.id == culprit]


@pytest.mark.parametrize(
    ("culprit", "of", "version", "text", "expected"),
    [pytest.param(*row, id=f"{row[0]} {row[2]}: {' '.join(row[3].split())[:90]}") for row in ROWS],
)
def test_a_finding_concerns_these_readers(culprit, of, version, text, expected):
    found = findings(culprit, of, version, text)
    assert ", ".join(f"{one.level} {' '.join(one.readers)}" for one in found) == expected


SENTENCES = [
    # culprit, server, version, configuration, and what its message says and does not say
    ("nginx-proxy-buffering", NGINX, ANY, server("listen 80;"), ["a buffer of 4096 bytes", "nginx 1.29.7 and later call the app over HTTP/1.1 by default and pass each chunk on at once"], ["TLS"]),
    ("nginx-proxy-buffering", NGINX, OLD, server("listen 80;"), ["a buffer of 4096 bytes"], ["and later"]),
    ("nginx-proxy-buffering", NGINX, ANY, server("listen 80;", "proxy_http_version 1.0;"), ["HTTP/1.0 (line 1)"], ["and later"]),
    ("nginx-proxy-buffering", NGINX, ANY, server(TLS), ["a buffer of 16384 bytes is full (ssl_buffer_size 16k, nginx's default, because its readers use HTTP/1.1 over TLS)", "nginx 1.29.7 and later hold it too"], ["4096"]),
    ("nginx-proxy-buffering", NGINX, ANY, server(H2), ["4096 bytes is full, for HTTP/1.1 clients over TLS one of 16384 bytes", "at once, except to HTTP/1.1 clients over TLS"], []),
    ("nginx-proxy-buffering", NGINX, OLD, server(H2, "proxy_buffers 8 16k;"), ["16384 bytes is full; a"], ["one of"]),
    ("nginx-proxy-buffering", NGINX, ANY, server(TLS + "ssl_buffer_size 4k;", HTTP11), ["a buffer of 4096 bytes is full (ssl_buffer_size 4k, line 1)", "browsers and other clients over TLS"], ["at once"]),
    ("nginx-proxy-buffering", NGINX, ANY, server(TLS + "ssl_buffer_size $x;", HTTP11), ["16384 bytes"], []),
    ("nginx-proxy-buffering", NGINX, ANY, server(H2 + "listen 80;", HTTP11), ["HTTP/1.1 clients over TLS get data", "clients over plain http and browsers over HTTP/2 get each chunk at once"], []),
    ("nginx-proxy-buffering", NGINX, ANY, INNER + "\n" + OUTER % "https", ["the nginx at f:2, which calls it over https, gets data only when a buffer of 16384"], ["at once"]),
    ("nginx-fastcgi-buffering", NGINX, ANY, gateway(TLS, "fastcgi_buffers 8 32k;"), ["a buffer of 32768 bytes is full (ssl_buffer_size"], ["and later"]),
    ("haproxy-http-delay", HAPROXY, ANY, haproxy("bind :80"), ["through frontend f, for clients over HTTP/1.1"], ["2.8", "TLS"]),
    ("haproxy-http-delay", HAPROXY, ANY, haproxy("bind :443 ssl"), ["browsers get each chunk at once over HTTP/2; HAProxy before 2.8 has ticks for clients over plain http alone"], []),
    ("haproxy-http-delay", HAPROXY, (3, 2), haproxy("bind :443 ssl no-alpn"), ["for HTTP/1.1 clients over TLS and browsers"], ["at once", "2.8"]),
    ("haproxy-http-delay", HAPROXY, (2, 6), haproxy("bind :80\nbind :443 ssl"), ["for clients over plain http; HAProxy before 2.8 has none over TLS"], ["at once"]),
    ("haproxy-http-delay", HAPROXY, ANY, haproxy(""), ["where no other program ends TLS and the frontend has no ssl"], []),
    ("haproxy-compression", HAPROXY, (2, 8), haproxy("", "compression algo gzip"), ["only with the next one"], ["2.9"]),
    ("haproxy-compression", HAPROXY, ANY, haproxy("", "compression algo gzip"), ["from 2.9 on it flushes each compressed piece"], []),
    ("apache-proxy-fcgi", APACHE, ANY, host("", 80), ["a buffer of 4096 bytes is full"], ["8192"]),
    ("apache-proxy-fcgi", APACHE, ANY, host(""), ["a buffer of 8192 bytes (mod_ssl, for HTTP/1.1 clients over TLS) is full"], ["4096"]),
    ("apache-proxy-fcgi", APACHE, ANY, host("Protocols h2"), ["over HTTP/2 browsers get each piece at once"], ["4096"]),
    ("caddy-encode", CADDY, ANY, ":80 {\nencode gzip\nreverse_proxy x:1\n}\n", ["from 2.9 on it flushes its compressor after each write"], []),
    ("caddy-encode", CADDY, (2, 8), ":80 {\nencode gzip\nreverse_proxy x:1\n}\n", ["held to its end"], ["2.9"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("culprit", "of", "version", "text", "says", "does_not_say"),
    [pytest.param(*row, id=f"{row[0]} {row[2]}: {' '.join(row[3].split())[:90]}") for row in SENTENCES],
)
def test_a_finding_says_who_gets_what(culprit, of, version, text, says, does_not_say):
    message = findings(culprit, of, version, text)[0].message
    assert [part for part in says if part not in message] == []
    assert [part for part in does_not_say if part in message] == []
