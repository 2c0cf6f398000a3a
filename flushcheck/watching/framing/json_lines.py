"""JSON lines, and JSON values that follow each other without newlines.

The first value is given out with its last byte, since a newline may or may not follow. If one
does, each line is a record from there on, whether it is JSON or not: then a broken line costs one record,
not the rest of the stream. If another value follows instead, brackets count and newlines do not.
"""

from __future__ import annotations

from flushcheck.watching.framing.frame import Frame, Framing
from flushcheck.watching.framing.json_value import OPENS, ValueBuffer


class LineFrames:
    """One frame per line that is not empty, or per value."""

    def __init__(self) -> None:
        self._buffer = ValueBuffer()
        self._started = False  # the first value was given out
        self._framing = Framing.LINES
        self._settled = False

    @property
    def framing(self) -> Framing:
        return self._framing

    @property
    def mid_frame(self) -> bool:
        return bool(self._buffer.data.strip())

    def feed(self, data: bytes) -> list[Frame]:
        self._buffer.add(data)
        frames = []
        while (size := self._next()) > 0:
            frames.append(_frame(self._buffer.take(size)))
            self._started = True
        self._buffer.check()
        return frames

    def finish(self) -> list[Frame]:
        """The last line counts without its newline."""
        rest = self._buffer.take(len(self._buffer.data))
        return [_frame(rest)] if rest.strip() else []

    def _next(self) -> int:
        """Return the size of the next complete line or value; 0 for none."""
        # Commas between values are seen too; a byte order mark may stand before the first.
        skipped = self._buffer.skip(b"" if self._settled_as(Framing.LINES) else b",\xef\xbb\xbf")
        if self._started and not self._settled and (b"\n" in skipped or self._buffer.data):
            self._settle(Framing.VALUES if b"\n" not in skipped or b"," in skipped else Framing.LINES)
        is_value = bool(self._buffer.data) and self._buffer.data[0] in OPENS
        if is_value and not self._settled_as(Framing.LINES):
            return self._buffer.end()
        # Only LF ends a line of JSON: str.splitlines() would also cut at U+2028 inside a text.
        size = self._buffer.data.find(b"\n") + 1
        if size and not self._settled:
            self._settle(Framing.LINES)
        return size

    def _settle(self, framing: Framing) -> None:
        self._framing, self._settled = framing, True

    def _settled_as(self, framing: Framing) -> bool:
        return self._settled and self._framing is framing


def _frame(line: bytes) -> Frame:
    text = line.decode(errors="replace").strip()
    return Frame(text, len(text.encode(errors="replace")))
