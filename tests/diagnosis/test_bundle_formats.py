"""How each server's configuration writes the lines: the block around them, the address, what to remove."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from flushcheck.diagnosis.bundle_formats import Site
from flushcheck.diagnosis.bundles import bundles
from flushcheck.model import Place, Server
from tests.diagnosis.bundled import CHAT, every_bundle, line, needs, text

ROUTER = "http:\n  routers:\n    streams:\n      rule: PathPrefix(`/stream`)\n      service: app"
TEXTS = {
    "nginx, its location": (
        needs(line("proxy_buffering off;")),
        "location /chat/ {\n    # keep your own lines of this block\n    proxy_buffering off;\n}",
    ),
    "nginx, its server": (
        needs(line("http2_max_concurrent_streams 128;", place=Place.SITE)),
        "server {\n    http2_max_concurrent_streams 128;\n}",
    ),
    "nginx, both": (
        needs(
            line("proxy_buffering off;"),
            line("http2_max_concurrent_streams 128;", place=Place.SITE, joins=True),
        ),
        (
            "server {\n    http2_max_concurrent_streams 128;\n    location /chat/ {\n"
            "        # keep your own lines of this block\n        proxy_buffering off;\n    }\n}"
        ),
    ),
    "Apache, its host": (needs(line("ProxyTimeout 3600", Server.APACHE, Place.SITE)), "ProxyTimeout 3600"),
    "Apache, both": (
        needs(
            line("ProxyTimeout 3600", Server.APACHE, Place.SITE),
            line("SecResponseBodyAccess Off", Server.APACHE, joins=True),
        ),
        'ProxyTimeout 3600\n<Location "/chat/">\n    SecResponseBodyAccess Off\n</Location>',
    ),
    "Apache, parameters of one ProxyPass": (
        needs(
            line('ProxyPass "/" "http://127.0.0.1:8000/" flushpackets=on', Server.APACHE, Place.SITE),
            line(
                'ProxyPass "/" "http://127.0.0.1:8000/" flushpackets=on upgrade=websocket',
                Server.APACHE,
                Place.SITE,
                joins=True,
            ),
        ),
        'ProxyPass "/" "http://127.0.0.1:8000/" flushpackets=on upgrade=websocket',
    ),
    "Apache, a section stays whole": (
        needs(line('<Proxy "fcgi://x">\n    ProxySet a=b\n</Proxy>', Server.APACHE, Place.SITE)),
        '<Proxy "fcgi://x">\n    ProxySet a=b\n</Proxy>',
    ),
    "HAProxy": (
        needs(line("option http-no-delay\noption httplog\noption httplog", Server.HAPROXY, Place.SITE)),
        "defaults\n    # keep your own lines of this block\n    option http-no-delay\n    option httplog",
    ),
    "Caddy": (
        needs(
            line("@streams not path /stream/*\nencode @streams gzip", Server.CADDY, Place.SITE),
            line("", Server.CADDY, None, removes=("buffer_responses",), joins=True),
        ),
        (
            "http://example.org:8080 {\n    # keep your own lines of this block\n    # remove buffer_responses here\n"
            "    @streams not path /chat/*\n    encode @streams gzip\n}"
        ),
    ),
    "lighttpd": (
        needs(line("server.stream-response-body = 2", Server.LIGHTTPD)),
        '$HTTP["url"] =~ "^/chat/" {\n    server.stream-response-body = 2\n}',
    ),
    "Varnish": (
        needs(
            line("set beresp.do_stream = true;", Server.VARNISH, Place.RESPONSE),
            line("set beresp.do_esi = false;", Server.VARNISH, Place.RESPONSE, joins=True),
            line("sub vcl_recv {\n}", Server.VARNISH, Place.FILE, joins=True),
        ),
        (
            "# in front of the other subs of these names\nsub vcl_recv {\n}\n"
            "# behind the other subs of this name\nsub vcl_backend_response {\n"
            '    if (bereq.url ~ "^/chat/") {\n        set beresp.do_stream = true;\n'
            "        set beresp.do_esi = false;\n    }\n}"
        ),
    ),
    "Varnish, subs alone": (
        needs(line("sub vcl_recv {\n}", Server.VARNISH, Place.FILE)),
        "# in front of the other subs of these names\nsub vcl_recv {\n}",
    ),
    "Varnish, responses alone": (
        needs(line("set beresp.do_stream = true;", Server.VARNISH, Place.RESPONSE)),
        (
            "# behind the other subs of this name\nsub vcl_backend_response {\n"
            '    if (bereq.url ~ "^/chat/") {\n        set beresp.do_stream = true;\n    }\n}'
        ),
    ),
    "Varnish, the list of filters comes last": (
        needs(
            line('set beresp.filters = "";', Server.VARNISH, Place.RESPONSE),
            line("set beresp.do_esi = false;", Server.VARNISH, Place.RESPONSE, joins=True),
        ),
        (
            "# behind the other subs of this name\nsub vcl_backend_response {\n"
            '    if (bereq.url ~ "^/chat/") {\n        set beresp.do_esi = false;\n'
            '        set beresp.filters = "";\n    }\n}'
        ),
    ),
    "Envoy, its route": (
        needs(line("idle_timeout: 3600s", Server.ENVOY)),
        (
            "# routes of the virtual host, in front of the others; cluster and the rest as in your own\n"
            '- match: { prefix: "/chat/" }\n  route:\n    cluster: app\n    timeout: 0s\n'
            "    idle_timeout: 3600s"
        ),
    ),
    "Envoy, what the route has anyway": (
        needs(line("timeout: 0s", Server.ENVOY)),
        (
            "# routes of the virtual host, in front of the others; cluster and the rest as in your own\n"
            '- match: { prefix: "/chat/" }\n  route:\n    cluster: app\n    timeout: 0s'
        ),
    ),
    "Envoy, its manager": (
        needs(line("a: { b: false }", Server.ENVOY, Place.SITE)),
        (
            "# typed_config of each HTTP connection manager, in place of the lines that set the same\n"
            "a: { b: false }"
        ),
    ),
    "Envoy, all of it": (
        needs(
            line("typed_per_filter_config:\n  one:\n    off: true", Server.ENVOY),
            line("typed_per_filter_config:\n  two:\n    off: true", Server.ENVOY, joins=True),
            line("idle_timeout: 1s", Server.ENVOY, joins=True),
            line("a: b", Server.ENVOY, Place.SITE, joins=True),
        ),
        (
            "# typed_config of each HTTP connection manager, in place of the lines that set the same\na: b\n"
            "# routes of the virtual host, in front of the others; cluster and the rest as in your own\n"
            '- match: { prefix: "/chat/" }\n  route:\n    cluster: app\n    timeout: 0s\n'
            "    idle_timeout: 1s\n  typed_per_filter_config:\n    one:\n      off: true\n    two:\n"
            "      off: true"
        ),
    ),
    "Envoy, what is for filters comes first": (
        needs(
            line("idle_timeout: 1s", Server.ENVOY),
            line("typed_per_filter_config:\n  one:\n    off: true", Server.ENVOY, joins=True),
        ),
        (
            "# routes of the virtual host, in front of the others; cluster and the rest as in your own\n"
            '- match: { prefix: "/chat/" }\n  route:\n    cluster: app\n    timeout: 0s\n'
            "    idle_timeout: 1s\n  typed_per_filter_config:\n    one:\n      off: true"
        ),
    ),
    "Traefik": (
        needs(line(ROUTER, Server.TRAEFIK, Place.FILE)),
        "http:\n  routers:\n    streams:\n      rule: PathPrefix(`/chat/`)\n      service: app",
    ),
    "uWSGI": (
        needs(
            line("harakiri = 3600", Server.UWSGI, Place.FILE),
            line("route = ^/stream last:", Server.UWSGI, joins=True),
        ),
        (
            "[uwsgi]\n; keep your own lines of this section\n"
            "; in front of your own lines that begin with route\nroute = ^/chat/ last:\nharakiri = 3600"
        ),
    ),
    "uWSGI, no routes": (
        needs(line("harakiri = 3600", Server.UWSGI, Place.FILE)),
        "[uwsgi]\n; keep your own lines of this section\nharakiri = 3600",
    ),
    "IIS, a site": (
        needs(line("<a />", Server.IIS)),
        (
            '<!-- web.config of the site -->\n<configuration>\n    <location path="chat">\n'
            "        <system.webServer>\n            <a />\n        </system.webServer>\n    </location>\n"
            "</configuration>"
        ),
    ),
    "IIS, the whole server": (
        needs(line("<a />", Server.IIS, Place.FILE)),
        (
            "<!-- applicationHost.config -->\n<configuration>\n    <system.webServer>\n        <a />\n"
            "    </system.webServer>\n</configuration>"
        ),
    ),
    "Squid": (needs(line("read_timeout 1 hour", Server.SQUID, Place.FILE)), "read_timeout 1 hour"),
    "PHP": (
        needs(line("output_buffering = Off", Server.PHP, Place.FILE)),
        "output_buffering = Off",
    ),
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_text_has_the_block_that_its_lines_belong_to(name):
    report, expected = TEXTS[name]
    assert text(report) == expected


def test_a_router_has_tls_where_the_run_had_it():
    report = needs(line(ROUTER, Server.TRAEFIK, Place.FILE))
    tls = "\n      tls: {}   # if Traefik has the certificate"
    assert text(report, site=Site("/", "example.org")) == ROUTER + tls
    assert text(report, site=Site("/", "http://example.org")) == ROUTER


def test_a_rule_of_uwsgi_has_the_pattern_of_the_address():
    rule = needs(line("route = ^/stream last:", Server.UWSGI))
    assert r"route = ^/v1\.0/ last:" in text(rule, site=Site("/v1.0/", "x"))
    assert "route = ^/stream last:" in text(rule, site=Site("/", "x"))


def test_a_whole_site_of_iis_needs_no_location():
    assert "location" not in text(needs(line("<a />", Server.IIS)), site=Site("/", "x"))


def test_each_part_for_iis_is_well_formed():
    for bundle in every_bundle(Server.IIS).values():
        parts = bundle.change.split("<!-- ")[1:]
        assert [ElementTree.fromstring(part.partition("-->")[2]).tag for part in parts] == (
            ["configuration"] * len(parts)
        )
        assert parts


def test_what_was_not_run_says_so():
    (iis,) = bundles([needs(line("<a />", Server.IIS))], CHAT)
    assert iis.notes == ("from Microsoft's documentation: these lines were not run on IIS",)
    (nginx,) = bundles([needs(line("proxy_buffering off;"))], CHAT)
    assert nginx.notes == ()


@pytest.mark.parametrize("server", [Server.LIGHTTPD, Server.VARNISH])
def test_a_dot_of_the_address_is_none_of_the_pattern(server):
    place = Place.RESPONSE if server is Server.VARNISH else Place.ADDRESS
    assert r"^/v1\.0/" in text(needs(line("set a = 1;", server, place)), site=Site("/v1.0/", "x"))


REMOVED = [
    # server           what is left beside the removal               the text begins with
    (Server.APACHE,    line("ProxyTimeout 60", Server.APACHE, Place.SITE, removes=("a",)), "# remove a here\nProxyTimeout 60"),
    (Server.HAPROXY,   line("timeout server 1h", Server.HAPROXY, Place.SITE, removes=("a",)), "defaults\n    # keep your own lines of this block\n    # remove a here\n    timeout server 1h"),
    (Server.CADDY,     line("encode zstd", Server.CADDY, Place.SITE, removes=("a",)), "http://example.org:8080 {\n    # keep your own lines of this block\n    # remove a here\n    encode zstd"),
    (Server.LIGHTTPD,  line("a = 1", Server.LIGHTTPD, removes=("a",)), '$HTTP["url"] =~ "^/chat/" {\n    # remove a here\n    a = 1'),
    (Server.PHP,       line("output_buffering = 0", Server.PHP, Place.FILE, removes=("a",)), "# remove a here\noutput_buffering = 0"),
]  # fmt: skip


@pytest.mark.parametrize(("server", "fix", "begins"), REMOVED, ids=[row[0] for row in REMOVED])
def test_each_server_is_told_what_to_remove(server, fix, begins):
    assert text(needs(fix)).startswith(begins)
