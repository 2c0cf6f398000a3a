"""When each frame goes out: the one mechanism behind every Transport.

Each Piece is due at `began + at_s`, `began` being the moment of the first one. Waits are for that
moment, never for "one interval more": relative sleeps drift 40 to 100 ms over 60 Pieces. A Piece that
is late, because the reader is slow or the machine busy, goes out at once, and its record says when it
really did.

A Pace knows what one stream has to say and when; it neither waits nor writes. Who does depends on the
server:

- `engine` carries all streams of a process side by side, where sockets do not block (gevent).
- `alone` lets one stream pace itself, frame by frame, as any WSGI server takes them: threads, a process
  for each request, FastCGI, uWSGI.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from flushcheck.model import EndRecord, RequestAtApp
from flushcheck.service.serving.drain import LOOK_EVERY_S
from flushcheck.service.serving.frame_cache import Script, Wrap, as_it_is

# A socket that takes everything never makes its writer wait, and under greenlets nobody else would
# ever run: after so many frames without a wait the others get a turn.
UNPACED_IN_A_ROW = 16


class Ended(StrEnum):
    """How a stream ended."""

    DONE = "done"  # all was sent
    GONE = "gone"  # the client left
    STOPPED = "stopped"  # the client said stop
    REFUSED = "refused"  # what the client asked for, or said, cannot be
    STALLED = "stalled"  # the client is there and takes nothing
    DRAINED = "drained"  # this process ends; the client goes on at another


@dataclass(slots=True)
class Progress:
    """How far a stream came. Changes as it runs; read when it is over."""

    pieces: int = 0  # written
    ended: Ended = Ended.GONE  # a stream whose frames nobody takes any more says nothing itself
    late: Callable[[float], object] = bool  # is told how late each Piece was, in seconds; `bool` forgets it


class Reader(Protocol):
    """Whoever reads the stream: see `presence` and `websocket`."""

    def wait(self, seconds: float) -> Ended | None:
        """Wait so long, or until the reader ends the stream; then say how it did."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What to say when nothing else was said for so long."""

    every_s: float
    frame: bytes


class Pace:
    """One stream's frames, each at its moment. The caller owns the clock: monotonic, in seconds."""

    __slots__ = (
        "_began_s",
        "_due_s",
        "_farewell",
        "_head",
        "_heartbeat",
        "_origin",
        "_progress",
        "_script",
        "_seq",
        "_source",
        "_wrap",
        "next_s",
        "over",
    )

    def __init__(
        self,
        script: Script,
        progress: Progress,
        *,
        origin: Callable[[], RequestAtApp],
        head: bytes = b"",
        farewell: bytes = b"",
        heartbeat: Heartbeat | None = None,
    ) -> None:
        """Begin with the first `take`.

        Args:
            script: what to send.
            progress: is kept up to date.
            origin: what the service saw of the request, asked for when the stream ends.
            head: goes out before everything else; b"" for nothing.
            farewell: the last words of a stream that is broken off; b"" for none.
            heartbeat: sent in long silences; None for a Transport that has none.
        """
        self._script = script
        self._source = source = script.source
        self._wrap: Wrap = as_it_is
        self._progress = progress
        self._origin = origin
        self._head = head
        self._farewell = farewell
        self._heartbeat = heartbeat
        self._seq = source.start  # of the next Piece
        self._began_s = 0.0  # when the first Piece was taken
        self._due_s = 0.0  # when the next one is
        self.next_s = 0.0  # when `take` will have something again
        self.over = False  # all was taken

    def wrap_in(self, wrap: Wrap) -> None:
        """From now on give each frame as the connection's protocol has it."""
        self._wrap = wrap
        self._script = self._script.wrapped(wrap)

    def take(self, now_s: float) -> bytes:
        """The next frame if its moment has come, else b"" (an end may be without a word, too)."""
        if now_s < self.next_s or self.over:
            return b""
        if self._head:
            head, self._head = self._head, b""
            return self._wrap(head)
        seq, source, due_s = self._seq, self._source, self._due_s
        if seq == source.count:
            return self._end(now_s)
        if now_s < due_s:
            return self._beat(now_s)
        if not self._began_s:
            self._began_s = self._due_s = due_s = now_s
        progress = self._progress
        progress.pieces += 1
        progress.late(now_s - due_s)
        self._seq = seq + 1
        if seq + 1 < source.count:  # else the end comes at once
            self.next_s = self._due_s = due_s = self._began_s + source.at_s(seq + 1)
            if self._heartbeat and now_s + self._heartbeat.every_s < due_s:
                self.next_s = now_s + self._heartbeat.every_s
        return self._script.piece(seq, now_s - self._began_s)

    def break_off(self) -> bytes:
        """The last words, well before the end: no record says that it is over, so the client comes back."""
        self.over = True
        return self._wrap(self._farewell) if self._farewell else b""

    def _beat(self, now_s: float) -> bytes:
        assert self._heartbeat
        self.next_s = min(self._due_s, now_s + self._heartbeat.every_s)
        return self._wrap(self._heartbeat.frame)

    def _end(self, now_s: float) -> bytes:
        self.over = True
        frame = self._script.end(EndRecord(self._source.count, now_s - self._began_s, self._origin()))
        return self._wrap(frame) if frame else b""


def alone(
    pace: Pace,
    reader: Reader,
    progress: Progress,
    *,
    draining: Callable[[], bool],
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[bytes]:
    """Give each frame at the moment it is to be written.

    Args:
        pace: what to send, and when.
        reader: whom to wait with; its word ends the stream.
        progress: is told how the stream ended.
        draining: whether the stream has to be broken off.
        clock: monotonic, in seconds.
    """
    in_a_row = 0
    while not pace.over:
        now_s = clock()
        if draining():
            progress.ended = Ended.DRAINED
            if last := pace.break_off():
                yield last
            return
        if pace.next_s > now_s or in_a_row == UNPACED_IN_A_ROW:
            in_a_row = 0
            ended = reader.wait(max(0.0, min(pace.next_s - now_s, LOOK_EVERY_S)))
            if ended:
                progress.ended = ended
                return
        elif frame := pace.take(now_s):
            in_a_row += 1
            yield frame
    progress.ended = Ended.DONE
