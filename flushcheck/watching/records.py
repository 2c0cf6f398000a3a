"""Records out of the bytes of any stream. Its format shows in its content type, or in its first bytes."""

from __future__ import annotations

import codecs
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flushcheck.streaming.transports.events import EventParser
from flushcheck.streaming.transports.records import MAX_PENDING_BYTES, Malformed


class StreamFormat(StrEnum):
    """How records are framed."""

    EVENTS = "server-sent events"
    LINES = "JSON lines"
    PLAIN = "plain chunks"  # no known framing: every read counts as one record


# What a record of each format is called: one, several.
NOUNS = {
    StreamFormat.EVENTS: ("event", "events"),
    StreamFormat.LINES: ("line", "lines"),
    StreamFormat.PLAIN: ("read", "reads"),
}

_CONTENT_TYPES = {
    "text/event-stream": StreamFormat.EVENTS,
    "application/x-ndjson": StreamFormat.LINES,
    "application/ndjson": StreamFormat.LINES,
    "application/jsonl": StreamFormat.LINES,
    "application/x-jsonlines": StreamFormat.LINES,
    "application/json-lines": StreamFormat.LINES,
    "application/stream+json": StreamFormat.LINES,
}
_EVENT_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")

# What chat services send last, although their protocol has an end of its own.
DONE = "[DONE]"

MAX_RECORDS = 100_000  # of one stream; its reading stops there

# How much of a body is looked at to find its format.
_HEAD_BYTES = 512


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it arrived."""

    text: str  # what a person would be shown of it: the delta, where its place is known
    size_bytes: int  # of the record's payload
    done: bool = False  # it is the end marker


class RecordParser:
    """Records out of a stream whose format shows only while it runs. Fed bytes cut anywhere."""

    def __init__(self, content_type: str) -> None:
        """Begin.

        Args:
            content_type: of the response, with its parameters; "" if it has none.
        """
        self.format: StreamFormat | None = _CONTENT_TYPES.get(content_type.partition(";")[0].strip().lower())
        self._head = b""
        self._events = EventParser()
        self._pending = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes) -> list[Record]:
        """Take the next bytes and return the records they completed.

        A record that grows past the limit is of no known format: from there on the stream is plain.
        """
        if self.format is None:
            self._head += data
            self.format = _sniff(self._head)
            if self.format is None:
                return []
            data, self._head = self._head, b""
        try:
            return self._parse(self.format, data)
        except Malformed:
            self.format, self._pending = StreamFormat.PLAIN, b""
            return self._parse(StreamFormat.PLAIN, data)

    @property
    def mid_record(self) -> bool:
        """Whether the bytes so far end in the middle of a record."""
        return self._events.incomplete if self.format is StreamFormat.EVENTS else bool(self._pending)

    def finish(self) -> list[Record]:
        """Return what is left at the end: a line without its line end, or bytes of no known format."""
        if self.format is None and self._head:
            self.format = StreamFormat.PLAIN
            return self._parse(StreamFormat.PLAIN, self._head)
        if self.format is StreamFormat.LINES and self._pending.strip():
            last, self._pending = self._pending, b""
            return [_line(last)]
        return []

    def _parse(self, stream_format: StreamFormat, data: bytes) -> list[Record]:
        """Take bytes of a known format.

        Raises:
            Malformed: a record grew past the limit.
        """
        if stream_format is StreamFormat.EVENTS:
            return [_record(event.data) for event in self._events.feed(data)]
        if stream_format is StreamFormat.PLAIN:
            text = self._decoder.decode(data)
            return [Record(text, len(data))] if data else []
        # Only LF ends a line of JSON: str.splitlines() would also cut at U+2028 inside a text.
        *lines, self._pending = (self._pending + data).split(b"\n")
        if len(self._pending) > MAX_PENDING_BYTES:
            raise Malformed(f"a line of more than {MAX_PENDING_BYTES} bytes")
        return [_line(line) for line in lines if line.strip()]


def _sniff(head: bytes) -> StreamFormat | None:
    """Return the format by the first bytes; None while they could be of any."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(_EVENT_FIELDS):
        return StreamFormat.EVENTS
    if any(field.startswith(text) for field in _EVENT_FIELDS) and len(head) < _HEAD_BYTES:
        return None  # "dat", or nothing but white space yet
    if not text.startswith((b"{", b"[")):
        return StreamFormat.PLAIN
    line, end, _ = text.partition(b"\n")
    if not end and len(head) < _HEAD_BYTES:
        return None
    # A line that is JSON by itself; pretty JSON is not, nor is one document that only begins so.
    return StreamFormat.LINES if end and _loads(line) is not None else StreamFormat.PLAIN


def _line(line: bytes) -> Record:
    return _record(line.decode(errors="replace").strip())


def _record(data: str) -> Record:
    size_bytes = len(data.encode(errors="replace"))
    if data.strip() == DONE:
        return Record(DONE, size_bytes, done=True)
    parsed = _loads(data) if data.lstrip().startswith(("{", "[")) else None
    shown = delta(parsed)
    return Record(data if shown is None else shown, size_bytes)


def _loads(text: str | bytes) -> Any:
    """Return parsed JSON; None where the text is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def delta(data: object) -> str | None:
    """Return the bit of text in a JSON record, as chat services send it; None if no known key holds one."""
    # OpenAI: choices[0].delta.content; Anthropic: delta.text; Ollama: response, message.content;
    # OpenAI's responses and flushcheck: delta.
    if isinstance(data, dict) and isinstance(choices := data.get("choices"), list) and choices:
        data = choices[0]
    for _ in range(3):  # no service nests it deeper
        if not isinstance(data, dict):
            return None
        inner = next((data[key] for key in _TEXT_KEYS if isinstance(data.get(key), str | dict)), None)
        if isinstance(inner, str):
            return inner
        data = inner
    return None


_TEXT_KEYS = ("delta", "message", "content", "text", "response", "token")
