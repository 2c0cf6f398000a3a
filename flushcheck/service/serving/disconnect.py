"""Is the reader still there? Waiting that ends at once when it is not.

A stream that sleeps until its next Piece learns that its client has left only from a write that
fails, and with FIN only from the second one: 10 s late at an interval of 5 s. So a stream waits on
its socket instead.

What a socket can say, and what it means here:

- An error or a hang-up: the client is gone.
- FIN: it has said all it will. It may have closed, or it may only have shut down its sending half and
  still read ("half-close is not a close"). The two look the same until something is sent to it: a
  closed peer answers with RST, a half-closed one does not. So it is poked with one byte that changes
  nothing: a zero, which becomes a leading zero of the next chunk's size.
  RFC 9112, section 7.1: `chunk-size = 1*HEXDIG`, `last-chunk = 1*("0")`.
  Now and then it is poked again: who has said FIN before leaves without another word.
  Where there are no chunks (HTTP/1.0) nothing can be sent unseen, and FIN counts as gone, as nginx
  has it.
- Bytes: a pipelined request, or a body nobody asked for. They are the server's to read, later; they
  only make the socket readable all the time, so from then on it is looked at in short steps.

Every wait is by `select` and `time`, so it works under plain threads, and under gevent once gevent has
patched them.
"""

from __future__ import annotations

import contextlib
import math
import select
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any

from flushcheck.service.serving.fairness import give_way
from flushcheck.service.serving.frame_schedule import Ended

# While a socket is readable anyway, waiting on it says nothing: it is looked at again after so long.
# A poked peer that has closed answers within one round trip, so the first looks are close together.
LOOK_AGAIN_FIRST_S = 0.002
LOOK_AGAIN_MOST_S = 0.2

POKE_EVERY_S = 1.0
# Zeros in front of one chunk's size. Go's parser takes 16 digits in all, and 5 hold the largest Piece.
MOST_POKES = 7

# Linux and FreeBSD say FIN apart from bytes; 0 where the system does not.
_RDHUP: int = getattr(select, "POLLRDHUP", 0)
_LOST = select.POLLERR | select.POLLHUP | select.POLLNVAL


class Watched:
    """A client whose socket we have."""

    def __init__(self, sock: socket.socket, *, chunked: bool) -> None:
        """Watch this socket.

        Args:
            sock: the connection; only looked at, never read.
            chunked: whether the response goes out in chunks, so that a zero between two of them is legal.
        """
        self.sock = sock
        self._chunked = chunked
        self._half = False  # it has said FIN
        self._readable = False  # whatever happens next: waiting for it would return at once
        self._poked_s = -math.inf  # when, on the monotonic clock
        self._pokes = 0  # since something was written
        self._look_again_s = LOOK_AGAIN_MOST_S

    def wait(self, seconds: float) -> Ended | None:
        """Wait so long, and return GONE as soon as the client is; None if it is still there.

        Called between two chunks, as the poke needs it, once something was written.
        """
        until_s = time.monotonic() + seconds
        if seconds <= 0:
            give_way()
            return self.look(between=True, fresh=True)
        fresh = True
        while (left_s := until_s - time.monotonic()) > 0:
            if self._readable:
                time.sleep(min(left_s, self._look_again_s))
                self._look_again_s = min(2 * self._look_again_s, LOOK_AGAIN_MOST_S)
            elif not self._wakes(left_s):
                continue
            ended = self.look(between=True, fresh=fresh)
            fresh = False
            if ended:
                return ended
        return None

    def look(self, *, between: bool, fresh: bool) -> Ended | None:
        """Whether the client is gone by now, without waiting.

        Args:
            between: nothing is half written, so that a poke may go out.
            fresh: something was written since the last look.
        """
        if fresh:
            self._pokes = 0
        state = _state(self.sock)
        if state & _LOST:
            return Ended.GONE
        self._half = bool(state & _RDHUP)
        if not self._half:
            self._readable = bool(state & select.POLLIN)
            return None
        if not self._chunked:
            return Ended.GONE
        self._readable = True
        # A socket that takes no byte now has others under way, and those poke the peer as well.
        if between and state & select.POLLOUT and self._pokes < MOST_POKES:
            return self._poke()
        return None

    @property
    def again_s(self) -> float:
        """In how many seconds it should be looked at again; for ever, while the system tells what happens."""
        if not self._half:
            return math.inf
        now_s = self._look_again_s
        self._look_again_s = min(2 * now_s, LOOK_AGAIN_MOST_S)
        return now_s

    def _wakes(self, seconds: float) -> bool:
        # poll, since select refuses descriptors above 1023.
        poller = select.poll()
        poller.register(self.sock, select.POLLIN)
        return bool(poller.poll(seconds * 1000))

    def _poke(self) -> Ended | None:
        now_s = time.monotonic()
        if now_s - self._poked_s < POKE_EVERY_S:
            return None
        self._poked_s = now_s
        self._pokes += 1
        self._look_again_s = LOOK_AGAIN_FIRST_S
        try:
            self.sock.send(b"0")
        except OSError:
            return Ended.GONE
        return None


class Unseen:
    """A client behind a gateway that hands out no socket: gone when a write fails, as the gateway says."""

    sock = None

    def wait(self, seconds: float) -> Ended | None:
        """Wait so long."""
        time.sleep(max(0.0, seconds))
        return None


def reader(environ: Mapping[str, Any]) -> Watched | Unseen:
    """The client of this WSGI request, watched if the server lets us.

    A socket that several requests share at once (HTTP/2) tells nothing about one of them.
    """
    sock = environ.get("gunicorn.socket")
    protocol = environ.get("SERVER_PROTOCOL")
    if sock is None or protocol not in ("HTTP/1.0", "HTTP/1.1"):
        return Unseen()
    return Watched(sock, chunked=protocol == "HTTP/1.1")


def _state(sock: socket.socket) -> int:
    """What poll(2) says of the socket right now; errors are looked at, not taken."""
    poller = plain_select("poll")()
    try:
        poller.register(sock, select.POLLIN | select.POLLOUT | _RDHUP)
        state = dict(poller.poll(0)).get(sock.fileno(), 0)
    except (OSError, ValueError):  # closed under us
        return select.POLLNVAL
    if not _RDHUP and state & select.POLLIN and not state & _LOST:
        # No flag of its own for FIN: peek. A TLS socket cannot be peeked at, and says so by ValueError.
        with contextlib.suppress(OSError, ValueError):
            if sock.recv(1, socket.MSG_PEEK) == b"":
                return select.POLLHUP
    return int(state)


def plain_select(name: str) -> Any:
    """What `select` has by this name, or had before gevent put its own there.

    gevent's poll knows reading and writing only, not how a connection ended, and takes epoll away. Asked
    with no timeout, the system's own block nobody.
    """
    monkey = sys.modules.get("gevent.monkey")
    return monkey.get_original("select", name) if monkey else getattr(select, name)
