"""WebSocket: one text message per piece. The service and the prober handle the frames (RFC 6455)."""

from __future__ import annotations

from flushcheck.model import EndRecord, Framing, Piece
from flushcheck.streaming.transports.records import Decoder, end_text, is_literal_end, load, piece_text

STOP = "stop"  # the message by which a client ends the stream


class Messages:
    """Messages as UTF-8. There is no preamble: a WebSocket message needs no padding."""

    content_type = "text/plain"

    def __init__(self, framing: Framing, end: str) -> None:
        self._framing = framing
        self._end = end

    def preamble(self, pad_bytes: int) -> bytes:
        return b""

    def piece(self, piece: Piece) -> bytes:
        return piece_text(self._framing, piece).encode()

    def end(self, end: EndRecord) -> bytes:
        return end_text(self._framing, self._end, end).encode()

    @staticmethod
    def decoder() -> Decoder:
        return MessageDecoder()


class MessageDecoder:
    """Takes one whole message at a time: WebSocket keeps the bounds of messages."""

    def feed(self, data: bytes) -> list[Piece | EndRecord]:
        text = data.decode(errors="replace")
        return [] if is_literal_end(text) else [load(text)]
