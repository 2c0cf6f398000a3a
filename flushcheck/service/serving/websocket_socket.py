"""The socket that simple-websocket gets: whole frames out, no more in than somebody takes, closed by us.

What it changes, each seen on simple-websocket 1.1.0 under gunicorn and gevent:

- `send` on a non-blocking socket may send half a frame, and two greenlets may send at once (a Piece,
  and the answer to a ping): a slow reader got garbage. Here it is `sendall` under a lock, or while the
  engine writes the stream it is the engine that puts it between two frames.
- Messages that nobody has asked for pile up without bound: here nothing is read while there are many.
- The socket is closed with the client's bytes unread. That sends RST, which may overtake the close
  frame: here it is closed when the client has had its chance to read it.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Sequence

from flushcheck.service.serving.connection import drop, is_plain, message
from flushcheck.service.serving.engine import Engine, Ride
from flushcheck.service.serving.fairness import give_way
from flushcheck.service.serving.frame_schedule import Pace

# Messages kept for a stream that is busy sending. Nothing but `stop` means anything, so few are enough.
MAX_WAITING_MESSAGES = 64
# Bytes not taken by the client; nothing of its own is read then, since pings make more of them.
MAX_WAITING_BYTES = 64 * 1024
LOOK_AGAIN_S = 0.02


class WholeSocket:
    """As much of a socket as simple-websocket uses, and the closing that it leaves to us."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._lock = threading.Lock()
        self.backlog: Sequence[object] = ()  # messages nobody has taken yet
        self.ride: Ride | None = None  # while the engine writes here, all that is written goes by it
        self.on_close: Callable[[], object] = lambda: None
        self.broken = False

    def send(self, data: bytes) -> int:
        """Send all of it. A client that has gone is not an error here: reading finds that out as well."""
        if self.broken or (self.ride and self.ride.say(data)):
            return len(data)
        with self._lock:
            try:
                self._sock.sendall(data)
            except OSError:
                self.broken = True
        return len(data)

    def recv(self, size: int) -> bytes:
        """Read what there is, once there is room for it."""
        # Under greenlets a flood never makes its reader wait: everybody else gets a turn first.
        give_way()
        while self._is_behind() and not self.broken:
            time.sleep(LOOK_AGAIN_S)
        return self._sock.recv(size)

    def _is_behind(self) -> bool:
        answers_bytes = len(self.ride.out) if self.ride else 0
        return len(self.backlog) > MAX_WAITING_MESSAGES or answers_bytes > MAX_WAITING_BYTES

    def fileno(self) -> int:
        """The descriptor, for whoever waits on it."""
        return self._sock.fileno()

    def close(self) -> None:
        """Only say so: simple-websocket calls this while the client's bytes may still be unread."""
        self.on_close()

    @property
    def can_ride(self) -> bool:
        """Whether an engine can write here."""
        return is_plain(self._sock)

    def carry(self, engine: Engine, pace: Pace, on_over: Callable[[], object]) -> Ride:
        """Have the engine write the stream, each frame a message."""
        self.ride = engine.carry(pace, self._sock, message, on_over=on_over)
        return self.ride

    def hurry(self, seconds: float) -> None:
        """Wait no longer than this for anything from now on."""
        with contextlib.suppress(OSError):
            self._sock.settimeout(seconds)

    def drop(self) -> None:
        """Give the client up."""
        self.broken = True
        drop(self._sock)

    def drain(self, until_s: float) -> None:
        """Say that we are done, and read until the client is as well, or until then (time.monotonic())."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
            while (left_s := until_s - time.monotonic()) > 0:
                self._sock.settimeout(left_s)
                if not self._sock.recv(65_536):
                    break
                give_way()

    def shut(self) -> None:
        """Wake a reader that still waits. The server closes the socket itself, once we return."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
