"""Where no connection is made: the port, TLS, the name."""

import socket
import threading
import time
from typing import Any

import pytest

from flushcheck.model import Outcome, Probe, Transport
from flushcheck.prober import observe
from tests.prober.peers import (
    scripted_server,
)
from tests.prober.scripts import silent, then

STREAM = Probe(Transport.CHUNKED)


def test_a_closed_port_is_unreachable():
    with scripted_server(then()) as url:
        pass
    for transport in Transport:
        seen = observe(Probe(transport), url, timeout_s=2)
        assert seen.outcome is Outcome.UNREACHABLE
        assert "connection refused" in seen.detail


@pytest.mark.parametrize("transport", Transport)
def test_a_plain_port_does_not_speak_tls(transport):
    with scripted_server(then(b"HTTP/1.1 400 Bad Request\r\n\r\n"), read_first=False) as url:
        seen = observe(Probe(transport), url.replace("http:", "https:"), timeout_s=2)
    assert (seen.outcome, "http://" in seen.detail) == (Outcome.UNREACHABLE, True), seen.detail


@pytest.mark.parametrize("transport", Transport)
def test_a_tls_handshake_that_is_never_answered_ends_in_time(transport):
    with scripted_server(silent(), read_first=False) as url:
        began = time.monotonic()
        seen = observe(Probe(transport), url.replace("http:", "https:"), timeout_s=0.3)
    assert seen.outcome is Outcome.UNREACHABLE
    assert time.monotonic() - began < 2


def test_a_name_without_an_address_is_unreachable():
    seen = observe(STREAM, "http://no-such-host.invalid", timeout_s=5)
    assert seen.outcome is Outcome.UNREACHABLE
    assert "no-such-host.invalid" in seen.detail


def test_a_lookup_that_hangs_is_abandoned(monkeypatch):
    over = threading.Event()

    def hang(*_: Any, **__: Any) -> Any:
        over.wait(20)
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    began = time.monotonic()
    seen = observe(STREAM, "http://localhost:1", timeout_s=0.2)
    over.set()
    assert (seen.outcome, seen.detail) == (Outcome.UNREACHABLE, "no connection within 0.2 s")
    assert time.monotonic() - began < 5
