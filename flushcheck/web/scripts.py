"""What all streams of one kind say: a Source, in the words of one Transport.

In the plain framing a frame does not tell its moment, so it is the same for everybody and is made once.
That is most of what a small Piece costs besides its write (0.8 to 1.6 of 2.4 to 3.6 us, measured).
"""

from __future__ import annotations

from functools import lru_cache

from flushcheck.core.model import End, Framing, Piece, Transport
from flushcheck.core.stream import Source
from flushcheck.core.transports import encoder

# Kept of one Script, at most; a longer one is made anew from there on. 64 Scripts are 4 MB.
MOST_KEPT_BYTES = 64 * 1024
FRAME_BYTES = 100  # what Python itself takes for each


class Script:
    """The frames of one Source."""

    __slots__ = ("_encoder", "_kept", "_room_bytes", "_same", "source")

    def __init__(self, source: Source, transport: Transport, framing: Framing, end: str) -> None:
        self.source = source
        self._encoder = encoder(transport, framing, end)
        self._same = framing is Framing.PLAIN
        self._kept: dict[int, bytes] = {}
        self._room_bytes = MOST_KEPT_BYTES

    def piece(self, seq: int, at_s: float) -> bytes:
        """The frame of one Piece that is sent at this moment, in seconds since its stream began."""
        return self._kept.get(seq) or self._make(seq, at_s)

    def end(self, end: End) -> bytes:
        """The frame that says that it is over; b"" for none."""
        return self._encoder.end(end)

    def prelude(self, pad_bytes: int) -> bytes:
        """What goes out before everything else; b"" for nothing."""
        return self._encoder.prelude(pad_bytes)

    def _make(self, seq: int, at_s: float) -> bytes:
        frame = self._encoder.piece(Piece(seq, at_s, self.source.text(seq)))
        room_bytes = self._room_bytes - len(frame) - FRAME_BYTES
        if self._same and room_bytes >= 0:
            self._kept[seq] = frame
            self._room_bytes = room_bytes
        return frame


@lru_cache(maxsize=64)
def script(source: Source, transport: Transport, framing: Framing, end: str) -> Script:
    """The Script that all streams of this kind share."""
    return Script(source, transport, framing, end)
