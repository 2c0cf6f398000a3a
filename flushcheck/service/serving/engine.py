"""Carries all streams of a process at once, where gevent serves it.

Theory. A stream that is a greenlet costs a switch, a timer and the server's own writing for every Piece,
which is most of what a Piece of 20 bytes costs. So the request's greenlet only opens its stream (the
server writes the headers and the first Piece, which no other way could do) and then sleeps until it is
over. In between one loop writes for all:

- A wheel holds, for each tick of `TICK_S`, the streams that have something to do by then. The loop sleeps
  until the first tick that has any, then serves all of them: waking costs as much as many small writes.
- First the frames of a few streams are made, then they are written, which is cheaper than in turn.
- All frames of a stream that are due go out in one write; each is still a chunk, or a message, of its own.
  Without an interval all are due, up to `BATCH_BYTES`: then the others have their turn. Who is behind comes
  after all who are on time.
- The loop never waits for a socket: what one does not take is kept, no more is made for that stream, and
  epoll says when there is room. Who takes nothing for `stall_s` is dropped.
- After a slice everybody else in the process has a turn: new connections, polls, health checks.
- epoll also says who has hung up, at once and without a look at anybody else.

What must stay true: a record's moment is that of the write that took it, to a millisecond; a stream
whose reader stops costs one batch of memory; once a ride is over, the engine does not touch its descriptor
again, since the server may give the number to somebody else.

There are no locks: all of this runs in gevent's one thread, which changes hands only in `_run`.
"""

from __future__ import annotations

import contextlib
import heapq
import math
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from flushcheck.service.serving.disconnect import Watched, plain_select
from flushcheck.service.serving.drain import LOOK_EVERY_S
from flushcheck.service.serving.fairness import turnstile
from flushcheck.service.serving.frame_cache import Wrap
from flushcheck.service.serving.frame_schedule import Ended, Pace, Progress

# A Piece is late by up to one tick: with 100 streams 99 of 100 are within 7 ms of their moment.
TICK_S = 0.004

# With so many streams the loop serves them in rounds, and rests in between: a Piece is up to 10 ms later, and
# 1,000 streams take a fifth less of the processor (14 to 17 us a Piece instead of 20 to 21).
CROWD = 400
CROWD_REST_S = 0.010

# So long the loop keeps the process to itself: some 100 small writes. While everybody else needs longer for
# their turn, as when hundreds connect at once, what is due gets as much as they had.
SLICE_S = 0.001
FAIR_SLICE_S = 0.05

# Frames of one stream are joined up to this size. It is also what a reader who stops leaves in memory.
BATCH_BYTES = 8 * 1024

# Frames made, then written, in one go: after a system call the way through Python has to be learned anew.
# 64 at a time cost a fifth less than one by one, and are written within a millisecond.
GROUP = 64

# Each that is dropped wakes its request, which has its own work to end. A thousand at once made others'
# Pieces 170 ms late (p99); in tens, 19 ms.
DROPS_AT_ONCE = 10

# What the kernel keeps unsent for one reader. Without a bound of ours it is up to 4 MB (tcp_wmem), all of
# them records whose moment is long past when they leave.
UNSENT_BYTES = 64 * 1024

# epoll_ctl(2); Python has these names on Linux only.
_OUT, _LOST, _RDHUP, _EDGE = 0x004, 0x008 | 0x010, 0x2000, 0x8000_0000

_QUEUED = -1  # in place of a tick


