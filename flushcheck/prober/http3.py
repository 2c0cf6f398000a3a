"""One HTTP/3 connection that the requests of a page share, as a browser shares it.

One thread reads: it takes the moment of each datagram as the socket returns it, and while more lie ready it
reads them before it makes sense of the first, so that a burst is not lost in a full buffer of the kernel.
`http3_state` hands each stream its part. The same thread keeps QUIC's timers. What others send in between is
sent by themselves, and wakes it, because a timer may be due earlier then.

`http3_connecting` opens such a connection.

What must stay true: the state is touched only with the lock held, and what it wants to send is sent before
the lock is released.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from contextlib import suppress
from copy import copy

from flushcheck.prober.http2_stream import Stream
from flushcheck.prober.http3_state import Headers, Http3State
from flushcheck.prober.http_client import ConnectionEnded, SentRequest
from flushcheck.prober.messages import format_seconds
from flushcheck.prober.readable import can_read
from flushcheck.prober.timed_socket import (
    MAX_BYTES,
    Budget,
    Unreachable,
)

ALPN = "h3"
TLS_VERSION = "TLSv1.3"  # QUIC has no other one (RFC 9001, section 4.2)

# What one connection takes in for all its streams, whose own Budgets count too.
MAX_CONNECTION_BYTES = 8 * MAX_BYTES

# With a response under way, browsers let the peer and the network know every 15 s (Chromium 156).
KEEP_ALIVE_S = 15.0

MAX_DATAGRAM_BYTES = 64 * 1024
MAX_BURST = 2_000  # datagrams read before any is made sense of


class Http3Connection:
    """A connection over which any number of threads make requests, each one stream."""

    def __init__(self, sock: socket.socket, state: Http3State, deadline: float) -> None:
        """Take over a socket.

        Args:
            sock: of UDP, connected to the peer.
            state: not used yet.
            deadline: when all of it has to be over, in time.monotonic().
        """
        self._sock = sock
        self._state = state
        self._budget = Budget(deadline, MAX_CONNECTION_BYTES)
        self._changed = threading.Condition()  # with the lock; notified when a wait may be over
        self._closed = False
        self._woken, self._waker = socket.socketpair()
        for end in (sock, self._woken, self._waker):
            end.setblocking(False)
        self._pending: deque[tuple[float, bytes]] = deque()
        self._began = self._sent_at = time.monotonic()
        self._connect_s = 0.0

    @property
    def is_open(self) -> bool:
        """Whether it takes another request."""
        return not self._closed and self._state.error is None and not self._state.goaway

    def open(self, port: int, silent_at: float, deadline: float) -> None:
        """Make the handshake, and wait for the peer's SETTINGS.

        Args:
            port: of the peer, for a sentence.
            silent_at: when to give up a peer that sent nothing, in time.monotonic().
            deadline: when to give up any other.

        Raises:
            PEER_ERRORS: no HTTP/3 there.
        """
        with self._changed:
            self._state.connect(self._began)
            threading.Thread(target=self._read, name="flushcheck-http3", daemon=True).start()
            self._flush()
            while self._state.settings is None:
                self._check_open()
                left_s = (deadline if self._state.heard else silent_at) - time.monotonic()
                if left_s <= 0:
                    waited = format_seconds(time.monotonic() - self._began)
                    what = "no HTTP/3 handshake" if self._state.heard else "no response"
                    raise Unreachable(f"{what} over UDP port {port} within {waited}")
                self._changed.wait(left_s)
        self._connect_s = time.monotonic() - self._began

    def start(self, headers: Headers, budget: Budget, *, body: bytes = b"", ends: bool = True) -> Stream:
        """Send a request.

        Args:
            headers: the pseudo-headers, then the others, all names in lower case.
            budget: what the request may use.
            body: what to send after them.
            ends: whether nothing more will be sent.

        Raises:
            PEER_ERRORS
        """
        with self._changed:
            budget.left_s()
            self._check_open()
            stream = self._state.open(headers, budget, ends=ends and not body)
            if body:
                self._state.send(stream, body, ends=ends)
            self._flush()
            stream.sent = SentRequest(
                self._sent_at, self._connect_s, ALPN, TLS_VERSION, self._state.settings or ()
            )
        self._wake()
        return stream

    def send(self, stream: Stream, data: bytes, *, ends: bool = False) -> None:
        """Send data of a stream; nothing where the stream has ended.

        Raises:
            PEER_ERRORS
        """
        with self._changed:
            if not stream.at_end:
                self._check_open()
                self._state.send(stream, data, ends=ends)
                self._flush()
        self._wake()

    def finish(self, stream: Stream) -> None:
        """Give a stream up; it is reset unless both sides have ended it."""
        with self._changed:
            self._state.give_up(stream)
            if not self._closed and self._state.error is None:
                with suppress(OSError):
                    self._flush()
        self._wake()

    def close(self) -> None:
        """End the connection, and every stream of it."""
        with self._changed:
            self._closed = True
            self._state.shut()
            with suppress(OSError):
                self._flush()
        self._wake()

    def _read(self) -> None:
        """Read to the end of the connection, in a thread of its own."""
        error: BaseException = ConnectionEnded("the connection was closed without a response")
        try:
            while not self._closed:
                self._wait_for_datagrams()
                while self._pending and not self._closed:
                    moment, datagram = self._pending.popleft()
                    with self._changed:
                        self._state.take(datagram, moment)
                    self._drain()
                    if len(self._pending) % 16 == 0:
                        with self._changed:
                            self._flush()  # acknowledgements, also in a long burst
                            self._changed.notify_all()
                self._keep_time()
        except BaseException as raised:  # noqa: BLE001  # what is none of PEER_ERRORS is raised by the streams
            error = raised
        with self._changed:
            self._state.end(error)
            self._changed.notify_all()
            with suppress(OSError):
                self._flush()  # the end of the connection, with what was wrong
        for end in (self._sock, self._woken, self._waker):
            end.close()

    def _wait_for_datagrams(self) -> None:
        """Wait until a datagram comes, a timer is due, or another thread has sent something.

        Raises:
            DeadlineExceeded, OSError
        """
        with self._changed:
            timer = self._state.timer()
            if self._state.has_streams:
                timer = min(timer or self._budget.deadline, self._sent_at + KEEP_ALIVE_S)
        left_s = self._budget.left_s()
        if timer is not None:
            left_s = min(left_s, max(0.0, timer - time.monotonic()))
        can_read((self._sock, self._woken), left_s)
        with suppress(BlockingIOError):
            self._woken.recv(4096)
        self._drain()

    def _drain(self) -> None:
        """Read the datagrams that lie ready.

        Raises:
            ByteLimitExceeded, OSError
        """
        while len(self._pending) < MAX_BURST:
            try:
                datagram = self._sock.recv(MAX_DATAGRAM_BYTES)
            except BlockingIOError:
                return
            self._pending.append((time.monotonic(), datagram))
            self._budget.spend(len(datagram))

    def _keep_time(self) -> None:
        """Do what is due by now.

        Raises:
            PEER_ERRORS
        """
        with self._changed:
            now = time.monotonic()
            if self._state.has_streams and now >= self._sent_at + KEEP_ALIVE_S:
                self._state.ping()
            timer = self._state.timer()
            if timer is not None and now >= timer:
                self._state.on_timer(now)
            self._flush()
            self._changed.notify_all()

    def _flush(self) -> None:
        """Send what the state has to send. What the kernel has no room for is lost, as on any network."""
        now = time.monotonic()
        for datagram in self._state.output(now):
            # Before the call: the response can be here before a busy machine lets this thread return from it.
            self._sent_at = time.monotonic()
            with suppress(BlockingIOError):
                self._sock.send(datagram)

    def _wake(self) -> None:
        """Have the reading thread look again at what is due."""
        with suppress(OSError):
            self._waker.send(b"!")

    def _check_open(self) -> None:
        """Return if the connection takes requests.

        Raises:
            PEER_ERRORS: it does not.
        """
        if self._state.error is not None:
            raise copy(self._state.error)
        if not self.is_open:
            raise ConnectionEnded("the connection takes no more requests")
