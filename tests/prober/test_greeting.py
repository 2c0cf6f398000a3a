"""What a first connection tells of the other side, before any request."""

from __future__ import annotations

import time

import pytest

from flushcheck.prober.address import parse
from flushcheck.prober.certificate import certificate
from flushcheck.prober.greeting import greet
from flushcheck.prober.http_client import PEER_ERRORS
from flushcheck.prober.target import Target
from tests.prober.http2_peers import settings
from tests.prober.peers import Client, scripted_server

pytestmark = pytest.mark.usefixtures("trusted")


def target(url: str) -> Target:
    return Target(parse(url))


def soon() -> float:
    return time.monotonic() + 5


def test_a_server_of_http_2_tells_its_settings_and_its_certificate(speaks_http2):
    offered = settings(max_concurrent_streams=100, enable_connect_protocol=1)
    requests = []

    def script(peer):
        peer.wait_for_close()
        requests.extend(peer.waiting)

    with scripted_server(speaks_http2(script, offered), read_first=False) as url:
        greeting = greet(target(url.replace("http:", "https:")), soon())
    assert greeting.speaks_http2
    assert greeting.settings == ((3, 100), (8, 1))
    assert greeting.connect_s > 0
    assert greeting.tls is not None
    assert (greeting.tls.version, greeting.tls.alpn) == ("TLSv1.3", "h2")
    assert (certificate(greeting.tls.certificate).issuer, requests) == ("Test Authority, test", [])


@pytest.mark.parametrize("offered", [(), ("http/1.1",)])
def test_a_server_of_http_1_1_tells_its_certificate(offered, server_context):
    def script(client: Client) -> None:
        with server_context(*offered).wrap_socket(client.sock, server_side=True) as sock:
            sock.recv(1)

    with scripted_server(script, read_first=False) as url:
        greeting = greet(target(url.replace("http:", "https:")), soon())
    assert (greeting.speaks_http2, greeting.settings) == (False, ())
    assert greeting.tls is not None
    assert greeting.tls.alpn == "".join(offered)


def test_a_server_without_tls_tells_nothing():
    with scripted_server(lambda client: client.wait_for_close(), read_first=False) as url:
        greeting = greet(target(url), soon())
    assert (greeting.tls, greeting.speaks_http2, greeting.settings) == (None, False, ())


def test_a_server_that_chose_http_2_and_does_not_speak_it_is_an_error(speaks_http2):
    def script(peer):
        peer.raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        peer.wait_for_close()

    with (
        scripted_server(speaks_http2(script, begins=False), read_first=False) as url,
        pytest.raises(PEER_ERRORS, match=r"the server sent 'HTTP/1\.1 400"),
    ):
        greet(target(url.replace("http:", "https:")), soon())
