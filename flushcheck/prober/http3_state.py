"""What one HTTP/3 connection knows: its streams, and what the peer's datagrams mean for them.

aioquic keeps the rules of QUIC and HTTP/3; here its events become what each Stream gets. No socket, no lock
and no clock: `http3` has those, and calls one method at a time. Three things are decided here, because
aioquic does not:

- What costs work and brings nothing is counted, and there is a limit: datagrams without a part of a
  response, and bytes that are no body (headers, control streams, unknown frames).
- GOAWAY (RFC 9114, section 5.2) ends no response that is under way, and takes no more requests.
- Header compression uses no dynamic table. An entry of 4 kB that one byte repeats would make hundreds of
  megabytes of one header.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from copy import copy

from aioquic.h3.connection import ErrorCode, H3Connection, Setting
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import (
    ConnectionTerminated,
    HandshakeCompleted,
    QuicEvent,
    StreamDataReceived,
    StreamReset,
)
from aioquic.quic.packet import QuicErrorCode
from aioquic.tls import AlertDescription
from pylsqpack import Decoder

from flushcheck.model.codec import MAX_NUMBER
from flushcheck.prober.http1 import MAX_HEADER_BYTES
from flushcheck.prober.http2_stream import NotProcessed, Stream
from flushcheck.prober.http3_control import ControlStream
from flushcheck.prober.http_client import MAX_HEADERS, ConnectionEnded, ProtocolError, Response
from flushcheck.prober.messages import printable
from flushcheck.prober.timed_socket import Budget, ByteLimitExceeded, SocketRead

# Bytes of streams that are no body, of one connection. A page of streams makes a few thousand.
MAX_OVERHEAD_BYTES = 256 * 1024

# A page of streams makes a few hundred. aioquic joins parts of an unfinished TLS message at a cost that grows
# with their square: so many of them take 0.5 s.
MAX_DATAGRAMS_WITHOUT_DATA = 2_000

MAX_SETTING = int(MAX_NUMBER) - 1  # ids and values; QUIC allows up to 2**62 - 1

# The only peer, whatever its address is: the socket is connected. No IP address, so that aioquic never
# moves to another one that the peer prefers.
_PEER = ("peer", 0)

Headers = Iterable[tuple[str, str]]


class CertificateRejected(ProtocolError):
    """The peer's certificate is not trusted: says why."""


