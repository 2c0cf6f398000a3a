"""Probing a WebSocket: the handshake by `http1`, the frames by wsproto, which does no I/O either.

No extension is offered: compression of frames of a few bytes would only blur what the path does.
"""

from __future__ import annotations

import time
from contextlib import closing, suppress

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.utilities import generate_accept_token, generate_nonce

from flushcheck.measurement import plan
from flushcheck.prober.capture import EndDetail, StopReason
from flushcheck.prober.http1 import PEER_ERRORS, Http1Connection, Response
from flushcheck.prober.messages import printable
from flushcheck.prober.observation_builder import ObservationBuilder
from flushcheck.prober.refusals import refused
from flushcheck.prober.target import Target
from flushcheck.prober.timed_socket import SocketRead, TimedSocket
from flushcheck.prober.tool import USER_AGENT
from flushcheck.streaming.transports import Malformed, decoder
from flushcheck.streaming.transports.records import MAX_PENDING_BYTES

# How long the peer may take to close after the end record.
GRACE_S = 1.0


def probe_websocket(builder: ObservationBuilder, target: Target, nonce: str) -> EndDetail:
    """Make one probe of a WebSocket. What arrives goes into the builder; returns why the reading stopped."""
    key = generate_nonce()
    headers = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", key.decode("ascii")),
        ("Sec-WebSocket-Version", "13"),
        ("User-Agent", USER_AGENT),
        ("Accept-Encoding", plan.encodings(builder.probe)),
    ]
    with closing(Http1Connection(target, builder.budget, tunnel=True)) as connection:
        try:
            sock = connection.request(
                "GET", target.address.path + plan.address(builder.probe, nonce), headers
            )
            builder.requested(sock)
            response = connection.response()
            builder.responded(response)
            if response.status != 101:
                return refused(builder, connection, response)
            if problem := handshake_problem(response, key):
                return EndDetail(StopReason.REFUSED, f"status 101, but no WebSocket: {problem}")
            return _Messages(sock, builder).read(connection)
        except PEER_ERRORS as error:
            return builder.failed(error)


def handshake_problem(response: Response, key: bytes) -> str:
    """Say what is wrong with a 101, "" if it opens a WebSocket (RFC 6455, section 4.1).

    Args:
        response: its header.
        key: the Sec-WebSocket-Key that was sent.
    """
    connection = {token.strip().lower() for token in response.header("connection").split(",")}
    if "upgrade" not in connection or response.header("upgrade").lower() != "websocket":
        return "expected Connection: Upgrade and Upgrade: websocket"
    if response.header("sec-websocket-accept") != generate_accept_token(key).decode("ascii"):
        return "Sec-WebSocket-Accept does not match the key that was sent"
    for name in ("sec-websocket-extensions", "sec-websocket-protocol"):
        if value := response.header(name):
            return f"{name}: {printable(value)}, which was not offered"
    return ""


class _Messages:
    """The messages of an open WebSocket."""

    def __init__(self, sock: TimedSocket, builder: ObservationBuilder) -> None:
        self._sock = sock
        self._builder = builder
        self._frames = Connection(ConnectionType.CLIENT)
        self._records = decoder(builder.probe.transport)
        self._message = ""  # the parts of one that is not whole yet

    def read(self, connection: Http1Connection) -> EndDetail:
        """Read to the close.

        Raises:
            PEER_ERRORS: the peer broke off, or the deadline passed.
        """
        try:
            for read in connection.upgraded():
                if (end := self._take(read)) is not None:
                    return end
                if self._builder.end is not None:
                    self._builder.budget.end_by(time.monotonic() + GRACE_S)
        except Malformed as error:
            return EndDetail(StopReason.UNRELATED, str(error))
        return EndDetail(StopReason.BROKEN, "the connection ended without a close frame")

    def _take(self, read: SocketRead) -> EndDetail | None:
        """Take one read; returns why the reading stops, if it does.

        Raises:
            Malformed: it holds something else than messages of flushcheck.
        """
        self._frames.receive_data(read.data)
        self._builder.arrived(read.moment, len(read.data), b"")
        for event in self._frames.events():
            if isinstance(event, CloseConnection):
                return self._closed(event)
            self._handle(event, read.moment)
        return None

    def _handle(self, event: Event, moment: float) -> None:
        if isinstance(event, TextMessage):
            self._builder.arrived(moment, 0, event.data.encode())
            self._message += event.data
            if len(self._message) > MAX_PENDING_BYTES:
                raise Malformed(f"a message of more than {MAX_PENDING_BYTES} characters")
            if event.message_finished:
                message, self._message = self._message, ""
                self._builder.completed(self._records.feed(message.encode()))
        elif isinstance(event, BytesMessage):
            raise Malformed("a binary message, where text was expected")
        elif isinstance(event, Ping):
            self._sock.send(self._frames.send(event.response()))

    def _closed(self, event: CloseConnection) -> EndDetail:
        """Say why the reading stops: the peer closes, or wsproto refuses its frames and stays OPEN."""
        reason = printable(event.reason or "")
        if self._frames.state is ConnectionState.OPEN:
            return EndDetail(StopReason.UNRELATED, f"not WebSocket frames: {reason}")
        with suppress(*PEER_ERRORS):  # the peer did not wait for this close frame: its own is what counts
            self._sock.send(self._frames.send(event.response()))
        if event.code == 1000:
            return EndDetail(StopReason.ENDED)
        code = f"closed with code {int(event.code)}"
        return EndDetail(StopReason.ENDED, f"{code} ({reason})" if reason else code)
