"""WebSocket: one text message a Piece. The frames (RFC 6455) are the shell's affair."""

from __future__ import annotations

from flushcheck.model import EndRecord, Framing, Piece
from flushcheck.streaming.transports.records import Decoder, end_text, is_literal_end, load, piece_text

STOP = "stop"  # what a client says to end the stream


class Messages:
    """Messages as UTF-8. There is no prelude: a WebSocket has nothing to pad."""

    content_type = "text/plain"

    def __init__(self, framing: Framing, end: str) -> None:
        self._framing = framing
        self._end = end

    def prelude(self, pad_bytes: int) -> bytes:
        return b""

    def piece(self, piece: Piece) -> bytes:
        return piece_text(self._framing, piece).encode()

    def end(self, end: EndRecord) -> bytes:
        return end_text(self._framing, self._end, end).encode()

    @staticmethod
    def decoder() -> Decoder:
        return MessageDecoder()


class MessageDecoder:
    """One whole message at a time: WebSocket keeps their bounds."""

    def feed(self, data: bytes) -> list[Piece | EndRecord]:
        text = data.decode(errors="replace")
        return [] if is_literal_end(text) else [load(text)]
