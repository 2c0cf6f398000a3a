"""TLS of the shipped sites: the lines that a file gives for it in force, with a throw-away certificate.

Each site is diagnosed as a browser meets it, over HTTP/2, and as a client that speaks only HTTP/1.1; over HTTP/3 the
laboratory's own observer looks. What the files promise without TLS is in test_vps.py.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path

import pytest

from flushcheck.files import check_text
from flushcheck.model import Client, Transport, Verdict
from tests.deploy import hosts
from tests.deploy.bench import LOOKS, Seen, Try, config_of, side_by_side
from tests.deploy.conftest import need
from tests.deploy.shipped import Mark, broken, marks, text_of, with_http3, with_tls
from tests.deploy.test_vps import ALL, SITES
from tests.lab import versions
from tests.lab.asks import Ask
from tests.lab.http3 import look_h3
from tests.lab.tls import HOST, authority
from tests.live import servers
from tests.live.servers import Service

pytestmark = pytest.mark.live

# How a browser's WebSocket goes where its streams are on HTTP/2: as one of them only where the server offers that.
WEBSOCKETS = {"nginx": "1.1", "apache": "1.1", "haproxy": "2", "caddy": "1.1"}

# The culprits of each client over TLS where a line is undone. Lines that are not here are no matter of TLS: an idle
# time-out is the same on every protocol, and the lines of one upgrade are undone one by one in test_vps.py.
BROWSER, HTTP1 = Client.BROWSER, Client.HTTP1
UNDONE: dict[tuple[str, str], Mapping[Client, tuple[str, ...]]] = {
    ("nginx", "proxy_buffering off;"): {BROWSER: ("nginx-gzip",), HTTP1: ("nginx-proxy-buffering",)},
    ("nginx", "proxy_set_header Upgrade"): {BROWSER: ("websocket-upgrade",), HTTP1: ("websocket-upgrade",)},
    ("apache", "ProxyPass"): {BROWSER: ("websocket-upgrade",), HTTP1: ("websocket-upgrade",)},
    ("caddy", "# encode gzip"): {BROWSER: ("caddy-encode",), HTTP1: ("caddy-encode",)},
}
# Versions that `make lab` fetches, where it has: they have HTTP/3, and HAProxy has its ticks over TLS too.
FETCHED = {
    program: version
    for program, version in (("nginx", "1.30"), ("haproxy", "3.2"))
    if versions.version_of(program, version)
}
if "haproxy" in FETCHED:
    UNDONE["haproxy", "option http-no-delay"] = {BROWSER: (), HTTP1: ("haproxy-http-delay",)}


def marks_of(program: str, begins: str) -> list[Mark]:
    """The promises of a program's file about a line that begins so."""
    return [mark for mark in marks(SITES[program].text) if mark.text.startswith(begins)]


# The shipped nginx files in front of a gateway, which passes no WebSocket: what stands behind each, and the culprit of its
# one line.
GATEWAYS = {
    "nginx/fastcgi.conf": ("fastcgi", "fastcgi_buffering off;", "nginx-fastcgi-buffering"),
    "shared-hosting/uwsgi/nginx.conf": ("uwsgi/socket", "uwsgi_buffering off;", "nginx-uwsgi-buffering"),
}
HTTP = (Transport.POLLING, Transport.CHUNKED, Transport.EVENTS)


@pytest.fixture(scope="module")
def seen(origin: Service) -> dict[tuple[str, str], Seen]:
    """What became of each file as it ships (""), and with a line undone: all at once."""
    need(*(site.command for site in SITES.values()))
    tries = {(program, ""): Try(program, with_tls(site.text), tls=True) for program, site in SITES.items()}
    for program, line in UNDONE:
        text = broken(SITES[program].text, marks_of(program, line)[0])
        version = FETCHED.get(program, "") if program == "haproxy" else ""
        tries[program, line] = Try(program, with_tls(text), tls=True, version=version)
    for file, (behind, line, _) in GATEWAYS.items():
        whole = with_tls(text_of(file))
        assert whole.count(line) == 1
        for undone, text in (("", whole), (line, whole.replace(line, ""))):
            tries[file, undone] = Try("nginx", text, only=HTTP, behind=behind, tls=True)
    return dict(zip(tries, side_by_side(tries.values(), origin), strict=True))


@pytest.mark.parametrize("program", SITES)
def test_the_shipped_site_flows_over_tls_for_every_client(program, seen):
    found = seen[program, ""]
    assert (found.report.verdict, found.culprit_ids) == (Verdict.FLOWING, ())
    # Of the installed versions only Caddy offers HTTP/3.
    assert list(found.client_flows) == [BROWSER, HTTP1, *([Client.HTTP3] if program == "caddy" else [])]
    for flows in found.client_flows.values():
        assert flows == {transport: ALL[transport] for transport in flows}
    assert (found.checked, found.exit_code) == ((), 0)


@pytest.mark.parametrize("program", SITES)
def test_browsers_get_http2_and_others_http1(program, seen):
    spoken = seen[program, ""].http_versions
    streams = dict.fromkeys((str(transport) for transport in Transport), "2")
    assert spoken[BROWSER] == {**streams, "websocket": WEBSOCKETS[program]}
    assert set(spoken[HTTP1].values()) == {"1.1"}


