"""What all streams of one kind say: a Source, in the words of one Transport.

In the plain framing a frame does not tell its moment, so it is the same for everybody and is made once.
That is most of what a small Piece costs besides its write (0.8 to 1.6 of 2.4 to 3.6 us, measured).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from flushcheck.model import EndRecord, Framing, Piece, Transport
from flushcheck.streaming.source import Source
from flushcheck.streaming.transports import Encoder, encoder

Wrap = Callable[[bytes], bytes]  # makes a frame a chunk or a message, or leaves it as it is

# Kept of one Script, at most; a longer one is made anew from there on. 64 Scripts, each as it is and in
# chunks, are 8 MB.
MOST_KEPT_BYTES = 64 * 1024
FRAME_BYTES = 100  # what Python itself takes for each


def as_it_is(frame: bytes) -> bytes:
    """For HTTP/1.0, where the body ends with the connection, and for servers that wrap by themselves."""
    return frame


class Script:
    """The frames of one Source."""

    __slots__ = ("_encoder", "_kept", "_room_bytes", "_same", "_wrap", "_wrapped", "source")

    def __init__(self, source: Source, coder: Encoder, *, same: bool, wrap: Wrap = as_it_is) -> None:
        """Make frames when they are asked for.

        Args:
            source: what to say.
            coder: how it looks.
            same: whether a Piece looks the same whenever it is sent.
            wrap: what the connection's protocol makes of each Piece's frame.
        """
        self.source = source
        self._encoder = coder
        self._same = same
        self._wrap = wrap
        self._wrapped: dict[Wrap, Script] = {}
        self._kept: dict[int, bytes] = {}
        self._room_bytes = MOST_KEPT_BYTES

    def wrapped(self, wrap: Wrap) -> Script:
        """The same, each Piece as this protocol has it."""
        found = self if wrap is self._wrap else self._wrapped.get(wrap)
        if found is None:
            found = self._wrapped[wrap] = Script(self.source, self._encoder, same=self._same, wrap=wrap)
        return found

    def piece(self, seq: int, at_s: float) -> bytes:
        """The frame of one Piece that is sent at this moment, in seconds since its stream began."""
        return self._kept.get(seq) or self._make(seq, at_s)

    def end(self, end: EndRecord) -> bytes:
        """The frame that says that it is over, not wrapped; b"" for none."""
        return self._encoder.end(end)

    def prelude(self, pad_bytes: int) -> bytes:
        """What goes out before everything else, not wrapped; b"" for nothing."""
        return self._encoder.prelude(pad_bytes)

    def _make(self, seq: int, at_s: float) -> bytes:
        frame = self._encoder.piece(Piece(seq, at_s, self.source.text(seq)))
        if frame:  # a chunk of nothing would be the last one
            frame = self._wrap(frame)
        room_bytes = self._room_bytes - len(frame) - FRAME_BYTES
        if self._same and room_bytes >= 0:
            self._kept[seq] = frame
            self._room_bytes = room_bytes
        return frame


@lru_cache(maxsize=64)
def script(source: Source, transport: Transport, framing: Framing, end: str) -> Script:
    """The Script that all streams of this kind share."""
    return Script(source, encoder(transport, framing, end), same=framing is Framing.PLAIN)
