"""Where no connection is made: the port, TLS, the name."""

import socket
import threading
import time
from typing import Any

import pytest

from flushcheck.model import Outcome, Probe, Transport
from flushcheck.prober import observe
from tests.prober.peers import PATIENCE_S, Client, scripted_server
from tests.prober.scripts import silent, then

STREAM = Probe(Transport.CHUNKED)


def test_a_closed_port_is_unreachable():
    with scripted_server(then()) as url:
        pass
    for transport in Transport:
        seen = observe(Probe(transport), url, timeout_s=2)
        assert seen.outcome is Outcome.UNREACHABLE
        assert "connection refused" in seen.detail


NO_TLS = [
    # name, what the port sends, in the detail
    ("plain HTTP",      b"HTTP/1.1 400 Bad Request\r\n\r\n",  "speaks plain HTTP, without TLS; write http://"),
    ("a banner",        b"220 mail.test ESMTP\r\n",            "does not speak TLS: it sent '220 mail.test ESMTP'; check the port"),
    ("odd characters",  b"\xff\x00\x1b[31m\n",                 "does not speak TLS: it sent '"),
    ("one byte",        b"\x00",                               "does not speak TLS: it sent '"),
    ("nothing",         b"",                                   "closes the connection in the TLS handshake"),
    ("half a record",   b"\x16\x03",                           "closes the connection in the TLS handshake"),
    ("another version", b"\x16\x02\x00\x00\x05hello",           "does not speak TLS: it sent '"),
]  # fmt: skip


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize(("name", "sent", "says"), NO_TLS, ids=[row[0] for row in NO_TLS])
def test_a_port_without_tls_is_told_by_what_it_sends(name, sent, says, transport):
    def script(client: Client) -> None:
        client.sock.recv(4096)
        client.send(sent)

    with scripted_server(script, read_first=False) as url:
        seen = observe(Probe(transport), url.replace("http:", "https:"), timeout_s=2)
    assert (seen.outcome, says in seen.detail) == (Outcome.UNREACHABLE, True), seen.detail


def alert(code: int) -> bytes:
    """A TLS alert that ends the handshake (RFC 8446, section 6)."""
    return b"\x15\x03\x03\x00\x02\x02" + bytes((code,))


ALERTS = [
    # code, in the detail (the names are those of RFC 8446)
    (40,  "refuses the TLS handshake (", "if it asks for a client certificate, pass --cert"),
    (42,  "does not accept the client certificate (", "pass another one: --cert"),
    (43,  "does not accept the client certificate (", "pass another one: --cert"),
    (44,  "does not accept the client certificate (", "pass another one: --cert"),
    (45,  "does not accept the client certificate (", "pass another one: --cert"),
    (46,  "does not accept the client certificate (", "pass another one: --cert"),
    (48,  "does not accept the client certificate (", "pass another one: --cert"),
    (49,  "does not accept the client certificate (", "pass another one: --cert"),
    (70,  "speaks no version of TLS that is allowed here (", "TLS 1.2 and 1.3 are safe"),
    (80,  "does not speak TLS as expected (", "INTERNAL_ERROR"),
    (112, "has no site of this name (", "check the host name"),
    (116, "asks for a client certificate (", "pass --cert client.pem"),
    (120, "speaks none of the versions of HTTP that were offered (", "leave out --http1.1"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "says", "step"), ALERTS)
def test_a_tls_alert_has_its_own_sentence_and_next_step(code, says, step):
    def script(client: Client) -> None:
        client.sock.recv(4096)
        client.send(alert(code))

    with scripted_server(script, read_first=False) as url:
        seen = observe(STREAM, url.replace("http:", "https:"), timeout_s=2)
    assert seen.outcome is Outcome.UNREACHABLE
    assert says in seen.detail, seen.detail
    assert step in seen.detail, seen.detail


NO_HTTP = [
    # name, what the port sends, in the detail
    ("a TLS alert",         alert(70),                          "it speaks TLS; write https://"),
    ("a TLS handshake",     b"\x16\x03\x01\x00\x05hello",       "it speaks TLS; write https://"),
    ("HTTP/2 SETTINGS",     b"\0\0\0\4\0\0\0\0\0",              "it speaks HTTP/2 without TLS, as no browser does"),
    ("HTTP/2 GOAWAY",       b"\0\0\x08\7\0\0\0\0\0" + bytes(8), "it speaks HTTP/2 without TLS, as no browser does"),
    ("a banner",            b"SSH-2.0-OpenSSH_9.2\r\n",          "no HTTP response arrived: SSH-2.0-OpenSSH_9.2"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "sent", "says"), NO_HTTP, ids=[row[0] for row in NO_HTTP])
def test_a_port_without_http_is_told_by_what_it_sends(name, sent, says):
    def script(client: Client) -> None:
        client.sock.recv(4096)
        client.send(sent)

    with scripted_server(script, read_first=False) as url:
        seen = observe(STREAM, url, timeout_s=2)
    assert (seen.outcome, says in seen.detail) == (Outcome.UNREACHABLE, True), seen.detail


@pytest.mark.parametrize("transport", Transport)
def test_a_tls_handshake_that_is_never_answered_ends_in_time(transport):
    with scripted_server(silent(), read_first=False) as url:
        began = time.monotonic()
        seen = observe(Probe(transport), url.replace("http:", "https:"), timeout_s=0.3)
    assert seen.outcome is Outcome.UNREACHABLE
    assert time.monotonic() - began < PATIENCE_S


def test_a_name_without_an_address_is_unreachable():
    seen = observe(STREAM, "http://no-such-host.invalid", timeout_s=5)
    assert seen.outcome is Outcome.UNREACHABLE
    assert "no-such-host.invalid" in seen.detail


def test_a_lookup_that_hangs_is_abandoned(monkeypatch):
    over = threading.Event()

    def hang(*_: Any, **__: Any) -> Any:
        over.wait(2 * PATIENCE_S)
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    began = time.monotonic()
    seen = observe(STREAM, "http://localhost:1", timeout_s=0.2)
    over.set()
    assert (seen.outcome, seen.detail) == (Outcome.UNREACHABLE, "no connection within 0.2 s")
    assert time.monotonic() - began < PATIENCE_S
