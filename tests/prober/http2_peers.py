"""HTTP/2 peers for the tests: the h2 library for what keeps the rules, raw frames for what breaks them.

    with scripted_server(speaks_http2(lambda peer: peer.stream(peer.request(), b"hello")), read_first=False) as url:

The script runs for each connection, after the TLS handshake in which "h2" was agreed on.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamReset
from h2.settings import SettingCodes

from flushcheck.measurement import plan
from tests.prober.peers import ORIGIN, Client, Script, end, event, piece

DATA, HEADERS, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    0,
    1,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
)
END_STREAM, ACK, END_HEADERS = 1, 1, 4

TEXT = (("content-type", "text/plain"),)


class Http2Request(NamedTuple):
    stream: int
    headers: dict[str, str]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A frame as it lies on the wire."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


class Http2Peer:
    """The server's side of one connection."""

    def __init__(self, sock: ssl.SSLSocket, settings: dict[int, int]) -> None:
        self.sock = sock
        self.machine = H2Connection(H2Configuration(client_side=False, header_encoding="latin-1"))
        self.settings = settings
        self.waiting: list[Http2Request] = []
        self.reset: set[int] = set()  # streams that the client has reset
        self.received: dict[int, bytes] = {}

    def begin(self) -> None:
        """Send the preface of a server."""
        self.machine.initiate_connection()
        self.machine.clear_outbound_data_buffer()
        pairs = b"".join(
            code.to_bytes(2, "big") + value.to_bytes(4, "big") for code, value in self.settings.items()
        )
        # Only so that h2 lets a client use them.
        self.machine.local_settings.update(dict(self.settings))
        self.machine.local_settings.acknowledge()
        self.raw(frame(SETTINGS, 0, 0, pairs))

    def request(self) -> Http2Request:
        """Wait for a request."""
        while not self.waiting:
            self.read()
        return self.waiting.pop(0)

    def read(self) -> None:
        """Take what the client sends next; OSError at the end of the connection."""
        data = self.sock.recv(65536)
        if not data:
            raise OSError("the client has closed")
        for happened in self.machine.receive_data(data):
            if isinstance(happened, RequestReceived):
                headers = {str(name): str(value) for name, value in happened.headers}
                self.waiting.append(Http2Request(happened.stream_id, headers))
            elif isinstance(happened, StreamReset):
                self.reset.add(happened.stream_id)
            elif isinstance(happened, DataReceived):
                number = happened.stream_id
                self.received[number] = self.received.get(number, b"") + happened.data
                self.machine.acknowledge_received_data(happened.flow_controlled_length, number)
        self.flush()

    def head(self, request: Http2Request, status: int = 200, fields=TEXT, *, ends: bool = False) -> None:
        self.machine.send_headers(request.stream, [(":status", str(status)), *fields], end_stream=ends)
        self.flush()

    def data(self, request: Http2Request, data: bytes, *, ends: bool = False) -> None:
        self.machine.send_data(request.stream, data, end_stream=ends)
        self.flush()

    def respond(self, request: Http2Request, *parts: bytes) -> None:
        """Send a whole response, a DATA frame for each part."""
        self.head(request)
        for part in parts:
            self.data(request, part)
        self.data(request, b"", ends=True)

    def raw(self, data: bytes) -> None:
        self.sock.sendall(data)

    def flush(self) -> None:
        if data := self.machine.data_to_send():
            self.raw(data)

    def wait_for_close(self) -> None:
        with suppress(OSError):
            while True:
                self.read()


Http2Script = Callable[[Http2Peer], object]


def settings(**values: int) -> dict[int, int]:
    """Settings by their names, for example max_concurrent_streams=1."""
    return {int(SettingCodes[name.upper()]): value for name, value in values.items()}


def http2_script(
    context: ssl.SSLContext, script: Http2Script, offered: dict[int, int], *, begins: bool = True
) -> Script:
    """Turn a script for HTTP/2 into one for a socket.

    Args:
        context: the server's, which offers "h2".
        script: what to do with each connection.
        offered: the server's settings.
        begins: send them before the script runs.
    """

    def speak(client: Client) -> None:
        with context.wrap_socket(client.sock, server_side=True) as sock:
            peer = Http2Peer(sock, offered)
            if begins:
                peer.begin()
            script(peer)
            with suppress(OSError):
                sock.unwrap()

    return speak


def https(url: str) -> str:
    """The address of the same server for TLS."""
    return url.replace("http:", "https:")


def serve(peer: Any) -> None:
    """Respond to every request at once, with a stream of two pieces or with a poll. For peers of HTTP/3 too."""
    polls = 0
    while True:
        request = peer.request()
        path = request.headers[":path"]
        if "polling" in path:
            last = polls == 10
            peer.head(request, 400 if last else 200, (("content-type", "application/json"),))
            peer.data(request, poll(polls, last=last), ends=True)
            polls += 1
        elif "events" in path:
            peer.respond(request, event(piece(0)), event(piece(1)), event(end(2), "end"))
        else:
            peer.respond(request, piece(0), piece(1), end(2))


def poll(seq: int, *, last: bool) -> bytes:
    """The body of one poll, or the error that ends them."""
    piece_body = {"message": f"word{seq}", "cnt": seq, "count": plan.POLLS}
    end_body = {"error": f"cnt={seq}", "count": plan.POLLS, "request_at_app": ORIGIN}
    return json.dumps(end_body if last else piece_body).encode()