class Http3State:
    """The state of one connection, on the side of the client."""

    def __init__(self, configuration: QuicConfiguration) -> None:
        self._quic = _Quic(configuration=configuration)
        self._http: H3Connection | None = None  # None: the handshake is not complete
        self._control = ControlStream()
        self._streams: dict[int, Stream] = {}
        self._overhead_bytes = 0
        self._header_bytes: dict[int, int] = {}  # by stream, until its response has begun
        self._without_data = 0
        self._took_data = False  # whether the latest datagram brought a part of a response
        self.heard = False  # whether a datagram arrived, of whatever kind
        self.settings: tuple[tuple[int, int], ...] | None = None  # the peer's first; None: none came yet
        self.goaway = False  # whether the peer takes no more requests
        self.error: BaseException | None = None  # why the connection is over

    @property
    def has_streams(self) -> bool:
        """Whether a response is under way."""
        return bool(self._streams)

    def connect(self, now: float) -> None:
        """Begin the handshake."""
        self._quic.connect(_PEER, now)

    def output(self, now: float) -> list[bytes]:
        """Return the datagrams that are to be sent now."""
        return [data for data, address in self._quic.datagrams_to_send(now) if address == _PEER]

    def timer(self) -> float | None:
        """Return when `on_timer` is due; None for never."""
        return self._quic.get_timer()

    def on_timer(self, now: float) -> None:
        """Do what is due: send again what was lost, or give up a silent peer.

        Raises:
            ProtocolError: the connection is over.
        """
        self._quic.handle_timer(now)
        self._take_events(now)

    def ping(self) -> None:
        """Have the peer say that it is there."""
        self._quic.send_ping(0)

    def open(self, headers: Headers, budget: Budget, *, ends: bool) -> Stream:
        """Open a stream with these headers.

        aioquic keeps the request back where the peer's limit leaves no room for one more stream.
        """
        assert self._http is not None, "after the handshake"
        number = self._quic.get_next_available_stream_id()
        fields = [(name.encode(), value.encode()) for name, value in headers]
        self._http.send_headers(number, fields, end_stream=ends)
        stream = self._streams[number] = Stream(number, budget, sends=not ends)
        return stream

    def send(self, stream: Stream, data: bytes, *, ends: bool) -> None:
        """Send data of a stream, as the peer's windows allow."""
        assert self._http is not None, "after the handshake"
        self._http.send_data(stream.number, data, ends)
        stream.sends = not ends

    def give_up(self, stream: Stream) -> None:
        """Reset a stream, unless both sides have ended it."""
        if self._streams.pop(stream.number, None) is not None:
            with suppress(ValueError):  # aioquic has forgotten it
                self._quic.stop_stream(stream.number, ErrorCode.H3_REQUEST_CANCELLED)
        if stream.sends:
            with suppress(ValueError):
                self._quic.reset_stream(stream.number, ErrorCode.H3_REQUEST_CANCELLED)
        stream.at_end, stream.sends = True, False

    def shut(self, code: ErrorCode = ErrorCode.H3_NO_ERROR) -> None:
        """Tell the peer that the connection is over."""
        self._quic.close(code)

    def take(self, datagram: bytes, moment: float) -> None:
        """Take one datagram, and give every stream its part of it.

        Raises:
            ProtocolError: the peer broke the rules, or ended the connection.
        """
        self.heard, self._took_data = True, False
        self._quic.receive_datagram(datagram, _PEER, moment)
        self._take_events(moment)
        if not self._took_data:
            self._without_data += 1
        if self._without_data > MAX_DATAGRAMS_WITHOUT_DATA:
            self.shut(ErrorCode.H3_EXCESSIVE_LOAD)
            raise ProtocolError(f"more than {MAX_DATAGRAMS_WITHOUT_DATA} QUIC datagrams without data")

    def end(self, error: BaseException) -> None:
        """End every stream, because the connection is over."""
        self.error = error
        for stream in self._streams.values():
            broke_off = isinstance(error, ConnectionEnded) and stream.responded
            stream.fail(ProtocolError(str(error)) if broke_off else copy(error))
        self._streams.clear()

    def _take_events(self, moment: float) -> None:
        while (event := self._quic.next_event()) is not None:
            self._take_event(event, moment)
        if (problem := self._quic.problem) is not None:
            raise problem

    def _take_event(self, event: QuicEvent, moment: float) -> None:
        match event:
            case HandshakeCompleted():
                self._http = _Http3(self._quic)
            case ConnectionTerminated():
                raise _describe_end(event)
            case StreamReset():
                if stream := self._streams.pop(event.stream_id, None):
                    stream.fail(_describe_reset(event.error_code))
            case StreamDataReceived():
                self._overhead_bytes += len(event.data)
                self._count_header(event.stream_id, len(event.data))
                self._take_control(self._control.feed(event.stream_id, event.data))
        if self._http is None:
            return
        for part in self._http.handle_event(event):
            self._take_part(part, moment)
        if self.settings is None and (settings := self._http.received_settings) is not None:
            # HAProxy writes the largest number of QUIC for "no limit", which a saved run does not take.
            self.settings = tuple(
                (min(code, MAX_SETTING), min(value, MAX_SETTING)) for code, value in settings.items()
            )
        if self._overhead_bytes > MAX_OVERHEAD_BYTES:
            self.shut(ErrorCode.H3_EXCESSIVE_LOAD)
            raise ProtocolError(f"more than {MAX_OVERHEAD_BYTES >> 10} KiB of HTTP/3 that is no body")

    def _take_part(self, part: H3Event, moment: float) -> None:
        if not isinstance(part, HeadersReceived | DataReceived):
            return
        if isinstance(part, DataReceived):
            self._overhead_bytes -= len(part.data)
            self._took_data = self._took_data or bool(part.data)
        stream = self._streams.get(part.stream_id)
        if stream is None:
            return
        if isinstance(part, HeadersReceived):
            self._take_headers(stream, part, moment)
        elif part.data:
            try:
                stream.budget.spend(len(part.data))
            except ByteLimitExceeded as error:
                stream.fail(error)
                self.give_up(stream)
                return
            stream.put(SocketRead(moment, part.data))
        if part.stream_ended:
            stream.put(None)
            self._streams.pop(stream.number, None)

    def _take_headers(self, stream: Stream, part: HeadersReceived, moment: float) -> None:
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in part.headers)
        status = int(dict(headers).get(":status", "0"))  # aioquic passes on three digits, or none: a trailer
        if stream.responded or status < 200:
            return
        self._took_data = True
        fields = tuple(pair for pair in headers if not pair[0].startswith(":"))
        if len(fields) > MAX_HEADERS:
            stream.respond(ProtocolError(f"the response has more than {MAX_HEADERS} headers"))
        else:
            stream.respond(Response(moment, status, "3", fields))

    def _count_header(self, number: int, size_bytes: int) -> None:
        """Count bytes before a response, so that a header is refused before it is decoded.

        Raises:
            ProtocolError: they are too many.
        """
        stream = self._streams.get(number)
        if stream is None or stream.responded:
            self._header_bytes.pop(number, None)
            return
        self._header_bytes[number] = self._header_bytes.get(number, 0) + size_bytes
        if self._header_bytes[number] > MAX_HEADER_BYTES:
            self.shut(ErrorCode.H3_EXCESSIVE_LOAD)
            raise ProtocolError(f"a header of more than {MAX_HEADER_BYTES >> 10} KiB")

    def _take_control(self, goaways: Iterator[int]) -> None:
        for first in goaways:
            self.goaway = True
            for number, stream in list(self._streams.items()):
                if number >= first:
                    stream.fail(NotProcessed("the server ended the connection with GOAWAY"))
                    del self._streams[number]


