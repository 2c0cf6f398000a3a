"""Peers for the tests: a raw socket server that does to its clients what a script says.

    with scripted_server(lambda client: client.send(b"HTTP/1.1 200 OK\\r\\n\\r\\nhello")) as url:
        observe(probe, url, timeout_s=1)

The script runs for each connection, in a thread of its own. When it returns, the connection is closed properly; when
the client closes first, the script ends.
"""

import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from flushcheck.measurement.timing import measure
from flushcheck.model import Observation, Outcome, Probe
from flushcheck.model.codec import from_json, to_json
from flushcheck.prober import observe

Script = Callable[["Client"], object]

# What ends by itself may take so long on a busy machine: nothing is measured by it.
PATIENCE_S = 60.0

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
TO_CLOSE = OK + b"Connection: close\r\n\r\n"


class Client:
    """One client, seen from the server."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.request = b""

    def read_request(self) -> bool:
        """Read one request header; False if the client has closed."""
        self.request = b""
        while not self.request.endswith(b"\r\n\r\n"):
            byte = self.sock.recv(1)
            if not byte:
                return False
            self.request += byte
        return True

    @property
    def path(self) -> str:
        return urlsplit(self.request.split()[1].decode()).path

    @property
    def query(self) -> dict[str, str]:
        pairs = parse_qs(urlsplit(self.request.split()[1].decode()).query)
        return {name: values[0] for name, values in pairs.items()}

    def header(self, name: str) -> str:
        for line in self.request.decode("latin-1").split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return ""

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def chunk(self, data: bytes) -> None:
        self.send(b"%x\r\n%b\r\n" % (len(data), data))

    def respond(self, status: int, body: bytes, kind: str = "application/json", extra: str = "") -> None:
        """Send a whole response with a Content-Length."""
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
        self.send(head.encode() + body)

    def reset(self) -> None:
        """Reset the connection."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def wait_for_close(self) -> None:
        """Send nothing until the client closes."""
        while self.sock.recv(65536):
            pass

    def wait_until_read(self) -> None:
        """Send nothing until the client has read all that was sent, however busy the machine is.

        So what comes next is a read of its own. The kernel lists the unread bytes of each socket (proc(5)).
        """
        ends = (self.sock.getpeername(), self.sock.getsockname())
        client = " ".join(
            f"{int.from_bytes(socket.inet_aton(host), sys.byteorder):08X}:{port:04X}" for host, port in ends
        )
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            row = Path("/proc/net/tcp").read_text().partition(f" {client} ")[2]
            unread = row[:20].partition(":")[2].partition(" ")[0]  # "01 00000000:0000002A "
            if not unread.strip("0"):
                return
            time.sleep(0.002)

    def paced(self, count: int, interval_s: float) -> Iterator[tuple[int, float]]:
        """Yield numbers, each so long after the client has read what was sent for the one before.

        Unlike `pace` it makes up for no delay: however busy the machine is, what is sent stays apart.

        Yields: the number, and the moment at which it was yielded, from 0.
        """
        began = time.monotonic()
        for seq in range(count):
            self.wait_until_read()
            time.sleep(interval_s if seq else 0.0)
            yield seq, time.monotonic() - began


@contextmanager
def scripted_server(script: Script, *, read_first: bool = True, is_origin: bool = False) -> Iterator[str]:
    """Serve a script on a free port of the loopback.

    Args:
        script: what to do with each client.
        read_first: read the first request's header before the script runs.
        is_origin: the script responds to the question for capabilities too; else that gets a 404.

    Yields: the root URL.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    accepted: list[socket.socket] = []

    def serve(sock: socket.socket) -> None:
        with sock, suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client = Client(sock)
            if not read_first:
                script(client)
            elif client.read_request():
                if b"?fc=1&" in client.request and not is_origin:
                    client.respond(404, b"")
                else:
                    script(client)
            with suppress(OSError):
                sock.shutdown(socket.SHUT_WR)
                client.wait_for_close()  # or what is unread would turn the close into a reset

    def accept() -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.accept()
                accepted.append(sock)
                threading.Thread(target=serve, args=(sock,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for sock in accepted:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def piece(seq: int, at_s: float = 0.0, text: str = "word ") -> bytes:
    """Return a piece in the delta framing, as a line."""
    return (json.dumps({"seq": seq, "at_s": round(at_s, 6), "delta": text}) + "\n").encode()


ORIGIN = {"protocol": "HTTP/1.0", "server": "test"}


def end(count: int, at_s: float = 0.0) -> bytes:
    """Return the end record, as a line."""
    return (
        json.dumps({"end": "done", "count": count, "at_s": at_s, "request_at_app": ORIGIN}) + "\n"
    ).encode()


def event(line: bytes, name: str = "delta") -> bytes:
    """Return the line of a record as an event."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), line.strip())


def pace(count: int, interval_s: float) -> Iterator[tuple[int, float]]:
    """Yield numbers at their moments, with the moment at which each was really yielded, from 0."""
    began = time.monotonic()
    for seq in range(count):
        time.sleep(max(0.0, began + seq * interval_s - time.monotonic()))
        yield seq, time.monotonic() - began


# name, what the peer does, the outcome, words in the detail
Row = tuple[str, Script, Outcome, str]


def observe_row(
    row: Row, timeout_s: float, observe_once: Callable[[float], Observation]
) -> tuple[Observation, float]:
    """Observe the peer of a row, with a short time where nothing but the clock ends it.

    What such a peer sends before must have arrived by then: a busy machine is given more time for it.

    Args:
        row: of the table.
        timeout_s: for a peer that only the clock ends.
        observe_once: gets the time allowed.

    Returns: what was seen and how many seconds it took.
    """
    allowed_s = timeout_s if row[2] is Outcome.TIMEOUT else PATIENCE_S
    while True:
        began = time.monotonic()
        seen = observe_once(allowed_s)
        took_s = time.monotonic() - began
        if seen.outcome is not Outcome.TIMEOUT or row[3] in seen.detail or allowed_s >= PATIENCE_S / 2:
            return seen, took_s
        allowed_s = min(4 * allowed_s, PATIENCE_S / 2)


def observe_rows(
    rows: Sequence[Row], probe: Probe, *, timeout_s: float
) -> dict[str, tuple[Observation, float]]:
    """Observe every peer of a table, some at a time: most only wait.

    Args:
        rows: the table.
        probe: what is asked for.
        timeout_s: of the peers that only the clock ends.

    Returns: by name, what was seen and how many seconds it took.
    """

    def observe_peer(row: Row) -> tuple[Observation, float]:
        def observe_once(allowed_s: float) -> Observation:
            with scripted_server(row[1]) as url:
                return observe(probe, url, timeout_s=allowed_s)

        return observe_row(row, timeout_s, observe_once)

    with ThreadPoolExecutor(6) as pool:
        return dict(zip((row[0] for row in rows), pool.map(observe_peer, rows), strict=True))


def check_row(row: Row, seen: tuple[Observation, float]) -> None:
    """Check that outcome and words are those of the row, in time, and that it can be saved and measured."""
    _, _, outcome, words = row
    observation, took_s = seen
    assert (observation.outcome, words in observation.detail) == (outcome, True), observation.detail
    assert took_s < PATIENCE_S, "it ends by itself, or soon after the timeout"
    assert from_json(Observation, json.loads(json.dumps(to_json(observation)))).outcome is outcome
    assert len(observation.detail) <= 310
    assert observation.detail.isprintable()
    measure(observation)
