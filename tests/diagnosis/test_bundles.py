"""All lines for one server as one text: what is merged, where it stands, and which address is written."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from flushcheck.culprits import CULPRITS
from flushcheck.diagnosis.bundles import EXAMPLE_APP, EXAMPLE_PATH, Site, bundles, site_of
from flushcheck.model import Confidence, CulpritReport, Fix, Owner, Place, Server
from tests.diagnosis.bundled import CHAT, every_bundle, needs


def line(change: str, server: Server = Server.NGINX, place: Place | None = Place.ADDRESS, **fields) -> Fix:
    return Fix("here", change, Owner.SERVER, server=server, place=place, **fields)


def text(*reports: CulpritReport, site: Site = CHAT) -> str:
    (bundle,) = bundles(reports, site)
    return bundle.change


def inner(*reports: CulpritReport) -> list[str]:
    """The lines inside of nginx's location, without the comment."""
    return [each.strip() for each in text(*reports).splitlines()[2:-1]]


BUFFERING, VERSION = line("proxy_buffering off;"), line("proxy_http_version 1.1;")
EMPTY = line('proxy_http_version 1.1;\nproxy_set_header Connection "";')
UPGRADE = line('proxy_set_header Upgrade $http_upgrade;\nproxy_set_header Connection "upgrade";')
EMPTIED = 'proxy_set_header Connection "";'

