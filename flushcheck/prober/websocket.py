"""Observing a WebSocket: wsproto over a Line.

wsproto is handed the bytes and never a socket, so the moment of each read is known. No extension is
offered: compression of frames of a few bytes would only blur what the path does.
"""

from __future__ import annotations

import contextlib
import io
import re
import time
from collections import deque
from http.client import BadStatusLine, HTTPException, parse_headers

from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    RejectData,
    Request,
    TextMessage,
)
from wsproto.utilities import ProtocolError

from flushcheck.measurement import plan
from flushcheck.prober.address import Address
from flushcheck.prober.decompress import DecodeError, DecoderChain
from flushcheck.prober.http import ERROR_BYTES, ERROR_S, FAR_SIDE, ending, refusal
from flushcheck.prober.messages import printable
from flushcheck.prober.observation_builder import Ending, ObservationBuilder, Told
from flushcheck.prober.timed_socket import TimedSocket, dial
from flushcheck.prober.tool import USER_AGENT
from flushcheck.streaming.transports import Malformed, decoder
from flushcheck.streaming.transports.records import MAX_PENDING_BYTES

# How long the far side may take to close once the service said that the stream is over.
GRACE_S = 1.0

MAX_HEADER_BYTES = 64 * 1024

_STATUS_LINE = re.compile(rb"HTTP/(\d\.\d) (\d{3})")


def observe_websocket(ledger: ObservationBuilder, address: Address, nonce: str) -> Told:
    """Make one Probe of a WebSocket. What it sees goes into the Ledger; returns what ended it."""
    try:
        line = dial(address, ledger.allowance)
    except FAR_SIDE as error:
        return ending(error, ledger)
    wire = WSConnection(ConnectionType.CLIENT)
    try:
        _ask(wire, line, ledger, address, nonce)
        header, rest = _header(line)
        status, version = _status(header)
        # After the status line a header is a header, in HTTP as in mail.
        fields = parse_headers(io.BytesIO(header.partition(b"\r\n")[2]))
        ledger.answered(line.read_at, status, version, fields.items())
        return _refused(wire, line, ledger, header, rest) or _Frames(wire, line, ledger).read(rest)
    except FAR_SIDE as error:
        return ending(error, ledger)
    finally:
        line.close()


def _ask(
    wire: WSConnection, line: TimedSocket, ledger: ObservationBuilder, address: Address, nonce: str
) -> None:
    extra = [
        (b"User-Agent", USER_AGENT.encode()),
        (b"Accept-Encoding", plan.encodings(ledger.probe).encode()),
    ]
    target = address.path + plan.address(ledger.probe, nonce)
    line.sendall(wire.send(Request(host=address.authority, target=target, extra_headers=extra)))
    ledger.asked(line)


def _header(line: TimedSocket) -> tuple[bytes, bytes]:
    """The header of the answer, and what came behind it in the same read.

    Raises:
        FAR_SIDE: no header came, or it does not end.
    """
    data = b""
    while b"\r\n\r\n" not in data:
        if len(data) > MAX_HEADER_BYTES:
            raise HTTPException(f"a header of more than {MAX_HEADER_BYTES >> 10} KiB")
        more = line.recv()
        if not more:
            raise HTTPException(
                f"it ended after {printable(data)!r}" if data else "it hung up without a word"
            )
        data += more
    header, _, rest = data.partition(b"\r\n\r\n")
    return header + b"\r\n\r\n", rest


def _status(header: bytes) -> tuple[int, str]:
    """Status and version of an answer.

    Raises:
        HTTPException: it is not an answer in HTTP.
    """
    found = _STATUS_LINE.match(header)
    if found is None:
        raise BadStatusLine(printable(header))
    return int(found[2]), found[1].decode()


