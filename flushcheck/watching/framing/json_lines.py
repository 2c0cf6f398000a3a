"""JSON lines, and JSON values that follow each other without newlines.

The first value is given out with its last byte, since a newline may or may not follow. If one
does, each line is a record from there on, whether it is JSON or not: then a broken line costs one record,
not the rest of the stream. If another value follows instead, brackets count and newlines do not.
"""

from __future__ import annotations

from flushcheck.watching.framing.frame import Frame, StreamFormat
from flushcheck.watching.framing.json_value import OPENS, ValueBuffer


class LineFrames:
    """One frame per line that is not empty, or per value."""

    def __init__(self) -> None:
        self._buffer = ValueBuffer()
        self._started = False  # the first value was given out
        self._format = StreamFormat.LINES
        self._settled = False

    @property
    def format(self) -> StreamFormat:
        return self._format

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
        skipped = self._buffer.skip(b"" if self._settled_as(StreamFormat.LINES) else b",\xef\xbb\xbf")
        if self._started and not self._settled and (b"\n" in skipped or self._buffer.data):
            self._settle(
                StreamFormat.VALUES if b"\n" not in skipped or b"," in skipped else StreamFormat.LINES
            )
        is_value = bool(self._buffer.data) and self._buffer.data[0] in OPENS
        if is_value and not self._settled_as(StreamFormat.LINES):
            return self._buffer.end()
        # Only LF ends a line of JSON: str.splitlines() would also cut at U+2028 inside a text.
        size = self._buffer.data.find(b"\n") + 1
        if size and not self._settled:
            self._settle(StreamFormat.LINES)
        return size

    def _settle(self, stream_format: StreamFormat) -> None:
        self._format, self._settled = stream_format, True

    def _settled_as(self, stream_format: StreamFormat) -> bool:
        return self._settled and self._format is stream_format


def _frame(line: bytes) -> Frame:
    text = line.decode(errors="replace").strip()
    return Frame(text, len(text.encode(errors="replace")))
