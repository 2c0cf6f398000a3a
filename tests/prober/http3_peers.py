"""HTTP/3 peers for the tests: aioquic's server side for what keeps the rules, raw bytes for what breaks them.

    with http3_server(certificate, lambda peer: peer.respond(peer.request(), b"hello")) as url:

The script runs for each connection, in a thread of its own, once the handshake is complete.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from aioquic.buffer import encode_uint_var
from aioquic.h3.connection import ErrorCode, H3Connection, encode_frame
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted, StopSendingReceived

from tests.prober.certificates import Pair

TEXT = (("content-type", "text/plain"),)
CONTROL, ENCODER, DECODER = 3, 7, 11  # the first three unidirectional streams of a server, in aioquic's order
DATA, HEADERS, SETTINGS, GOAWAY = 0, 1, 4, 7
PATIENCE_S = 60.0


class Ended(OSError):
    """The client has gone."""


class Http3Request(NamedTuple):
    stream: int
    headers: dict[str, str]


def frame(kind: int, payload: bytes = b"") -> bytes:
    """A frame of HTTP/3."""
    return encode_frame(kind, payload)


def goaway(stream: int) -> bytes:
    return frame(GOAWAY, encode_uint_var(stream))


class Http3Peer:
    """The server's side of one connection."""

    begins = True  # whether it opens its streams and sends SETTINGS after the handshake

    def __init__(
        self, sock: socket.socket, address: tuple[str, int], first: bytes, settings: QuicConfiguration
    ) -> None:
        # A long header has this connection id behind its version (RFC 8999, section 5.1).
        destination = first[6 : 6 + first[5]]
        self.sock, self.address = sock, address
        self.quic = QuicConnection(configuration=settings, original_destination_connection_id=destination)
        self.http: H3Connection | None = None
        self.inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.inbox.put(first)
        self.waiting: list[Http3Request] = []
        self.stopped: dict[int, int] = {}  # streams that the client gave up, with its error codes
        self.closed: ConnectionTerminated | None = None
        self.over = False  # whether the test is over

    def begin(self) -> None:
        """Make the handshake."""
        until = time.monotonic() + PATIENCE_S
        while self.http is None:
            self.read()
            if time.monotonic() > until:
                raise Ended

    def request(self) -> Http3Request:
        """Wait for a request."""
        while not self.waiting:
            self.read()
        return self.waiting.pop(0)

    def read(self, *, seconds: float = PATIENCE_S) -> bool:
        """Take what the client sends next, or do what is due; False if `seconds` pass first.

        Raises:
            Ended: the client has gone.
        """
        if self.over:
            raise Ended
        until = time.monotonic() + seconds
        timer = self.quic.get_timer()
        wait_s = min(seconds, max(0.0, timer - time.monotonic()) if timer else seconds)
        try:
            self.quic.receive_datagram(self.inbox.get(timeout=wait_s), self.address, time.monotonic())
        except queue.Empty:
            if time.monotonic() >= until:
                return False
            self.quic.handle_timer(time.monotonic())
        self._take_events()
        self.flush()
        return True

    def _take_events(self) -> None:
        while (happened := self.quic.next_event()) is not None:
            if isinstance(happened, ConnectionTerminated):
                self.closed = happened
                raise Ended
            if isinstance(happened, HandshakeCompleted) and self.begins:
                self.http = H3Connection(self.quic)
            if isinstance(happened, StopSendingReceived):
                self.stopped[happened.stream_id] = happened.error_code
            for part in self.http.handle_event(happened) if self.http else ():
                if isinstance(part, HeadersReceived):
                    headers = {name.decode(): value.decode() for name, value in part.headers}
                    self.waiting.append(Http3Request(part.stream_id, headers))

    def head(self, request: Http3Request, status: int = 200, fields=TEXT, *, ends: bool = False) -> None:
        assert self.http
        pairs = [(":status", str(status)), *fields]
        self.http.send_headers(request.stream, [(k.encode(), v.encode()) for k, v in pairs], ends)
        self.flush()

    def data(self, request: Http3Request, data: bytes, *, ends: bool = False) -> None:
        assert self.http
        self.http.send_data(request.stream, data, ends)
        self.flush()

    def respond(self, request: Http3Request, *parts: bytes) -> None:
        """Send a whole response, a DATA frame for each part."""
        self.head(request)
        for part in parts:
            self.data(request, part)
        self.data(request, b"", ends=True)

    def raw(self, stream: int, data: bytes, *, ends: bool = False) -> None:
        """Send bytes of a stream, whatever they mean."""
        self.quic.send_stream_data(stream, data, ends)
        self.flush()

    def datagram(self, data: bytes) -> None:
        """Send a datagram that is no QUIC packet of this connection."""
        self.sock.sendto(data, self.address)

    def reset(self, request: Http3Request, code: int) -> None:
        self.quic.reset_stream(request.stream, code)
        self.flush()

    def close(self, code: int = ErrorCode.H3_NO_ERROR, reason: str = "") -> None:
        self.quic.close(code, reason_phrase=reason)
        self.flush()

    def flush(self) -> None:
        for data, _ in self.quic.datagrams_to_send(time.monotonic()):
            self.sock.sendto(data, self.address)

    def wait_for_close(self) -> None:
        """Keep the connection up until the client has gone."""
        with suppress(Ended):
            while self.read():
                pass


Http3Script = Callable[[Http3Peer], object]


@contextmanager
def udp_server(take: Callable[[socket.socket, bytes, tuple[str, int]], object]) -> Iterator[str]:
    """Have each datagram taken by a function, in one thread. Yields: the https URL of its port."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    port = sock.getsockname()[1]

    def receive() -> None:
        with suppress(OSError):
            while True:
                data, address = sock.recvfrom(65536)
                if not data:
                    return
                take(sock, data, address)

    thread = threading.Thread(target=receive, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{port}"
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", port))
        thread.join(5)
        sock.close()


@contextmanager
def http3_server(pair: Pair, script: Http3Script, *, alpn: str = "h3") -> Iterator[str]:
    """Serve a script to each connection on a free UDP port of the loopback. Yields: the root URL."""
    settings = QuicConfiguration(is_client=False, alpn_protocols=[alpn])
    settings.load_cert_chain(pair.cert, pair.key)
    peers: dict[tuple[str, int], Http3Peer] = {}
    threads: list[threading.Thread] = []

    def work(peer: Http3Peer) -> None:
        with suppress(OSError):
            peer.begin()
            script(peer)
            peer.wait_for_close()

    def take(sock: socket.socket, data: bytes, address: tuple[str, int]) -> None:
        if address in peers:
            peers[address].inbox.put(data)
        else:
            peers[address] = Http3Peer(sock, address, data, settings)
            thread = threading.Thread(target=work, args=(peers[address],), daemon=True)
            thread.start()
            threads.append(thread)

    with udp_server(take) as url:
        try:
            yield url
        finally:
            for peer in tuple(peers.values()):
                peer.over = True
                peer.inbox.put(b"")
            for thread in tuple(threads):
                thread.join(PATIENCE_S)
