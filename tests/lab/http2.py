"""The observer over HTTP/2: each DATA frame at the moment at which it came.

The frames are read by the `h2` library; windows are so large that this end never holds the far one back. A WebSocket
goes as an extended CONNECT (RFC 8441), where the server's SETTINGS offer it; a browser takes HTTP/1.1 otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from tests.lab.asks import Ask
from tests.lab.content import Content
from tests.lab.decoders import Frames
from tests.lab.observer import PATIENCE_S, at_once, poll
from tests.lab.seen import Seen
from tests.lab.tls import HOST, TlsSocket, connect

ALPN = ("h2", "http/1.1")

_WINDOW_BYTES = 16_000_000
_ENABLE_CONNECT_PROTOCOL = 8  # RFC 8441, section 3


class NotOffered(OSError):
    """The server chose another protocol, or does not take this request over it."""


@dataclass(slots=True)
class _Stream:
    seen: Seen
    content: Content | None = None  # once the headers are there
    frames: Frames | None = None  # of a WebSocket
    done: bool = False


@dataclass(slots=True)
class Connection:
    """One connection with its streams."""

    socket: TlsSocket
    port: int
    begun_s: float
    streams: dict[int, _Stream] = field(default_factory=dict)
    settings: dict[int, int] | None = None  # the first that the server sent
    http: h2.connection.H2Connection = field(init=False)

    def __post_init__(self) -> None:
        self.http = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.http.initiate_connection()
        self.http.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW_BYTES})
        self.http.increment_flow_control_window(_WINDOW_BYTES)
        self._send()
        end_s = time.monotonic() + PATIENCE_S
        while self.settings is None:
            self._take(end_s)

    def ask(self, ask: Ask, path: str) -> Seen:
        """Send a request.

        Raises:
            NotOffered: a WebSocket, and the server has no RFC 8441.
        """
        headers = [
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", f"{HOST}:{self.port}"),
            (":path", path),
        ]
        websocket = ask.route == "ws"
        if websocket:
            if not (self.settings or {}).get(_ENABLE_CONNECT_PROTOCOL):
                raise NotOffered("no RFC 8441")
            headers[0] = (":method", "CONNECT")
            headers += [(":protocol", "websocket"), ("sec-websocket-version", "13")]
        headers += [("user-agent", "flushcheck-lab"), ("accept", "*/*"), ("accept-encoding", ask.encodings)]
        number = self.http.get_next_available_stream_id()
        self.http.send_headers(number, headers, end_stream=not websocket)
        self._send()
        stream = _Stream(Seen(ask, alpn=self.socket.alpn, settings=self.settings or {}, version="2"))
        self.streams[number] = stream
        return stream.seen

    def read(self) -> None:
        """Until all streams have ended, or patience has."""
        end_s = time.monotonic() + PATIENCE_S
        try:
            while not all(stream.done for stream in self.streams.values()):
                self._take(end_s)
        except (OSError, ValueError, h2.exceptions.ProtocolError) as error:
            for stream in self.streams.values():
                if not stream.done:
                    stream.seen.problem = f"{type(error).__name__}: {error}"[:120]
                    stream.seen.ended = "patience" if isinstance(error, TimeoutError) else "cut"
        for stream in self.streams.values():
            stream.seen.records = self.socket.records.sizes

    def _take(self, end_s: float) -> None:
        """Read once, and see what that was.

        Raises:
            OSError: patience has ended, or the connection.
        """
        left_s = end_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("patience ended")
        self.socket.settimeout(left_s)
        data = self.socket.recv(262144)
        if not data:
            raise ConnectionError("closed")
        at_s = time.monotonic() - self.begun_s
        for event in self.http.receive_data(data):
            self._see(event, at_s)
        self._send()

    def _see(self, event: h2.events.Event, at_s: float) -> None:
        if isinstance(event, h2.events.RemoteSettingsChanged) and self.settings is None:
            self.settings = {int(code): change.new_value for code, change in event.changed_settings.items()}
        number = getattr(event, "stream_id", 0) or 0
        stream = self.streams.get(number)
        if isinstance(event, h2.events.DataReceived) and event.flow_controlled_length:
            self.http.acknowledge_received_data(event.flow_controlled_length, number)
        if stream is None or stream.done:
            return
        seen = stream.seen
        if isinstance(event, h2.events.ResponseReceived):
            fields = [(str(name), str(value)) for name, value in event.headers or ()]
            seen.status = int(dict(fields)[":status"])
            seen.headers = [(name, value) for name, value in fields if not name.startswith(":")]
            seen.headers_s = at_s
            websocket = seen.ask.route == "ws" and seen.status == 200
            seen.framing = "websocket" if websocket else "frames"
            stream.frames = Frames() if websocket else None
            stream.content = Content(seen, messages=websocket)
        elif isinstance(event, h2.events.DataReceived) and stream.content is not None:
            data = stream.frames.feed(event.data) if stream.frames else event.data
            stream.content.feed(data, at_s)
            if stream.frames and (stream.frames.done or seen.end is not None):
                self._end(stream, "end record", at_s)
        elif isinstance(event, h2.events.StreamEnded):
            self._end(stream, "end of stream", at_s)
        elif isinstance(event, h2.events.StreamReset):
            seen.problem = f"reset {event.error_code}"
            self._end(stream, "cut", at_s)

    def _end(self, stream: _Stream, how: str, at_s: float) -> None:
        stream.done = True
        stream.seen.ended = how
        stream.seen.ended_s = at_s

    def _send(self) -> None:
        if data := self.http.data_to_send():
            self.socket.sendall(data)


def look_h2(port: int, asks: Iterable[Ask]) -> list[Seen]:
    """Make all requests at once, each over a connection of its own; without those that the server does not offer.

    An empty list where the server does not choose h2.
    """
    return [seen for seen in at_once(asks, lambda ask: _look(port, ask)) if seen.ended != "not offered"]


def look_together(port: int, asks: Sequence[Ask]) -> list[Seen]:
    """Make all requests as streams of one connection."""
    try:
        with closing(_open(port)) as socket:
            connection = Connection(socket, port, time.monotonic())
            found = [connection.ask(ask, ask.path) for ask in asks]
            connection.read()
            for seen in found:
                seen.together = True
            return found
    except (OSError, h2.exceptions.ProtocolError):
        return []


def _look(port: int, ask: Ask) -> Seen:
    seen = Seen(ask)
    try:
        with closing(_open(port)) as socket:
            connection = Connection(socket, port, time.monotonic())
            if ask.route == "polling":
                return poll(ask, lambda path, answer: _fetch(connection, path, answer))
            connection.begun_s = time.monotonic()
            seen = connection.ask(ask, ask.path)
            connection.read()
    except NotOffered:
        seen.ended = "not offered"
    except (OSError, h2.exceptions.ProtocolError) as error:
        seen.problem = f"{type(error).__name__}: {error}"[:120]
        seen.ended = "cut"
    return seen


def _fetch(connection: Connection, path: str, answer: Seen) -> None:
    seen = connection.ask(answer.ask, path)
    connection.read()
    for name in ("headers", "version", "framing", "status", "body_start"):
        setattr(answer, name, getattr(seen, name))


def _open(port: int) -> TlsSocket:
    """A connection whose server has chosen h2.

    Raises:
        OSError: no connection; NotOffered: not h2.
    """
    socket = connect("127.0.0.1", port, tls=True, alpn=ALPN, timeout_s=PATIENCE_S)
    assert isinstance(socket, TlsSocket)
    if socket.alpn != "h2":
        socket.close()
        raise NotOffered(f"chose {socket.alpn or 'nothing'}")
    return socket
