"""What a caller sees of HTTP, whatever its version: one request at a time, and its response.

`http1` and `http2_client` are the two HttpClients; the second also asks over HTTP/3. The transports above
take either: they see a header, then a body in the parts in which it arrived, each with the moment of its
read. What a peer does wrong is raised as one of PEER_ERRORS.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from flushcheck.prober.decompress import DecoderChain
from flushcheck.prober.timed_socket import SocketRead
from flushcheck.prober.tool import USER_AGENT

MAX_HEADERS = 100  # of a response


class ProtocolError(Exception):
    """The peer broke the rules of HTTP: says how."""


class ConnectionEnded(ProtocolError):
    """The peer closed the connection before it sent a byte of the response."""


# Everything that is raised for what a peer did.
PEER_ERRORS = (OSError, ProtocolError)


class SentRequest(NamedTuple):
    """A request that was sent, and what is known of its connection by then."""

    moment: float  # when it was handed over to be sent, or began to wait for that; on time.monotonic()
    connect_s: float  # how long it took to connect, TLS included
    alpn: str = ""  # the protocol that the peer chose over TLS; "": none
    tls_version: str = ""  # for example "TLSv1.3"; "": no TLS
    settings: tuple[tuple[int, int], ...] = ()  # the peer's first SETTINGS over HTTP/2, in order
    queued_s: float = 0.0  # how long it waited since that moment for the peer's limit of streams


@dataclass(frozen=True, slots=True)
class Response:
    """The header of a response."""

    moment: float  # of the read that completed it, on time.monotonic()
    status: int
    http_version: str  # for example "1.1"
    headers: tuple[tuple[str, str], ...]  # names in lower case, repeated names apart, in order

    def header(self, name: str) -> str:
        """Return the value of a header, "" if there is none; repeated ones joined by commas."""
        return ", ".join(value for key, value in self.headers if key == name)


class HttpClient(Protocol):
    """Makes one request at a time. A cycle is: `request`, `response`, and `body` to its end."""

    @property
    def reusable(self) -> bool:
        """Whether the next request goes over a connection that is open already."""

    def request(
        self, method: str, request_target: str, headers: Iterable[tuple[str, str]], body: bytes = b""
    ) -> SentRequest:
        """Send a request, connecting first where that is needed.

        Args:
            method: for example GET.
            request_target: path and query, as they stand in the request line.
            headers: all but Host and the caller's own.
            body: what to send; its Content-Length is one of the headers.

        Raises:
            PEER_ERRORS
        """

    def response(self) -> Response:
        """Read the header of the response; interim responses (100, 103) are passed over.

        Raises:
            PEER_ERRORS
        """

    def body(self) -> Iterator[SocketRead]:
        """Yield the body as it arrives, without its framing.

        Raises:
            PEER_ERRORS: it did not come to its end. What arrived before that was yielded.
        """

    def upgraded(self) -> Iterator[SocketRead]:
        """Yield what arrives once the response has opened a WebSocket.

        Raises:
            PEER_ERRORS
        """

    def send(self, data: bytes) -> None:
        """Send bytes of an open WebSocket.

        Raises:
            PEER_ERRORS
        """

    def close(self) -> None:
        """End it, also in the middle of a response."""


class WholeBody(NamedTuple):
    """A short body that was read to its end."""

    moment: float  # of its last read
    size_bytes: int  # as it arrived
    text: bytes  # without its content encoding
    record_bytes: tuple[int, ...]  # of all its reads
    frame_bytes: tuple[int, ...]


def read_whole(client: HttpClient, response: Response, max_bytes: int) -> WholeBody:
    """Read a short body.

    Args:
        client: where the body is due.
        response: its header.
        max_bytes: where to stop, without content encoding.

    Raises:
        PEER_ERRORS: it did not come to its end.
        DecodeError: it is not encoded as its header says.
    """
    chain = DecoderChain(response.header("content-encoding"))
    moment, size_bytes, text = response.moment, 0, bytearray()
    records: list[int] = []
    frames: list[int] = []
    for read in client.body():
        moment = read.moment
        size_bytes += len(read.data)
        records += read.record_bytes
        frames += [read.frame_bytes] if read.frame_bytes else []
        text += chain.feed(read.data)
        if len(text) >= max_bytes:
            break
    return WholeBody(moment, size_bytes, bytes(text[:max_bytes]), tuple(records), tuple(frames))


def default_headers(accept: str, accept_encoding: str, *, http_version: str = "1.1") -> list[tuple[str, str]]:
    """Return the headers that every request has, but Host. HTTP/2 leaves out those of the connection."""
    keep_alive = [("Connection", "keep-alive")] if http_version == "1.1" else []
    return [
        ("User-Agent", USER_AGENT),
        ("Accept", accept),
        *keep_alive,
        ("Accept-Encoding", accept_encoding),
    ]