def _refused(
    wire: WSConnection, line: TimedSocket, ledger: ObservationBuilder, header: bytes, rest: bytes
) -> Told | None:
    """Whether the handshake failed, and with which words; None if the WebSocket is open."""
    body, data = b"", header
    try:
        while len(body) < ERROR_BYTES:
            wire.receive_data(data or None)
            for event in wire.events():
                if isinstance(event, AcceptConnection):
                    return None
                if isinstance(event, RejectData):
                    body += event.data
                    if event.body_finished:
                        return _refusal(ledger, body)
            if not data:
                break
            # It is not a WebSocket: what it says is read as far as it comes soon.
            ledger.allowance.end_by(time.monotonic() + ERROR_S)
            data, rest = rest or line.recv(), b""
    except ProtocolError as error:
        if ledger.status == 101:  # one that breaks RFC 6455
            return Ending.REFUSED, f"status 101, but no WebSocket: {error}"
    except FAR_SIDE:
        pass  # what came so far is all there is to show
    return _refusal(ledger, body)


def _refusal(ledger: ObservationBuilder, body: bytes) -> Told:
    return Ending.REFUSED, refusal(ledger, ledger.status, ledger.header, _unpacked(body, ledger))


def _unpacked(body: bytes, ledger: ObservationBuilder) -> bytes:
    try:
        return DecoderChain(ledger.header("content-encoding")).feed(body)
    except DecodeError:
        return body


class _Frames:
    """The messages of an open WebSocket."""

    def __init__(self, wire: WSConnection, line: TimedSocket, ledger: ObservationBuilder) -> None:
        self._wire = wire
        self._line = line
        self._ledger = ledger
        self._records = decoder(ledger.probe.transport)
        self._message = ""  # the parts of one that is not whole yet

    def read(self, first: bytes) -> Told:
        """Read to the close.

        Args:
            first: what came behind the header of the answer, in the same read.

        Raises:
            FAR_SIDE: the far side broke off, or the time was up.
        """
        unread = deque([(self._line.read_at, first)] if first else [])
        while True:
            # As in streams: while bytes lie ready, nothing is done but to read them.
            if not self._line.waiting() and (told := self._settle(unread)) is not None:
                return told
            try:
                data = self._line.recv()
            except FAR_SIDE:
                if (told := self._settle(unread)) is not None:
                    return told
                raise
            if not data:
                return self._settle(unread) or (Ending.BROKEN, "the connection ended without a close frame")
            unread.append((self._line.read_at, data))

    def _settle(self, unread: deque[tuple[float, bytes]]) -> Told | None:
        """Make sense of what was read, oldest first; returns what ended the conversation, if it did."""
        while unread:
            read_at, data = unread.popleft()
            try:
                told = self._take(read_at, data)
            except Malformed as error:
                told = Ending.FOREIGN, str(error)
            if told is not None:
                return told
        if self._ledger.end is not None:
            self._ledger.allowance.end_by(time.monotonic() + GRACE_S)
        return None

    def _take(self, read_at: float, data: bytes) -> Told | None:
        """Take in one read.

        Raises:
            Malformed: it is no message of ours.
        """
        self._wire.receive_data(data)
        self._ledger.arrived(read_at, len(data), b"")
        for event in self._wire.events():
            if isinstance(event, TextMessage):
                self._ledger.arrived(read_at, 0, event.data.encode())
                self._message += event.data
                if len(self._message) > MAX_PENDING_BYTES:
                    raise Malformed(f"a message of more than {MAX_PENDING_BYTES} characters")
                if event.message_finished:
                    message, self._message = self._message, ""
                    self._ledger.completed(self._records.feed(message.encode()))
            elif isinstance(event, BytesMessage):
                raise Malformed("a message of bytes, where text was expected")
            elif isinstance(event, Ping):
                self._line.sendall(self._wire.send(event.response()))
            elif isinstance(event, CloseConnection):
                return self._closed(event)
        return None

    def _closed(self, event: CloseConnection) -> Told:
        """The far side closes, or wsproto gives up on its frames: the state tells the two apart."""
        if self._wire.state is ConnectionState.OPEN:
            return Ending.FOREIGN, f"not WebSocket frames: {printable(event.reason or '')}"
        with contextlib.suppress(*FAR_SIDE):  # it did not wait for our close: its own is what counts
            self._line.sendall(self._wire.send(event.response()))
        reason = f" ({printable(event.reason)})" if event.reason else ""
        return Ending.ENDED, "" if event.code == 1000 else f"closed with code {int(event.code)}{reason}"
