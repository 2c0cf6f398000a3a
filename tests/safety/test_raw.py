"""Malformed input on raw sockets: thousands of requests and conversations that no client sends.

Each is a valid one with a few cuts, duplications, swaps and random bytes, drawn from a seed: a failure can be
repeated by its number. LONG=1 sends 10,000 of each kind.
"""

from __future__ import annotations

import os
import random
import re
import socket
import struct
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import requests

from tests.live import servers
from tests.live.processes import child_pids, descriptors, memory_bytes
from tests.service.routes.test_websocket import HANDSHAKE, frame
from tests.service.wire import WITHIN_S, OriginServer, read_until, request, wait_until

LONG = "LONG" in os.environ
INPUTS = 10_000 if LONG else 600
CONCURRENT = 16

# RFC 9112, section 6.1: "A server that receives a request message with a transfer coding it does not understand
# SHOULD respond with 501".
UNKNOWN_CODING = 501

SEEDS = [
    request("/stream/chunked?count=3&interval=0.01&say=hello"),
    request("/stream/events?count=3&interval=0.01&end=done", "Last-Event-ID: 1", "Accept: text/event-stream"),
    request("/stream/polling?cnt=1", "Connection: keep-alive") * 2,
    request("/xhr?count=2&interval=0&pad=10", version="1.0"),
    request("/stream/ws?count=3", *HANDSHAKE),
    request("/", "Accept: text/html"),
    request("/culprits/nginx-gzip", "Accept: application/json"),
    request("/diagnostics/judge", "Content-Length: 33", "Content-Type: application/json", method="POST")
    + b'{"target": "", "observations": []}'[:33],
    request("/diagnostics/plan", "Transfer-Encoding: chunked", method="POST") + b"2\r\n{}\r\n0\r\n\r\n",
    request("/check?server=nginx", "Content-Length: 20", method="POST") + b"server { gzip on; }\n",
    request("/metrics", "X-Forwarded-For: 1.2.3.4"),
    request("/healthz", method="HEAD") + request("/readyz", method="OPTIONS"),
]

HEADERS = [
    *(b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"Content-Length: 5, 6"),
    *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked, chunked"),
    *(b"Host: ", b"Host: a b", b"Host: [", b"Host: evil.example:99999", b"Expect: 100-continue", b"Expect: x"),
    *(b"SCRIPT_NAME: /x", b"SCRIPT_NAME: /stream", b"SCRIPT_NAME: /", b"PATH_INFO: /x", b"Upgrade: h2c", b"Range: bytes=0-"),
    *(b"X-Forwarded-Proto: https", b"X-Forwarded-Ssl: on", b"X-Forwarded-For: ,,,", b"Forwarded: for=\""),
    *(b"Accept: " + b"text/html;q=x, " * 50, b"Cookie: " + b"a=b;" * 500, b"Origin: http://[", b"Last-Event-ID: \xff"),
    *(b" folded", b"No-Colon", b": no name", b"X-Nul: \0", b"X-Tab:\t\t", b"\xff\xfe: \xff", b"X: " + b"y" * 9000),
]  # fmt: skip
BYTES = [
    b"\0",
    b"\r",
    b"\n",
    b"\r\n",
    b" ",
    b"%",
    b"%00",
    b"%ff",
    b"\xff",
    b"?",
    b"&" * 50,
    b"/" * 50,
    b"..",
    b"A" * 9000,
]


def mangled(seed: bytes, draw: random.Random) -> bytes:
    """The same bytes with one to four changes."""
    data = seed
    for _ in range(draw.randint(1, 4)):
        at, other = sorted((draw.randrange(len(data) + 1), draw.randrange(len(data) + 1)))
        data = draw.choice(
            [
                data[:at] + draw.choice(BYTES) + data[at:],
                data[:at] + draw.randbytes(draw.randint(1, 6)) + data[other:],
                data[:at] + data[other:],
                data[:other] + data[at:other] * draw.randint(1, 3) + data[other:],
                data.replace(b"\r\n", b"\r\n" + draw.choice(HEADERS) + b"\r\n", 1),
                data.replace(b"GET", draw.choice([b"get", b"PUT", b"CONNECT", b"BREW", b"", b"GET" * 30]), 1),
                data.replace(
                    b"HTTP/1.1", draw.choice([b"HTTP/1.2", b"HTTP/2.0", b"HTTP/9", b"http/1.1", b""]), 1
                ),
            ]
        )
    return data


