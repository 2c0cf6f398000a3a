"""An HttpClient over a shared connection, of HTTP/2 or HTTP/3: each request is one of its streams."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from flushcheck.prober.http2_stream import NotProcessed, Stream
from flushcheck.prober.http_client import ProtocolError, Response, SentRequest
from flushcheck.prober.redaction import trace
from flushcheck.prober.target import Target
from flushcheck.prober.timed_socket import Budget, SocketRead

# What HTTP/2 and HTTP/3 say in their own frames (RFC 9113, section 8.2.2; RFC 9114, section 4.2), and Host,
# whose place :authority takes.
_OF_CONNECTION = frozenset(
    {"connection", "host", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}
)


class SharedConnection(Protocol):
    """A connection that carries many requests at once: an Http2Connection or an Http3Connection."""

    @property
    def is_open(self) -> bool:
        """Whether it takes another request."""

    def start(
        self, headers: Iterable[tuple[str, str]], budget: Budget, *, body: bytes = b"", ends: bool = True
    ) -> Stream:
        """Send a request."""

    def send(self, stream: Stream, data: bytes, *, ends: bool = False) -> None:
        """Send data of a stream."""

    def finish(self, stream: Stream) -> None:
        """Give a stream up."""


class Http2Client:
    """Makes one request at a time, over a connection on which other clients make theirs."""

    def __init__(
        self,
        target: Target,
        budget: Budget,
        connect: Callable[[Budget], SharedConnection],
        http_version: str = "2",
    ) -> None:
        """Prepare it.

        Args:
            target: where requests go.
            budget: what they may use.
            connect: returns the connection to use now: a new one if the one before takes no more requests.
            http_version: that it speaks.
        """
        self._target = target
        self._budget = budget
        self._connect = connect
        self._http_version = http_version
        self._connection: SharedConnection | None = None
        self._stream: Stream | None = None
        self._again: Callable[[], object] | None = None  # makes the latest request once more

    @property
    def reusable(self) -> bool:
        """Whether the next request goes over a connection that is open already."""
        return self._connection is not None and self._connection.is_open

    def request(
        self, method: str, request_target: str, headers: Iterable[tuple[str, str]], body: bytes = b""
    ) -> SentRequest:
        """Send a request: see HttpClient."""
        pseudo = [
            (":method", method),
            (":authority", self._target.address.authority),
            (":scheme", "https" if self._target.address.tls else "http"),
            (":path", request_target),
        ]
        trace(self._target, method, request_target, self._http_version)
        fields = [*pseudo, *self._fields(headers, request_target)]
        return self._start(lambda: self._open(fields, body, ends=True))

    def request_websocket(self, request_target: str, headers: Iterable[tuple[str, str]]) -> SentRequest:
        """Ask for a WebSocket on a stream (RFC 8441, section 4): a response of 200 opens it.

        Raises:
            PEER_ERRORS
        """
        pseudo = [
            (":method", "CONNECT"),
            (":authority", self._target.address.authority),
            (":scheme", "https" if self._target.address.tls else "http"),
            (":path", request_target),
            (":protocol", "websocket"),
        ]
        trace(self._target, "CONNECT", request_target, self._http_version)
        fields = [*pseudo, *self._fields(headers, request_target)]
        return self._start(lambda: self._open(fields, b"", ends=False))

    def response(self) -> Response:
        """Read the header of the response: see HttpClient.

        A request that the server did not process is sent once more, as browsers do.
        """
        try:
            return self._response()
        except NotProcessed:
            if self._again is None:
                raise
            again, self._again = self._again, None
            again()
            return self._response()

    def body(self) -> Iterator[SocketRead]:
        """Yield the body, an item for each DATA frame: see HttpClient."""
        stream = self._open_stream()
        while (item := stream.next()) is not None:
            if isinstance(item, SocketRead):
                yield item

    def upgraded(self) -> Iterator[SocketRead]:
        """Yield what arrives on the stream: see HttpClient."""
        return self.body()

    def send(self, data: bytes) -> None:
        """Send bytes on the stream: see HttpClient."""
        assert self._connection is not None, "after a request"
        self._connection.send(self._open_stream(), data)

    def close(self) -> None:
        """End the request, also in the middle of its response. The connection stays open for others."""
        if self._connection is not None and self._stream is not None:
            self._connection.finish(self._stream)
        self._stream = None

    def _start(self, send: Callable[[], SentRequest]) -> SentRequest:
        self.close()
        self._again = send
        return send()

    def _open(self, fields: list[tuple[str, str]], body: bytes, *, ends: bool) -> SentRequest:
        self._connection = self._connect(self._budget)
        self._stream = self._connection.start(fields, self._budget, body=body, ends=ends)
        return self._stream.sent

    def _response(self) -> Response:
        item = self._open_stream().next()
        if not isinstance(item, Response):
            raise ProtocolError("a body without a header")
        return item

    def _open_stream(self) -> Stream:
        assert self._stream is not None, "after a request"
        return self._stream

    def _fields(self, headers: Iterable[tuple[str, str]], request_target: str) -> list[tuple[str, str]]:
        fields = self._target.request_headers(headers, request_target)
        return [(name.lower(), value) for name, value in fields if name.lower() not in _OF_CONNECTION]
