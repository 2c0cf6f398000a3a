"""JSON polling: each piece is its own response, requested by number.

Between two polls no response is open, so there is no stream to encode. Two functions write the response with
a piece, and the error at which a polling client stops; one reads both.
"""

from __future__ import annotations

import json
from typing import Any

from flushcheck.model import EndRecord, Piece, RequestAtApp, UsageError
from flushcheck.model.codec import from_json, to_json
from flushcheck.streaming.transports.records import Malformed

CONTENT_TYPE = "application/json"
# Made once: json.dumps makes an encoder for each call that is not by its defaults.
_ENCODE = json.JSONEncoder(ensure_ascii=False).encode


def piece_body(piece: Piece, *, count: int, pad_bytes: int) -> bytes:
    """The response body with one piece. JSON ignores white space before it, so the padding goes there."""
    return _body({"message": piece.text, "cnt": piece.seq, "count": count}, pad_bytes)


def end_body(cnt: str, *, count: int, origin: RequestAtApp) -> bytes:
    """The error for a number without a piece."""
    message = f"cnt={cnt[:40]}: expected 0 to {count - 1}, for example cnt=0"
    return _body({"error": message, "count": count, "request_at_app": to_json(origin)}, 0)


def read_body(body: bytes) -> Piece | EndRecord:
    """The piece, or the end, in a response body. `at_s` of the piece is 0: a poll carries no send time.

    Raises:
        Malformed: the body is neither.
    """
    try:
        data = json.loads(body)
        if "message" in data:
            return Piece(int(data["cnt"]), 0.0, str(data["message"]))
        return from_json(EndRecord, data, "response")
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError, UsageError) as error:
        start = body[:80].decode(errors="replace")
        raise Malformed(f"not a flushcheck response: {start!r} ({type(error).__name__})") from None


def _body(data: dict[str, Any], pad_bytes: int) -> bytes:
    return b" " * pad_bytes + _ENCODE(data).encode() + b"\n"