MERGED = [
    # name                                    the culprits' fixes                       the lines
    ("one",                                   [[BUFFERING]],                            ["proxy_buffering off;"]),
    ("an alternative",                        [[BUFFERING, VERSION]],                   ["proxy_buffering off;"]),
    ("what joins the first",                  [[BUFFERING, VERSION, line("gzip off;", joins=True)]], ["proxy_buffering off;", "gzip off;"]),
    ("two culprits",                          [[BUFFERING], [VERSION]],                 ["proxy_buffering off;", "proxy_http_version 1.1;"]),
    ("the same line twice",                   [[BUFFERING], [BUFFERING]],               ["proxy_buffering off;"]),
    ("another value of the same",             [[BUFFERING], [line("proxy_buffering on;")]], ["proxy_buffering off;"]),
    ("in capitals",                           [[BUFFERING], [line("Proxy_Buffering on;")]], ["proxy_buffering off;"]),
    ("headers of two names",                  [[UPGRADE]],                              ["proxy_set_header Upgrade $http_upgrade;", 'proxy_set_header Connection "upgrade";']),
    ("an empty value gives way",              [[EMPTY], [UPGRADE]],                     ["proxy_http_version 1.1;", 'proxy_set_header Connection "upgrade";', "proxy_set_header Upgrade $http_upgrade;"]),
    ("an empty value does not replace one",   [[UPGRADE], [EMPTY]],                     ["proxy_set_header Upgrade $http_upgrade;", 'proxy_set_header Connection "upgrade";', "proxy_http_version 1.1;"]),
    ("parameters keep their own value",       [[line("proxy_cache_bypass $a;\nproxy_set_header A 1;")], [line("proxy_set_header a 2;\nproxy_set_header A-B 2;")]], ["proxy_cache_bypass $a;", "proxy_set_header A 1;", "proxy_set_header A-B 2;"]),
    ("a block stays whole",                   [[line("if ($a) {\n  # why\n  proxy_buffering off;\n}")]], ["if ($a) {", "# why", "proxy_buffering off;", "}"]),
    ("an empty value alone stays",            [[EMPTY]],                                ["proxy_http_version 1.1;", EMPTIED]),
    ("an instruction is skipped",             [[line("# remove it", place=None), BUFFERING]], ["proxy_buffering off;"]),
    ("what to remove beside a line",          [[line("# remove a\nproxy_buffering off;", removes=("a",))]], ["# remove a here", "proxy_buffering off;"]),
    ("what to remove comes first",            [[BUFFERING], [line("# remove it", place=None, removes=("a", "b"))]], ["# remove a and b here", "proxy_buffering off;"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fixes", "lines"), MERGED, ids=[row[0] for row in MERGED])
def test_lines_that_set_the_same_are_merged(name, fixes, lines):
    reports = [needs(*each, name=f"culprit-{number}") for number, each in enumerate(fixes)]
    assert inner(*reports) == lines


ANY = Fix("anywhere", "a change", Owner.APP)
APACHE_LINE = line("ProxyTimeout 3600", Server.APACHE, Place.SITE)
MAKES = [
    # name                                    reports                                              servers
    ("nothing",                               [],                                                  []),
    ("no fix for a server",                   [needs(ANY)],                                        []),
    ("an instruction alone",                  [needs(line("# remove it", place=None))],            []),
    ("one server",                            [needs(ANY, BUFFERING)],                             [Server.NGINX]),
    ("one that is likely",                    [needs(BUFFERING, confidence=Confidence.LIKELY)],    [Server.NGINX]),
    ("one that is only possible",             [needs(BUFFERING, confidence=Confidence.POSSIBLE)],  []),
    ("two servers to choose from",            [needs(BUFFERING, APACHE_LINE)],                     []),
    ("two culprits, each with its server",    [needs(BUFFERING), needs(APACHE_LINE)],              [Server.NGINX, Server.APACHE]),
    ("a server without a format",             [needs(line("a: b", Server.ENVOY))],                 []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "reports", "servers"), MAKES, ids=[row[0] for row in MAKES])
def test_a_server_gets_a_text_where_a_culprit_leaves_no_other(name, reports, servers):
    assert [bundle.server for bundle in bundles(reports, CHAT)] == servers


def test_a_culprit_of_several_servers_joins_the_one_that_is_left():
    several = needs(UPGRADE, APACHE_LINE, name="websocket-upgrade")
    (bundle,) = bundles([needs(BUFFERING, name="held"), several], CHAT)
    assert bundle.culprits == ("held", "websocket-upgrade")
    assert "Upgrade" in bundle.change
    assert "ProxyTimeout" not in bundle.change


def test_notes_are_kept_once_and_name_the_other_gateways():
    note, gateways = replace(BUFFERING, note="a note"), replace(BUFFERING, per_gateway=True, note="a note")
    (bundle,) = bundles([needs(note), needs(gateways, name="other")], CHAT)
    assert bundle.notes == ("a note", gateways.gateway_note)
    assert bundle.where == "nginx, the block that serves /chat/"


def test_a_culprit_is_named_once():
    (bundle,) = bundles([needs(BUFFERING, line("gzip off;", joins=True))], CHAT)
    assert bundle.culprits == ("an-id",)


TEXTS = {
    "nginx, its location": (
        needs(BUFFERING),
        "location /chat/ {\n    # keep your own lines of this block\n    proxy_buffering off;\n}",
    ),
    "nginx, its server": (
        needs(line("http2_max_concurrent_streams 128;", place=Place.SITE)),
        "server {\n    http2_max_concurrent_streams 128;\n}",
    ),
    "nginx, both": (
        needs(BUFFERING, line("http2_max_concurrent_streams 128;", place=Place.SITE, joins=True)),
        (
            "server {\n    http2_max_concurrent_streams 128;\n    location /chat/ {\n"
            "        # keep your own lines of this block\n        proxy_buffering off;\n    }\n}"
        ),
    ),
    "Apache, its host": (needs(APACHE_LINE), "ProxyTimeout 3600"),
    "Apache, both": (
        needs(APACHE_LINE, line("SecResponseBodyAccess Off", Server.APACHE, joins=True)),
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


@pytest.mark.parametrize("server", [Server.LIGHTTPD, Server.VARNISH])
def test_a_dot_of_the_address_is_none_of_the_pattern(server):
    place = Place.RESPONSE if server is Server.VARNISH else Place.ADDRESS
    assert r"^/v1\.0/" in text(needs(line("set a = 1;", server, place)), site=Site("/v1.0/", "x"))


SITES = [
    # target                            direct                      path        address                    app
    ("http://example.org:8080/chat/",   "",                         "/chat/",   "http://example.org:8080", ""),
    ("https://example.org/chat",        "",                         "/chat",    "example.org",             ""),
    ("https://example.org:8443",        "",                         "/",        "example.org:8443",        ""),
    ("http://example.org/a;b",          "",                         "/",        "http://example.org",      ""),
    ("http://example.org/a%20b",        "",                         "/",        "http://example.org",      ""),
    ("http://example.org/a~b_c.d-e",    "",                         "/a~b_c.d-e", "http://example.org",    ""),
    ("http://example.org/ä",            "",                         "/",        "http://example.org",      ""),
    ("http://[::1]/x",                  "",                         "/x",       "http://example.org",      ""),
    ("http://ex_ample.org/x",           "",                         "/x",       "http://example.org",      ""),
    ("not an address",                  "",                         "/",        "http://example.org",      ""),
    ("http://example.org/",             "http://10.0.0.1:9000",     "/",        "http://example.org",      "http://10.0.0.1:9000"),
    ("http://example.org/",             "http://[::1]:9000/",       "/",        "http://example.org",      "http://[::1]:9000/"),
    ("http://example.org/",             "http://10.0.0.1:9000/x",   "/",        "http://example.org",      ""),
    ("http://example.org/",             'http://a";b',              "/",        "http://example.org",      ""),
]  # fmt: skip


@pytest.mark.parametrize(("target", "direct", "path", "address", "app"), SITES)
def test_only_an_address_that_needs_no_quotes_is_written(target, direct, path, address, app):
    assert site_of(target, direct) == Site(path, address, app)


def test_the_apps_own_address_is_written_where_it_is_known():
    passed = needs(line('ProxyPass "/" "http://127.0.0.1:8000/" a=b', Server.APACHE, Place.SITE))
    assert text(passed, site=replace(CHAT, app="http://10.0.0.1:9000")) == (
        'ProxyPass "/" "http://10.0.0.1:9000/" a=b'
    )
    assert text(passed) == passed.fixes[0].change


def test_the_example_of_a_path_stays_where_the_whole_site_is_meant():
    streams = needs(line("@streams not path /stream/*", Server.CADDY, Place.SITE))
    assert "/stream/*" in text(streams, site=replace(CHAT, path="/"))
    assert "/chat/*" in text(streams, site=replace(CHAT, path="/chat"))


def test_every_server_with_lines_to_paste_has_a_text():
    servers = {
        fix.server for culprit in CULPRITS.values() for fix in culprit.fixes if fix.place and fix.server
    }
    assert {server for server in servers if every_bundle(server)} == servers


@pytest.mark.parametrize("server", [Server.NGINX, Server.HAPROXY])
def test_no_text_sets_the_same_twice(server):
    lines = [each.strip() for each in every_bundle(server)["all together"].change.splitlines()]
    settings = [re.sub(r"\s+(\S+);?$", "", each) for each in lines if each not in ("}", "{")]
    assert len(set(settings)) == len(settings), settings


PASS = "ProxyPass /chat http://app:8000/chat"
JOINED = [
    # name                       one line                     another                        the line that is left
    ("a parameter is added",     f"{PASS} flushpackets=on",   f"{PASS} disablereuse=on",     f"{PASS} flushpackets=on disablereuse=on"),
    ("a parameter of both",      f"{PASS} flushpackets=on",   f"{PASS} flushpackets=on",     f"{PASS} flushpackets=on"),
    ("none in the first",        PASS,                        f"{PASS} flushpackets=on",     f"{PASS} flushpackets=on"),
    ("another directive",        "ProxyTimeout 3600",         "ProxyTimeout 60",             "ProxyTimeout 3600"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "first", "second", "expected"), JOINED, ids=[row[0] for row in JOINED])
def test_parameters_of_apaches_proxypass_are_joined(name, first, second, expected):
    reports = [needs(line(change, Server.APACHE, Place.SITE), name=change) for change in (first, second)]
    assert text(*reports) == expected


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


SLASHES = [
    # target                      direct                  the line
    ("https://example.org/chat/", "http://app:8000/",     "handle /chat/* -> http://app:8000/"),
    ("https://example.org/chat",  "http://app:8000",      "handle /chat/* -> http://app:8000/"),
]  # fmt: skip


@pytest.mark.parametrize(("target", "direct", "expected"), SLASHES)
def test_an_address_is_written_with_one_slash_at_its_end(target, direct, expected):
    change = f"handle {EXAMPLE_PATH} -> {EXAMPLE_APP}"
    made = text(needs(line(change, Server.PHP, Place.FILE)), site=site_of(target, direct))
    assert made == expected
