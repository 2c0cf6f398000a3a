"""The engine: one loop that writes all streams of a process, where gevent serves it.

Theory. A stream that is a greenlet costs a switch, a timer and the server's own writing for every Piece,
which is most of what a Piece of 20 bytes costs. So the request's greenlet only opens its stream (the server
writes the headers and the first Piece, which only the server can do) and then sleeps until the stream has
ended. Meanwhile one loop writes for all:

- `schedule.py` says which streams are due; `socket_writer.py` writes to their sockets and never waits for
  one.
- First the frames of a group of streams are made, then they are written, which is cheaper than in turn.
- All frames of a stream that are due go out in one write; each is still a chunk, or a message, of its own.
  Without an interval all are due, up to `BATCH_BYTES`: then the others have their turn.
- While a socket accepts no data, no frames are made for its stream.
- After a slice the loop yields: new connections, polls and health checks have their turn.
- epoll also reports at once which clients have hung up, without polling any other.

What must stay true: a record's moment is that of the write that took it, to a millisecond; a stream whose
client stops reading costs one batch of memory; once a stream has ended, the engine does not touch its
descriptor.

There are no locks: all of this runs in gevent's one thread, which changes hands only in
`engine_loop.EngineLoop`.
"""

from __future__ import annotations

import math
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from flushcheck.service.serving import internals
from flushcheck.service.serving.disconnect import SocketClient
from flushcheck.service.serving.drain import CHECK_EVERY_S
from flushcheck.service.serving.frame_cache import Framer
from flushcheck.service.serving.frame_schedule import EndReason, FrameSchedule
from flushcheck.service.serving.schedule import TICK_S, Schedule
from flushcheck.service.serving.socket_writer import LOST, OUT, RDHUP, ActiveStream, SocketWriter

if TYPE_CHECKING:
    from flushcheck.service.serving.engine_loop import EngineLoop

# With this many streams the loop serves them in rounds, and rests in between: a Piece is up to 10 ms later,
# and 1,000 streams take a fifth less of the processor (14 to 17 us a Piece instead of 20 to 21).
BATCHING_THRESHOLD = 400
BATCHING_REST_S = 0.010

# How long the loop keeps the process to itself: some 100 small writes. While all others need longer for their
# turn, as when hundreds connect at once, due streams get as much time as the others had.
SLICE_S = 0.001
MAX_FAIR_SLICE_S = 0.05

# Frames of one stream are joined up to this size. It is also the memory that a client costs that stops
# reading.
BATCH_BYTES = 8 * 1024

# Each dropped stream wakes its request, which has its own work to end. A thousand at once made other Pieces
# 170 ms late (p99); in tens, 19 ms.
MAX_DROPS_AT_ONCE = 10


# Streams opened between two slices while others wait to be: each takes 0.2 to 0.4 ms.
MAX_OPENED_AT_ONCE = 8


