"""Readers that stop, pause or are slow: what each costs the service, and what becomes of it.

LONG=1 takes the numbers of the promise: 1,000 readers that stop, 20,000 messages to one that pauses for 3 s.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest
import requests

from tests.live import servers
from tests.live.processes import child_pids, memory_bytes
from tests.service.routes.test_websocket import HANDSHAKE
from tests.service.wire import WITHIN_S, read_until, request

LONG = "LONG" in os.environ
READERS = 1000 if LONG else 200
STALL_S = 2.0

# A client that stops reading keeps a connection, a greenlet, and one unsent batch of frames. Measured: 66 KB.
MAX_BYTES_EACH = 160 * 1024

PLACES = {"FLUSHCHECK_MAX_STREAMS": "1200"}
SETTINGS = {**PLACES, "FLUSHCHECK_STALL_S": str(STALL_S)}
ARGS = ("--worker-connections", "1400")

# More than any kernel keeps for a reader: 60 MB each.
FLOOD = "count=60000&interval=0&size=1000"
FLOODS = [
    ("/stream/chunked", ()),
    ("/stream/events", ()),
    ("/stream/ws", HANDSHAKE),
]


@pytest.fixture(scope="module")
def origin() -> Iterator[servers.Service]:
    with servers.start_origin(env=SETTINGS, args=ARGS) as service:
        yield service


def opened(port: int, path: str, *headers: str, window_bytes: int = 4096) -> socket.socket:
    """A connection with a small window, on which this was asked for."""
    connection = socket.socket()
    # Before it connects: the window is part of the handshake.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window_bytes)
    connection.settimeout(WITHIN_S)
    connection.connect(("127.0.0.1", port))
    connection.sendall(request(path, *headers))
    return connection


@contextmanager
def stopped_readers(port: int, count: int) -> Iterator[list[socket.socket]]:
    """This many clients that read the header of their stream, and nothing more."""
    with ExitStack() as stack:
        readers = []
        for index in range(count):
            path, headers = FLOODS[index % len(FLOODS)]
            readers.append(stack.enter_context(closing(opened(port, f"{path}?{FLOOD}", *headers))))
        for reader in readers:
            head = reader.recv(200)
            assert head.split()[1] in (b"200", b"101"), head
        yield readers


def ended(origin: servers.Service, how: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in origin.output().split("\n")[:-1] if line.startswith("{")]
    return [line for line in lines if line["ended"] == how]


def lateness_s(port: int) -> float:
    """How late the worst Piece in a hundred of 30 ordinary streams was, by their own records: the best of three looks.

    Whatever else the machine does only adds to it.
    """
    return min(_lateness_s(port) for _ in range(3))


def _lateness_s(port: int) -> float:
    path = "/stream/chunked?count=12&interval=0.05&format=delta"
    streams = [opened(port, path, window_bytes=65_536) for _ in range(30)]
    late: list[float] = []
    for stream in streams:
        with closing(stream):
            body = read_until(stream, b"\r\n0\r\n\r\n").partition(b"\r\n\r\n")[2]
        records = [json.loads(line) for line in body.split(b"\r\n") if line.startswith(b"{")]
        assert len(records) == 12
        late += [record["at_s"] - 0.05 * record["seq"] for record in records]
    return sorted(late)[len(late) * 99 // 100]


def test_readers_that_stop_cost_little_and_are_dropped(origin):
    (worker,) = child_pids(origin.pid)
    lateness_s(origin.port)  # everything that is made once is made
    before_bytes = memory_bytes(worker)
    with stopped_readers(origin.port, READERS):
        began_s, most_bytes = time.monotonic(), memory_bytes(worker)
        end_s = began_s + WITHIN_S + STALL_S
        while len(dropped := ended(origin, "stalled")) < READERS:
            assert time.monotonic() < end_s, f"{len(dropped)} of {READERS} dropped"
            most_bytes = max(most_bytes, memory_bytes(worker))
            time.sleep(0.05)
        took_s = time.monotonic() - began_s
        after_bytes = memory_bytes(worker)
    assert (most_bytes - before_bytes) / READERS < MAX_BYTES_EACH
    # What was theirs is given back, as far as the allocator gives anything back.
    assert after_bytes < most_bytes + READERS * 4096
    # The stated time, and what it takes to open them all and to look.
    assert took_s < STALL_S + 8 + READERS / 100
    assert all(float(str(line["duration_s"])) >= STALL_S for line in dropped)
    assert "Traceback" not in origin.output()


def test_others_hardly_notice_readers_that_stop():
    with servers.start_origin(env=PLACES, args=ARGS) as patient:  # which drops no client meanwhile
        lateness_s(patient.port)
        control_s = lateness_s(patient.port)
        with stopped_readers(patient.port, READERS):
            # What the kernel takes for each of them is written first.
            pieces = -1.0
            while pieces != (pieces := _pieces(patient)):
                time.sleep(0.2)
            beside_s = lateness_s(patient.port)
        # What else the machine does may have changed meanwhile.
        control_s = max(control_s, lateness_s(patient.port))
    assert beside_s < 2 * control_s + 0.02


def _pieces(service: servers.Service) -> float:
    """How many Pieces it has sent, by its own count."""
    text = requests.get(f"{service.url}/metrics", timeout=WITHIN_S).text
    return sum(
        float(line.split()[-1]) for line in text.splitlines() if line.startswith("flushcheck_pieces_total{")
    )


def test_a_reader_that_is_slow_is_not_one_that_stopped(origin):
    # For twice the time after which it would be dropped, it takes in that time what the kernel keeps for it.
    path = "/stream/chunked?count=4000&interval=0&size=1000"
    with closing(opened(origin.port, path, window_bytes=65_536)) as reader:
        end_s, size = time.monotonic() + 2 * STALL_S, 0
        while time.monotonic() < end_s:
            size += len(reader.recv(65_536))
            time.sleep(STALL_S / 8)  # the pause is the point
        assert size < 4_000_000, "it was not slow"
        rest = read_until(reader, b"\r\n0\r\n\r\n")
    assert size + len(rest) > 4_000_000


def test_a_websocket_reader_that_pauses_gets_every_frame_whole(origin):
    count, pause_s = (20_000, 3.0) if LONG else (6_000, 1.0)
    with servers.start_origin(args=ARGS) as patient:  # which drops no client within the pause
        ws = opened(patient.port, f"/stream/ws?count={count}&interval=0&size=1000&format=delta", *HANDSHAKE)
        with closing(ws):
            data = bytearray(read_until(ws, b"\r\n\r\n").partition(b"\r\n\r\n")[2])
            time.sleep(pause_s)  # what it does not read meanwhile is the point
            seqs: list[int] = []
            at = 0
            while True:
                while len(data) - at < 4 or len(data) - at < 4 + int.from_bytes(data[at + 2 : at + 4]):
                    if data[at : at + 1] == b"\x88" and len(data) - at >= 4:
                        break
                    read = ws.recv(1 << 20)
                    assert read, f"closed behind {len(seqs)} messages"
                    data += read
                if data[at] == 0x88:
                    assert data[at + 2 : at + 4] == (1000).to_bytes(2)
                    break
                assert data[at] == 0x81, f"garbage behind {len(seqs)} messages: {bytes(data[at : at + 40])!r}"
                assert data[at + 1] == 126  # a length in two bytes, as all of these have
                size = int.from_bytes(data[at + 2 : at + 4])
                record = json.loads(data[at + 4 : at + 4 + size])
                assert len(record["delta"].encode()) == 1000
                seqs.append(record["seq"])
                at += 4 + size
    assert seqs == list(range(count))
