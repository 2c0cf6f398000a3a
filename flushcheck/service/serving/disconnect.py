"""Is the client still connected? Waiting that ends at once when it is not.

A stream that sleeps until its next Piece learns that its client has left only from a write that fails, and
with FIN only from the second one: 10 s late at an interval of 5 s. So a stream waits on its socket instead.

What a socket can report, and what it means here:

- An error or a hang-up: the client is gone.
- FIN: the client sends no more. It may have closed, or it may only have shut down its sending half and still
  read ("half-close is not a close"). The two look the same until something is sent: a closed peer responds
  with RST, a half-closed one does not. So one byte is sent that changes nothing, the liveness byte: a zero,
  which becomes a leading zero of the next chunk's size. RFC 9112, section 7.1: `chunk-size = 1*HEXDIG`,
  `last-chunk = 1*("0")`. It is repeated, since a client that has sent FIN can leave without another packet.
  Without chunks (HTTP/1.0) nothing can be sent unseen, and FIN counts as gone, as in nginx.
- Bytes: a pipelined request, or an unexpected body. The server reads them later; they only make the socket
  readable all the time, so from then on it is polled in short steps.

Every wait is by `select` and `time`, so it works under plain threads, and under gevent after it has patched
them. Windows has no poll(2): there `select` says whether there is something to read, and a look at it whether
that is the end.
"""

from __future__ import annotations

import contextlib
import math
import select
import socket
import struct
import time

from flushcheck.service.serving.fairness import yield_to_hub
from flushcheck.service.serving.frame_schedule import EndReason
from flushcheck.service.serving.internals import unpatched_select

# While a socket is readable anyway, waiting on it says nothing, so it is polled. A closed peer responds to
# the liveness byte within one round trip, so the first polls are close together.
MIN_POLL_S = 0.002
MAX_POLL_S = 0.2

LIVENESS_EVERY_S = 1.0
# Zeros in front of one chunk's size. Go's parser takes 16 digits in all, and 5 hold the largest Piece.
MAX_LIVENESS_BYTES = 7

# poll(2); Python has these names only where the system has poll, with the same numbers everywhere.
_IN, _OUT, _HUP, _NVAL = 0x001, 0x004, 0x010, 0x020
_LOST = 0x008 | _HUP | _NVAL
# Linux and FreeBSD report FIN apart from bytes; 0 where the system does not.
_RDHUP: int = getattr(select, "POLLRDHUP", 0)


class SocketClient:
    """A client whose socket the server hands out."""

    def __init__(self, sock: socket.socket, *, chunked: bool) -> None:
        """Watch this socket.

        Args:
            sock: the connection; only polled, never read.
            chunked: whether the response goes out in chunks, so that a zero between two of them is legal.
        """
        self.sock = sock
        self._chunked = chunked
        self._half_closed = False  # it has sent FIN
        self._readable = False  # whatever happens next: waiting for it would return at once
        self._liveness_s = -math.inf  # when the last liveness byte was sent, on the monotonic clock
        self._liveness_bytes = 0  # since something was written
        self._poll_s = MAX_POLL_S

    def wait(self, seconds: float) -> EndReason | None:
        """Wait this long, and return GONE as soon as the client is; None if it is still connected.

        Called between two chunks, as the liveness byte needs it, once something was written.
        """
        until_s = time.monotonic() + seconds
        if seconds <= 0:
            yield_to_hub()
            return self.poll(between=True, fresh=True)
        fresh = True
        while (left_s := until_s - time.monotonic()) > 0:
            if self._readable:
                time.sleep(min(left_s, self._poll_s))
                self._poll_s = min(2 * self._poll_s, MAX_POLL_S)
            elif not self._becomes_readable(left_s):
                continue
            ended = self.poll(between=True, fresh=fresh)
            fresh = False
            if ended:
                return ended
        return None

    def poll(self, *, between: bool, fresh: bool) -> EndReason | None:
        """GONE if the client is by now, without waiting.

        Args:
            between: no frame is half written, so that a liveness byte may go out.
            fresh: something was written since the last poll.
        """
        if fresh:
            self._liveness_bytes = 0
        state = _state(self.sock)
        if state & _LOST:
            return EndReason.GONE
        self._half_closed = bool(state & _RDHUP)
        if not self._half_closed:
            self._readable = bool(state & _IN)
            return None
        if not self._chunked:
            return EndReason.GONE
        self._readable = True
        # A socket that accepts no byte now has others under way, and those show as well whether the peer is
        # there.
        if between and state & _OUT and self._liveness_bytes < MAX_LIVENESS_BYTES:
            return self._send_liveness_byte()
        return None

    def next_poll_in_s(self) -> float:
        """Seconds until the next poll, more with each call; infinite while the system reports hang-ups."""
        if not self._half_closed:
            return math.inf
        poll_s = self._poll_s
        self._poll_s = min(2 * poll_s, MAX_POLL_S)
        return poll_s

    def _becomes_readable(self, seconds: float) -> bool:
        # poll where there is one, since select refuses descriptors above 1023.
        if not hasattr(select, "poll"):
            return bool(select.select([self.sock], [], [], seconds)[0])
        poller = select.poll()
        poller.register(self.sock, _IN)
        return bool(poller.poll(seconds * 1000))

    def _send_liveness_byte(self) -> EndReason | None:
        now_s = time.monotonic()
        if now_s - self._liveness_s < LIVENESS_EVERY_S:
            return None
        self._liveness_s = now_s
        self._liveness_bytes += 1
        self._poll_s = MIN_POLL_S
        try:
            self.sock.send(b"0")
        except OSError:
            return EndReason.GONE
        return None


class OpaqueClient:
    """A client behind a gateway that hands out no socket: it is gone when the gateway's write fails."""

    def wait(self, seconds: float) -> EndReason | None:
        """Wait this long."""
        time.sleep(max(0.0, seconds))
        return None


def reset(sock: socket.socket) -> None:
    """Disconnect a client that accepts no data: the kernel discards what is unsent instead of trying on."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.shutdown(socket.SHUT_RDWR)


def _state(sock: socket.socket) -> int:
    """What poll(2) reports of the socket now; pending errors are left pending."""
    try:
        state = _polled(sock) if hasattr(select, "poll") else _selected(sock)
    except (OSError, ValueError):  # already closed
        return _NVAL
    if not _RDHUP and state & _IN and not state & _LOST:
        # No flag of its own for FIN: peek. A TLS socket cannot be peeked at, and says so by ValueError.
        try:
            if sock.recv(1, socket.MSG_PEEK) == b"":
                return _HUP
        except ConnectionError:
            return _HUP
        except (OSError, ValueError):
            pass
    return state


def _polled(sock: socket.socket) -> int:
    poller = unpatched_select("poll")()
    poller.register(sock, _IN | _OUT | _RDHUP)
    return int(dict(poller.poll(0)).get(sock.fileno(), 0))


def _selected(sock: socket.socket) -> int:
    """The same where there is no poll. A lost connection counts as readable."""
    readable, writable, _ = select.select([sock], [sock], [], 0)
    return (_IN if readable else 0) | (_OUT if writable else 0)