class _Quic(QuicConnection):
    """A QuicConnection that says at once why it ends, and not when its last packets are gone."""

    problem: ProtocolError | None = None

    def close(
        self,
        error_code: int = QuicErrorCode.NO_ERROR,
        frame_type: int | None = None,
        reason_phrase: str = "",
    ) -> None:
        """End the connection: on a caller's behalf, or because the peer broke the rules."""
        if self.problem is None and error_code not in (ErrorCode.H3_NO_ERROR, ErrorCode.H3_EXCESSIVE_LOAD):
            self.problem = _describe_problem(error_code, frame_type, reason_phrase)
        super().close(error_code, frame_type, reason_phrase)


class _Http3(H3Connection):
    """An H3Connection without a dynamic table for headers, and without a use for pushes and WebSockets."""

    def _init_connection(self) -> None:
        self._max_table_capacity = self._blocked_streams = 0
        self._decoder = Decoder(0, 0)
        self._max_push_id = None
        super()._init_connection()

    def _get_local_settings(self) -> dict[int, int]:
        settings = super()._get_local_settings()
        settings.pop(Setting.ENABLE_CONNECT_PROTOCOL, None)  # a server says that, not a client
        return settings


def _describe_problem(code: int, frame_type: int | None, reason: str) -> ProtocolError:
    """Return what this side has against the peer."""
    text = printable(reason) or _error_name(code, frame_type)
    alert = code - QuicErrorCode.CRYPTO_ERROR
    about = range(AlertDescription.bad_certificate, AlertDescription.unknown_ca + 1)
    if frame_type is not None and alert in about:
        return CertificateRejected(text)
    return ProtocolError(f"the server broke the rules of HTTP/3: {text}")


def _describe_end(event: ConnectionTerminated) -> ConnectionEnded:
    """Return what the end of a connection says that the peer or silence ended."""
    reason = f" ({printable(event.reason_phrase)})" if event.reason_phrase else ""
    name = _error_name(event.error_code, event.frame_type)
    return ConnectionEnded(f"the server ended the connection: {name}{reason}")


def _describe_reset(code: int) -> ProtocolError:
    """Return what the reset of a stream says."""
    sentence = f"the server reset the stream: {_error_name(code, None)}"
    return NotProcessed(sentence) if code == ErrorCode.H3_REQUEST_REJECTED else ProtocolError(sentence)


def _error_name(code: int, frame_type: int | None) -> str:
    """Return the name of an error code.

    Args:
        code: of HTTP/3, or of QUIC.
        frame_type: the frame of QUIC that is at fault; None: the code is one of HTTP/3.
    """
    with suppress(ValueError):
        if frame_type is None:
            return ErrorCode(code).name
        if code >= QuicErrorCode.CRYPTO_ERROR:
            return f"TLS alert {AlertDescription(code - QuicErrorCode.CRYPTO_ERROR).name}"
        return QuicErrorCode(code).name
    return f"error {code}"