class Ride:
    """One stream on its way, and what others may do with it meanwhile. The rest is the Engine's."""

    __slots__ = (
        "_engine",
        "ended",
        "ending",
        "error",
        "fd",
        "fresh",
        "look_s",
        "on_over",
        "out",
        "pace",
        "reader",
        "since_s",
        "tick",
        "until_s",
    )

    def __init__(
        self,
        engine: Engine,
        fd: int,
        pace: Pace,
        reader: Watched | None,
        on_over: Callable[[], object],
        until_s: float,
    ) -> None:
        self._engine = engine
        self.fd = fd
        self.pace = pace
        self.reader = reader
        self.on_over = on_over
        self.until_s = until_s  # it has to be over by then
        self.tick = 0  # where the wheel has it; 0: nowhere
        self.look_s = math.inf  # when its reader is to be looked at again
        self.out = b""  # made, and not taken by the kernel
        self.since_s = 0.0  # that the kernel last took something
        self.fresh = True  # something was written since its reader was last looked at
        self.ending = Ended.DONE  # how it will have ended when all is written
        self.ended: Ended | None = None
        self.error: Exception | None = None  # of ours, to be raised where the stream was asked for

    def say(self, data: bytes) -> bool:
        """Write something else between two frames, whole; False if the ride is over."""
        return self._engine.say(self, data)

    def stop(self) -> None:
        """Make no more frames; it is over once what was made is written."""
        self._engine.stop(self)

    def drop(self) -> None:
        """Write nothing more, even if a frame was cut in two; nothing happens if it is over."""
        self._engine.drop(self)


