"""What one HTTP/2 connection knows: its streams, and what the peer's frames mean for them.

The h2 library keeps the rules of the protocol; here its events become what each Stream gets. No socket, no
lock and no clock: `http2` has those, and calls one method at a time. What h2 wants to send lies in `output`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from copy import copy

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import H2Error
from h2.settings import SettingCodes, Settings
from hyperframe.frame import SettingsFrame

from flushcheck.prober.http2_frames import GOAWAY, FrameSplitter, Goaway, parse_goaway
from flushcheck.prober.http2_stream import NotProcessed, Stream, parse_reset, parse_response
from flushcheck.prober.http_client import ConnectionEnded, ProtocolError
from flushcheck.prober.messages import printable
from flushcheck.prober.timed_socket import Budget, ByteLimitExceeded, SocketRead

# What Chromium 156 sends, in its order. A larger window than this client needs holds nothing back.
SETTINGS = {
    SettingCodes.HEADER_TABLE_SIZE: 65_536,
    SettingCodes.ENABLE_PUSH: 0,
    SettingCodes.INITIAL_WINDOW_SIZE: 6_291_456,
    SettingCodes.MAX_HEADER_LIST_SIZE: 262_144,
}
CONNECTION_WINDOW_MORE = 15_663_105
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

Headers = Iterable[tuple[str, str]]


class Http2State:
    """The state of one connection, on the side of the client."""

    def __init__(self) -> None:
        self._machine = H2Connection(
            # The caller's own headers are checked before, and go out as they are.
            H2Configuration(client_side=True, header_encoding="latin-1", validate_outbound_headers=False)
        )
        self._frames = FrameSplitter()
        self._streams: dict[int, Stream] = {}
        self._records: tuple[int, ...] = ()  # sizes of TLS records that hold the beginning of a frame
        self.settings: tuple[tuple[int, int], ...] | None = None  # the peer's first; None: none came yet
        self.goaway: Goaway | None = None
        self.error: BaseException | None = None  # why the connection is over

    @property
    def max_streams(self) -> int:
        """How many streams the peer lets be open at once."""
        return int(self._machine.remote_settings.max_concurrent_streams)

    @property
    def has_room(self) -> bool:
        """Whether the peer's limit leaves room for one more stream."""
        return self._machine.open_outbound_streams < self.max_streams

    def preface(self) -> bytes:
        """Return what a client sends first of all: its SETTINGS, and a larger window for the connection."""
        machine = self._machine
        machine.local_settings = Settings(client=True, initial_values=dict(SETTINGS))
        machine.decoder.max_allowed_table_size = SETTINGS[SettingCodes.HEADER_TABLE_SIZE]
        machine.decoder.max_header_list_size = SETTINGS[SettingCodes.MAX_HEADER_LIST_SIZE]
        machine.initiate_connection()
        machine.clear_outbound_data_buffer()  # it names every setting that h2 knows
        machine.increment_flow_control_window(CONNECTION_WINDOW_MORE)
        first = SettingsFrame(0, settings={int(code): value for code, value in SETTINGS.items()})
        return _PREFACE + first.serialize() + machine.data_to_send()

    def output(self) -> bytes:
        """Return what is to be sent now."""
        return self._machine.data_to_send()

    def open(self, headers: Headers, budget: Budget, *, ends: bool) -> Stream:
        """Open a stream with these headers.

        Raises:
            ProtocolError: the peer has broken the connection.
        """
        with _peer_errors():
            number = self._machine.get_next_available_stream_id()
            self._machine.send_headers(number, list(headers), end_stream=ends)
        stream = self._streams[number] = Stream(number, budget, sends=not ends)
        return stream

    def room(self, stream: Stream) -> int:
        """Return how many bytes the peer's windows and its largest frame let be sent in one frame now."""
        with _peer_errors():
            window = self._machine.local_flow_control_window(stream.number)
        return max(0, min(window, self._machine.max_outbound_frame_size))

    def send(self, stream: Stream, data: bytes, *, ends: bool) -> None:
        """Send one frame of data."""
        with _peer_errors():
            self._machine.send_data(stream.number, data, end_stream=ends)
        stream.sends = not ends

    def give_up(self, stream: Stream) -> None:
        """Reset a stream, unless both sides have ended it."""
        if self._streams.pop(stream.number, None) is not None or stream.sends:
            with suppress(H2Error):
                self._machine.reset_stream(stream.number, ErrorCodes.CANCEL)
        stream.at_end, stream.sends = True, False

    def take(self, read: SocketRead) -> None:
        """Take one read, and give every stream its part of it.

        Raises:
            ProtocolError: the peer broke the rules, or ended the connection with an error.
        """
        records = self._records + read.record_bytes
        took: set[int] = set()  # streams that know of the records
        for frame in self._frames.feed(read.data):
            if frame.kind == GOAWAY:
                self._take_goaway(parse_goaway(frame.payload))
                continue
            with _peer_errors():
                events = self._machine.receive_data(frame.data)
            for event in events:
                if isinstance(event, DataReceived):
                    number = event.stream_id
                    self._take_data(event, read.moment, () if number in took else records)
                    took.add(number)
                else:
                    self._take_event(event, read.moment)
        # A frame that has begun is completed by a later record: it was in both.
        self._records = (read.record_bytes if took else records) if self._frames.mid_frame else ()

    def end(self, error: BaseException) -> None:
        """End every stream, because the connection is over."""
        self.error = error
        for stream in self._streams.values():
            stream.fail(self._failure(stream, error))
        self._streams.clear()

    def _failure(self, stream: Stream, error: BaseException) -> BaseException:
        """Return what the end of the connection means for a stream: an error of its own."""
        if not isinstance(error, ConnectionEnded):
            return copy(error)
        if self.goaway:
            return ProtocolError(self.goaway.sentence)
        return ProtocolError("the body broke off") if stream.responded else copy(error)

    def _take_data(self, event: DataReceived, moment: float, records: tuple[int, ...]) -> None:
        number, size_bytes = event.stream_id, event.flow_controlled_length
        with _peer_errors():
            self._machine.acknowledge_received_data(size_bytes, number)
        stream = self._streams.get(number)
        if stream is None or not event.data:
            return
        try:
            stream.budget.spend(len(event.data))
        except ByteLimitExceeded as error:
            stream.fail(error)
            self.give_up(stream)
        else:
            stream.put(SocketRead(moment, event.data, records, size_bytes))

    def _take_event(self, event: Event, moment: float) -> None:
        if isinstance(event, RemoteSettingsChanged) and self.settings is None:
            pairs = event.changed_settings.items()
            self.settings = tuple((int(code), changed.new_value) for code, changed in pairs)
        stream = self._streams.get(getattr(event, "stream_id", None) or 0)
        if stream is None:
            return
        if isinstance(event, ResponseReceived):
            stream.respond(parse_response(event, moment))
        elif isinstance(event, StreamEnded):
            stream.put(None)
            del self._streams[stream.number]
        elif isinstance(event, StreamReset):
            stream.fail(parse_reset(event))
            del self._streams[stream.number]

    def _take_goaway(self, goaway: Goaway) -> None:
        """Take a GOAWAY: after an error nothing more comes, else what is under way goes on."""
        self.goaway = goaway
        if goaway.code != ErrorCodes.NO_ERROR:
            raise ConnectionEnded(goaway.sentence)
        for number, stream in list(self._streams.items()):
            if number > goaway.last_stream:
                stream.fail(NotProcessed(goaway.sentence))
                del self._streams[number]


@contextmanager
def _peer_errors() -> Iterator[None]:
    """Turn what h2 says against the peer into a ProtocolError."""
    try:
        yield
    except H2Error as error:
        text = printable(str(error)) or type(error).__name__
        raise ProtocolError(f"the server broke the rules of HTTP/2: {text}") from error
