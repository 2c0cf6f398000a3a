"""Sites that are no flushcheck service, asked by the command: one sentence, a next step, no culprit, exit status 3."""

from __future__ import annotations

import gzip
import json
import time
from contextlib import suppress

import pytest
from h2.exceptions import ProtocolError

from flushcheck.cli import main
from tests.prober.http2_peers import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    SETTINGS,
    Http2Peer,
    frame,
    http2_script,
)
from tests.prober.peers import OK, TO_CLOSE, Client, Script, scripted_server

pytestmark = pytest.mark.usefixtures("patient")

PAGE = b"<!doctype html><html><body><div id=app></div><script src=/app.js></script></body></html>"
LOGIN = "Pass a login: -u user:password"
START = "Start one there, or test a stream of your own: flushcheck watch URL"


def status(code: int, body: bytes = PAGE, kind: str = "text/html", extra: str = "") -> Script:
    return lambda client: client.respond(code, body, kind, extra=extra)


def to(location: str) -> Script:
    return status(302, b"", extra=f"Location: {location}\r\n")


def sends(*parts: bytes) -> Script:
    return lambda client: client.send(b"".join(parts))


def resets(client: Client) -> None:
    client.sock.recv(4096)
    client.reset()


def raw(*parts: bytes) -> Script:
    """Read something, then send this and close."""

    def script(client: Client) -> None:
        client.sock.recv(4096)
        client.send(b"".join(parts))

    return script


def endless(client: Client) -> None:
    client.send(TO_CLOSE)
    with suppress(OSError):
        while True:
            client.send(PAGE * 100)


def slow_page(client: Client) -> None:
    """A page that arrives piece by piece, as a stream does."""
    client.send(OK.replace(b"plain", b"html") + b"Transfer-Encoding: chunked\r\n\r\n")
    for start in range(0, len(PAGE), 10):
        client.chunk(PAGE[start : start + 10])
        time.sleep(0.02)
    client.send(b"0\r\n\r\n")


def other_stream(client: Client) -> None:
    """Events of another app, held back by something."""
    client.send(OK.replace(b"text/plain", b"text/event-stream") + b"Connection: close\r\n\r\n")
    time.sleep(0.3)
    client.send(b'data: {"choices": [{"delta": {"content": "hello"}}]}\n\n' * 20 + b"data: [DONE]\n\n")


def not_found_over_http2(peer: Http2Peer) -> None:
    with suppress(OSError, ProtocolError):  # the control is asked for over HTTP/1.1
        while request := peer.request():
            # ":status: 404" of HPACK's static table.
            peer.raw(frame(HEADERS, END_HEADERS, request.stream, b"\x8d"))
            peer.raw(frame(DATA, END_STREAM, request.stream, b"no"))


HTTP = [
    # name                             what it does                                       in the headline
    ("not found",                      status(404),                                       f"it responded 404 text/html. {START}"),
    ("a login",                        status(401, extra='WWW-Authenticate: Basic realm="x"\r\n'), f"it asks for a login (status 401). {LOGIN}"),
    ("no access",                      status(403),                                       f"it refuses access (status 403). {LOGIN}"),
    ("a bad request",                  status(400),                                       "if this is its port for HTTPS, write https://"),
    ("too many requests",              status(429),                                       "it limits the number of requests (status 429). Wait, then repeat the command"),
    ("an app that fails",              status(500),                                       "it responded 500 text/html"),
    ("an app that is down",            status(502),                                       "it gets no response from the server behind it (status 502). Start the app"),
    ("maintenance",                    status(503),                                       "it is not available now (status 503). Wait, then repeat the command"),
    ("a captive portal's own status",  status(511),                                       "the network asks for a login first"),
    ("a login page",                   to("/login?next=/"),                               "it redirects to /login?next=/ (status 302). If that is a login page"),
    ("a captive portal",               to("http://portal.test/"),                         "a login page, or the captive portal of a network"),
    ("a redirect to itself",           lambda client: to(client.path)(client),            "it redirects to /stream/"),
    ("a page for every path",          status(200),                                       f"it responded 200 text/html. {START}"),
    ("the same, piece by piece",       slow_page,                                         "it responded 200 text/html"),
    ("the same, compressed",           status(200, gzip.compress(PAGE), extra="Content-Encoding: gzip\r\n"), "it responded 200 text/html"),
    ("the same, without an end",       endless,                                           "it responded 200 text/plain"),
    ("JSON for every path",            status(200, b'{"ok": true}', "application/json"),  "it responded 200 application/json"),
    ("an empty page",                  status(200, b""),                                  "it responded 200 text/html"),
    ("nothing to send",                sends(b"HTTP/1.1 204 No Content\r\n\r\n"),           "it responded 204"),
    ("another app's events",           other_stream,                                      "it responded 200 text/event-stream"),
    ("HTTP/1.0",                       sends(b"HTTP/1.0 404 Not Found\r\n\r\nno"),          "it responded 404"),
]  # fmt: skip

