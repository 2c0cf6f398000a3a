"""Writes to sockets that do not block, and says which accept data again, have hung up, or accept none.

What a socket does not accept is kept in `ActiveStream.unsent`, one batch at most, and epoll reports when
there is room. A client whose socket accepts no data for `stall_s` has stalled, and so has one that is slower
than `max_s`.
"""

from __future__ import annotations

import contextlib
import math
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

from flushcheck.service.serving.disconnect import SocketClient
from flushcheck.service.serving.frame_schedule import EndReason, FrameSchedule
from flushcheck.service.serving.schedule import UNSCHEDULED

# What the kernel keeps unsent for one client. Without this bound it is up to 4 MB (tcp_wmem), all of it
# records that are late by the time they leave.
UNSENT_BYTES = 64 * 1024

# epoll_ctl(2); Python has these names on Linux only.
IN, OUT, LOST, RDHUP = 0x001, 0x004, 0x008 | 0x010, 0x2000
_EDGE_TRIGGERED = 0x8000_0000


class ActiveStream:
    """One stream that the engine writes. Only the engine changes it; its request reads how it ended."""

    __slots__ = (
        "client",
        "ended",
        "ending",
        "error",
        "fd",
        "frames",
        "fresh",
        "on_end",
        "on_readable",
        "poll_s",
        "stuck_since_s",
        "tick",
        "unsent",
        "until_s",
    )

    def __init__(
        self,
        sock: socket.socket,
        frames: FrameSchedule,
        *,
        client: SocketClient | None,
        on_readable: Callable[[], object] | None,
        on_end: Callable[[], object],
        until_s: float,
    ) -> None:
        """See `StreamWriter.attach`; `until_s` is when a client this slow is dropped."""
        self.fd = sock.fileno()
        self.frames = frames
        self.client = client
        self.on_readable = on_readable
        self.on_end = on_end
        self.until_s = until_s
        self.tick = UNSCHEDULED  # see `schedule.Schedulable`
        self.poll_s = math.inf  # when its client is polled next
        self.unsent = b""  # made, and not accepted by the kernel
        self.stuck_since_s = 0.0  # when the kernel last accepted data
        self.fresh = True  # something was written since its client was last polled
        self.ending = EndReason.DONE  # why it ends once all is written
        self.ended: EndReason | None = None
        self.error: Exception | None = None  # of the service, raised again in the request


class SocketWriter:
    """The sockets of all active streams, in one epoll."""

    def __init__(self, epoll: Any, *, stall_s: float) -> None:
        """Begin without sockets.

        Args:
            epoll: `select.epoll`, the original.
            stall_s: how long a socket may accept no data.
        """
        self._epoll = epoll
        self._stall_s = stall_s
        self._streams: dict[int, ActiveStream] = {}  # by descriptor
        self._stuck: set[ActiveStream] = set()  # those with unsent data

    @property
    def streams(self) -> tuple[ActiveStream, ...]:
        """All active streams."""
        return tuple(self._streams.values())

    @property
    def active(self) -> int:
        """How many streams are active."""
        return len(self._streams)

    @property
    def writable(self) -> int:
        """How many of them have no unsent data."""
        return len(self._streams) - len(self._stuck)

    def add(self, stream: ActiveStream, sock: socket.socket) -> None:
        """Watch this stream's socket."""
        if sock.family != socket.AF_UNIX and hasattr(socket, "TCP_NOTSENT_LOWAT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        # Edge-triggered, or a pipelined request would report the socket as readable without end.
        events = _EDGE_TRIGGERED | OUT
        if stream.client:
            events |= RDHUP
        if stream.on_readable:
            events |= RDHUP | IN
        self._epoll.register(stream.fd, events)
        self._streams[stream.fd] = stream

    def remove(self, stream: ActiveStream) -> None:
        """Never touch this stream's descriptor again: the next connection may get the same number."""
        stream.unsent = b""
        self._stuck.discard(stream)
        del self._streams[stream.fd]
        with contextlib.suppress(OSError):  # already closed
            self._epoll.unregister(stream.fd)

    def events(self) -> Iterator[tuple[ActiveStream, int]]:
        """What epoll reports now."""
        for fd, events in self._epoll.poll(0):
            stream = self._streams.get(fd)
            if stream:
                yield stream, events

    def write(self, stream: ActiveStream, data: bytes, now_s: float) -> bool:
        """Write the unsent data and this; keep what the kernel does not accept. False: the client is gone."""
        waited = stream.unsent
        data = waited + data if waited else data
        if not data:
            return True
        try:
            accepted = os.write(stream.fd, data)
        except BlockingIOError:
            accepted = 0
        except OSError:
            return False
        if accepted < len(data) or waited:
            if accepted or not waited:
                stream.stuck_since_s = now_s
            stream.unsent = data[accepted:]
            if stream.unsent:
                self._stuck.add(stream)
            else:
                self._stuck.discard(stream)
        return True

    def stalled(self, now_s: float) -> list[ActiveStream]:
        """The streams whose clients accept nothing, or too little."""
        return [
            stream
            for stream in self._stuck
            if now_s - stream.stuck_since_s >= self._stall_s or now_s >= stream.until_s
        ]
