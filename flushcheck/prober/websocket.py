"""Probing a WebSocket: the handshake over HTTP/1.1 or HTTP/2, the frames by wsproto, which does no I/O.

No extension is offered: compression of frames of a few bytes would only blur what the path does.
"""

from __future__ import annotations

import time
from contextlib import closing, suppress
from dataclasses import dataclass

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.utilities import generate_accept_token, generate_nonce

from flushcheck.measurement import plan
from flushcheck.prober.capture import EndDetail, StopReason
from flushcheck.prober.connections import Connections
from flushcheck.prober.http2_client import Http2Client
from flushcheck.prober.http_client import PEER_ERRORS, HttpClient, Response
from flushcheck.prober.messages import printable
from flushcheck.prober.observation_builder import ObservationBuilder
from flushcheck.prober.refusals import refused, retry_after_s
from flushcheck.prober.timed_socket import SocketRead
from flushcheck.prober.tool import USER_AGENT
from flushcheck.streaming.transports import Malformed, decoder
from flushcheck.streaming.transports.records import MAX_PENDING_BYTES

# How long the peer may take to close after the end record.
GRACE_S = 1.0


def probe_websocket(builder: ObservationBuilder, connections: Connections, nonce: str) -> EndDetail:
    """Make one probe of a WebSocket. What arrives goes into the builder; returns why the reading stopped."""
    probe = builder.probe
    request_target = connections.target.probe_target(probe, nonce)
    try:
        for may_wait in (connections.target.is_origin, False):
            with closing(connections.websocket_client(probe, builder.budget)) as client:
                opened = _open(client, builder, request_target, may_wait=may_wait)
                if opened is None:
                    return _Messages(client, builder).read()
                if isinstance(opened, EndDetail):
                    return opened
            time.sleep(min(opened.wait_s, builder.budget.left_s()))
    except PEER_ERRORS as error:
        return builder.failed(error)
    raise AssertionError("the second handshake ends the loop")


@dataclass(frozen=True, slots=True)
class _Full:
    """The origin serves as many streams as it can."""

    wait_s: float  # until it may be asked again


def _open(
    client: HttpClient, builder: ObservationBuilder, request_target: str, *, may_wait: bool
) -> EndDetail | _Full | None:
    """Make the handshake; returns why there is no WebSocket, None if there is one.

    Args:
        client: to make it with.
        builder: what arrives goes there.
        request_target: path and query.
        may_wait: a full origin may be asked once more.

    Raises:
        PEER_ERRORS: no response came.
    """
    key = generate_nonce()
    headers = [
        ("Sec-WebSocket-Version", "13"),
        ("User-Agent", USER_AGENT),
        ("Accept-Encoding", plan.encodings(builder.probe)),
    ]
    if isinstance(client, Http2Client):
        sent, opens = client.request_websocket(request_target, headers), 200
    else:
        upgrade = [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", key.decode("ascii")),
        ]
        sent, opens = client.request("GET", request_target, [*upgrade, *headers]), 101
    builder.requested(sent)
    response = client.response()
    builder.responded(response)
    if may_wait and (wait_s := retry_after_s(response)):
        return _Full(wait_s)
    if response.status != opens:
        return refused(builder, client, response)
    problem = handshake_problem(response, key) if opens == 101 else _not_offered(response)
    return EndDetail(StopReason.REFUSED, f"status {opens}, but no WebSocket: {problem}") if problem else None


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
    return _not_offered(response)


def _not_offered(response: Response) -> str:
    for name in ("sec-websocket-extensions", "sec-websocket-protocol"):
        if value := response.header(name):
            return f"{name}: {printable(value)}, which was not offered"
    return ""


class _Messages:
    """The messages of an open WebSocket."""

    def __init__(self, client: HttpClient, builder: ObservationBuilder) -> None:
        self._client = client
        self._builder = builder
        self._frames = Connection(ConnectionType.CLIENT)
        self._records = decoder(builder.probe.transport)
        self._message = ""  # the parts of one that is not whole yet

    def read(self) -> EndDetail:
        """Read to the close.

        Raises:
            PEER_ERRORS: the peer broke off, or the deadline passed.
        """
        try:
            for read in self._client.upgraded():
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
        self._builder.took(read, b"")
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
            self._client.send(self._frames.send(event.response()))

    def _closed(self, event: CloseConnection) -> EndDetail:
        """Say why the reading stops: the peer closes, or wsproto refuses its frames and stays OPEN."""
        reason = printable(event.reason or "")
        if self._frames.state is ConnectionState.OPEN:
            return EndDetail(StopReason.UNRELATED, f"not WebSocket frames: {reason}")
        with suppress(*PEER_ERRORS):  # the peer did not wait for this close frame: its own is what counts
            self._client.send(self._frames.send(event.response()))
        if event.code == 1000:
            return EndDetail(StopReason.ENDED)
        code = f"closed with code {int(event.code)}"
        return EndDetail(StopReason.ENDED, f"{code} ({reason})" if reason else code)
