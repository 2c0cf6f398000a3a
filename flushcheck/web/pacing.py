"""When each frame goes out: the one mechanism behind every Transport.

Each Piece is due at `began + at_s`, `began` being the moment of the first one. Waits are for that
moment, never for "one interval more": relative sleeps drift 40 to 100 ms over 60 Pieces. A Piece that
is late, because the reader is slow or the machine busy, goes out at once, and its record says when it
really did.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from flushcheck.core.model import End, Origin
from flushcheck.core.stream import Source
from flushcheck.core.transports import Encoder

# A socket that takes everything never makes its writer wait, and under greenlets nobody else would
# ever run: after so many frames without a wait the others get a turn.
UNPACED_IN_A_ROW = 16


class Ended(StrEnum):
    """How a stream ended."""

    DONE = "done"  # all was sent
    GONE = "gone"  # the client left
    STOPPED = "stopped"  # the client said stop
    REFUSED = "refused"  # what the client asked for, or said, cannot be


@dataclass(slots=True)
class Progress:
    """How far a stream came. Changes as it runs; read when it is over."""

    pieces: int = 0  # sent
    ended: Ended = Ended.GONE  # a stream whose frames nobody takes any more says nothing itself


class Reader(Protocol):
    """Whoever reads the stream: see `presence` and `websocket`."""

    def wait(self, seconds: float) -> Ended | None:
        """Wait so long, or until the reader ends the stream; then say how it did."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What to say when nothing else was said for so long."""

    every_s: float
    frame: bytes


def frames(
    source: Source,
    encoder: Encoder,
    reader: Reader,
    progress: Progress,
    *,
    head: bytes,
    origin: Callable[[], Origin],
    heartbeat: Heartbeat | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[bytes]:
    """Give each frame at the moment it is to be written.

    Args:
        source: what to send.
        encoder: how it looks.
        reader: whom to wait with; its word ends the stream.
        progress: is kept up to date.
        head: goes out before everything else; b"" for nothing.
        origin: what the service saw of the request, asked for when the stream ends.
        heartbeat: sent in long silences; None for a Transport that has none.
        clock: monotonic, in seconds.
    """
    if head:
        yield head
    began_s = wrote_s = clock()
    unpaced = 0
    for piece in source.pieces():
        due_s = began_s + piece.at_s
        unpaced = 0 if due_s > clock() else unpaced + 1
        while (left_s := due_s - clock()) > 0 or unpaced == UNPACED_IN_A_ROW:
            unpaced = 0
            beat_s = heartbeat.every_s - (clock() - wrote_s) if heartbeat else left_s
            ended = reader.wait(max(0.0, min(left_s, beat_s)))
            if ended:
                progress.ended = ended
                return
            if heartbeat and beat_s < left_s:
                yield heartbeat.frame
                wrote_s = clock()
        wrote_s = clock()
        at_s = wrote_s - began_s if progress.pieces else 0.0
        yield encoder.piece(replace(piece, at_s=at_s))
        progress.pieces += 1
    last = encoder.end(End(source.count, clock() - began_s, origin()))
    if last:
        yield last
    progress.ended = Ended.DONE