def response_to(port: int, data: bytes) -> bytes:
    """All bytes in response to this data and the end of the sending half."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=WITHIN_S)) as connection:
        response = bytearray()
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while read := connection.recv(1 << 20):
                response += read
        except OSError:  # also ENOTCONN, which is not a ConnectionError
            pass  # closed with unread bytes
        return bytes(response)


def sent(connection: socket.socket, data: bytes) -> bool:
    """Send all of it; False if the other side has closed."""
    try:
        connection.sendall(data)
    except ConnectionError:
        return False
    return True


def server_errors(response: bytes) -> list[bytes]:
    """The status lines of server errors."""
    lines = re.findall(rb"HTTP/1\.[01] 5\d\d[^\r]*", response)
    return [line for line in lines if int(line[9:12]) != UNKNOWN_CODING]


def failures(service: servers.Service, inputs: Callable[[int], bytes], port: int) -> list[tuple[int, bytes]]:
    """The number and the status lines of each input that causes a server error."""
    (worker,) = child_pids(service.pid)

    def send(number: int) -> tuple[int, list[bytes]]:
        return number, server_errors(response_to(port, inputs(number)))

    with ThreadPoolExecutor(CONCURRENT) as pool:
        failed = [(number, b"; ".join(lines)) for number, lines in pool.map(send, range(INPUTS)) if lines]
    assert {worker} == child_pids(service.pid), "the worker was replaced"
    return failed


def wait_until_idle(service: servers.Service) -> None:
    """Wait until no stream and no connection is left."""
    OriginServer(service)  # waits for the streams
    (worker,) = child_pids(service.pid)
    wait_until(
        lambda: descriptors(worker) < 40 or None, lambda: f"{descriptors(worker)} descriptors are open"
    )


def test_no_malformed_request_causes_a_server_error(brief):
    def request_of(number: int) -> bytes:
        draw = random.Random(number)
        return mangled(draw.choice(SEEDS), draw)

    before = len(brief.output())
    assert failures(brief, request_of, brief.port) == []
    wait_until_idle(brief)
    assert "Traceback" not in brief.output()[before:]
    assert requests.get(f"{brief.url}/healthz", timeout=WITHIN_S).ok


def conversation(number: int) -> bytes:
    """A handshake, and frames that are mostly malformed."""
    draw = random.Random(number)
    data = request("/stream/ws?count=20&interval=0.02", *HANDSHAKE)
    for _ in range(draw.randint(1, 5)):
        payload = draw.randbytes(draw.choice([0, 1, 2, 5, 125, 126, 4096, 4097]))
        data_frame = frame(draw.randrange(16), payload, fin=draw.random() < 0.8)
        if draw.random() < 0.5:
            data_frame = mangled(data_frame, draw)
        if draw.random() < 0.2:  # more bytes announced than sent
            data_frame = (
                bytes([0x81, 0xFF])
                + struct.pack("!Q", draw.choice([2**63, 2**62, 10**7]))
                + b"\0\0\0\0"
                + payload
            )
        data += data_frame
    return data


def test_no_malformed_conversation_causes_a_server_error(brief):
    before = len(brief.output())
    assert failures(brief, conversation, brief.port) == []
    wait_until_idle(brief)
    assert "Traceback" not in brief.output()[before:]


def test_memory_and_descriptors_do_not_grow(brief):
    (worker,) = child_pids(brief.pid)

    def rounds(first: int) -> tuple[int, int]:
        with ThreadPoolExecutor(CONCURRENT) as pool:
            for number in range(first, first + 200):
                draw = random.Random(number)
                data = conversation(number) if number % 2 else mangled(draw.choice(SEEDS), draw)
                pool.submit(response_to, brief.port, data)
        wait_until_idle(brief)
        return memory_bytes(worker), descriptors(worker)

    rounds(0)  # caches are filled
    before_bytes, before_files = rounds(1000)
    after_bytes, after_files = rounds(2000)
    assert after_files <= before_files + 2
    assert after_bytes < 1.05 * before_bytes + 1024 * 1024


SLOW = [
    # name, the unfinished data, the response: a status, or a close without one
    ("half a request line", b"GET /stream/chu", b""),
    ("half a header", request("/healthz")[:-6], b""),
    (
        "half a body",
        request("/diagnostics/judge", "Content-Length: 100", method="POST") + b"{",
        b"HTTP/1.1 400 ",
    ),
    (
        "half a chunk",
        request("/diagnostics/plan", "Transfer-Encoding: chunked", method="POST") + b"ff\r\n{",
        b"HTTP/1.1 400 ",
    ),
    ("half a body without a reader", request("/healthz", "Content-Length: 100") + b"{", b"HTTP/1.1 200 "),
]


@pytest.mark.parametrize(("name", "data", "expected"), SLOW, ids=[name for name, *_ in SLOW])
@pytest.mark.parametrize("drip", [b"", b"x"], ids=["silent", "drip"])
def test_an_unfinished_request_is_not_waited_for(name, data, expected, drip, brief):
    # One second for headers, one for bodies (conftest): far below the limit of the test.
    with closing(socket.create_connection(("127.0.0.1", brief.port), timeout=0.1)) as connection:
        connection.sendall(data)
        began_s, response = time.monotonic(), bytearray()
        while time.monotonic() < began_s + WITHIN_S:
            try:
                connection.sendall(drip)
                read = connection.recv(65_536)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            if not read:
                break
            response += read
    assert time.monotonic() - began_s < WITHIN_S, "the service still waits"
    assert response.startswith(expected)
    assert expected or not response


def test_an_endless_body_without_a_reader_does_not_block_others(brief):
    head = request("/healthz", f"Content-Length: {10**12}", method="POST")
    with closing(socket.create_connection(("127.0.0.1", brief.port), timeout=WITHIN_S)) as flood:
        flood.sendall(head)
        slowest_s, size, cut = 0.0, 0, False
        while not cut and size < 2**30:
            cut = not sent(flood, b"x" * 65_536)
            size += 65_536
            if not size % (8 << 20):
                began_s = time.monotonic()
                assert requests.get(f"{brief.url}/healthz", timeout=WITHIN_S).ok
                slowest_s = max(slowest_s, time.monotonic() - began_s)
    assert cut
    assert slowest_s < WITHIN_S / 2, "blocked, it is not served before the flood ends"


def test_a_body_over_the_limit_gets_413_with_and_without_its_length(brief):
    for headers in ({}, {"Transfer-Encoding": "chunked"}):
        body = iter([b"x" * 65_536] * 160) if headers else b"x" * 10_000_000
        response = requests.post(f"{brief.url}/diagnostics/judge", data=body, timeout=WITHIN_S)
        assert response.status_code == 413


def test_a_flood_of_large_messages_is_refused_and_uses_no_memory(brief):
    (worker,) = child_pids(brief.pid)
    message = frame(1, b"x" * 10_000_000)
    path = "/stream/ws?count=2&interval=0.25"
    origin = OriginServer(brief)
    before_bytes = memory_bytes(worker)
    for _ in range(5):
        with closing(origin.ask(path, *HANDSHAKE)) as ws:
            read_until(ws, b"Water")
            end_s = time.monotonic() + WITHIN_S
            while sent(ws, message):  # the service waits up to 2 s after its close frame
                assert time.monotonic() < end_s
    assert origin.line(route="/stream/ws")["ended"] == "refused"
    assert memory_bytes(worker) - before_bytes < 8 * 1024 * 1024


def test_half_open_connections_do_not_add_up(brief):
    # Connections without a request are closed after a second.
    held = [socket.create_connection(("127.0.0.1", brief.port), timeout=WITHIN_S) for _ in range(200)]
    try:
        for connection in held:
            assert connection.recv(1) == b""
    finally:
        for connection in held:
            connection.close()
    wait_until_idle(brief)
    assert requests.get(f"{brief.url}/healthz", timeout=WITHIN_S).ok


@pytest.mark.parametrize("script_name", ["/x", "/stream/chunked", "/", "", "//", "%00", "/healthz"])
def test_a_script_name_header_causes_no_server_error(script_name, brief):
    response = response_to(
        brief.port, request("/healthz", f"SCRIPT_NAME: {script_name}", "Connection: close")
    )
    assert response.split()[1] in (b"200", b"308", b"404"), response