class StreamWriter:
    """All streams that the engine writes. Its loop starts with the first: in a worker, after its fork."""

    def __init__(
        self,
        *,
        stall_s: float,
        max_s: float,
        draining: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wait for streams.

        Args:
            stall_s: drop a client whose socket accepts no data for this long.
            max_s: drop a client, however slow, after this long.
            draining: whether all streams have to end now; called every `CHECK_EVERY_S`.
            clock: monotonic, in seconds.
        """
        self._stall_s = stall_s
        self._max_s = max_s
        self._draining = draining
        self._clock = clock
        self._schedule: Schedule[ActiveStream] = Schedule()
        self._sockets: SocketWriter | None = None  # None until the first stream
        self._reap_s = 0.0  # when to look for stalled clients next
        self._yielded_s = 0.0  # since when all others have their turn
        self._drains = False
        self._turns: deque[threading.Event] = deque()  # of requests that wait to open a stream, in order
        self._loop: EngineLoop | None = None  # None until the first stream

    @property
    def crowded(self) -> bool:
        """Whether a new stream has to wait for its turn: others wait, or a slice is overdue."""
        return bool(self._turns) or (self._loop is not None and self._loop.overdue(self._clock()))

    def await_turn(self) -> None:
        """Wait until all that came before have been opened, or begun to be, and the loop has had a slice."""
        turn = threading.Event()
        self._turns.append(turn)
        turn.wait()

    def _open_some(self) -> None:
        for _ in range(min(len(self._turns), MAX_OPENED_AT_ONCE)):
            self._turns.popleft().set()

    def attach(
        self,
        frames: FrameSchedule,
        sock: socket.socket,
        framer: Framer,
        *,
        client: SocketClient | None = None,
        on_readable: Callable[[], object] | None = None,
        on_end: Callable[[], object],
        head: bytes = b"",
        tail: bytes = b"",
    ) -> ActiveStream:
        """Write the rest of a stream from now on.

        Args:
            frames: what to send, and when.
            sock: where to: an open socket that does not block. Nothing else may write to it until the end.
            framer: what the connection's protocol makes of a frame.
            client: polled when the socket reports a hang-up; None: the caller sees to that by `on_readable`.
            on_readable: called when the socket has become readable or has hung up. It must not wait.
            on_end: called once, as soon as `ended` of the result is set. It must not wait.
            head: written before all frames, as it is.
            tail: written behind the last one, as it is.
        """
        sockets = self._sockets or self._start()
        now_s = self._clock()
        frames.set_framer(framer, head=head, tail=tail)
        stream = ActiveStream(
            sock, frames, client=client, on_readable=on_readable, on_end=on_end, until_s=now_s + self._max_s
        )
        sockets.add(stream, sock)
        self._serve((stream,), now_s)
        return stream

    def inject(self, stream: ActiveStream, data: bytes) -> bool:
        """Write this between two frames, whole; False if the stream has ended."""
        if stream.ended:
            return False
        self._write(stream, data, self._clock())
        return True

    def stop(self, stream: ActiveStream) -> None:
        """Make no more frames; the stream ends once what was made is written."""
        if not stream.ended:
            stream.frames.abort()
            stream.ending = EndReason.STOPPED
            self._serve((stream,), self._clock())

    def abandon(self, stream: ActiveStream) -> None:
        """Write nothing more, even if a frame was cut in two. Does nothing if the stream has ended."""
        self._finish(stream, EndReason.GONE)

    def _start(self) -> SocketWriter:
        from flushcheck.service.serving.engine_loop import EngineLoop

        epoll = internals.unpatched_select("epoll")()
        self._sockets = SocketWriter(epoll, stall_s=self._stall_s)
        self._loop = EngineLoop(self._run_once, epoll.fileno())
        return self._sockets

    def _run_once(self) -> float:
        """Serve the streams that are due, for as long as a slice; seconds until the next slice."""
        loop, sockets, schedule = self._loop, self._sockets, self._schedule
        assert loop
        assert sockets
        loop.runs()
        now_s = self._clock()
        others_s = now_s - self._yielded_s
        ends_s, fair_s = now_s + SLICE_S, now_s + max(SLICE_S, min(others_s, MAX_FAIR_SLICE_S))
        if loop.take_events():
            self._drain_events(sockets, now_s)
        if now_s >= self._reap_s:
            self._reap_stalled(sockets, now_s)
        schedule.advance(now_s)
        while group := schedule.next_group(due=now_s < fair_s, backlog=now_s < ends_s):
            self._serve(group, now_s)
            now_s = self._clock()
        has_turns = bool(self._turns)
        self._open_some()
        if schedule.busy or has_turns:
            self._yielded_s = now_s
            loop.sleeps_until(now_s)
            return 0.0
        at_s = schedule.next_s
        if sockets.active:
            at_s = min(at_s, self._reap_s)
        if sockets.writable > BATCHING_THRESHOLD:
            at_s = max(at_s, now_s + BATCHING_REST_S)
        loop.sleeps_until(at_s)
        self._yielded_s = at_s
        return at_s - now_s

    def _drain_events(self, sockets: SocketWriter, now_s: float) -> None:
        """Act on what epoll reports."""
        for stream, events in sockets.events():
            if stream.on_readable and events & ~OUT:
                stream.on_readable()
            if stream.client and events & (LOST | RDHUP):
                stream.poll_s = now_s
                self._schedule.queue(stream, urgent=True)
            elif stream.unsent:
                self._schedule.queue(stream)

    def _reap_stalled(self, sockets: SocketWriter, now_s: float) -> None:
        """Drop clients that accept no data, and end all streams if the process stops."""
        self._reap_s = now_s + CHECK_EVERY_S
        stalled = sockets.stalled(now_s)
        for stream in stalled[:MAX_DROPS_AT_ONCE]:
            self._finish(stream, EndReason.STALLED)
        if len(stalled) > MAX_DROPS_AT_ONCE:
            self._reap_s = now_s + BATCHING_REST_S
        if not self._drains and self._draining():
            self._drains = True
            for stream in sockets.streams:
                self._schedule.unschedule(stream)
                self._plan(stream, now_s)

    def _serve(self, streams: Sequence[ActiveStream], now_s: float) -> None:
        """Do for these streams what is due: first make all frames, then write them."""
        made = [(stream, data) for stream in streams if (data := self._make(stream, now_s))]
        for stream, data in made:
            self._write(stream, data, now_s)
            if stream.frames.finished:
                self._conclude(stream, now_s)

    def _make(self, stream: ActiveStream, now_s: float) -> bytes:
        """What is to be written now. An error of the service ends this stream alone."""
        if stream.ended:  # while it was queued
            return b""
        self._schedule.unschedule(stream)
        frames, data = stream.frames, b""
        try:
            if now_s >= stream.poll_s:
                self._poll(stream, now_s)
            if stream.unsent:
                self._write(stream, b"", now_s)
            if self._drains and not stream.ended and not frames.finished:
                stream.ending = EndReason.DRAINED
                data = frames.abort()
            elif not stream.unsent and not stream.ended and (data := frames.next_frame(now_s)):
                stream.fresh = True
                if frames.next_due_s <= now_s and not frames.finished:
                    data = _batch(frames, data, now_s)
        except Exception as error:  # noqa: BLE001  # raised again in the request
            stream.error = error
            self._finish(stream, EndReason.GONE)
            return b""
        if not frames.finished:
            self._plan(stream, now_s)
        elif not data:
            self._conclude(stream, now_s)
        return data

    def _conclude(self, stream: ActiveStream, now_s: float) -> None:
        """All frames are made: the stream ends once all is written."""
        if stream.unsent:
            self._plan(stream, now_s)
        else:
            self._finish(stream, stream.ending)

    def _write(self, stream: ActiveStream, data: bytes, now_s: float) -> None:
        assert self._sockets
        if not stream.ended and not self._sockets.write(stream, data, now_s):
            self._finish(stream, EndReason.GONE)

    def _poll(self, stream: ActiveStream, now_s: float) -> None:
        """Check whether the client is still there."""
        assert stream.client
        ended = stream.client.poll(between=not stream.unsent, fresh=stream.fresh)
        stream.fresh = False
        stream.poll_s = now_s + stream.client.next_poll_in_s()
        if ended:
            self._finish(stream, ended)

    def _plan(self, stream: ActiveStream, now_s: float) -> None:
        """Schedule an unscheduled stream for its next moment."""
        at_s = stream.poll_s
        if not stream.unsent and stream.frames.next_due_s < at_s:
            at_s = stream.frames.next_due_s
        if stream.ended or at_s == math.inf:
            return
        assert self._loop
        if at_s > now_s and not self._drains:
            if self._schedule.plan(stream, at_s):
                self._loop.wake(stream.tick * TICK_S)
        elif not stream.unsent:
            self._schedule.queue(stream)
            self._loop.wake(now_s)

    def _finish(self, stream: ActiveStream, ended: EndReason) -> None:
        if stream.ended:
            return
        assert self._sockets
        self._schedule.unschedule(stream)
        stream.ended = ended
        self._sockets.remove(stream)
        stream.on_end()


def _batch(frames: FrameSchedule, first: bytes, now_s: float) -> bytes:
    """This, and the frames that are due as well."""
    batch, size = [first], len(first)
    while size < BATCH_BYTES and (frame := frames.next_frame(now_s)):
        batch.append(frame)
        size += len(frame)
    return b"".join(batch)
