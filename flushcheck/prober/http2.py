"""One HTTP/2 connection that the requests of a page share, as a browser shares it.

One thread reads: it takes the moment of each read (`timed_socket`), has the h2 library make events of the
frames, and hands each stream's part of them to the queue of that stream. So what one stream waits for never
delays another one, and a moment is that of the socket's read however late a stream takes it up.

The windows are those of Chromium and are opened again as bytes arrive, so this client never holds a stream
back; what it keeps of one is limited by the Budget of its request. Whatever the peer does wrong ends every
open stream with one of PEER_ERRORS, and nothing here waits beyond a deadline.

What must stay true: h2 is touched only with the lock held, and what it wants to send is sent before the lock
is released, because header compression depends on the order of the frames.
"""

from __future__ import annotations

import threading
import time
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
from flushcheck.prober.http_client import PEER_ERRORS, ConnectionEnded, ProtocolError, SentRequest
from flushcheck.prober.messages import printable
from flushcheck.prober.timed_socket import (
    MAX_BYTES,
    Budget,
    ByteLimitExceeded,
    PeerDelay,
    SocketRead,
    TimedSocket,
)

# What one connection takes in for all its streams, whose own Budgets count too.
MAX_CONNECTION_BYTES = 8 * MAX_BYTES

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


class Http2Connection:
    """A connection over which any number of threads make requests, each one stream."""

    def __init__(self, sock: TimedSocket, deadline: float) -> None:
        """Take over a socket that is open and not used yet.

        Args:
            sock: connected; over TLS with "h2" chosen.
            deadline: when all of it has to be over, in time.monotonic().
        """
        self._sock = sock
        sock.budget = Budget(deadline, MAX_CONNECTION_BYTES)
        self._machine = H2Connection(
            # The caller's own headers are checked before, and go out as they are.
            H2Configuration(client_side=True, header_encoding="latin-1", validate_outbound_headers=False)
        )
        self._frames = FrameSplitter()
        self._streams: dict[int, Stream] = {}
        self._changed = threading.Condition()  # with the lock; notified when a wait may be over
        self._records: tuple[int, ...] = ()  # sizes of TLS records that hold the beginning of a frame
        self._goaway: Goaway | None = None
        self._error: BaseException | None = None  # why the connection is over
        self._closed = False
        self.settings: tuple[tuple[int, int], ...] | None = None  # the peer's first; None: none came yet

    @property
    def is_open(self) -> bool:
        """Whether it takes another request."""
        return not self._closed and self._error is None and self._goaway is None

    @property
    def offers_connect(self) -> bool:
        """Whether the peer takes a WebSocket as a stream (RFC 8441, section 3)."""
        return dict(self.settings or ()).get(SettingCodes.ENABLE_CONNECT_PROTOCOL) == 1

    def open(self) -> None:
        """Exchange the prefaces. The peer's SETTINGS come first of all, so this takes one round trip.

        Raises:
            PEER_ERRORS: the peer does not speak HTTP/2.
        """
        machine = self._machine
        machine.local_settings = Settings(client=True, initial_values=dict(SETTINGS))
        machine.decoder.max_allowed_table_size = SETTINGS[SettingCodes.HEADER_TABLE_SIZE]
        machine.decoder.max_header_list_size = SETTINGS[SettingCodes.MAX_HEADER_LIST_SIZE]
        machine.initiate_connection()
        machine.clear_outbound_data_buffer()  # it names every setting that h2 knows
        machine.increment_flow_control_window(CONNECTION_WINDOW_MORE)
        first = SettingsFrame(0, settings={int(code): value for code, value in SETTINGS.items()})
        try:
            self._sock.send(_PREFACE + first.serialize() + machine.data_to_send())
        except OSError:
            self._sock.close()
            raise
        threading.Thread(target=self._read, name="flushcheck-http2", daemon=True).start()
        with self._changed:
            while self.settings is None:
                self._wait(self._sock.budget, "HTTP/2 was agreed on, but the server sent no SETTINGS")

    def start(self, headers: Headers, budget: Budget, *, body: bytes = b"", ends: bool = True) -> Stream:
        """Send a request.

        Args:
            headers: the pseudo-headers, then the others, all names in lower case.
            budget: what the request may use.
            body: what to send after them.
            ends: whether nothing more will be sent.

        Raises:
            PEER_ERRORS: PeerDelay where the peer's limit leaves no room for one more stream.
        """
        with self._changed, _peer_errors():
            wanted_at = time.monotonic()
            waited = self._wait_for_room(budget)
            number = self._machine.get_next_available_stream_id()
            stream = self._streams[number] = Stream(number, budget, sends=bool(body) or not ends)
            self._machine.send_headers(number, list(headers), end_stream=ends and not body)
            self._flush()
            tls = self._sock.tls
            stream.sent = SentRequest(
                # A request that the peer's limit kept waiting is late from the moment when it was made.
                wanted_at if waited else self._sock.sent_at,
                self._sock.connect_s,
                self._sock.alpn,
                tls.version if tls else "",
                self.settings or (),
            )
        if body:
            self.send(stream, body, ends=ends)
        return stream

    def send(self, stream: Stream, data: bytes, *, ends: bool = False) -> None:
        """Send data of a stream, as the peer's windows allow; nothing where the stream has ended.

        Raises:
            PEER_ERRORS: PeerDelay where the peer opens no window until the deadline.
        """
        left = memoryview(data)
        with self._changed, _peer_errors():
            while not stream.at_end and (left or ends):
                machine, number = self._machine, stream.number
                room = min(machine.local_flow_control_window(number), machine.max_outbound_frame_size)
                if left and room <= 0:
                    self._wait(stream.budget, "the server's HTTP/2 window stays at 0, so nothing can be sent")
                    continue
                part, left = left[: max(room, 0)], left[max(room, 0) :]
                is_last = ends and not left
                machine.send_data(number, bytes(part), end_stream=is_last)
                self._flush()
                if is_last:
                    stream.sends = False
                    return

    def finish(self, stream: Stream) -> None:
        """Give a stream up; it is reset unless both sides have ended it."""
        with self._changed:
            if self._streams.pop(stream.number, None) is None and not stream.sends:
                return
            if self._error is None and not self._closed:
                with suppress(H2Error, *PEER_ERRORS):
                    self._machine.reset_stream(stream.number, ErrorCodes.CANCEL)
                    self._flush()
            stream.at_end, stream.sends = True, False
            self._changed.notify_all()

    def close(self) -> None:
        """End the connection, and every stream of it."""
        self._closed = True
        self._sock.shut_down()

    def _read(self) -> None:
        """Read to the end of the connection, in a thread of its own."""
        error: BaseException = ConnectionEnded("the connection was closed without a response")
        try:
            for read in self._sock.reads():
                with self._changed, _peer_errors():
                    self._take(read)
        except BaseException as raised:  # noqa: BLE001  # what is none of PEER_ERRORS is raised by the streams
            error = raised
        with self._changed:
            self._error = error
            for stream in self._streams.values():
                stream.fail(self._failure(stream))
            self._streams.clear()
            self._changed.notify_all()
            with suppress(OSError):
                if isinstance(error, ProtocolError):
                    self._flush()  # a GOAWAY that says why
            self._sock.close()

    def _failure(self, stream: Stream) -> BaseException:
        """Return what the end of the connection means for a stream: an error of its own."""
        if not isinstance(self._error, ConnectionEnded):
            return copy(self._error) or ConnectionEnded("the connection was closed")
        if self._goaway:
            return ProtocolError(self._goaway.sentence)
        return ProtocolError("the body broke off") if stream.responded else copy(self._error)

    def _take(self, read: SocketRead) -> None:
        """Take one read, and give every stream its part of it.

        Raises:
            H2Error, ProtocolError, OSError
        """
        records = self._records + read.record_bytes
        took: set[int] = set()  # streams that know of the records
        for frame in self._frames.feed(read.data):
            if frame.kind == GOAWAY:
                self._end_by(parse_goaway(frame.payload))
                continue
            for event in self._machine.receive_data(frame.data):
                if isinstance(event, DataReceived):
                    number = event.stream_id
                    self._take_data(event, read.moment, () if number in took else records)
                    took.add(number)
                else:
                    self._take_event(event, read.moment)
        # A frame that has begun is completed by a later record: it was in both.
        self._records = (read.record_bytes if took else records) if self._frames.mid_frame else ()
        self._flush()

    def _take_data(self, event: DataReceived, moment: float, records: tuple[int, ...]) -> None:
        number, size_bytes = event.stream_id, event.flow_controlled_length
        self._machine.acknowledge_received_data(size_bytes, number)
        if (stream := self._streams.get(number)) is None:
            return
        try:
            stream.budget.spend(len(event.data))
        except ByteLimitExceeded as error:
            stream.fail(error)
            self.finish(stream)
        else:
            stream.put(SocketRead(moment, event.data, records, size_bytes))

    def _take_event(self, event: Event, moment: float) -> None:
        if isinstance(event, RemoteSettingsChanged):
            if self.settings is None:
                pairs = event.changed_settings.items()
                self.settings = tuple((int(code), changed.new_value) for code, changed in pairs)
            self._changed.notify_all()
            return
        stream = self._streams.get(getattr(event, "stream_id", None) or 0)
        if stream is not None:
            if isinstance(event, ResponseReceived):
                stream.respond(parse_response(event, moment))
            elif isinstance(event, StreamEnded):
                stream.put(None)
                del self._streams[stream.number]
            elif isinstance(event, StreamReset):
                stream.fail(parse_reset(event))
                del self._streams[stream.number]
        self._changed.notify_all()

    def _end_by(self, goaway: Goaway) -> None:
        """Take a GOAWAY: after an error nothing more comes, else what is under way goes on."""
        self._goaway = goaway
        if goaway.code != ErrorCodes.NO_ERROR:
            raise ConnectionEnded(goaway.sentence)
        for number, stream in list(self._streams.items()):
            if number > goaway.last_stream:
                stream.fail(NotProcessed(goaway.sentence))
                del self._streams[number]
        self._changed.notify_all()

    def _wait_for_room(self, budget: Budget) -> bool:
        """Wait until the peer's limit leaves room for one more stream; return whether that took time.

        Raises:
            PEER_ERRORS
        """
        waited = False
        while True:
            if not self.is_open:
                self._raise()
            limit = self._machine.remote_settings.max_concurrent_streams
            if self._machine.open_outbound_streams < limit:
                return waited
            waited = True
            self._wait(budget, f"stream not opened: MAX_CONCURRENT_STREAMS={limit}")

    def _wait(self, budget: Budget, debt: str) -> None:
        """Wait until something changes.

        Args:
            budget: whose deadline counts.
            debt: what the peer owes.

        Raises:
            PEER_ERRORS: the connection is over, or the deadline has passed.
        """
        if self._error is not None or self._closed:
            self._raise()
        left_s = budget.deadline - time.monotonic()
        if left_s <= 0:
            raise PeerDelay(debt)
        self._changed.wait(left_s)

    def _raise(self) -> None:
        if self._goaway:
            raise ConnectionEnded(self._goaway.sentence)
        raise copy(self._error) or ConnectionEnded("the connection was closed")

    def _flush(self) -> None:
        """Send what h2 has to send."""
        if data := self._machine.data_to_send():
            self._sock.send(data)


@contextmanager
def _peer_errors() -> Iterator[None]:
    """Turn what h2 says against the peer into a ProtocolError."""
    try:
        yield
    except H2Error as error:
        text = printable(str(error)) or type(error).__name__
        raise ProtocolError(f"the server broke the rules of HTTP/2: {text}") from error
