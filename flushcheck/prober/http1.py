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
from collections.abc import Iterable, Iterator, Sequence

import h11

from flushcheck.prober.connecting import HTTP1, connect
from flushcheck.prober.http_client import (
    MAX_HEADERS,
    ConnectionEnded,
    ProtocolError,
    Response,
    SentRequest,
)
from flushcheck.prober.messages import describe_not_http, printable
from flushcheck.prober.redaction import trace
from flushcheck.prober.target import Target
from flushcheck.prober.timed_socket import Budget, SocketRead, TimedSocket

# Of a response: its header with all interim responses (1xx) before it, and each line between two chunks.
MAX_HEADER_BYTES = 64 * 1024

# The lines of a header that h11 takes: fields, continuations of fields, and the blank line.
_FIELD_LINE = re.compile(rb"([-!#$%&'*+.^_`|~0-9A-Za-z]+:|[ \t])[^\x00\r\v\f]*\r?|\r?")
_BLANK_LINE = re.compile(rb"\n\r?\n")


class Http1Connection:
    """An HttpClient over one connection, or over one after the other where the peer closes them."""

    def __init__(
        self,
        target: Target,
        budget: Budget,
        *,
        http_version: str = "1.1",
        alpn: Sequence[str] = HTTP1,
        tunnel: bool = False,
        sock: TimedSocket | None = None,
    ) -> None:
        """Prepare it.

        Args:
            target: where requests go.
            budget: what they may use.
            http_version: "1.0" for a client of that version.
            alpn: the protocols to offer over TLS.
            tunnel: see `connect`.
            sock: a connection that is open and not used yet; None: the first request opens one.
        """
        self._target = target
        self._tunnel = tunnel
        self._budget = budget
        self._http_version = http_version
        self._alpn = alpn
        self._unused = sock
        self._sock: TimedSocket | None = None
        self._reads: Iterator[SocketRead] = iter(())
        self._read_at = 0.0  # the moment of the latest read
        self._records: list[int] = []  # of TLS, that no part of a body was yielded for yet
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
    ) -> SentRequest:
        """Send a request, connecting first where that is needed: see HttpClient."""
        if self._sock is None or not self.reusable:
            if self._sock is not None:
                self._sock.close()
            unused, self._unused = self._unused, None
            self._sock = unused or connect(self._target, self._budget, alpn=self._alpn, tunnel=self._tunnel)
            self._reads, self._at_end = self._sock.reads(), False
            self._machine = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEADER_BYTES)
        elif self._machine.our_state is h11.DONE:
            self._machine.start_next_cycle()
        own = self._target.request_headers(headers, request_target)
        trace(self._target, method, request_target, self._http_version)
        fields = [("Host", self._target.address.authority), *own]
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
        tls = self._sock.tls
        return SentRequest(
            self._sock.sent_at, self._sock.connect_s, self._sock.alpn, tls.version if tls else ""
        )

    def response(self) -> Response:
        """Read the header of the response: see HttpClient."""
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
        # A record that holds the end of the header and the beginning of the body belongs to the body too.
        self._records = self._records[-1:] if data else []
        if data:
            self._machine.receive_data(data)
        if len(event.headers) > MAX_HEADERS:
            raise ProtocolError(f"the response has more than {MAX_HEADERS} headers")
        headers = tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in event.headers)
        return Response(self._read_at, event.status_code, event.http_version.decode("ascii"), headers)

    def body(self) -> Iterator[SocketRead]:
        """Yield the body, an item for each read, and for each chunk in it: see HttpClient."""
        while True:
            event = self._next_event()
            if isinstance(event, h11.Data):
                yield SocketRead(self._read_at, bytes(event.data), self._take_records())
            elif event is h11.NEED_DATA:
                self._machine.receive_data(self._read())
            else:
                return

    def upgraded(self) -> Iterator[SocketRead]:
        """Yield what arrives after a 101, to the end of the connection: see HttpClient."""
        if rest := self._machine.trailing_data[0]:
            yield SocketRead(self._read_at, rest, self._take_records())
        yield from self._reads

    def send(self, data: bytes) -> None:
        """Send bytes after a 101: see HttpClient."""
        assert self._sock is not None, "after a response"
        self._sock.send(data)

    def close(self) -> None:
        """Close the connection, also in the middle of a response."""
        for sock in (self._sock, self._unused):
            if sock is not None:
                sock.close()

    def _take_records(self) -> tuple[int, ...]:
        """Return the sizes of the TLS records that arrived since it was last called."""
        records, self._records = tuple(self._records), []
        return records

    def _read(self) -> bytes:
        """Return the next bytes, b"" at the end of the connection."""
        read = next(self._reads, None)
        if read is None:
            self._at_end = True
            return b""
        self._read_at = read.moment
        self._records += read.record_bytes
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
                raise ProtocolError(describe_not_http(data))
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
