"""Requests as bytes on a socket, and waiting for a line in the access log."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any, TypeVar

from werkzeug.test import TestResponse

from tests.live.servers import Service

Value = TypeVar("Value")

WITHIN_S = 60.0  # enough for a very busy machine; no test measures by it
AT_ONCE_S = 20.0  # below the 30 s that a stream with interval=30 would sleep


class OriginServer:
    """A running service, and its access log from now on."""

    def __init__(self, service: Service) -> None:
        self.url = service.url
        self.port = service.port
        self.service = service
        # The streams of an earlier test are over, and their lines are in the log.
        wait_until(
            lambda: self._open_streams() == 0 or None, lambda: "streams of an earlier test are still open"
        )
        self._from = len(service.output())

    def _open_streams(self) -> int:
        response = self.fetch("/readyz").partition(b"\r\n\r\n")[2]
        return int(json.loads(response).get("streams", -1))

    def lines(self) -> list[dict[str, Any]]:
        """The access log since this object was created."""
        text = self.service.output()[self._from :]
        # The last line may be half written.
        return [json.loads(line) for line in text.split("\n")[:-1] if line.startswith("{")]

    def line(self, **wanted: object) -> dict[str, Any]:
        """The first line of the log with all these values; waits for it."""

        def match() -> dict[str, Any] | None:
            return next((line for line in self.lines() if wanted.items() <= line.items()), None)

        return wait_until(match, lambda: f"no log line with {wanted} among {self.lines()}")

    def connect(self) -> socket.socket:
        """A TCP connection to the service."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=WITHIN_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def ask(self, path: str, *headers: str, method: str = "GET", version: str = "1.1") -> socket.socket:
        """A connection with this request already sent."""
        connection = self.connect()
        connection.sendall(request(path, *headers, method=method, version=version))
        return connection

    def fetch(self, path: str, *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
        """The whole response, until the service closes the connection."""
        with closing(
            self.ask(path, "Connection: close", *headers, method=method, version=version)
        ) as connection:
            return read_rest(connection)


def request(path: str, *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/{version}", "Host: test", *headers, "", ""]
    return "\r\n".join(lines).encode()


def read_rest(connection: socket.socket) -> bytes:
    """All bytes until the other side closes."""
    data = bytearray()
    while read := connection.recv(1024 * 1024):
        data += read
    return bytes(data)


def read_until(connection: socket.socket, wanted: bytes) -> bytes:
    """The bytes up to and including `wanted`."""
    data = bytearray()
    while wanted not in data[-len(wanted) - 1024 * 1024 :]:
        read = connection.recv(1024 * 1024)
        assert read, f"closed before {wanted!r}: {data[-1000:]!r}"
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


def json_of(response: TestResponse) -> Any:
    """The body of a JSON response."""
    return json.loads(response.data)


def wait_until(poll: Callable[[], Value | None], message: Callable[[], str]) -> Value:
    """The first true value that `poll` returns."""
    end_s = time.monotonic() + WITHIN_S
    while not (value := poll()):
        assert time.monotonic() < end_s, message()
        time.sleep(0.01)
    return value
