"""HTTP/1.1 over a TimedSocket: h11 does the protocol, this module the reads.

h11 is fed bytes and owns no socket, so each part of a body keeps the moment at which the socket returned
it. Clients that own their socket (requests, httpx) wait for full blocks where a body has a Content-Length
or ends by close, and a diagnosis built on them calls a good path buffered (first piece seen at 986 ms of
1,000). They also take proxies, certificates and passwords from the environment: that would measure another
path, and send secrets along it.

Everything a peer can do ends as one of PEER_ERRORS: the time and the bytes are limited by the socket's
Budget, the header and the lines between chunks by MAX_HEADER_BYTES.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import h11

from flushcheck.prober.connecting import connect
from flushcheck.prober.decompress import DecoderChain
from flushcheck.prober.messages import printable
from flushcheck.prober.target import Target
from flushcheck.prober.timed_socket import Budget, SocketRead, TimedSocket
from flushcheck.prober.tool import USER_AGENT

# Of a response: its header with all interim responses (1xx) before it, and each line between two chunks.
MAX_HEADER_BYTES = 64 * 1024
MAX_HEADERS = 100

# The lines of a header that h11 takes: fields, continuations of fields, and the blank line.
_FIELD_LINE = re.compile(rb"([-!#$%&'*+.^_`|~0-9A-Za-z]+:|[ \t])[^\x00\r\v\f]*\r?|\r?")
_BLANK_LINE = re.compile(rb"\n\r?\n")


class ProtocolError(Exception):
    """The peer broke the rules of HTTP: says how."""


class ConnectionEnded(ProtocolError):
    """The peer closed the connection before it sent a byte of the response."""


# Everything that is raised for what a peer did.
PEER_ERRORS = (OSError, ProtocolError)


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


class Http1Connection:
    """One connection. A cycle is: `request`, `response`, and `body` to its end."""

    def __init__(
        self, target: Target, budget: Budget, *, http_version: str = "1.1", tunnel: bool = False
    ) -> None:
        """Prepare it; the first request connects.

        Args:
            target: where requests go.
            budget: of all of them.
            http_version: "1.0" or "1.1".
            tunnel: see `connect`.
        """
        self._target = target
        self._tunnel = tunnel
        self._budget = budget
        self._http_version = http_version
        self._sock: TimedSocket | None = None
        self._reads: Iterator[SocketRead] = iter(())
        self._read_at = 0.0  # the moment of the latest read
        self._at_end = False
        self._machine = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEADER_BYTES)

    @property
    def reusable(self) -> bool:
        """Whether the connection is open for another request."""
        states = {self._machine.our_state, self._machine.their_state}
        return (
            self._sock is not None
            and states <= {h11.IDLE, h11.DONE}
            and not self._machine.trailing_data[0]
            # Between two responses a peer has nothing to send: it closes.
            and not self._sock.has_data()
        )

    def request(
        self, method: str, request_target: str, headers: Iterable[tuple[str, str]], body: bytes = b""
    ) -> TimedSocket:
        """Send a request, connecting first where that is needed.

        Args:
            method: for example GET.
            request_target: path and query, as they stand in the request line.
            headers: all but Host and the caller's own.
            body: what to send; its Content-Length is one of the headers.

        Returns: the socket that it was sent over.

        Raises:
            PEER_ERRORS
        """
        if self._sock is None or not self.reusable:
            self.close()
            self._sock = connect(self._target, self._budget, tunnel=self._tunnel)
            self._reads, self._at_end = self._sock.reads(), False
            self._machine = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEADER_BYTES)
        elif self._machine.our_state is h11.DONE:
            self._machine.start_next_cycle()
        fields = [("Host", self._target.address.authority), *self._target.request_headers(headers)]
        if (proxy := self._target.asks_proxy) and not self._tunnel:
            request_target = f"http://{self._target.address.authority}{request_target}"
            if proxy.credentials:
                fields.append(("Proxy-Authorization", proxy.credentials.basic))
        event = h11.Request(
            method=method,
            target=request_target,
            headers=[(name.encode("ascii"), value.encode("latin-1")) for name, value in fields],
        )
        parts = [self._machine.send(event) or b""]
        if self._http_version == "1.0":
            # h11 writes 1.1 only. nginx asks its upstreams in 1.0 by default, so a probe has to.
            parts[0] = parts[0].replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1)
        if body:
            parts.append(self._machine.send(h11.Data(data=body)) or b"")
        parts.append(self._machine.send(h11.EndOfMessage()) or b"")
        self._sock.send(b"".join(parts))
        return self._sock

    def response(self) -> Response:
        """Read the header of the response; interim responses (100, 103) are passed over.

        Raises:
            PEER_ERRORS
        """
        data, size_bytes = b"", 0
        while True:
            header, data = self._read_header(data, MAX_HEADER_BYTES - size_bytes)
            size_bytes += len(header)
            self._machine.receive_data(_without_illegal_lines(header))
            event = self._next_event()
            if isinstance(event, h11.Response):
                break
            if isinstance(event, h11.InformationalResponse) and event.status_code == 101:
                break
        if data:
            self._machine.receive_data(data)
        if len(event.headers) > MAX_HEADERS:
            raise ProtocolError(f"the response has more than {MAX_HEADERS} headers")
        headers = tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in event.headers)
        return Response(self._read_at, event.status_code, event.http_version.decode("ascii"), headers)

    def body(self) -> Iterator[SocketRead]:
        """Yield the body as it arrives, without its framing: an item for each read, and for each chunk in it.

        Raises:
            PEER_ERRORS: it did not come to its end. What arrived before that was yielded.
        """
        while True:
            event = self._next_event()
            if isinstance(event, h11.Data):
                yield SocketRead(self._read_at, bytes(event.data))
            elif event is h11.NEED_DATA:
                self._machine.receive_data(self._read())
            else:
                return

    def upgraded(self) -> Iterator[SocketRead]:
        """Yield what arrives after a 101, to the end of the connection.

        Raises:
            PEER_ERRORS
        """
        if rest := self._machine.trailing_data[0]:
            yield SocketRead(self._read_at, rest)
        yield from self._reads

    def close(self) -> None:
        """Close the connection, also in the middle of a response."""
        if self._sock is not None:
            self._sock.close()

    def _read(self) -> bytes:
        """Return the next bytes, b"" at the end of the connection."""
        read = next(self._reads, None)
        if read is None:
            self._at_end = True
            return b""
        self._read_at = read.moment
        return read.data

    def _read_header(self, data: bytes, max_bytes: int) -> tuple[bytes, bytes]:
        """Read up to the blank line.

        Args:
            data: what arrived already.
            max_bytes: how long the header may be.

        Returns: the header with its blank line, and what arrived behind it.

        Raises:
            PEER_ERRORS: no header of HTTP comes.
        """
        while True:
            end = _BLANK_LINE.search(data)
            if (end.end() if end else len(data)) > max_bytes:
                raise ProtocolError(f"a header of more than {MAX_HEADER_BYTES >> 10} KiB")
            # A peer that speaks another protocol may wait for more bytes until the deadline.
            if not data.startswith(b"HTTP/"[: len(data)]):
                raise ProtocolError(printable(data))
            if end:
                return data[: end.end()], data[end.end() :]
            more = self._read()
            if not more and not data:
                raise ConnectionEnded("the connection was closed without a response")
            if not more:
                raise ProtocolError(f"the connection ended after {printable(data)!r}")
            data += more

    def _next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        try:
            return self._machine.next_event()
        except h11.RemoteProtocolError as error:
            if self._at_end:
                raise ProtocolError("the body broke off") from None
            if error.error_status_hint == 431:  # h11's own limit
                raise ProtocolError(f"a line of more than {MAX_HEADER_BYTES >> 10} KiB") from None
            raise ProtocolError(printable(str(error))) from None


def _without_illegal_lines(header: bytes) -> bytes:
    """Drop the lines of a header that are no fields, as browsers do; h11 refuses the whole header."""
    status, *lines = header.split(b"\n")
    return b"\n".join([status, *(line for line in lines if _FIELD_LINE.fullmatch(line))])


class WholeBody(NamedTuple):
    """A short body that was read to its end."""

    moment: float  # of its last read
    size_bytes: int  # as it arrived
    text: bytes  # without its content encoding


def read_whole(connection: Http1Connection, response: Response, max_bytes: int) -> WholeBody:
    """Read a short body.

    Args:
        connection: where the body is due.
        response: its header.
        max_bytes: where to stop, without content encoding.

    Raises:
        PEER_ERRORS: it did not come to its end.
        DecodeError: it is not encoded as its header says.
    """
    chain = DecoderChain(response.header("content-encoding"))
    moment, size_bytes, text = response.moment, 0, bytearray()
    for read in connection.body():
        moment = read.moment
        size_bytes += len(read.data)
        text += chain.feed(read.data)
        if len(text) >= max_bytes:
            break
    return WholeBody(moment, size_bytes, bytes(text[:max_bytes]))


def default_headers(accept: str, accept_encoding: str, *, http_version: str = "1.1") -> list[tuple[str, str]]:
    """Return the headers that every request has, but Host."""
    keep_alive = [("Connection", "keep-alive")] if http_version == "1.1" else []
    return [
        ("User-Agent", USER_AGENT),
        ("Accept", accept),
        *keep_alive,
        ("Accept-Encoding", accept_encoding),
    ]
