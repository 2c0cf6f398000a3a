"""Drops clients whose sockets accept no data, where each stream paces itself.

The engine never waits for a socket. On the plain path the server does, inside of its own `send`, without a
bound: a client that stops reading would hold its thread and its permit until TCP gives up, which it does not
do while the client's system responds. So one thread (a greenlet under gevent) looks at the writes that are
under way, and resets the connection of those that do not progress. The write then fails, and the server ends
the response as for any client that is gone.

The bounds are those of the engine. A gateway that hands out no socket (FastCGI, uWSGI) has its own. Windows
does not say what its kernel holds: there a write progresses only when it returns.
"""

from __future__ import annotations

import contextlib
import math
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from flushcheck.service.serving.disconnect import reset
from flushcheck.service.serving.drain import CHECK_EVERY_S
from flushcheck.service.serving.frame_schedule import EndReason, StreamProgress

try:
    import fcntl
    import termios
except ModuleNotFoundError:  # Windows
    _TELLS_UNSENT = False
else:
    _TELLS_UNSENT = True


class WatchedStream:
    """One stream, and since when its write waits."""

    __slots__ = ("_sock", "_unsent_bytes", "progress", "since_s", "stalled", "until_s")

    def __init__(self, sock: socket.socket, progress: StreamProgress, *, until_s: float) -> None:
        self._sock = sock
        self._unsent_bytes = -1  # in the kernel, when last looked at
        self.progress = progress
        self.until_s = until_s
        self.since_s = math.inf  # when the write began, or last progressed; infinite: none is under way
        self.stalled = False

    def progressed(self) -> bool:
        """Whether the client has accepted data since the last call."""
        before, self._unsent_bytes = self._unsent_bytes, _unsent_bytes(self._sock)
        return before != self._unsent_bytes

    def drop(self) -> None:
        """Reset the connection: the write under way fails."""
        self.stalled = True
        self.progress.ended = EndReason.STALLED
        reset(self._sock)


class StallWatch:
    """The streams of a process that pace themselves."""

    def __init__(self, *, stall_s: float, max_s: float, every_s: float = CHECK_EVERY_S) -> None:
        """Watch nothing yet.

        Args:
            stall_s: drop a client whose socket accepts no data for this long.
            max_s: drop a client whose write waits, however often it progresses, after this long.
            every_s: between two looks.
        """
        self._stall_s = stall_s
        self._max_s = max_s
        self._every_s = every_s
        self._lock = threading.Lock()
        self._streams: set[WatchedStream] = set()
        self._runs = False

    @contextmanager
    def watch(self, sock: socket.socket, progress: StreamProgress) -> Iterator[WatchedStream]:
        """Watch a stream. The caller sets `since_s` while it writes, and resets it to infinity."""
        stream = WatchedStream(sock, progress, until_s=time.monotonic() + self._max_s)
        with self._lock:
            self._streams.add(stream)
            starts, self._runs = not self._runs, True
        if starts:
            threading.Thread(target=self._run, daemon=True).start()
        try:
            yield stream
        finally:
            with self._lock:
                self._streams.discard(stream)

    def _run(self) -> None:
        while True:
            time.sleep(self._every_s)
            with self._lock:
                if not self._streams:
                    self._runs = False
                    return
                streams = tuple(self._streams)
            now_s = time.monotonic()
            for stream in streams:
                self._look(stream, now_s)

    def _look(self, stream: WatchedStream, now_s: float) -> None:
        if stream.since_s == math.inf or stream.stalled:
            return
        if stream.progressed():
            stream.since_s = now_s
        if now_s - stream.since_s >= self._stall_s or now_s >= stream.until_s:
            stream.drop()


def _unsent_bytes(sock: socket.socket) -> int:
    """What the kernel holds for the client; -1 where it cannot be known. Source: tcp(7), SIOCOUTQ."""
    if not _TELLS_UNSENT:
        return -1
    with contextlib.suppress(OSError, ValueError):
        (size,) = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0" * 4))
        return int(size)
    return -1
