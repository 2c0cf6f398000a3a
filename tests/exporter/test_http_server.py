"""The exporter's HTTP server: what it serves, and what a client may send and hold open."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import requests

from flushcheck.exporter import http_server
from flushcheck.exporter.http_server import MAX_HEAD_BYTES, HttpServer, Request, Response
from tests.exporter.test_runs import WITHIN_S


def echo(request: Request) -> Response:
    return Response(f"{request.path} {request.query} {request.headers.get('x-test', '')}\n")


@contextmanager
def serving(respond: http_server.Respond = echo) -> Iterator[HttpServer]:
    server = HttpServer("127.0.0.1", 0, respond)
    server.start()
    try:
        yield server
    finally:
        server.close()


def exchange(server: HttpServer, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(data)
        parts = []
        while part := client.recv(65_536):
            parts.append(part)
        return b"".join(parts)


def test_a_request_has_path_query_and_headers():
    with serving() as server:
        response = requests.get(
            f"http://127.0.0.1:{server.port}/probe?target=a%20b&x=", headers={"X-Test": "yes"}, timeout=10
        )
    assert response.text == "/probe {'target': ['a b'], 'x': ['']} yes\n"
    assert response.headers["Connection"] == "close"
    assert response.reason == "OK"


REQUESTS = [
    # name                     what is sent                                                         the response begins with
    ("a head alone",           b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",                               b"HTTP/1.1 200 OK\r\n"),
    ("an old client",          b"GET / HTTP/1.0\r\n\r\n",                                           b"HTTP/1.1 200 OK\r\n"),
    ("another method",         b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",       b"HTTP/1.1 405 "),
    ("a large body",           b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60_000, b"HTTP/1.1 405 "),
    ("no HTTP",                b"\x16\x03\x01\x02\x00\x01\r\n\r\n",                                 b"HTTP/1.1 400 "),
    ("no host",                b"GET / HTTP/1.1\r\n\r\n",                                           b"HTTP/1.1 400 "),
    ("a long header",          b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * MAX_HEAD_BYTES,         b"HTTP/1.1 431 "),
    ("a long address",         b"GET /" + b"x" * MAX_HEAD_BYTES,                                    b"HTTP/1.1 431 "),
    ("too many fields",        b"GET /?" + b"a&" * 30 + b" HTTP/1.1\r\nHost: x\r\n\r\n",            b"HTTP/1.1 400 "),
    ("a host that is no host", b"GET http://[x HTTP/1.1\r\nHost: x\r\n\r\n",                        b"HTTP/1.1 400 "),
]  # fmt: skip


@pytest.mark.parametrize(("name", "sent", "expected"), REQUESTS, ids=[row[0] for row in REQUESTS])
def test_each_request_gets_its_response(name, sent, expected):
    with serving() as server:
        response = exchange(server, sent)
        assert response.startswith(expected)
        assert server.responses() == {int(expected.split()[1]): 1}
    assert response.endswith(b"\n")


def test_the_response_to_head_has_no_body():
    with serving() as server:
        assert exchange(server, b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n").endswith(b"\r\n\r\n")


def test_a_slow_request_is_dropped_as_a_whole(monkeypatch):
    monkeypatch.setattr(http_server, "HEAD_S", 0.3)
    with serving() as server, socket.create_connection(("127.0.0.1", server.port), timeout=0.05) as client:
        began_s = time.monotonic()
        client.sendall(b"GET / HTTP/1.1\r\n")
        # A byte again and again: each read is quick, the request is not.
        while not is_closed_by_the_other_side(client) and time.monotonic() - began_s < WITHIN_S:
            pass
        assert 0.3 <= time.monotonic() - began_s < WITHIN_S


def is_closed_by_the_other_side(client: socket.socket) -> bool:
    try:
        client.sendall(b"x")
        return client.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:  # reset or broken, as the system has it
        return True


def test_a_connection_too_many_is_refused_and_a_free_place_is_given_again(monkeypatch):
    monkeypatch.setattr(http_server, "MAX_CONNECTIONS", 3)
    release = threading.Event()

    def wait(_request: Request) -> Response:
        release.wait(WITHIN_S)
        return Response("late\n")

    with serving(wait) as server, ExitStack() as stack:
        waiting = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
            for _ in range(3)
        ]
        for client in waiting:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert exchange_when_full(server).startswith(b"HTTP/1.1 503 ")
        release.set()
        assert all(client.recv(100).startswith(b"HTTP/1.1 200") for client in waiting)
        stack.close()
        response = b""
        ends_s = time.monotonic() + WITHIN_S
        while not response.startswith(b"HTTP/1.1 200") and time.monotonic() < ends_s:
            response = exchange_when_full(server)
        assert response.startswith(b"HTTP/1.1 200")


def exchange_when_full(server: HttpServer) -> bytes:
    try:
        return exchange(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    except OSError:  # the refusal came before the request, and the reset took it away
        return b"HTTP/1.1 503 "


def test_a_client_that_reads_nothing_is_dropped(monkeypatch):
    monkeypatch.setattr(http_server, "WRITE_S", 0.2)
    monkeypatch.setattr(http_server, "MAX_CONNECTIONS", 1)
    with (
        serving(lambda _: Response("x" * 20_000_000)) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=20) as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        ends_s = time.monotonic() + WITHIN_S
        while exchange_when_full(server).startswith(b"HTTP/1.1 503") and time.monotonic() < ends_s:
            pass
        assert time.monotonic() < ends_s, "its place is free again"


def test_a_server_that_is_closed_accepts_nothing():
    server = HttpServer("127.0.0.1", 0, echo)
    server.start()
    server.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", server.port), timeout=5).close()


@pytest.mark.parametrize("host", ["", "::1"])
def test_it_listens_on_ipv6_and_on_all_addresses(host):
    server = HttpServer(host, 0, echo)
    server.start()
    try:
        shown = f"[{host}]" if host else "127.0.0.1"
        assert requests.get(f"http://{shown}:{server.port}/", timeout=10).status_code == 200
    finally:
        server.close()
