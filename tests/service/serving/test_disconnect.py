"""Waiting on a socket: whether the client is still there, with plain threads and without any server."""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from flushcheck.service.serving import disconnect
from flushcheck.service.serving.disconnect import MAX_LIVENESS_BYTES, OpaqueClient, SocketClient
from flushcheck.service.serving.frame_schedule import EndReason
from flushcheck.service.serving.http_connection import client_of
from tests.live import servers

LONG_S = 20.0  # a wait that nothing ends is a failure
AT_ONCE_S = 10.0

Pair = tuple[socket.socket, socket.socket]


def tcp() -> Pair:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    return far, near


def unix() -> Pair:
    return socket.socketpair()


@pytest.fixture(params=[tcp, unix], ids=["tcp", "unix"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """The server's end and the client's, on both kinds of socket a server listens on."""
    server, client = request.param()
    client.settimeout(LONG_S)
    with server, client:
        yield server, client


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()


def write(client: socket.socket) -> None:
    client.sendall(b"GET / HTTP/1.1\r\n\r\n")


def write_and_close(client: socket.socket) -> None:
    write(client)
    client.close()


def half_close(client: socket.socket) -> None:
    client.shutdown(socket.SHUT_WR)


def half_close_then_close(client: socket.socket) -> None:
    half_close(client)
    client.recv(1)
    client.close()


LEAVING: list[tuple[Callable[[socket.socket], None], bool]] = [
    # what the client does, whether the response is chunked
    (socket.socket.close, True),
    (socket.socket.close, False),
    (reset, True),
    (write_and_close, True),
    (half_close_then_close, True),
    (half_close, False),
]


@pytest.mark.parametrize(("leave", "chunked"), LEAVING)
def test_a_client_that_leaves_is_noticed_without_poll_too(monkeypatch, pair, leave, chunked):
    monkeypatch.delattr(select, "poll")  # as on Windows
    monkeypatch.setattr(disconnect, "_RDHUP", 0)
    server, end = pair
    client = SocketClient(server, chunked=chunked)
    assert client.wait(0.01) is None
    leaving = threading.Timer(0.05, leave, [end])
    leaving.start()
    began_s = time.monotonic()
    if leave is write_and_close:  # what it wrote hides the end of its stream there; the next write fails
        leaving.join()
        assert client.wait(0.1) is None
        return
    if leave is half_close_then_close:
        server.sendall(b"x")
    assert client.wait(LONG_S) is EndReason.GONE
    assert time.monotonic() - began_s < AT_ONCE_S
    leaving.join()


@pytest.mark.parametrize(("leave", "chunked"), LEAVING)
def test_a_client_that_leaves_ends_the_wait(pair: Pair, leave, chunked):
    server, client = pair
    watched = SocketClient(server, chunked=chunked)
    began_s = time.monotonic()
    # A moment later, so that the wait has begun.
    leaving = threading.Timer(0.05, leave, [client])
    leaving.start()
    assert watched.wait(LONG_S) is EndReason.GONE
    assert time.monotonic() - began_s < AT_ONCE_S
    leaving.join()


@pytest.mark.parametrize(
    ("leave", "chunked"), [row for row in LEAVING if row[0] is not half_close_then_close]
)
def test_a_client_that_has_left_is_seen_without_waiting(pair: Pair, leave, chunked):
    server, client = pair
    watched = SocketClient(server, chunked=chunked)
    leave(client)
    # The look that finds FIN pokes, and the peer's response to that takes time.
    end_s = time.monotonic() + LONG_S
    while not (ended := watched.wait(0)):
        assert time.monotonic() < end_s
    assert ended is EndReason.GONE


STAYING: list[tuple[Callable[[socket.socket], None], bytes]] = [
    # what the client does, what it gets for it
    (lambda client: None, b""),
    (write, b""),
    (half_close, b"0"),
]


@pytest.mark.parametrize(("act", "poke"), STAYING)
def test_a_client_that_stays_is_waited_with(pair: Pair, act, poke):
    server, client = pair
    watched = SocketClient(server, chunked=True)
    act(client)
    began_s, began_cpu_s = time.monotonic(), time.thread_time()
    assert watched.wait(0.3) is None
    assert 0.3 <= time.monotonic() - began_s < AT_ONCE_S
    assert time.thread_time() - began_cpu_s < 0.1  # nothing spins
    server.shutdown(socket.SHUT_WR)
    assert client.recv(100) == poke


def test_what_the_client_sent_is_left_for_the_server(pair: Pair):
    server, client = pair
    write(client)
    assert SocketClient(server, chunked=True).wait(0.05) is None
    assert server.recv(100) == b"GET / HTTP/1.1\r\n\r\n"


def test_no_chunk_size_gets_more_zeros_than_parsers_take(monkeypatch):
    monkeypatch.setattr("flushcheck.service.serving.disconnect.LIVENESS_EVERY_S", 0.0)
    server, client = tcp()
    with server, client:
        watched = SocketClient(server, chunked=True)
        half_close(client)
        assert watched.wait(0.5) is None
        assert client.recv(100) == b"0" * MAX_LIVENESS_BYTES


def test_a_socket_closed_under_us_is_gone(pair: Pair):
    server, _ = pair
    watched = SocketClient(server, chunked=True)
    server.close()
    assert watched.wait(0) is EndReason.GONE


READERS = [
    # what the environ holds besides the socket, whether the client is watched
    ({"SERVER_PROTOCOL": "HTTP/1.1"}, True),
    ({"SERVER_PROTOCOL": "HTTP/1.0"}, True),
    ({"SERVER_PROTOCOL": "HTTP/2.0"}, False),
    ({}, False),
]


@pytest.mark.parametrize(("environ", "watched"), READERS)
def test_a_socket_is_watched_if_it_is_this_requests_own(pair: Pair, environ, watched):
    server, _ = pair
    assert isinstance(client_of({**environ, "gunicorn.socket": server}), SocketClient) is watched
    assert isinstance(client_of(environ), OpaqueClient)


def test_without_a_socket_time_passes_all_the_same():
    began_s = time.monotonic()
    assert OpaqueClient().wait(0.05) is None
    assert time.monotonic() - began_s >= 0.05
    assert OpaqueClient().wait(-1.0) is None


def test_a_tls_client_is_watched_as_well(tmp_path):
    key, certificate = servers.certificate(tmp_path, "localhost")
    ours, theirs = (
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
        ssl.create_default_context(cafile=str(certificate)),
    )
    ours.load_cert_chain(certificate, key)
    server, client = tcp()
    shaken: list[ssl.SSLSocket] = []
    shaking = threading.Thread(
        target=lambda: shaken.append(theirs.wrap_socket(client, server_hostname="localhost"))
    )
    shaking.start()
    with ours.wrap_socket(server, server_side=True) as secure:
        shaking.join()
        watched = SocketClient(secure, chunked=True)
        assert watched.wait(0.05) is None
        shaken[0].close()
        assert watched.wait(LONG_S) is EndReason.GONE
