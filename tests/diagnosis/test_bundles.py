"""All lines for one server as one text: what is merged, where it stands, and which address is written."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from flushcheck.culprits import CULPRITS
from flushcheck.diagnosis.bundle_formats import Site
from flushcheck.diagnosis.bundles import EXAMPLE_APP, EXAMPLE_PATH, bundles, site_of
from flushcheck.model import Confidence, CulpritReport, Fix, Owner, Place, Server
from tests.diagnosis.bundled import CHAT, every_bundle, line, needs, text


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
    ("a server without a format",             [needs(line("a: b", Server.KUBERNETES))],            []),
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
    assert bundle.where == "each nginx on the path, the block that serves /chat/"


def test_a_culprit_is_named_once():
    (bundle,) = bundles([needs(BUFFERING, line("gzip off;", joins=True))], CHAT)
    assert bundle.culprits == ("an-id",)


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