OTHER = [
    # name                             scheme   what it does                              in the headline
    ("closes at once",                 "http",  lambda client: None,                      "the connection was closed without a response"),
    ("resets",                         "http",  resets,                                   "no HTTP response arrived: "),
    ("a banner",                       "http",  raw(b"220 mail.test ESMTP\r\n"),          "no HTTP response arrived: 220 mail.test ESMTP"),
    ("interim responses only",         "http",  raw(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 3), "no HTTP response arrived: "),
    ("a port for TLS",                 "http",  raw(b"\x15\x03\x01\x00\x02\x02\x46"),     "it speaks TLS; write https://"),
    ("HTTP/2 without TLS",             "http",  raw(frame(SETTINGS, 0, 0)),               "it speaks HTTP/2 without TLS"),
    ("silence",                        "http",  lambda client: client.wait_for_close(),   "no response header arrived"),
    ("a port without TLS",             "https", raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "speaks plain HTTP, without TLS; write http://"),
    ("a banner in place of TLS",       "https", raw(b"SSH-2.0-OpenSSH_9.2\r\n"),          "does not speak TLS: it sent 'SSH-2.0-OpenSSH_9.2'; check the port"),
    ("closes in the handshake",        "https", lambda client: None,                      "closes the connection in the TLS handshake"),
    ("wants a client certificate",     "https", raw(b"\x15\x03\x03\x00\x02\x02\x74"),     "asks for a client certificate"),
]  # fmt: skip

SITES = [(name, "http", True, script, words) for name, script, words in HTTP]
SITES += [(name, scheme, False, script, words) for name, scheme, script, words in OTHER]


def no_culprit(url: str, words: str, capsys: pytest.CaptureFixture[str], *options: str) -> None:
    """Diagnose it, and check what is said."""
    quick = ["--timeout", "3", "--quick", "--json"]
    assert main(["diagnose", url, *quick, *options]) == 3
    report = json.loads(capsys.readouterr().out)
    assert words in report["headline"], report["headline"]
    assert report["verdict"] == "unknown"
    assert report["culprits"] == []
    assert report["hops"] == []
    assert [transport["culprits"] for transport in report["transports"].values()] == [[]] * 4


@pytest.mark.parametrize(("name", "scheme", "read", "script", "words"), SITES, ids=[row[0] for row in SITES])
def test_no_culprit_is_named_for_a_site_without_the_service(name, scheme, read, script, words, capsys):
    with scripted_server(script, read_first=read) as url:
        no_culprit(url.replace("http:", f"{scheme}:"), words, capsys)


@pytest.mark.parametrize(("name", "scheme", "read", "script", "words"), SITES, ids=[row[0] for row in SITES])
def test_doctor_says_what_is_there_and_exits_with_3(name, scheme, read, script, words, capsys):
    with scripted_server(script, read_first=read) as url:
        url = url.replace("http:", f"{scheme}:")
        assert main(["doctor", url, "--timeout", "1"]) == 3
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"flushcheck: {url}")
    assert output.err.count("\n") == 1
    assert any(
        sign in output.err
        for sign in ("not a flushcheck service", "not that of a flushcheck service", "no HTTP response arrived", "no response within",
                     "status 511", " TLS", "(status ", "client certificate")
    ), output.err  # fmt: skip


def test_a_site_that_speaks_http_2_only(server_context, certificate, capsys):
    script = http2_script(server_context("h2"), not_found_over_http2, {})
    with scripted_server(script, read_first=False) as url:
        options = ("--cacert", str(certificate.cert), "--clients", "browser")
        no_culprit(url.replace("http:", "https:"), f"it responded 404. {START}", capsys, *options)


def test_a_site_that_refuses_http_1(server_context, capsys):
    """Python's OpenSSL goes on without a protocol where none is shared; others send an alert, as this peer does."""

    def script(client: Client) -> None:
        client.sock.recv(4096)
        client.send(b"\x15\x03\x03\x00\x02\x02\x78")

    with scripted_server(script, read_first=False) as url:
        words = "speaks none of the versions of HTTP that were offered"
        no_culprit(url.replace("http:", "https:"), words, capsys, "--http1.1")


def test_a_certificate_that_is_not_trusted(server_context, capsys):
    def script(client: Client) -> None:
        with suppress(OSError), server_context().wrap_socket(client.sock, server_side=True):
            pass

    with scripted_server(script, read_first=False) as url:
        words = "is not trusted: it is self-signed; pass --cacert FILE"
        no_culprit(url.replace("http:", "https:"), words, capsys)
