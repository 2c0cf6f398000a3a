"""requests, without the habits that would ask elsewhere, read without bound, or never end."""

from __future__ import annotations

import time

import pytest
import requests

from flushcheck.prober.address import parse
from flushcheck.prober.http1 import PEER_ERRORS
from flushcheck.prober.session import Session
from flushcheck.prober.timed_socket import MAX_BYTES, Budget
from tests.prober.farside import TO_CLOSE, Peer, far_side, pace


def fetch(url: str, *, within_s: float = 5.0, max_bytes: int = 1000) -> tuple[requests.Response, bytes]:
    with Session(parse(url), Budget(time.monotonic() + within_s)) as session:
        response = session.get(f"{url}/x", stream=True)
        return response, response.raw.read(max_bytes)


def test_an_answer_is_an_answer():
    def script(peer: Peer) -> None:
        assert peer.path == "/x"
        assert peer.header("User-Agent").startswith("flushcheck/")
        assert peer.header("Host").startswith("127.0.0.1:")
        peer.answer(200, b"hello")

    with far_side(script) as url:
        response, body = fetch(url)
    assert (response.status_code, body) == (200, b"hello")


def test_a_redirect_is_an_answer_whose_body_is_not_read():
    asked = []

    def script(peer: Peer) -> None:
        asked.append(peer.path)
        peer.send(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Encoding: gzip\r\n\r\nno gzip")
        peer.stay()

    with far_side(script) as url, Session(parse(url), Budget(time.monotonic() + 5)) as session:
        response = session.get(f"{url}/x", stream=True)
        assert response.status_code == 302
        response.close()
    assert asked == ["/x"]


def test_the_environment_is_not_asked(monkeypatch, tmp_path):
    secrets = tmp_path / "netrc"
    secrets.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(secrets))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with far_side(lambda peer: peer.answer(200, peer.header("Authorization").encode() or b"none")) as url:
        assert fetch(url)[1] == b"none"


def trickling(peer: Peer) -> None:
    for _ in pace(1000, 0.02):
        peer.send(b"H")


def trickling_header(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\nX: ")
    trickling(peer)


def trickling_body(peer: Peer) -> None:
    peer.send(TO_CLOSE)
    trickling(peer)


HOSTILE = [
    # name, what the far side does
    ("silent", lambda peer: peer.stay()),
    ("a byte at a time", trickling),
    ("a header that never ends", trickling_header),
    ("a body that never ends", trickling_body),
    ("a reset", lambda peer: peer.reset()),
    ("no HTTP", lambda peer: peer.send(b"SSH-2.0\r\n")),
]


@pytest.mark.parametrize(("name", "script"), HOSTILE, ids=[row[0] for row in HOSTILE])
def test_whatever_the_far_side_does_ends_in_time_as_an_error_of_its_own(name, script):
    began = time.monotonic()
    with far_side(script) as url, pytest.raises(PEER_ERRORS):
        fetch(url, within_s=0.4)
    assert time.monotonic() - began < 3


def test_a_flood_is_ended():
    def script(peer: Peer) -> None:
        peer.send(TO_CLOSE)
        for _ in range(2 * MAX_BYTES >> 16):
            peer.send(b" " * 65536)

    with far_side(script) as url, pytest.raises(PEER_ERRORS):
        fetch(url, within_s=20, max_bytes=10 * MAX_BYTES)