class Engine:
    """The loop, and all whom it carries. Starts with the first of them: in a worker, after its fork."""

    def __init__(
        self,
        *,
        stall_s: float,
        most_s: float,
        draining: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wait for streams.

        Args:
            stall_s: a reader that takes nothing for so long is dropped.
            most_s: no reader, however slow, is written to for longer.
            draining: whether streams have to be broken off; asked every `LOOK_EVERY_S`.
            clock: monotonic, in seconds.
        """
        self._stall_s = stall_s
        self._most_s = most_s
        self._draining = draining
        self._clock = clock
        self._rides: dict[int, Ride] = {}  # by descriptor
        self._stuck: set[Ride] = set()  # whose `out` is not empty
        self._wheel: dict[int, list[Ride]] = {}  # by tick
        self._ticks: list[int] = []  # of the wheel, as a heap
        self._due: deque[Ride] = deque()
        self._behind: deque[Ride] = deque()
        self._sweep_s = 0.0  # when to look for such as take nothing
        self._left_s = 0.0  # since when everybody else has their turn
        self._drains = False
        self._wakes_s = -math.inf  # when the loop goes on; -inf while it does
        self._bell: Any = None  # wakes the loop: gevent's Event
        self._epoll: Any = None
        self._heard = False  # epoll has something to say
        self._ear: Any = None  # rings the bell when epoll has something to say

    def carry(
        self,
        pace: Pace,
        sock: socket.socket,
        wrap: Wrap,
        *,
        reader: Watched | None = None,
        on_over: Callable[[], object],
    ) -> Ride:
        """Write the rest of a stream from now on.

        Args:
            pace: what to send, and when.
            sock: where to, an open socket that does not block and that nobody else writes to meanwhile.
            wrap: what the connection's protocol makes of a frame.
            reader: is asked when the socket says that it hung up; None: somebody else looks after it.
            on_over: called once, as soon as `ended` of what is returned is set. It must not wait.
        """
        if self._bell is None:
            self._start()
        now_s = self._clock()
        pace.wrap_in(wrap)
        ride = Ride(self, sock.fileno(), pace, reader, on_over, now_s + self._most_s)
        if sock.family != socket.AF_UNIX and hasattr(socket, "TCP_NOTSENT_LOWAT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        # Told once for each change: a pipelined request would make the socket readable for ever.
        self._epoll.register(ride.fd, _EDGE | _OUT | (_RDHUP if reader else 0))
        self._rides[ride.fd] = ride
        self._serve((ride,), now_s)
        return ride

    def carry_out(self, pace: Pace, wrap: Wrap, progress: Progress, *, reader: Watched) -> None:
        """Carry the rest of a stream, and return when it is over."""
        from gevent.event import Event

        over = Event()
        ride = self.carry(pace, reader.sock, wrap, reader=reader, on_over=over.set)
        try:
            over.wait()
        finally:
            ride.drop()
        if ride.error:
            raise ride.error
        assert ride.ended
        progress.ended = ride.ended

    def say(self, ride: Ride, data: bytes) -> bool:
        """See `Ride.say`."""
        if ride.ended:
            return False
        self._write(ride, data, self._clock())
        return True

    def stop(self, ride: Ride) -> None:
        """See `Ride.stop`."""
        if not ride.ended:
            ride.pace.break_off()
            ride.ending = Ended.STOPPED
            self._serve((ride,), self._clock())

    def drop(self, ride: Ride) -> None:
        """See `Ride.drop`."""
        self._finish(ride, Ended.GONE)

    def _start(self) -> None:
        import gevent
        from gevent.event import Event

        self._bell = Event()
        self._epoll = plain_select("epoll")()
        # Registered once, for good: to add an epoll to an epoll, the kernel walks all that is in it.
        self._ear = gevent.get_hub().loop.io(self._epoll.fileno(), 1)
        self._ear.start(self._on_ear)
        gevent.spawn(self._run)

    def _on_ear(self) -> None:
        self._heard = True
        self._bell.set()

    def _run(self) -> None:
        from gevent import get_hub

        others = turnstile(get_hub())
        while True:
            pause_s = self._turn()
            if pause_s <= 0:
                others.wait()
            else:
                self._bell.wait(None if pause_s == math.inf else pause_s)
                self._bell.clear()

    def _turn(self) -> float:
        """Serve who is due, for as long as a slice; seconds until the next turn."""
        self._wakes_s = -math.inf
        now_s = self._clock()
        others_s = now_s - self._left_s
        ends_s, fair_s = now_s + SLICE_S, now_s + max(SLICE_S, min(others_s, FAIR_SLICE_S))
        self._hear(now_s)
        self._sweep(now_s)
        ticks, due, behind = self._ticks, self._due, self._behind
        while ticks and ticks[0] * TICK_S <= now_s:
            for ride in self._wheel.pop(heapq.heappop(ticks)):
                ride.tick = _QUEUED
                due.append(ride)
        while (due and now_s < fair_s) or (behind and now_s < ends_s):
            some = [due.popleft() for _ in range(min(len(due), GROUP))] or [behind.popleft()]
            self._serve(some, now_s)
            now_s = self._clock()
        if due or behind:
            self._left_s = now_s
            return 0.0
        at_s = ticks[0] * TICK_S if ticks else math.inf
        if self._rides:
            at_s = min(at_s, self._sweep_s)
        if len(self._rides) - len(self._stuck) > CROWD:
            at_s = max(at_s, now_s + CROWD_REST_S)
        self._wakes_s = self._left_s = at_s
        return at_s - now_s

    def _hear(self, now_s: float) -> None:
        """Take what epoll has to say."""
        if not self._heard:
            return
        self._heard = False
        for fd, events in self._epoll.poll(0):
            ride = self._rides.get(fd)
            if ride is None:
                continue
            lost = bool(events & (_LOST | _RDHUP) and ride.reader)
            if lost:
                ride.look_s = now_s
            if ride.tick != _QUEUED:
                self._take_out(ride)
                ride.tick = _QUEUED
                (self._due if lost else self._behind).append(ride)

    def _sweep(self, now_s: float) -> None:
        """Now and then: drop who takes nothing, and break everything off if the process ends."""
        if now_s < self._sweep_s:
            return
        self._sweep_s = now_s + LOOK_EVERY_S
        dead = [r for r in self._stuck if now_s - r.since_s >= self._stall_s or now_s >= r.until_s]
        for ride in dead[:DROPS_AT_ONCE]:
            self._finish(ride, Ended.STALLED)
        if len(dead) > DROPS_AT_ONCE:
            self._sweep_s = now_s + CROWD_REST_S
        if not self._drains and self._draining():
            self._drains = True
            for ride in tuple(self._rides.values()):
                self._take_out(ride)
                self._plan(ride, now_s)

    def _serve(self, rides: Sequence[Ride], now_s: float) -> None:
        """Do for these streams what is due: first make all frames, then write them."""
        made = [(ride, data) for ride in rides if (data := self._make(ride, now_s))]
        for ride, data in made:
            self._write(ride, data, now_s)
            if ride.pace.over:
                self._conclude(ride, now_s)

    def _make(self, ride: Ride, now_s: float) -> bytes:
        """What is to be written now. An error of ours is its request's, not everybody's."""
        if ride.ended:  # it waited for its turn
            return b""
        self._take_out(ride)
        pace, data = ride.pace, b""
        try:
            if now_s >= ride.look_s:
                self._look(ride, now_s)
            if ride.out:
                self._write(ride, b"", now_s)
            if self._drains and not ride.ended and not pace.over:
                ride.ending = Ended.DRAINED
                data = pace.break_off()
            elif not ride.out and not ride.ended and (data := pace.take(now_s)):
                ride.fresh = True
                if pace.next_s <= now_s and not pace.over:
                    data = _batch(pace, data, now_s)
        except Exception as error:  # noqa: BLE001  # raised again where the stream was asked for
            ride.error = error
            self._finish(ride, Ended.GONE)
            return b""
        if not pace.over:
            self._plan(ride, now_s)
        elif not data:
            self._conclude(ride, now_s)
        return data

    def _conclude(self, ride: Ride, now_s: float) -> None:
        """All is made: it is over once all is written."""
        if ride.out:
            self._plan(ride, now_s)
        else:
            self._finish(ride, ride.ending)

    def _write(self, ride: Ride, data: bytes, now_s: float) -> None:
        """Hand the kernel what waits and this; keep what it does not take."""
        waited = ride.out
        data = waited + data if waited else data
        if not data or ride.ended:
            return
        try:
            taken = os.write(ride.fd, data)
        except BlockingIOError:
            taken = 0
        except OSError:
            self._finish(ride, Ended.GONE)
            return
        if taken < len(data) or waited:
            self._keep(ride, data[taken:], now_s if taken or not waited else ride.since_s)

    def _keep(self, ride: Ride, out: bytes, since_s: float) -> None:
        """Remember what is not taken yet, and since when nothing was."""
        ride.out, ride.since_s = out, since_s
        if out:
            self._stuck.add(ride)
        else:
            self._stuck.discard(ride)

    def _look(self, ride: Ride, now_s: float) -> None:
        """Ask whether the reader is still there."""
        assert ride.reader
        ended = ride.reader.look(between=not ride.out, fresh=ride.fresh)
        ride.fresh = False
        ride.look_s = now_s + ride.reader.again_s
        if ended:
            self._finish(ride, ended)

    def _plan(self, ride: Ride, now_s: float) -> None:
        """Put a stream where its next moment is."""
        at_s = ride.look_s
        if not ride.out and ride.pace.next_s < at_s:
            at_s = ride.pace.next_s
        if ride.ended or at_s == math.inf:
            return
        if at_s > now_s and not self._drains:
            ride.tick = tick = int(at_s / TICK_S) + 1
            due = self._wheel.get(tick)
            if due is not None:
                due.append(ride)
                return
            self._wheel[tick] = [ride]
            heapq.heappush(self._ticks, tick)
            self._wake(tick * TICK_S)
        elif not ride.out and ride.tick != _QUEUED:
            ride.tick = _QUEUED
            self._behind.append(ride)
            self._wake(now_s)

    def _take_out(self, ride: Ride) -> None:
        """Leave nothing of it in the wheel: its moment may be minutes away, and it holds a whole request."""
        if ride.tick > 0:
            self._wheel[ride.tick].remove(ride)
        ride.tick = 0

    def _wake(self, at_s: float) -> None:
        if at_s < self._wakes_s:
            self._wakes_s = -math.inf
            self._bell.set()

    def _finish(self, ride: Ride, ended: Ended) -> None:
        if ride.ended:
            return
        self._take_out(ride)
        ride.ended = ended
        ride.out = b""
        self._stuck.discard(ride)
        del self._rides[ride.fd]
        with contextlib.suppress(OSError):  # closed under us
            self._epoll.unregister(ride.fd)
        ride.on_over()


def _batch(pace: Pace, first: bytes, now_s: float) -> bytes:
    """This, and the frames that are due as well."""
    frames, size = [first], len(first)
    while size < BATCH_BYTES and (frame := pace.take(now_s)):
        frames.append(frame)
        size += len(frame)
    return b"".join(frames)
