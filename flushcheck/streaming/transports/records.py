"""The record: one piece, or the end, as a JSON object. Shared by all four transports."""

from __future__ import annotations

import json
from typing import Protocol

from flushcheck.model import EndRecord, Framing, Piece, UsageError
from flushcheck.model.codec import MAX_NUMBER, from_json, to_json
from flushcheck.model.errors import FlushcheckError
from flushcheck.streaming.params import END_CHAT, END_DATA, END_NONE

# A decoder keeps at most this much of an incomplete record: four of the largest pieces.
MAX_PENDING_BYTES = 256 * 1024


class Malformed(FlushcheckError, ValueError):
    """The bytes are not a stream of flushcheck. The message shows their beginning."""


class Encoder(Protocol):
    """Turns one stream into bytes."""

    content_type: str

    def __init__(self, framing: Framing, end: str) -> None: ...

    def preamble(self, pad_bytes: int) -> bytes:
        """The bytes before the first piece; b"" for none."""

    def piece(self, piece: Piece) -> bytes:
        """One piece; its `at_s` is the time of sending."""

    def end(self, end: EndRecord) -> bytes:
        """The mark that the stream is complete; b"" for none."""

    @staticmethod
    def decoder() -> Decoder:
        """A new decoder for the delta framing."""


class Decoder(Protocol):
    """Turns bytes, cut anywhere, back into pieces."""

    def feed(self, data: bytes) -> list[Piece | EndRecord]:
        """Take the next bytes; return the pieces, or the end, that they complete.

        Raises:
            Malformed: this is not a stream of flushcheck.
        """


def dump_piece(piece: Piece) -> str:
    """The piece as one line of JSON."""
    return _dump({"seq": piece.seq, "at_s": round(piece.at_s, 6), "delta": piece.text})


def dump_end(name: str, end: EndRecord) -> str:
    """The end as one line of JSON."""
    fields = to_json(end)
    if not end.pretended:
        del fields["pretended"]
    return _dump({"end": name, **fields})


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def load(line: str) -> Piece | EndRecord:
    """The piece, or the end, in one line of JSON.

    Raises:
        Malformed: the line is not a record of flushcheck.
    """
    try:
        data = json.loads(line)
        if "end" in data:
            return from_json(EndRecord, data, "record")
        piece = Piece(int(data["seq"]), float(data["at_s"]), str(data["delta"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError, UsageError) as error:
        raise Malformed(f"not a flushcheck record: {line[:80]!r} ({type(error).__name__})") from None
    # Python's JSON has NaN and Infinity, with which no analysis can calculate.
    if not (0 <= piece.seq <= MAX_NUMBER and abs(piece.at_s) <= MAX_NUMBER):
        raise Malformed(f"not a flushcheck record: {line[:80]!r} (a number is out of bounds)")
    return piece


def is_literal_end(end: str) -> bool:
    """Whether this end is a fixed text without data."""
    return end in (END_DATA, END_CHAT)


def end_text(framing: Framing, name: str, end: EndRecord) -> str:
    """The end as the text of a last line or message; "" if the stream has none."""
    if name == END_NONE:
        return ""
    if framing is Framing.PLAIN or is_literal_end(name):
        return name
    return dump_end(name, end)


def piece_text(framing: Framing, piece: Piece) -> str:
    """The piece as the text of one line or message."""
    return piece.text if framing is Framing.PLAIN else dump_piece(piece)
