"""Server-sent events. Source: WHATWG HTML, section 9.2, "Server-sent events"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flushcheck.model import EndRecord, Framing, Piece
from flushcheck.streaming.params import END_NONE
from flushcheck.streaming.transports.records import (
    MAX_PENDING_BYTES,
    Decoder,
    Malformed,
    dump_end,
    is_literal_end,
    load,
    piece_text,
)

# "Lines are separated by either a CRLF pair, a single LF, or a single CR." Nothing else ends one:
# str.splitlines() also cuts at U+2028, U+0085 and VT.
_LINE_END = re.compile("\r\n|\r|\n")
_LINE_END_BYTES = re.compile(b"\r\n|\r|\n")

DELTA_EVENT = "delta"
HEARTBEAT = b": still here\n\n"


def comment(text: str) -> bytes:
    """A line of text that clients ignore."""
    return f": {text}\n\n".encode()


def retry(delay_s: float) -> bytes:
    """The field that sets how long a client waits before it reconnects."""
    return f"retry: {round(delay_s * 1000)}\n\n".encode()


class Events:
    """One event per piece. Its id is the number of the piece, so `Last-Event-ID` tells where to resume."""

    content_type = "text/event-stream"

    def __init__(self, framing: Framing, end: str) -> None:
        self._framing = framing
        self._end = end

    def preamble(self, pad_bytes: int) -> bytes:
        """A comment of spaces, which clients ignore."""
        return b":" + b" " * pad_bytes + b"\n\n" if pad_bytes else b""

    def piece(self, piece: Piece) -> bytes:
        event = "" if self._framing is Framing.PLAIN else f"event: {DELTA_EVENT}\n"
        text = piece_text(self._framing, piece)
        return f"id: {piece.seq}\n{event}{_data(text)}\n".encode()

    def end(self, end: EndRecord) -> bytes:
        if self._end == END_NONE:
            return b""
        if is_literal_end(self._end):
            return _frame(self._end)
        # An event without data is never dispatched, so a named end always carries some.
        text = dump_end(self._end, end) if self._framing is Framing.DELTA else str(end.count)
        return f"event: {self._end}\n{_data(text)}\n".encode()

    @staticmethod
    def decoder() -> Decoder:
        return EventDecoder()


def _data(text: str) -> str:
    # A parser removes one space after the colon, so a text that starts with a space keeps it.
    return "".join(f"data: {line}\n" for line in _LINE_END.split(text))


def _frame(text: str) -> bytes:
    return f"{_data(text)}\n".encode()


@dataclass(frozen=True, slots=True)
class Event:
    """One dispatched event."""

    name: str  # "message" if the stream named none
    data: str
    silent: bool = False  # it has a name and no data: by the specification it is not dispatched


class EventParser:
    """The event stream interpretation of the specification, for bytes cut anywhere."""

    def __init__(self, *, keep_silent: bool = False) -> None:
        """Begin.

        Args:
            keep_silent: return events without data too.
        """
        self._keep_silent = keep_silent
        self._pending = b""
        self._first = True
        self._after_cr = False  # the last line ended in CR: an LF that follows belongs to it
        self._name = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes; return the events that they complete.

        Raises:
            Malformed: a line or an event is too large.
        """
        pending = self._pending + data
        if self._first:
            # "one leading U+FEFF BYTE ORDER MARK character must be ignored if any are present"
            if b"\xef\xbb\xbf".startswith(pending[:3]) and len(pending) < 3:
                self._pending = pending
                return []
            pending = pending.removeprefix(b"\xef\xbb\xbf")
            self._first = False
        # A CR ends its line at once, as in browsers: half a CRLF pair does not wait for its other half.
        if self._after_cr and pending:
            pending = pending.removeprefix(b"\n")
            self._after_cr = False
        if pending:
            self._after_cr = pending.endswith(b"\r")
        *lines, rest = _LINE_END_BYTES.split(pending)
        self._pending = rest
        if len(self._pending) > MAX_PENDING_BYTES:
            raise Malformed(f"a line of more than {MAX_PENDING_BYTES} bytes")
        return [event for line in lines for event in self._line(line.decode(errors="replace"))]

    @property
    def incomplete(self) -> bool:
        """Whether the bytes so far end inside an event."""
        return bool(self._pending or self._data)

    def _line(self, line: str) -> list[Event]:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._size += len(value) + 1
            if self._size > MAX_PENDING_BYTES:
                raise Malformed(f"an event of more than {MAX_PENDING_BYTES} bytes")
            self._data.append(value)
        elif name == "event":
            self._name = value
        # `id` and `retry` concern a client that reconnects; no reader of this parser does.
        return []

    def _dispatch(self) -> list[Event]:
        data, name = self._data, self._name
        self._data, self._name, self._size = [], "", 0
        if not data:
            return [Event(name, "", silent=True)] if name and self._keep_silent else []
        return [Event(name or "message", "\n".join(data))]


class EventDecoder:
    """The records in an event stream: the delta events and the named end."""

    def __init__(self) -> None:
        self._parser = EventParser()

    def feed(self, data: bytes) -> list[Piece | EndRecord]:
        return [load(event.data) for event in self._parser.feed(data) if not is_literal_end(event.data)]
