"""The framing of a stream by its first bytes. A content type helps, and is not believed where the bytes
differ.

The choice must not depend on how the bytes are cut, and must come early: a record counts as arrived when it
is given out. Only the reads of a stream without framing are dated back, since each of them is a record.
"""

from __future__ import annotations

import re

from flushcheck.watching.framing.aws_events import PRELUDE_BYTES, is_prelude
from flushcheck.watching.framing.frame import Framing
from flushcheck.watching.framing.json_value import ValueBuffer

_CONTENT_TYPES = {
    "text/event-stream": Framing.EVENTS,
    "application/x-ndjson": Framing.LINES,
    "application/ndjson": Framing.LINES,
    "application/jsonl": Framing.LINES,
    "application/x-jsonlines": Framing.LINES,
    "application/json-lines": Framing.LINES,
    "application/stream+json": Framing.LINES,
}

_EVENT_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")

# The lines of Vercel's data stream: a letter or digit, a colon, JSON.
_CODED_LINE = re.compile(rb'[0-9a-k]:["\[{]')
_CODED_LINE_BEGINS = re.compile(rb"[0-9a-k]:?")

# After the bracket of an array that is JSON: a log line such as "[2026-11-27] started" is none.
_ELEMENT = re.compile(rb'\[\s*(["\[{\]]|(-?[0-9.eE+-]+|true|false|null)\s*[,\]])')
_ELEMENT_BEGINS = re.compile(rb"\[\s*([0-9.eE+-]*|[truefalsn]{0,5})\s*")

# How much of a body is looked at to find its format.
HEAD_BYTES = 8192


def promises_lines(content_type: str) -> bool:
    """Whether the response says itself that it consists of lines of JSON."""
    return _CONTENT_TYPES.get(_media_type(content_type)) is Framing.LINES


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def sniff(head: bytes, content_type: str, *, ended: bool = False) -> Framing | None:
    """Return the framing; None while it could be several.

    Args:
        head: the first bytes, as many as there are by now.
        content_type: of the response, with its parameters; "" if it has none.
        ended: no more bytes follow.
    """
    media_type = _media_type(content_type)
    text = head[:HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()
    found = _by_bytes(text)
    if media_type.startswith("multipart/") and (found is Framing.PLAIN or text.startswith(b"-")):
        return Framing.PARTS
    if found is None and not ended and len(head) < HEAD_BYTES:
        return None
    if found in (None, Framing.PLAIN):
        # A line that is not JSON is still a line where the content type promises lines.
        return _CONTENT_TYPES.get(media_type, Framing.PLAIN)
    if found is Framing.ARRAY and _CONTENT_TYPES.get(media_type) is Framing.LINES:
        return Framing.LINES
    return found


def _by_bytes(text: bytes) -> Framing | None:
    """Return the framing that the bytes show, PLAIN for none; None while they could be of several."""
    if text.startswith(b"\x1e"):
        return Framing.SEQUENCE
    if text.startswith(b"\0"):  # a length below 16 MiB
        if len(text) < PRELUDE_BYTES:
            return None
        return Framing.AWS if is_prelude(text) else Framing.PLAIN
    if text.startswith(_EVENT_FIELDS):
        return Framing.EVENTS
    if any(field.startswith(text) for field in _EVENT_FIELDS):
        return None  # "dat", or nothing but white space yet
    if text.startswith(b"["):
        if _ELEMENT.match(text):
            return Framing.ARRAY
        return None if _ELEMENT_BEGINS.fullmatch(text) else Framing.PLAIN
    if text.startswith(b"{"):
        return _object(text)
    if _CODED_LINE.match(text):
        return Framing.LINES
    return None if _CODED_LINE_BEGINS.fullmatch(text) or text == b"-" else _part_or_plain(text)


def _object(text: bytes) -> Framing | None:
    """Return LINES once the first object is whole on one line; pretty JSON is one document, not lines."""
    value = ValueBuffer()
    value.add(text)
    size = value.end()
    if b"\n" in text[: size or None]:
        return Framing.PLAIN
    return Framing.LINES if size else None


def _part_or_plain(text: bytes) -> Framing | None:
    """Return PARTS for a delimiter with a header behind it."""
    if not text.startswith(b"--"):
        return Framing.PLAIN
    _, newline, rest = text.partition(b"\n")
    if not newline or b":" not in rest:
        return None if len(text) < 200 else Framing.PLAIN
    return Framing.PARTS if rest.lower().startswith(b"content-") else Framing.PLAIN
