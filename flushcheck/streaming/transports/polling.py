"""JSON polling: each Piece is an answer of its own, asked for by number.

Nothing is open between two polls, so there is no stream to encode: one pair of functions for the
answer that holds a Piece, and for the error that a polling client takes as the end.
"""

from __future__ import annotations

import json
from typing import Any

from flushcheck.model import EndRecord, Piece, RequestAtApp, UsageError
from flushcheck.model.codec import from_json, to_json
from flushcheck.streaming.transports.records import Malformed

CONTENT_TYPE = "application/json"


def piece_body(piece: Piece, *, count: int, pad_bytes: int) -> bytes:
    """The answer for one Piece. White space before JSON means nothing, so padding goes there."""
    return _body({"message": piece.text, "cnt": piece.seq, "count": count}, pad_bytes)


def end_body(wanted: str, *, count: int, origin: RequestAtApp) -> bytes:
    """The error for a number that has no Piece: what was given, what was expected, an example."""
    message = f"cnt={wanted[:40]}: expected 0 to {count - 1}, for example cnt=0"
    return _body({"error": message, "count": count, "request_at_app": to_json(origin)}, 0)


def read_body(body: bytes) -> Piece | EndRecord:
    """Read either answer back. A Piece's `at_s` is 0: the poll has no clock but the client's.

    Raises:
        Malformed: the body is neither.
    """
    try:
        data = json.loads(body)
        if "message" in data:
            return Piece(int(data["cnt"]), 0.0, str(data["message"]))
        return from_json(EndRecord, data, "answer")
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError, UsageError) as error:
        shown = body[:80].decode(errors="replace")
        raise Malformed(f"not an answer of flushcheck: {shown!r} ({type(error).__name__})") from None


def _body(data: dict[str, Any], pad_bytes: int) -> bytes:
    return b" " * pad_bytes + json.dumps(data, ensure_ascii=False).encode() + b"\n"
