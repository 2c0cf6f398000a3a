"""JSON text sequences (RFC 7464): before each text stands RS (0x1E), after it a newline."""

from __future__ import annotations

from flushcheck.streaming.transports.records import MAX_PENDING_BYTES, Malformed
from flushcheck.watching.framing.frame import Frame, Framing
from flushcheck.watching.framing.json_value import ValueBuffer

RS = b"\x1e"


class SequenceFrames:
    """One frame per text. It ends at the newline after a whole value, else at the next RS."""

    framing = Framing.SEQUENCE

    def __init__(self) -> None:
        self._pending = b""

    @property
    def mid_frame(self) -> bool:
        return bool(self._pending.strip(b"\x1e \t\r\n"))

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes.

        Raises:
            Malformed: a text is too large.
        """
        *texts, rest = (self._pending + data).split(RS)
        # RFC 7464, section 2.4: a text that was cut does not spoil the next one.
        frames = [_frame(text) for text in texts if text.strip()]
        if rest.endswith(b"\n") and _is_whole(rest):
            frames.append(_frame(rest))
            rest = b""
        if len(rest) > MAX_PENDING_BYTES:
            raise Malformed(f"a text of more than {MAX_PENDING_BYTES} bytes")
        self._pending = rest
        return frames

    def finish(self) -> list[Frame]:
        """The last text counts without its newline."""
        rest, self._pending = self._pending, b""
        return [_frame(rest)] if rest.strip() else []


def _is_whole(text: bytes) -> bool:
    """Whether a text that ends in a newline is a whole value: newlines inside one are white space."""
    value = ValueBuffer()
    value.add(text.lstrip())
    size = value.end()
    return size > 0 and not value.data[size:].strip()


def _frame(text: bytes) -> Frame:
    text = text.strip()
    return Frame(text.decode(errors="replace"), len(text))
