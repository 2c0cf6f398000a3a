"""When each frame goes out: the one mechanism behind every Transport.

Each Piece is due at `began + at_s`, `began` being the moment of the first one. Waits are for that moment,
never for "one interval more": relative sleeps drift 40 to 100 ms over 60 Pieces. A Piece that is late,
because the client is slow or the machine busy, goes out at once, and its record states its real moment.

A FrameSchedule knows what one stream sends and when; it neither waits nor writes. Two ways do:

- the engine (`stream_writer.py`) writes all streams of a process side by side, where sockets do not block
  (gevent);
- the plain path (`iter_frames_blocking`) lets a stream pace itself, frame by frame, as any WSGI server takes
  them: threads, a process for each request, FastCGI, uWSGI.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from flushcheck.model import EndRecord, RequestAtApp
from flushcheck.service.serving.drain import CHECK_EVERY_S
from flushcheck.service.serving.frame_cache import FrameCache, Framer, identity

# A socket that accepts all data never makes its writer wait, and under greenlets nothing else would ever run:
# after this many frames without a wait the others have a turn.
MAX_FRAMES_IN_A_ROW = 16


class EndReason(StrEnum):
    """How a stream ended."""

    DONE = "done"  # all was sent
    GONE = "gone"  # the client left
    STOPPED = "stopped"  # the client said stop
    REFUSED = "refused"  # the request, or a message of the client, is not allowed
    STALLED = "stalled"  # the client is connected and its socket accepts no data
    DRAINED = "drained"  # this process stops; the client resumes at another
    PRETENDED = "pretended"  # the client requested a stream that is cut: see `streaming.pretend`


@dataclass(slots=True)
class StreamProgress:
    """How far a stream came. Changes as it runs; read after its end."""

    pieces: int = 0  # written
    ended: EndReason = EndReason.GONE  # default: the generator was closed because the client disconnected
    late: Callable[[float], object] = bool  # called with each Piece's lateness in seconds; `bool` forgets it


class Client(Protocol):
    """The client of a stream: see `disconnect` and `websocket_connection`."""

    def wait(self, seconds: float) -> EndReason | None:
        """Wait this long, or until the client ends the stream; then the reason."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What to send when nothing was sent for this long."""

    every_s: float
    frame: bytes


class FrameSchedule:
    """One stream's frames, each at its moment. The caller owns the clock: monotonic, in seconds."""

    __slots__ = (
        "_began_s",
        "_cache",
        "_closing_frame",
        "_due_s",
        "_framer",
        "_heartbeat",
        "_opening",
        "_pretended",
        "_request_at_app",
        "_seq",
        "_source",
        "_tail",
        "finished",
        "next_due_s",
        "progress",
    )

    def __init__(
        self,
        cache: FrameCache,
        progress: StreamProgress,
        *,
        request_at_app: Callable[[], RequestAtApp],
        preamble: bytes = b"",
        closing_frame: bytes = b"",
        heartbeat: Heartbeat | None = None,
        pretended: str = "",
    ) -> None:
        """Begin with the first `next_frame`.

        Args:
            cache: what to send.
            progress: kept up to date.
            request_at_app: called when the stream ends, for its end record.
            preamble: sent before everything else; b"" for nothing.
            closing_frame: sent last if the stream is aborted; b"" for nothing.
            heartbeat: sent in long silences; None for a Transport that has none.
            pretended: for the end record: by which rule these frames are held on request; "" if they are not.
        """
        self._cache = cache
        self._source = source = cache.source
        self._framer: Framer = identity
        self._request_at_app = request_at_app
        self._opening = preamble
        self._tail = b""
        self._closing_frame = closing_frame
        self._heartbeat = heartbeat
        self._pretended = pretended
        self._seq = source.start  # of the next Piece
        self._began_s = 0.0  # when the first Piece was taken
        self._due_s = 0.0  # when the next Piece is
        self.progress = progress
        self.next_due_s = 0.0  # when `next_frame` has something again
        self.finished = False  # all frames were taken

    def set_framer(self, framer: Framer, *, head: bytes = b"", tail: bytes = b"") -> None:
        """From now on return each frame as the connection's protocol frames it.

        Args:
            framer: makes a frame what goes over the wire.
            head: sent before all frames, as it is; only before the first `next_frame`.
            tail: sent behind the last one, as it is.
        """
        self._framer = framer
        self._cache = self._cache.framed(framer)
        self._tail = tail
        if head:
            self._opening = head + (framer(self._opening) if self._opening else b"")
        elif self._opening:
            self._opening = framer(self._opening)

    def next_frame(self, now_s: float) -> bytes:
        """The next frame if its moment has come, else b"". An end without a record is b"" as well."""
        if now_s < self.next_due_s or self.finished:
            return b""
        if self._opening:
            opening, self._opening = self._opening, b""
            return opening
        seq, source, due_s = self._seq, self._source, self._due_s
        if seq == source.count:
            return self._end(now_s)
        if now_s < due_s:
            return self._beat(now_s)
        if not self._began_s:
            self._began_s = self._due_s = due_s = now_s
        progress = self.progress
        progress.pieces += 1
        progress.late(now_s - due_s)
        self._seq = seq + 1
        if seq + 1 < source.count:  # else the end follows at once
            self.next_due_s = self._due_s = due_s = self._began_s + source.at_s(seq + 1)
            if self._heartbeat and now_s + self._heartbeat.every_s < due_s:
                self.next_due_s = now_s + self._heartbeat.every_s
        return self._cache.piece(seq, now_s - self._began_s)

    def abort(self) -> bytes:
        """Finish before the end; the closing frame. The client resumes, since it gets no end record."""
        self.finished = True
        return (self._framer(self._closing_frame) if self._closing_frame else b"") + self._tail

    def _beat(self, now_s: float) -> bytes:
        assert self._heartbeat
        self.next_due_s = min(self._due_s, now_s + self._heartbeat.every_s)
        return self._framer(self._heartbeat.frame)

    def _end(self, now_s: float) -> bytes:
        self.finished = True
        record = EndRecord(
            self._source.count, now_s - self._began_s, self._request_at_app(), pretended=self._pretended
        )
        frame = self._cache.end(record)
        return (self._framer(frame) if frame else b"") + self._tail


class Frames(Protocol):
    """What paces itself: a FrameSchedule, or one behind a pretended hold."""

    progress: StreamProgress
    next_due_s: float
    finished: bool

    def next_frame(self, now_s: float) -> bytes:
        """What is to be written now; b"" for nothing."""

    def abort(self) -> bytes:
        """Finish before the end; what is to be written last."""


def iter_frames_blocking(
    frames: Frames,
    client: Client,
    *,
    draining: Callable[[], bool],
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[bytes]:
    """Yield each frame when it has to be written. `frames.progress` says at last how the stream ended.

    Args:
        frames: what to send, and when.
        client: waits between two frames, and may end the stream.
        draining: whether the stream has to end now.
        clock: monotonic, in seconds.
    """
    in_a_row = 0
    while not frames.finished:
        now_s = clock()
        if draining():
            frames.progress.ended = EndReason.DRAINED
            if closing_frame := frames.abort():
                yield closing_frame
            return
        if frames.next_due_s > now_s or in_a_row == MAX_FRAMES_IN_A_ROW:
            in_a_row = 0
            ended = client.wait(max(0.0, min(frames.next_due_s - now_s, CHECK_EVERY_S)))
            if ended:
                frames.progress.ended = ended
                return
        else:
            in_a_row += 1
            if frame := frames.next_frame(now_s):
                yield frame
    frames.progress.ended = EndReason.DONE
