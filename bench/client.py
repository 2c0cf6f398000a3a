"""Many clients in one process, on epoll: few instructions per read, so that the measurement shows the server.

It speaks to the loopback only. A Piece is found in any Transport's bytes by a mark that its text carries
once: counting one byte cannot be cut in two, and needs no parser.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

MARK = b"~"
TEXT = " 234567890123456789~"  # 20 bytes; one word, so one Piece
READ_BYTES = 256 * 1024
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)


def path(transport: str, *, count: int, interval_s: float, more: str = "") -> str:
    """Where such a stream is asked for, at every server here."""
    return f"/stream/{transport}?count={count}&interval={interval_s:g}&say={quote(TEXT)}{more}"


def request(where: str, *headers: str) -> bytes:
    """A GET as it goes over the wire."""
    lines = "".join(f"{line}\r\n" for line in headers)
    upgrade = UPGRADE if where.startswith("/stream/ws") else ""
    return f"GET {where} HTTP/1.1\r\nHost: localhost\r\n{upgrade}{lines}\r\n".encode()


@dataclass(slots=True)
class Stream:
    """One reader."""

    sock: socket.socket
    asked_s: float  # time.monotonic()
    came_s: list[float] = field(default_factory=list)  # when each Piece was read
    data: list[bytes] = field(default_factory=list)  # all bytes, if they are kept
    pieces: int = 0
    bytes: int = 0
    closed: bool = False


class Crowd:
    """Readers of one server."""

    def __init__(self, port: int, *, keep_times: bool = False, keep_bytes: bool = False) -> None:
        self._address = ("127.0.0.1", port)
        self._keep_times = keep_times
        self._keep_bytes = keep_bytes
        self._epoll = select.epoll()
        self._by_fd: dict[int, Stream] = {}
        self.streams: list[Stream] = []
        self.pieces = 0

    def open(self, where: str) -> Stream:
        """Ask for one more stream."""
        sock = socket.create_connection(self._address, timeout=30)
        asked_s = time.monotonic()
        sock.sendall(request(where, "Connection: close") if "/ws" not in where else request(where))
        sock.setblocking(False)
        stream = Stream(sock, asked_s)
        self._by_fd[sock.fileno()] = stream
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        self.streams.append(stream)
        return stream

    def ramp(self, where: str, count: int, seconds: float) -> None:
        """Open this many streams, evenly spread over this time, and read meanwhile."""
        began_s = time.monotonic()
        for number in range(count):
            self.open(where)
            self.read_until(began_s + seconds * (number + 1) / count)

    def read_until(self, until_s: float, done: Callable[[], bool] = lambda: False) -> None:
        """Read whatever comes until then, or until it is done."""
        while (left_s := until_s - time.monotonic()) > 0 and not done():
            self._read(left_s)
        self._read(0)

    def _read(self, wait_s: float) -> None:
        for fd, _ in self._epoll.poll(min(wait_s, 0.5)):
            stream = self._by_fd[fd]
            try:
                data = stream.sock.recv(READ_BYTES)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                self._close(stream)
                continue
            found = data.count(MARK)
            self.pieces += found
            stream.pieces += found
            stream.bytes += len(data)
            if self._keep_times and found:
                stream.came_s += [time.monotonic()] * found
            if self._keep_bytes:
                stream.data.append(data)

    @property
    def open_streams(self) -> int:
        """How many have not ended."""
        return len(self._by_fd)

    def _close(self, stream: Stream) -> None:
        fd = stream.sock.fileno()
        self._epoll.unregister(fd)
        del self._by_fd[fd]
        stream.sock.close()
        stream.closed = True

    def close(self) -> None:
        """Leave all."""
        for stream in tuple(self._by_fd.values()):
            self._close(stream)
        self._epoll.close()


def lateness_s(stream: Stream, interval_s: float) -> list[float]:
    """How late each Piece came, seen from the one that came least late.

    The server's clock is not known here, so one constant delay of a whole stream does not count.
    """
    shifts = [at_s - seq * interval_s for seq, at_s in enumerate(stream.came_s)]
    least_s = min(shifts, default=0.0)
    return [shift - least_s for shift in shifts]


def percentile(values: list[float], share: float) -> float:
    """The value that this share of all does not exceed; nan for none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def polls(port: int, *, clients: int, seconds: float, count: int) -> tuple[float, float]:
    """Keep-alive polls without a pause: how many a second, and the 99th percentile in seconds."""
    where = f"/stream/polling?count={count}&say={quote(TEXT)}&cnt="
    socks = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(clients)]
    epoll, by_fd, asked_s, left, took_s = select.epoll(), {}, {}, {}, []
    ends_s = (began_s := time.monotonic()) + seconds
    cnt = 0
    for sock in socks:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        by_fd[sock.fileno()] = sock
        epoll.register(sock.fileno(), select.EPOLLIN)
        left[sock.fileno()] = b""
        asked_s[sock.fileno()] = time.monotonic()
        sock.sendall(request(f"{where}0"))
    while (now_s := time.monotonic()) < ends_s:
        for fd, _ in epoll.poll(0.5):
            data = left[fd] = left[fd] + by_fd[fd].recv(65_536)
            head, _, body = data.partition(b"\r\n\r\n")
            size = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            assert head.startswith(b"HTTP/1.1 200"), head
            if not body or len(body) < int(size):
                continue
            now_s = time.monotonic()
            took_s.append(now_s - asked_s[fd])
            cnt, left[fd], asked_s[fd] = (cnt + 1) % count, b"", now_s
            by_fd[fd].sendall(request(f"{where}{cnt}"))
    for sock in socks:
        sock.close()
    return len(took_s) / (time.monotonic() - began_s), percentile(took_s, 0.99)
