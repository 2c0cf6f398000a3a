"""The service behind AJP/1.3: a container in the place of Tomcat.

    python -m tests.lab.origins.ajp PORT [--flush]

Each thing that the app yields becomes one SEND_BODY_CHUNK packet (or several, if it is long). With --flush an empty
one follows, which tells the web server to flush: Tomcat sends it when the app calls flush() on its response. Source:
Tomcat Connectors, "AJPv13 protocol reference". One thread for each connection, as many requests as Apache sends on it.
"""

from __future__ import annotations

import io
import socket
import struct
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from typing import Any

FORWARD_REQUEST, SEND_BODY, SEND_HEADERS, END_RESPONSE, CPONG, CPING = 2, 3, 4, 5, 9, 10
METHODS = ("", "OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE")
HEADERS = (
    *("", "accept", "accept-charset", "accept-encoding", "accept-language", "authorization", "connection"),
    *("content-type", "content-length", "cookie", "cookie2", "host", "pragma", "referer", "user-agent"),
)
QUERY_STRING, REQUEST_ATTRIBUTE, KEY_SIZE, DONE = 5, 10, 11, 255
MAX_BODY = 8_000  # bytes of one packet of the body; a packet is 8192 at most


class Packet:
    """Reads the fields of one packet."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def byte(self) -> int:
        return self._data.read(1)[0]

    def number(self) -> int:
        return int(struct.unpack(">H", self._data.read(2))[0])

    def text(self) -> str:
        length = self.number()
        return "" if length == 0xFFFF else self._data.read(length + 1)[:-1].decode("latin-1")

    def header(self) -> tuple[str, str]:
        """A name, which may be a number, and its value."""
        length = self.number()
        if length >> 8 == 0xA0:
            return HEADERS[length & 0xFF], self.text()
        return self._data.read(length + 1)[:-1].decode("latin-1").lower(), self.text()


def environ_of(packet: Packet) -> dict[str, Any]:
    """The WSGI environment of a FORWARD_REQUEST, its body aside."""
    method, protocol, path = METHODS[packet.byte()], packet.text(), packet.text()
    remote, _, server, port, tls = packet.text(), packet.text(), packet.text(), packet.number(), packet.byte()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SERVER_PROTOCOL": protocol,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "REMOTE_ADDR": remote,
        "SERVER_NAME": server,
        "SERVER_PORT": str(port),
        "SERVER_SOFTWARE": "ajp",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https" if tls else "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in [packet.header() for _ in range(packet.number())]:
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    while (attribute := packet.byte()) != DONE:
        if attribute == KEY_SIZE:
            packet.number()
        elif attribute == REQUEST_ATTRIBUTE:
            packet.text(), packet.text()
        elif attribute == QUERY_STRING:
            environ["QUERY_STRING"] = packet.text()
        else:
            packet.text()
    return environ


class Container:
    """Serves one connection of the web server."""

    def __init__(self, connection: socket.socket, app: Any, *, flush: bool) -> None:
        self._connection = connection
        self._app = app
        self._flush = flush

    def serve(self) -> None:
        """Until the web server closes the connection."""
        with closing(self._connection), suppress(OSError):
            while packet := self._receive():
                kind = packet[0]
                if kind == CPING:
                    self._send(bytes([CPONG]))
                elif kind == FORWARD_REQUEST:
                    self._respond(environ_of(Packet(packet[1:])))

    def _respond(self, environ: dict[str, Any]) -> None:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = b""
        while len(body) < length and (packet := self._receive()):
            body += packet[2:]
            if len(body) < length:
                self._send(struct.pack(">BH", 6, MAX_BODY))
        environ["wsgi.input"] = io.BytesIO(body)
        chunks: Iterable[bytes] = self._app(environ, self._start)
        try:
            for chunk in chunks:
                for part in _parts(chunk):
                    self._send(struct.pack(">BH", SEND_BODY, len(part)) + part + b"\0")
                    if self._flush:
                        self._send(struct.pack(">BH", SEND_BODY, 0) + b"\0")
        finally:
            getattr(chunks, "close", lambda: None)()
        self._send(bytes([END_RESPONSE, 1]))

    def _start(self, status: str, headers: list[tuple[str, str]], _error: object = None) -> None:
        code, _, reason = status.partition(" ")
        fields = b"".join(_text(name) + _text(value) for name, value in headers)
        self._send(
            struct.pack(">BH", SEND_HEADERS, int(code))
            + _text(reason)
            + struct.pack(">H", len(headers))
            + fields
        )

    def _receive(self) -> bytes:
        head = self._read(4)
        return self._read(struct.unpack(">H", head[2:])[0]) if head else b""

    def _read(self, size: int) -> bytes:
        """So many bytes; none if the connection ends before."""
        data = b""
        while len(data) < size:
            received = self._connection.recv(size - len(data))
            if not received:
                return b""
            data += received
        return data

    def _send(self, payload: bytes) -> None:
        self._connection.sendall(b"AB" + struct.pack(">H", len(payload)) + payload)


def _parts(chunk: bytes) -> Iterator[bytes]:
    for at in range(0, len(chunk), MAX_BODY):
        yield chunk[at : at + MAX_BODY]


def _text(text: str) -> bytes:
    data = text.encode("latin-1")
    return struct.pack(">H", len(data)) + data + b"\0"


def main() -> None:
    """Serve the app on this port until the process ends."""
    from wsgi import app

    with socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=100) as listener:
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            container = Container(connection, app, flush="--flush" in sys.argv)
            threading.Thread(target=container.serve, daemon=True).start()


if __name__ == "__main__":
    main()
