"""Malformed input by raw sockets: thousands of requests and conversations that no client would send.

Each is made from a good one by a few cuts, doublings, swaps and strange bytes, drawn from a seed: what fails can be
tried again by its number. LONG=1 sends 10,000 of each kind.
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
from tests.live.processes import descriptors, memory_bytes, workers
from tests.service.routes.test_websocket import HANDSHAKE, frame
from tests.service.wire import WITHIN_S, OriginServer, read_until, request, wait_until

LONG = "LONG" in os.environ
HOW_MANY = 10_000 if LONG else 600
AT_ONCE = 16

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
    """The same with one to four things done to it."""
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


def said_to(port: int, data: bytes) -> bytes:
    """All that comes back to whoever sends this and says no more."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=WITHIN_S)) as connection:
        answer = bytearray()
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while read := connection.recv(1 << 20):
                answer += read
        except OSError:  # ENOTCONN is no ConnectionError
            pass  # closed on bytes that nobody wanted
        return bytes(answer)


def sent(connection: socket.socket, data: bytes) -> bool:
    """Send all of it; False if the other side has closed."""
    try:
        connection.sendall(data)
    except ConnectionError:
        return False
    return True


def wrong(answer: bytes) -> list[bytes]:
    """Status lines that are our fault."""
    lines = re.findall(rb"HTTP/1\.[01] 5\d\d[^\r]*", answer)
    return [line for line in lines if int(line[9:12]) != UNKNOWN_CODING]


def all_answered(
    service: servers.Service, inputs: Callable[[int], bytes], port: int
) -> list[tuple[int, bytes]]:
    """The number, and the status lines, of each input that the service answered wrongly."""
    (worker,) = workers(service.pid)

    def one(number: int) -> tuple[int, list[bytes]]:
        return number, wrong(said_to(port, inputs(number)))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = [(number, b"; ".join(lines)) for number, lines in pool.map(one, range(HOW_MANY)) if lines]
    assert {worker} == workers(service.pid), "the worker was replaced"
    return found


def quiet(service: servers.Service) -> None:
    """Return when nothing is left of what was: no stream, no connection."""
    OriginServer(service)  # waits for the streams
    (worker,) = workers(service.pid)
    wait_until(
        lambda: descriptors(worker) < 40 or None, lambda: f"{descriptors(worker)} descriptors are open"
    )


def test_no_malformed_request_is_our_fault(brief):
    def one(number: int) -> bytes:
        draw = random.Random(number)
        return mangled(draw.choice(SEEDS), draw)

    before = len(brief.output())
    assert all_answered(brief, one, brief.port) == []
    quiet(brief)
    assert "Traceback" not in brief.output()[before:]
    assert requests.get(f"{brief.url}/healthz", timeout=WITHIN_S).ok


def conversation(number: int) -> bytes:
    """A handshake, and frames that are hardly any."""
    draw = random.Random(number)
    data = request("/stream/ws?count=20&interval=0.02", *HANDSHAKE)
    for _ in range(draw.randint(1, 5)):
        payload = draw.randbytes(draw.choice([0, 1, 2, 5, 125, 126, 4096, 4097]))
        one = frame(draw.randrange(16), payload, fin=draw.random() < 0.8)
        if draw.random() < 0.5:
            one = mangled(one, draw)
        if draw.random() < 0.2:  # a length that never comes
            one = (
                bytes([0x81, 0xFF])
                + struct.pack("!Q", draw.choice([2**63, 2**62, 10**7]))
                + b"\0\0\0\0"
                + payload
            )
        data += one
    return data


def test_no_malformed_conversation_is_our_fault(brief):
    before = len(brief.output())
    assert all_answered(brief, conversation, brief.port) == []
    quiet(brief)
    assert "Traceback" not in brief.output()[before:]


def test_nothing_grows(brief):
    (worker,) = workers(brief.pid)

    def rounds(first: int) -> tuple[int, int]:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for number in range(first, first + 200):
                draw = random.Random(number)
                data = conversation(number) if number % 2 else mangled(draw.choice(SEEDS), draw)
                pool.submit(said_to, brief.port, data)
        quiet(brief)
        return memory_bytes(worker), descriptors(worker)

    rounds(0)  # everything that is made once is made
    before_bytes, before_files = rounds(1000)
    after_bytes, after_files = rounds(2000)
    assert after_files <= before_files + 2
    assert after_bytes < 1.05 * before_bytes + 1024 * 1024


SLOW = [
    # what is sent and never ended, how it is answered: with a status, or by a close without a word
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
    ("half a body for nobody", request("/healthz", "Content-Length: 100") + b"{", b"HTTP/1.1 200 "),
]


@pytest.mark.parametrize(("name", "data", "answer"), SLOW, ids=[name for name, *_ in SLOW])
@pytest.mark.parametrize("drip", [b"", b"x"], ids=["silent", "drip"])
def test_who_never_finishes_is_not_waited_for(name, data, answer, drip, brief):
    # A second for headers, one for bodies (conftest): far below the patience of the test.
    with closing(socket.create_connection(("127.0.0.1", brief.port), timeout=0.1)) as connection:
        connection.sendall(data)
        began_s, said = time.monotonic(), bytearray()
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
            said += read
    assert time.monotonic() - began_s < WITHIN_S, "it is still waited for"
    assert said.startswith(answer)
    assert answer or not said


def test_an_endless_body_for_nobody_stops_nobody(brief):
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
    assert slowest_s < 2.0


def test_a_body_that_is_too_long_is_told_so_whatever_is_sent(brief):
    for headers in ({}, {"Transfer-Encoding": "chunked"}):
        body = iter([b"x" * 65_536] * 160) if headers else b"x" * 10_000_000
        answer = requests.post(f"{brief.url}/diagnostics/judge", data=body, timeout=WITHIN_S)
        assert answer.status_code == 413


def test_a_flood_of_large_messages_is_closed_with_1009_and_costs_no_memory(brief):
    (worker,) = workers(brief.pid)
    message = frame(1, b"x" * 10_000_000)
    path = "/stream/ws?count=2&interval=0.25"
    origin = OriginServer(brief)
    before_bytes = memory_bytes(worker)
    for _ in range(5):
        with closing(origin.ask(path, *HANDSHAKE)) as ws:
            read_until(ws, b"Water")
            end_s = time.monotonic() + WITHIN_S
            while sent(ws, message):  # our close is waited for by the service: 2 s
                assert time.monotonic() < end_s
    assert origin.line(route="/stream/ws")["ended"] == "refused"
    assert memory_bytes(worker) - before_bytes < 8 * 1024 * 1024


def test_half_open_connections_do_not_add_up(brief):
    # They say nothing at all: as many as there are places for streams are closed after a second.
    held = [socket.create_connection(("127.0.0.1", brief.port), timeout=WITHIN_S) for _ in range(200)]
    try:
        for connection in held:
            assert connection.recv(1) == b""
    finally:
        for connection in held:
            connection.close()
    quiet(brief)
    assert requests.get(f"{brief.url}/healthz", timeout=WITHIN_S).ok


@pytest.mark.parametrize("script_name", ["/x", "/stream/chunked", "/", "", "//", "%00", "/healthz"])
def test_a_script_name_that_is_none_of_ours_is_no_fault(script_name, brief):
    answer = said_to(brief.port, request("/healthz", f"SCRIPT_NAME: {script_name}", "Connection: close"))
    assert answer.split()[1] in (b"200", b"308", b"404"), answer
