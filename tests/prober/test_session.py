"""requests without proxies from the environment, without redirects, with a deadline and a byte limit."""

from __future__ import annotations

import time

import pytest
import requests

from flushcheck.prober.address import parse
from flushcheck.prober.http_client import PEER_ERRORS
from flushcheck.prober.session import Session
from flushcheck.prober.target import Target
from flushcheck.prober.timed_socket import MAX_BYTES, Budget
from tests.prober.peers import PATIENCE_S, TO_CLOSE, Client, pace, scripted_server


def fetch(url: str, *, within_s: float = 5.0, max_bytes: int = 1000) -> tuple[requests.Response, bytes]:
    with Session(Target(parse(url)), Budget(time.monotonic() + within_s)) as session:
        response = session.get(f"{url}/x", stream=True)
        return response, response.raw.read(max_bytes)


def test_a_response_is_returned():
    def script(client: Client) -> None:
        assert client.path == "/x"
        assert client.header("User-Agent").startswith("flushcheck/")
        assert client.header("Host").startswith("127.0.0.1:")
        client.respond(200, b"hello")

    with scripted_server(script) as url:
        response, body = fetch(url)
    assert (response.status_code, body) == (200, b"hello")


def test_a_redirect_is_a_response_whose_body_is_not_read():
    received = []

    def script(client: Client) -> None:
        received.append(client.path)
        client.send(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Encoding: gzip\r\n\r\nno gzip")
        client.wait_for_close()

    with scripted_server(script) as url, Session(Target(parse(url)), Budget(time.monotonic() + 5)) as session:
        response = session.get(f"{url}/x", stream=True)
        assert response.status_code == 302
        response.close()
    assert received == ["/x"]


def test_the_environment_is_not_read(monkeypatch, tmp_path):
    secrets = tmp_path / "netrc"
    secrets.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(secrets))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with scripted_server(
        lambda client: client.respond(200, client.header("Authorization").encode() or b"none")
    ) as url:
        assert fetch(url)[1] == b"none"


def trickling(client: Client) -> None:
    for _ in pace(10_000, 0.02):
        client.send(b"H")


def trickling_header(client: Client) -> None:
    client.send(b"HTTP/1.1 200 OK\r\nX: ")
    trickling(client)


def trickling_body(client: Client) -> None:
    client.send(TO_CLOSE)
    trickling(client)


HOSTILE = [
    # name, what the peer does
    ("silent", lambda client: client.wait_for_close()),
    ("a byte at a time", trickling),
    ("a header that never ends", trickling_header),
    ("a body that never ends", trickling_body),
    ("a reset", lambda client: client.reset()),
    ("no HTTP", lambda client: client.send(b"SSH-2.0\r\n")),
]


@pytest.mark.parametrize(("name", "script"), HOSTILE, ids=[row[0] for row in HOSTILE])
def test_whatever_the_peer_does_ends_in_time_as_a_peer_error(name, script):
    began = time.monotonic()
    with scripted_server(script) as url, pytest.raises(PEER_ERRORS):
        fetch(url, within_s=0.4)
    assert time.monotonic() - began < PATIENCE_S


def test_a_flood_is_ended():
    def script(client: Client) -> None:
        client.send(TO_CLOSE)
        for _ in range(2 * MAX_BYTES >> 16):
            client.send(b" " * 65536)

    with scripted_server(script) as url, pytest.raises(PEER_ERRORS):
        fetch(url, within_s=20, max_bytes=10 * MAX_BYTES)
