"""A record of no particular format, and what records of every format have in common.

Services of their own send events, lines, elements or parts with a text somewhere inside. Where its place is
not known, the whole record is the content. An error inside a 200, a ping and an end are recognised by the
names that most services give them.
"""

from __future__ import annotations

from flushcheck.watching.formats.wire_format import (
    Meaning,
    Payload,
    RecordKind,
    WireFormat,
    integer,
    member,
    token,
)
from flushcheck.watching.framing.frame import StreamFormat

# What chat services send last, although their protocol has an end of its own.
DONE = "[DONE]"

_PINGS = frozenset({"ping", "heartbeat", "keepalive", "keep-alive", "keep_alive"})
_ENDS = frozenset({"done", "end", "complete", "completed", "finish", "close", "eof"})

_TEXT_KEYS = ("delta", "message", "content", "text", "response", "token", "answer", "generated_text")

_NAMES = {
    StreamFormat.PARTS: "multipart/x-mixed-replace",
    StreamFormat.PLAIN: "plain text",
}


def plain_format(framing: StreamFormat) -> WireFormat:
    """Return the format of a stream of which only the framing is known."""
    name = _NAMES.get(framing, framing.value)
    return WireFormat(name, frozenset({framing}), lambda payload: True, read_any)


def read_any(payload: Payload) -> Meaning:
    """Return what a record of any format means."""
    frame = payload.frame
    name = frame.name.lower()
    if frame.last:
        return Meaning(RecordKind.DONE, ends=True)
    if frame.text.strip() == DONE:
        return Meaning(RecordKind.DONE, DONE, ends=True)
    if name in _PINGS or payload.type in _PINGS:
        return Meaning(RecordKind.PING)
    if name in _ENDS or (isinstance(payload.get("end"), str) and integer(payload.get("count"))):
        return Meaning(RecordKind.DONE, frame.text, ends=True)
    if frame.silent:
        return Meaning(RecordKind.PING)
    shown = payload.value if isinstance(payload.value, str) else delta(payload.value)
    if name == "error" or (shown is None and payload.get("error")) or payload.type == "error":
        return Meaning(RecordKind.ERROR, error_text(payload) or frame.text)
    if shown is None and payload.value is not None:
        return Meaning(RecordKind.DATA, frame.text)
    return token(RecordKind.CONTENT, frame.text if shown is None else shown)


def error_text(payload: Payload) -> str:
    """Return the message of an error; "" if its place is not known."""
    error = payload.get("error")
    candidates = (
        member(error, "message"),
        error,
        payload.get("message"),
        payload.get("errorText"),
        payload.get("detail"),
        member(error, "type"),
    )
    return next((text for text in candidates if isinstance(text, str) and text), "")


def delta(data: object) -> str | None:
    """Return the bit of text in a JSON record; None if no known key holds one."""
    if isinstance(data, dict) and isinstance(choices := data.get("choices"), list) and choices:
        data = choices[0]
    for _ in range(5):  # Cohere nests deepest: delta.message.content.text
        if not isinstance(data, dict):
            return None
        inner = next((data[key] for key in _TEXT_KEYS if isinstance(data.get(key), str | dict)), None)
        if isinstance(inner, str):
            return inner
        data = inner
    return None
