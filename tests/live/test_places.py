"""Refused and idle clients take no place: of a health check, or of a worker that has to end."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
import time
from contextlib import ExitStack, closing

import pytest

from tests.live import servers
from tests.service.wire import WITHIN_S, read_rest, request

STREAMS = 4
# More than the worker accepts at once beside the streams (100), so that refusals that stay would fill it.
REFUSED = 150
# A healthy one takes a few milliseconds; without a place it waits for `keepalive`, 10 s.
HEALTHY_S = 8.0
# 3 s are promised; a busy machine may add to it. Idle connections alone held a worker for 8 s.
ENDED_WITHIN_S = 7.0

LONG = "count=500&interval=1"
UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)

FULL = [
    # path, headers
    (f"/stream/events?{LONG}", ()),
    (f"/stream/ws?{LONG}", UPGRADE),
    ("/readyz", ()),
]
THREADS = ("-k", "gthread", "--threads", "20")
SERVERS = [
    # name, gunicorn's arguments, settings, the requests that are refused, status
    ("full", (), {"FLUSHCHECK_MAX_STREAMS": "4"}, FULL, "503"),
    ("full, threads", THREADS, {"FLUSHCHECK_MAX_STREAMS": "4"}, FULL, "503"),
    ("this client", (), {"FLUSHCHECK_MAX_STREAMS_PER_CLIENT": "4"}, FULL[:2], "429"),
]


@pytest.mark.parametrize(
    ("name", "args", "env", "requests", "status"), SERVERS, ids=[row[0] for row in SERVERS]
)
def test_a_refusal_closes_its_connection(name, args, env, requests, status):
    with servers.start_origin(args=args, env=env) as service, ExitStack() as stack:
        _open_streams(service, stack)
        for path, headers in requests:
            with closing(_ask(service, path, *headers)) as refused:
                head, _, body = read_rest(refused).partition(b"\r\n\r\n")
            assert head.startswith(f"HTTP/1.1 {status} ".encode())
            assert b"\r\nConnection: close\r\n" in head
            assert json.loads(body)["error"]


def test_connections_that_are_only_refused_leave_a_health_check_fast():
    with servers.start_origin(env={"FLUSHCHECK_MAX_STREAMS": str(STREAMS)}) as service, ExitStack() as stack:
        _open_streams(service, stack)
        for _ in range(REFUSED):  # the client keeps its side open
            stack.enter_context(closing(_ask(service, f"/stream/chunked?{LONG}")))
        for path in ("/healthz", "/metrics", "/"):
            began_s = time.monotonic()
            with closing(_ask(service, path, "Connection: close")) as health:
                assert read_rest(health).startswith(b"HTTP/1.1 200")
            assert time.monotonic() - began_s < HEALTHY_S


def test_a_worker_with_15_streams_and_idle_clients_ends_in_time():
    with servers.start_origin() as service, ExitStack() as stack:
        asked = [
            (f"/stream/chunked?{LONG}", ()),
            (f"/stream/events?{LONG}", ()),
            (f"/stream/ws?{LONG}", UPGRADE),
        ]
        streams = [stack.enter_context(closing(_ask(service, path, *more))) for path, more in 5 * asked]
        for stream in streams:
            assert stream.recv(12).startswith(b"HTTP/1.1 ")
        idle = stack.enter_context(closing(_ask(service, "/healthz")))
        assert idle.recv(12) == b"HTTP/1.1 200"
        stack.enter_context(closing(socket.create_connection(("127.0.0.1", service.port))))
        readers = [
            threading.Thread(target=_read_to_the_end, args=(stream,), daemon=True) for stream in streams
        ]
        for reader in readers:
            reader.start()
        began_s = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        try:
            service.process.wait(WITHIN_S + ENDED_WITHIN_S)
        except subprocess.TimeoutExpired:
            pytest.fail("the worker does not end")
        assert time.monotonic() - began_s < ENDED_WITHIN_S


def _open_streams(service: servers.Service, stack: ExitStack) -> None:
    """As many as are allowed; they end with the block."""
    for _ in range(STREAMS):
        stream = stack.enter_context(closing(_ask(service, f"/stream/chunked?{LONG}")))
        assert stream.recv(20).startswith(b"HTTP/1.1 200")


def _ask(service: servers.Service, path: str, *headers: str) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", service.port), timeout=WITHIN_S)
    sock.sendall(request(path, *headers))
    return sock


def _read_to_the_end(sock: socket.socket) -> None:
    read_rest(sock)
    sock.close()
