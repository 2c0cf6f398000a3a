"""The frames of one kind of stream, made once and shared: a Source, encoded for one Transport.

In the plain framing a frame does not contain its moment, so it is the same in every stream. Making it is most
of what a small Piece costs besides its write (0.8 to 1.6 of 2.4 to 3.6 us, measured).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from flushcheck.model import EndRecord, Framing, Piece, Transport
from flushcheck.streaming.source import Source
from flushcheck.streaming.transports import Encoder, encoder

Framer = Callable[[bytes], bytes]  # makes a frame a chunk or a WebSocket message, or leaves it unchanged

# Cached in one FrameCache; frames beyond it are made again each time. 64 caches, each unchanged and in
# chunks, are 8 MB.
MAX_CACHED_BYTES = 64 * 1024
FRAME_OVERHEAD_BYTES = 100  # what Python itself takes for each


def identity(frame: bytes) -> bytes:
    """The frame itself: for HTTP/1.0, whose body ends with the connection, and for servers that frame it."""
    return frame


class FrameCache:
    """The frames of one Source."""

    __slots__ = ("_cached", "_encoder", "_framed", "_framer", "_room_bytes", "_shared", "source")

    def __init__(
        self, source: Source, piece_encoder: Encoder, *, shared: bool, framer: Framer = identity
    ) -> None:
        """Make frames on demand.

        Args:
            source: what to send.
            piece_encoder: the Transport's encoding.
            shared: whether a Piece looks the same whenever it is sent, so that its frame can be cached.
            framer: what the connection's protocol makes of each Piece's frame.
        """
        self.source = source
        self._encoder = piece_encoder
        self._shared = shared
        self._framer = framer
        self._framed: dict[Framer, FrameCache] = {}
        self._cached: dict[int, bytes] = {}
        self._room_bytes = MAX_CACHED_BYTES

    def framed(self, framer: Framer) -> FrameCache:
        """The same Source, each Piece framed by this protocol."""
        if framer is self._framer:
            return self
        cache = self._framed.get(framer)
        if cache is None:
            cache = FrameCache(self.source, self._encoder, shared=self._shared, framer=framer)
            self._framed[framer] = cache
        return cache

    def piece(self, seq: int, at_s: float) -> bytes:
        """The frame of one Piece that is sent at this moment, in seconds since its stream began."""
        return self._cached.get(seq) or self._make(seq, at_s)

    def end(self, end: EndRecord) -> bytes:
        """The frame of the end record, not framed by the protocol; b"" for none."""
        return self._encoder.end(end)

    def preamble(self, pad_bytes: int) -> bytes:
        """What goes out before all frames, not framed by the protocol; b"" for nothing."""
        return self._encoder.preamble(pad_bytes)

    def _make(self, seq: int, at_s: float) -> bytes:
        frame = self._encoder.piece(Piece(seq, at_s, self.source.text(seq)))
        if frame:  # an empty chunk would be the last one
            frame = self._framer(frame)
        room_bytes = self._room_bytes - len(frame) - FRAME_OVERHEAD_BYTES
        if self._shared and room_bytes >= 0:
            self._cached[seq] = frame
            self._room_bytes = room_bytes
        return frame


@lru_cache(maxsize=64)
def frame_cache(source: Source, transport: Transport, framing: Framing, end: str) -> FrameCache:
    """The FrameCache that all streams of this kind share."""
    return FrameCache(source, encoder(transport, framing, end), shared=framing is Framing.PLAIN)
