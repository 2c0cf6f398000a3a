"""Chunked HTTP, as fetch and XHR read it: plain text, or one JSON record per line.

The app server makes the chunks (RFC 9112, section 7.1): one write, one chunk.
"""

from __future__ import annotations

from flushcheck.model import EndRecord, Framing, Piece
from flushcheck.streaming.transports.records import (
    MAX_PENDING_BYTES,
    Decoder,
    Malformed,
    end_text,
    load,
    piece_text,
)


class Chunked:
    """Text without framing; in the delta framing, newline-delimited JSON."""

    content_type = "text/plain"

    def __init__(self, framing: Framing, end: str) -> None:
        self._framing = framing
        self._end = end
        self._tail = "" if framing is Framing.PLAIN else "\n"

    def preamble(self, pad_bytes: int) -> bytes:
        """Spaces and a blank line, as old XHR clients need them."""
        return b" " * pad_bytes + b"\n\n" if pad_bytes else b""

    def piece(self, piece: Piece) -> bytes:
        return (piece_text(self._framing, piece) + self._tail).encode()

    def end(self, end: EndRecord) -> bytes:
        text = end_text(self._framing, self._end, end)
        return (text + self._tail).encode() if text else b""

    @staticmethod
    def decoder() -> Decoder:
        return LineDecoder()


class LineDecoder:
    """Newline-delimited JSON records. Blank lines are padding."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> list[Piece | EndRecord]:
        # Only LF ends a line: str.splitlines() also cuts at U+2028 inside a text.
        *lines, self._pending = (self._pending + data).split(b"\n")
        if len(self._pending) > MAX_PENDING_BYTES:
            raise Malformed(f"a line of more than {MAX_PENDING_BYTES} bytes")
        return [load(line.decode(errors="replace")) for line in lines if line.strip()]
