"""One HTTP/2 connection that the requests of a page share, as a browser shares it.

One thread reads: it takes the moment of each read (`timed_socket`), has `http2_state` make sense of the
frames, and that hands each stream's part of them to the queue of that stream. So what one stream waits for
never delays another one, and a moment is that of the socket's read however late a stream takes it up.

The windows are those of Chromium and are opened again as bytes arrive, so this client never holds a stream
back; what it keeps of one is limited by the Budget of its request. Whatever the peer does wrong ends every
open stream with one of PEER_ERRORS, and nothing here waits beyond a deadline.

What must stay true: the state is touched only with the lock held, and what it wants to send is sent before
the lock is released, because header compression depends on the order of the frames.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from copy import copy

from h2.settings import SettingCodes

from flushcheck.prober.http2_state import Headers, Http2State
from flushcheck.prober.http2_stream import Stream
from flushcheck.prober.http_client import PEER_ERRORS, ConnectionEnded, ProtocolError, SentRequest
from flushcheck.prober.timed_socket import MAX_BYTES, Budget, PeerDelay, TimedSocket

# What one connection takes in for all its streams, whose own Budgets count too.
MAX_CONNECTION_BYTES = 8 * MAX_BYTES


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
        self._state = Http2State()
        self._changed = threading.Condition()  # with the lock; notified when a wait may be over
        self._closed = False

    @property
    def is_open(self) -> bool:
        """Whether it takes another request."""
        return not self._closed and self._state.error is None and self._state.goaway is None

    @property
    def settings(self) -> tuple[tuple[int, int], ...]:
        """The peer's first SETTINGS, ids and values, in order."""
        return self._state.settings or ()

    @property
    def offers_connect(self) -> bool:
        """Whether the peer takes a WebSocket as a stream (RFC 8441, section 3)."""
        return dict(self.settings).get(SettingCodes.ENABLE_CONNECT_PROTOCOL) == 1

    def open(self, budget: Budget) -> None:
        """Exchange the prefaces. The peer's SETTINGS come first of all, so this takes one round trip.

        Args:
            budget: says how long to wait for them.

        Raises:
            PEER_ERRORS: the peer does not speak HTTP/2.
        """
        try:
            self._sock.send(self._state.preface())
        except OSError:
            self._sock.close()
            raise
        threading.Thread(target=self._read, name="flushcheck-http2", daemon=True).start()
        with self._changed:
            while self._state.settings is None:
                self._wait(budget, "HTTP/2 was agreed on, but the server sent no SETTINGS")

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
        with self._changed:
            queued_s = self._wait_for_place(budget)
            stream = self._state.open(headers, budget, ends=ends and not body)
            self._flush()
            sock = self._sock
            version = sock.tls.version if sock.tls else ""
            stream.sent = SentRequest(
                # A request that the peer's limit kept waiting is late from the moment when it was made.
                sock.sent_at - queued_s,
                sock.connect_s,
                sock.alpn,
                version,
                self.settings,
                queued_s,
            )
        if body:
            try:
                self.send(stream, body, ends=ends)
            except PEER_ERRORS:
                self.finish(stream)
                raise
        return stream

    def send(self, stream: Stream, data: bytes, *, ends: bool = False) -> None:
        """Send data of a stream, as the peer's windows allow; nothing where the stream has ended.

        Raises:
            PEER_ERRORS: PeerDelay where the peer opens no window until the deadline.
        """
        left = memoryview(data)
        with self._changed:
            while left and not stream.at_end:
                if not (room := self._state.room(stream)):
                    self._wait(stream.budget, "the server's HTTP/2 window stays at 0, so nothing can be sent")
                    continue
                part, left = left[:room], left[room:]
                self._state.send(stream, bytes(part), ends=ends and not left)
                self._flush()

    def finish(self, stream: Stream) -> None:
        """Give a stream up; it is reset unless both sides have ended it."""
        with self._changed:
            self._state.give_up(stream)
            if not self._closed and self._state.error is None:
                with suppress(OSError):
                    self._flush()
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
                with self._changed:
                    self._state.take(read)
                    self._flush()
                    self._changed.notify_all()
        except BaseException as raised:  # noqa: BLE001  # what is none of PEER_ERRORS is raised by the streams
            error = raised
        with self._changed:
            self._state.end(error)
            self._changed.notify_all()
            if isinstance(error, ProtocolError):
                with suppress(OSError):
                    self._flush()  # a GOAWAY that says why
            self._sock.close()

    def _check_open(self) -> bool:
        """Return True.

        Raises:
            PEER_ERRORS: the connection takes no more requests.
        """
        if self.is_open:
            return True
        if self._state.goaway:
            raise ConnectionEnded(self._state.goaway.sentence)
        raise copy(self._state.error) or ConnectionEnded("the connection was closed")

    def _wait_for_place(self, budget: Budget) -> float:
        """Wait until the peer's limit leaves room for one more stream; returns for how many seconds.

        Raises:
            PEER_ERRORS: the connection takes no more requests, or the deadline has passed.
        """
        budget.left_s()
        began = now = time.monotonic()
        # A place that comes free because the other streams end at the same deadline comes too late.
        while self._check_open() and (now >= budget.deadline or not self._state.has_room):
            self._wait(budget, f"stream not opened: MAX_CONCURRENT_STREAMS={self._state.max_streams}")
            now = time.monotonic()
        return now - began

    def _wait(self, budget: Budget, debt: str) -> None:
        """Wait until something changes.

        Args:
            budget: whose deadline counts.
            debt: what the peer owes.

        Raises:
            PEER_ERRORS: the connection is over, or the deadline has passed.
        """
        if self._closed or self._state.error is not None:
            self._check_open()
        left_s = budget.deadline - time.monotonic()
        if left_s <= 0:
            raise PeerDelay(debt)
        self._changed.wait(left_s)

    def _flush(self) -> None:
        """Send what the state has to send."""
        if data := self._state.output():
            self._sock.send(data)
