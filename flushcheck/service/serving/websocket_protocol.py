"""What the client of a WebSocket says, and how it ends: bytes in, bytes out, no socket. Source: RFC 6455.

wsproto parses the client's frames. The server's own text frames are made without it: they are the stream.

How a WebSocket ends: the stream has ended or the client said `stop` (1000), it sent bytes that are no text
(1003) or a message that is too big (1009), this process stops (1012), the client closed, broke the protocol
(1002, 1007), or is gone.
"""

from __future__ import annotations

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.frame_protocol import CloseReason

from flushcheck.service.serving.frame_schedule import EndReason
from flushcheck.streaming.transports.websocket import STOP

# RFC 6455, section 7.4.1; 1012 "Service Restart" is in IANA's registry of close codes.
CLOSE_CODES = {
    EndReason.REFUSED: CloseReason.UNSUPPORTED_DATA,
    EndReason.DRAINED: CloseReason.SERVICE_RESTART,
}


class WebSocketProtocol:
    """The server's side of one WebSocket."""

    def __init__(self, *, max_message_bytes: int) -> None:
        """Begin after the handshake.

        Args:
            max_message_bytes: a longer message of the client ends the WebSocket.
        """
        self._max_message_bytes = max_message_bytes
        self._connection = Connection(ConnectionType.SERVER)
        self._fragments: list[str] = []  # of a message that is not complete
        self._message_bytes = 0

    @property
    def closed(self) -> bool:
        """Whether both sides have sent a close frame."""
        return self._connection.state is ConnectionState.CLOSED

    def receive(self, data: bytes) -> tuple[bytes, EndReason | None]:
        """What to respond to these bytes of the client, and how they end the stream; b"", None: not at all.

        After the end of the stream only a close frame of the client counts.
        """
        if self._connection.state not in (ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING):
            return b"", EndReason.GONE
        self._connection.receive_data(data)
        response = b""
        for event in self._connection.events():
            if isinstance(event, CloseConnection):  # of the client, or of wsproto: 1002, 1007
                if self._connection.state in (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING):
                    response += self._connection.send(event.response())
                return response, EndReason.GONE
            if self._connection.state is not ConnectionState.OPEN:
                continue
            if isinstance(event, Ping):
                response += self._connection.send(event.response())
            elif isinstance(event, TextMessage | BytesMessage):
                too_big, ended = self._take_fragment(event)
                if ended:
                    return response + too_big, ended
        return response, None

    def close(self, ended: EndReason) -> bytes:
        """The close frame after a stream that ended in this way; b"" if one was sent already."""
        if self._connection.state is not ConnectionState.OPEN:
            return b""
        return self._connection.send(CloseConnection(CLOSE_CODES.get(ended, CloseReason.NORMAL_CLOSURE)))

    def _take_fragment(self, event: TextMessage | BytesMessage) -> tuple[bytes, EndReason | None]:
        """The close frame if the message is too big, and how it ends the stream."""
        text = event.data if isinstance(event, TextMessage) else ""
        self._message_bytes += len(text.encode()) if isinstance(event, TextMessage) else len(event.data)
        if self._message_bytes > self._max_message_bytes:
            close = CloseConnection(CloseReason.MESSAGE_TOO_BIG, "Message is too big")
            return self._connection.send(close), EndReason.REFUSED
        self._fragments.append(text)
        if not event.message_finished:
            return b"", None
        whole, self._fragments, self._message_bytes = "".join(self._fragments), [], 0
        if isinstance(event, BytesMessage):
            return b"", EndReason.REFUSED
        return b"", EndReason.STOPPED if whole == STOP else None


def message(frame: bytes) -> bytes:
    """One text message in one frame, as a server sends it. Source: RFC 6455, section 5.2."""
    size = len(frame)
    if size < 126:
        return b"\x81%c%b" % (size, frame)
    if size < 65_536:
        return b"\x81\x7e%b%b" % (size.to_bytes(2, "big"), frame)
    return b"\x81\x7f%b%b" % (size.to_bytes(8, "big"), frame)
