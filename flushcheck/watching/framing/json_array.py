"""One JSON array whose elements are the records: Gemini without `alt=sse`, and many services of their own."""

from __future__ import annotations

from flushcheck.streaming.transports.records import Malformed
from flushcheck.watching.framing.frame import Frame, Framing
from flushcheck.watching.framing.json_value import ValueBuffer


class ArrayFrames:
    """One frame per element, given out with the element's last byte. A further array may follow."""

    framing = Framing.ARRAY

    def __init__(self) -> None:
        self._buffer = ValueBuffer()
        self._open = False

    @property
    def mid_frame(self) -> bool:
        return bool(self._buffer.data.strip(b" \t\r\n,"))

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes.

        Raises:
            Malformed: something other than an array follows, or an element is too large.
        """
        self._buffer.add(data)
        frames = []
        while self._open or self._opens():
            self._buffer.skip(b",")
            if self._buffer.data[:1] == b"]":
                self._buffer.take(1)
                self._open = False
                frames.append(Frame("", 0, last=True))
            elif size := self._buffer.end():
                frames.append(_frame(self._buffer.take(size)))
            else:
                break
        self._buffer.check()
        return frames

    def finish(self) -> list[Frame]:
        """An element that was cut is no record: no parser accepts it without its end."""
        return []

    def _opens(self) -> bool:
        """Whether an array begins here; its bracket is taken off.

        Raises:
            Malformed: something else begins.
        """
        self._buffer.skip(b"\xef\xbb\xbf")
        if not self._buffer.data:
            return False
        if self._buffer.take(1) != b"[":
            raise Malformed("something follows the array")
        self._open = True
        return True


def _frame(element: bytes) -> Frame:
    return Frame(element.decode(errors="replace"), len(element))
