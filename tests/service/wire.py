"""What tests of the service say on the wire, and how they wait for what it wrote in its log."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any, TypeVar

from werkzeug.test import TestResponse

from tests.live.servers import Service

Found = TypeVar("Found")

WITHIN_S = 10.0  # a machine far busier than any here still does it; nothing is measured by this
AT_ONCE_S = 1.0  # far below the 5 s that a stream with interval=5 would sleep


class Origin:
    """A running service, and its access log since this was made."""

    def __init__(self, service: Service) -> None:
        self.url = service.url
        self.port = service.port
        self.service = service
        # What a test before this one began has ended, and its line is in the log.
        until(lambda: self._open_streams() == 0 or None, lambda: "streams of an earlier test are still open")
        self._from = len(service.output())

    def _open_streams(self) -> int:
        answer = self.answer("/readyz").partition(b"\r\n\r\n")[2]
        return int(json.loads(answer).get("streams", -1))

    def lines(self) -> list[dict[str, Any]]:
        """The access log since then."""
        text = self.service.output()[self._from :]
        # The last line may be half written.
        return [json.loads(line) for line in text.split("\n")[:-1] if line.startswith("{")]

    def line(self, **wanted: object) -> dict[str, Any]:
        """The first line of the log that holds all this, once it is there."""

        def found() -> dict[str, Any] | None:
            return next((line for line in self.lines() if wanted.items() <= line.items()), None)

        return until(found, lambda: f"no log line with {wanted} among {self.lines()}")

    def connect(self) -> socket.socket:
        """A TCP connection to it."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=WITHIN_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def ask(self, path: str, *headers: str, method: str = "GET", version: str = "1.1") -> socket.socket:
        """A connection on which this request was sent."""
        connection = self.connect()
        connection.sendall(request(path, *headers, method=method, version=version))
        return connection

    def answer(self, path: str, *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
        """All that comes back until the service closes."""
        with closing(self.ask(path, "Connection: close", *headers, method=method, version=version)) as one:
            return rest(one)


def request(path: str, *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/{version}", "Host: test", *headers, "", ""]
    return "\r\n".join(lines).encode()


def rest(connection: socket.socket) -> bytes:
    """All bytes until the other side closes."""
    data = bytearray()
    while read := connection.recv(1024 * 1024):
        data += read
    return bytes(data)


def read_until(connection: socket.socket, wanted: bytes) -> bytes:
    """Bytes up to and with these."""
    data = bytearray()
    while wanted not in data[-len(wanted) - 1024 * 1024 :]:
        read = connection.recv(1024 * 1024)
        assert read, f"closed before {wanted!r} came: {data[-1000:]!r}"
        data += read
    return bytes(data)


def unchunked(body: bytes) -> tuple[list[bytes], bytes]:
    """The chunks of a body, without the last, empty one; and what follows it. RFC 9112, section 7.1."""
    chunks: list[bytes] = []
    at = 0
    while True:
        start = body.index(b"\r\n", at) + 2
        size = int(body[at : start - 2], 16)
        at = start + size + 2
        assert body[at - 2 : at] == b"\r\n"
        if not size:
            return chunks, body[at:]
        chunks.append(body[start : at - 2])


def told(response: TestResponse) -> Any:
    """What an answer in JSON says."""
    return json.loads(response.data)


def until(look: Callable[[], Found | None], excuse: Callable[[], str]) -> Found:
    """What `look` returns, as soon as it is something."""
    end_s = time.monotonic() + WITHIN_S
    while not (found := look()):
        assert time.monotonic() < end_s, excuse()
        time.sleep(0.01)
    return found
