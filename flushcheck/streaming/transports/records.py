"""The record: one Piece, or the End, as a JSON object. Shared by all four Transports."""

from __future__ import annotations

import json
from typing import Protocol

from flushcheck.model import EndRecord, Framing, Piece, UsageError
from flushcheck.model.codec import MAX_NUMBER, from_json, to_json
from flushcheck.model.errors import FlushcheckError
from flushcheck.streaming.params import END_CHAT, END_DATA, END_NONE

# A decoder keeps at most this much of a record that is not whole yet: four of the largest Pieces.
MAX_PENDING_BYTES = 256 * 1024


class Malformed(FlushcheckError, ValueError):
    """The bytes are not a stream of ours: says what came instead."""


class Encoder(Protocol):
    """One stream's way onto the wire."""

    content_type: str

    def __init__(self, framing: Framing, end: str) -> None: ...

    def prelude(self, pad_bytes: int) -> bytes:
        """What to send before the first Piece; b"" for nothing."""

    def piece(self, piece: Piece) -> bytes:
        """One Piece, its `at_s` being the moment of sending."""

    def end(self, end: EndRecord) -> bytes:
        """The service's word that the stream is over; b"" for none."""

    @staticmethod
    def decoder() -> Decoder:
        """A fresh decoder of the delta framing."""


class Decoder(Protocol):
    """The way back, for bytes cut anywhere."""

    def feed(self, data: bytes) -> list[Piece | EndRecord]:
        """Take the next bytes and return what they completed.

        Raises:
            Malformed: this is not a stream of ours.
        """


def dump_piece(piece: Piece) -> str:
    """The Piece as one line of JSON."""
    return _dump({"seq": piece.seq, "at_s": round(piece.at_s, 6), "delta": piece.text})


def dump_end(name: str, end: EndRecord) -> str:
    """The End as one line of JSON."""
    return _dump({"end": name, **to_json(end)})


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def load(line: str) -> Piece | EndRecord:
    """Read one record back.

    Raises:
        Malformed: the line is not one of our records.
    """
    try:
        data = json.loads(line)
        if "end" in data:
            return from_json(EndRecord, data, "record")
        piece = Piece(int(data["seq"]), float(data["at_s"]), str(data["delta"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError, UsageError) as error:
        raise Malformed(f"not a flushcheck record: {line[:80]!r} ({type(error).__name__})") from None
    # JSON as Python reads it has NaN and Infinity, with which no judgement can reckon.
    if not (0 <= piece.seq <= MAX_NUMBER and abs(piece.at_s) <= MAX_NUMBER):
        raise Malformed(f"not a flushcheck record: {line[:80]!r} (numbers of no ordinary size)")
    return piece


def is_literal_end(end: str) -> bool:
    """Whether this ending is a literal text that carries no data."""
    return end in (END_DATA, END_CHAT)


def end_text(framing: Framing, name: str, end: EndRecord) -> str:
    """The End as the text of one last line or message; "" for an ending without a word."""
    if name == END_NONE:
        return ""
    if framing is Framing.PLAIN or is_literal_end(name):
        return name
    return dump_end(name, end)


def piece_text(framing: Framing, piece: Piece) -> str:
    """The Piece as the text of one line or message."""
    return piece.text if framing is Framing.PLAIN else dump_piece(piece)