@pytest.mark.parametrize(("program", "line"), UNDONE, ids=[f"{program}: {line}" for program, line in UNDONE])
def test_a_line_that_matters_undone_is_named_over_tls(program, line, seen):
    found, promised = seen[program, line], {mark.culprit for mark in marks_of(program, line)}
    assert found.exit_code == 1
    assert set(found.checked) <= promised
    assert set(found.culprit_ids) == promised
    assert found.report.verdict in (Verdict.HELD, Verdict.BROKEN)
    by_client = {
        client: tuple(report.id for report in found.report.culprits if client in report.clients)
        for client in (BROWSER, HTTP1)
    }
    assert by_client == UNDONE[program, line]


@pytest.mark.parametrize("file", GATEWAYS)
def test_a_gateway_flows_over_tls_and_is_held_without_its_line(file, seen):
    _, line, culprit = GATEWAYS[file]
    flowing = {transport.value: "flowing" for transport in HTTP}
    assert seen[file, ""].client_flows == {BROWSER: flowing, HTTP1: flowing}
    # The check notes besides that no WebSocket passes.
    assert (seen[file, ""].culprit_ids, seen[file, ""].checked) == ((), ("gateway-websocket",))
    assert set(seen[file, line].checked) == {culprit, "gateway-websocket"}
    assert culprit in seen[file, line].culprit_ids
    held = {"polling": "flowing", "chunked": "held", "events": "held"}
    assert seen[file, line].client_flows == {BROWSER: held, HTTP1: held}


# What the app gets to know, and what stays beside TLS.


@pytest.fixture(scope="module")
def fronts() -> Iterator[dict[str, Service]]:
    """Each program with its site over TLS, in front of an app that tells what it was asked."""
    need(*(site.command for site in SITES.values()))
    with ExitStack() as stack:
        echo = stack.enter_context(servers.start_origin(app="tests.deploy.echo:app"))
        yield {
            program: stack.enter_context(hosts.start(program, with_tls(site.text), origin=echo, tls=True))
            for program, site in SITES.items()
        }


def told(connection: HTTPConnection) -> dict[str, str]:
    """What the app saw of a request with a forged header."""
    with closing(connection):
        connection.request("GET", "/", headers={"X-Forwarded-Proto": "forged"})
        return dict(json.loads(connection.getresponse().read()))


@pytest.mark.parametrize("program", SITES)
def test_the_app_is_told_that_it_is_reached_over_tls(program, fronts):
    context = ssl.create_default_context(cafile=str(authority().ca))
    seen = told(HTTPSConnection(HOST, fronts[program].port, timeout=30, context=context))
    assert seen["HTTP_X_FORWARDED_PROTO"] == "https"
    assert seen["HTTP_HOST"] == f"{HOST}:{fronts[program].port}"


@pytest.mark.parametrize("program", ["nginx", "haproxy"])
def test_plain_http_stays_beside_it(program, fronts):
    main = Path(config_of(fronts[program]))
    texts = [file.read_text() for file in (main, main.with_name("site.conf")) if file.exists()]
    (port,) = re.findall(r"^\s*(?:listen|bind) 127\.0\.0\.1:(\d+);?$", "\n".join(texts), re.MULTILINE)
    assert told(HTTPConnection("127.0.0.1", int(port), timeout=30))["HTTP_X_FORWARDED_PROTO"] == "http"


# HTTP/3: Debian 12's Caddy has it by itself.
OVER_HTTP3 = (Ask("chunked"), Ask("events"), Ask("chunked", "kilo"), Ask("polling"))
HTTP3 = {("caddy", ""): with_tls, **dict.fromkeys(FETCHED.items(), with_http3)}


def shapes_over_http3(port: int, *, looks: int) -> dict[str, str]:
    """How each stream arrives; looked at again where one only came late, on a machine busy with other tests."""
    shapes = {seen.ask.name: seen.shape for seen in look_h3(port, OVER_HTTP3)}
    late = set(shapes.values()) & {"late", "irregular"}
    return shapes_over_http3(port, looks=looks - 1) if late and looks > 1 else shapes


@pytest.mark.parametrize(("program", "version"), HTTP3, ids=[" ".join(key).strip() for key in HTTP3])
def test_the_shipped_site_flows_over_http3(program, version, origin):
    need(SITES[program].command)
    text = HTTP3[program, version](SITES[program].text)
    with hosts.start(program, text, origin=origin, tls=True, version=version) as front:
        shapes = shapes_over_http3(front.port, looks=LOOKS)
    assert set(shapes.values()) == {"flowing"}, shapes


@pytest.mark.parametrize("program", ["nginx", "haproxy"])
def test_the_check_takes_the_lines_for_http3(program):
    site = SITES[program]
    text = hosts.whole(program, with_http3(site.text))
    result = check_text(text, name=site.file)
    assert (result.findings, result.problems) == ((), ())


# deploy/README.md's table of protocols: its last cell, and the one before that.
README = {
    line.split(" | ")[0].strip("| "): [cell.strip(" |") for cell in line.split(" | ")][-2:]
    for line in text_of("README.md").partition("\n## TLS")[2].splitlines()
    if line.startswith("| ")
}
NAMES = {"nginx": "nginx", "apache": "Apache", "haproxy": "HAProxy", "caddy": "Caddy"}
WAYS = {"1.1": "HTTP/1.1, a connection of its own", "2": "a stream of the HTTP/2 connection"}
WITH_HTTP3 = {"nginx": "with the lines", "apache": "no", "haproxy": "with the lines", "caddy": "by itself"}


@pytest.mark.parametrize("program", SITES)
def test_the_readme_says_which_protocols_there_are(program):
    http3, websocket = README[NAMES[program]]
    assert websocket == WAYS[WEBSOCKETS[program]]
    assert http3.startswith(WITH_HTTP3[program])
    assert ("# With HTTP/3, " in SITES[program].text) is http3.startswith("with the lines")
