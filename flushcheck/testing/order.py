"""Which layer makes pieces wait: from the order in which chunks passed the taps of one response.

A piece is one chunk with content at the innermost tap. At the moment when the next piece is made, the pieces
before it should have passed every tap: the ones that have not are waiting. How many wait is a matter of
order alone, so the result does not depend on how fast the machine is.

Where a layer keeps the content as it is, pieces are followed by their bytes. Where it changes the content,
any chunk that leaves the layer counts as all pieces before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from flushcheck.taps.recorder import Layer

# Each piece leaves before the next one is made. One that waits for the next one is an event late: HAProxy's
# compressor did that to every EventSource.
MAX_WAITING = 0


@dataclass(frozen=True, slots=True)
class TapChunks:
    """What one tap noted."""

    layer: Layer  # the one on the outer side of the tap
    moments: tuple[int, ...]  # of each chunk: its place in the order of all chunks of all taps
    content_bytes: tuple[int, ...]  # of each chunk, decoded; 0 for a chunk that completes nothing
    content_encoding: str = ""

    @property
    def deliveries(self) -> int:
        """Chunks with content."""
        return sum(size > 0 for size in self.content_bytes)


@dataclass(frozen=True, slots=True)
class LayerOrder:
    """What one layer did to the pieces that came into it."""

    layer: Layer
    pieces_in: int  # chunks with content that came in
    pieces_out: int  # ... and that left
    waiting: int  # the most pieces that were inside when the next one came
    content_encoding: str  # that the layer added; "" if it added none


@dataclass(frozen=True, slots=True)
class StreamOrder:
    """How the pieces of one response went through the layers of an app, from the innermost outwards."""

    pieces: int  # that the innermost layer made
    deliveries: int  # chunks with content that the server got
    waiting: int  # the most pieces that had not reached the server when the next one was made
    layers: tuple[LayerOrder, ...]
    order: str  # a letter for each event: "i" a piece was made, "o" a chunk with content reached the server

    def guilty(self, max_waiting: int = MAX_WAITING) -> tuple[LayerOrder, ...]:
        """The innermost layer that made more pieces wait than allowed; if only their sum did, all of them."""
        if self.waiting <= max_waiting:
            return ()
        for layer in self.layers:
            if layer.waiting > max_waiting:
                return (layer,)
        return tuple(layer for layer in self.layers if layer.waiting)


def stream_order(taps: Sequence[TapChunks]) -> StreamOrder:
    """Return how pieces went from the first tap to the last.

    Args:
        taps: of one response, from the innermost outwards; one at least.
    """
    first, last = taps[0], taps[-1]
    events = [(moment, "i") for moment in _delivered(first)]
    events += [(moment, "o") for moment in _delivered(last)] if len(taps) > 1 else []
    return StreamOrder(
        pieces=first.deliveries,
        deliveries=last.deliveries,
        waiting=_waiting(first, last),
        layers=tuple(_layer(inner, outer) for inner, outer in pairwise(taps)),
        order="".join(letter for _, letter in sorted(events)),
    )


def _layer(inner: TapChunks, outer: TapChunks) -> LayerOrder:
    added = outer.content_encoding != inner.content_encoding
    return LayerOrder(
        layer=inner.layer,
        pieces_in=inner.deliveries,
        pieces_out=outer.deliveries,
        waiting=_waiting(inner, outer),
        content_encoding=outer.content_encoding if added else "",
    )


def _delivered(tap: TapChunks) -> list[int]:
    return [moment for moment, size in zip(tap.moments, tap.content_bytes, strict=True) if size]


def _waiting(inner: TapChunks, outer: TapChunks) -> int:
    """The most pieces of the inner tap that had not passed the outer one when the next one came."""
    same_content = sum(inner.content_bytes) == sum(outer.content_bytes)
    sizes = [size for size in inner.content_bytes if size]
    ends = list(accumulate(sizes))
    most = 0
    for number, moment in enumerate(_delivered(inner)):
        left = [
            (at, size)
            for at, size in zip(outer.moments, outer.content_bytes, strict=True)
            if at < moment and size
        ]
        if same_content:
            passed = sum(size for _, size in left)
            inside = sum(end > passed for end in ends[:number])
        else:
            latest = left[-1][0] if left else -1
            inside = sum(made > latest for made in _delivered(inner)[:number])
        most = max(most, inside)
    return most
