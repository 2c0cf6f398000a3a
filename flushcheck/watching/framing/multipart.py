"""Multipart bodies (RFC 2046, section 5.1): the frames of cameras, and of `multipart/mixed` as GraphQL sends
it.

The first line that begins with two dashes is the delimiter. It is read from the body and not from the
content type, where cameras write it with dashes, without them, or in quotes. A part with a Content-Length
is complete with its last byte; any other one only when the next delimiter has come. Parts may be large
pictures: of each, only the beginning is kept.
"""

from __future__ import annotations

from enum import Enum, auto

from flushcheck.streaming.transports.records import MAX_PENDING_BYTES, Malformed
from flushcheck.watching.framing.frame import Frame, Framing

MAX_KEPT_BYTES = 64 * 1024  # of a part: its beginning, for those that are text


class _State(Enum):
    DELIMITER = auto()  # before one
    HEADERS = auto()
    BODY = auto()
    ENDED = auto()


class PartFrames:
    """One frame per part; its name is the part's content type."""

    framing = Framing.PARTS

    def __init__(self) -> None:
        self._pending = bytearray()
        self._state = _State.DELIMITER
        self._delimiter = b""  # with its two dashes; b"" until the first one
        self._start_part({})

    @property
    def mid_frame(self) -> bool:
        return self._state is _State.HEADERS or (self._state is _State.BODY and self._size < self._length)

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes.

        Raises:
            Malformed: a line before the first delimiter, or a part's header, is too large.
        """
        self._pending += data
        frames: list[Frame] = []
        steps = {
            _State.DELIMITER: self._read_delimiter,
            _State.HEADERS: self._read_headers,
            _State.BODY: self._read_body,
            _State.ENDED: self._read_epilogue,
        }
        while steps[self._state](frames):
            pass
        if len(self._pending) > MAX_PENDING_BYTES:
            raise Malformed(f"a part's header of more than {MAX_PENDING_BYTES} bytes")
        return frames

    def finish(self) -> list[Frame]:
        """The last part counts without a delimiter behind it, unless its length says that it was cut."""
        if self._state is not _State.BODY or self._length >= 0:
            return []
        self._keep(self._take(len(self._pending)))
        self._state = _State.ENDED
        return [self._frame()]

    # Each step returns whether there may be another one.

    def _read_delimiter(self, frames: list[Frame]) -> bool:
        if self._delimiter and self._pending.startswith(self._delimiter + b"--"):
            frames.append(Frame("", 0, last=True))
            self._state = _State.ENDED
            return True
        if (size := self._pending.find(b"\n") + 1) == 0:
            return False
        line = self._take(size).rstrip()
        if not self._delimiter and line.startswith(b"--"):
            self._delimiter = line
        if self._delimiter and line == self._delimiter:
            self._state = _State.HEADERS
        return True

    def _read_headers(self, frames: list[Frame]) -> bool:
        if (size := self._pending.find(b"\n") + 1) == 0:
            return False
        line = self._take(size)
        name, _, value = line.decode("latin-1").partition(":")
        if line.strip():
            if len(self._headers) < 100:
                self._headers[name.strip().lower()] = value.strip()
            return True
        self._start_part(self._headers)
        self._state = _State.BODY
        return True

    def _read_body(self, frames: list[Frame]) -> bool:
        if self._length >= 0:
            self._keep(self._take(self._length - self._size))
            if self._size < self._length:
                return False
            frames.append(self._frame())
            self._state = _State.DELIMITER
            return True
        at = self._pending.find(b"\n" + self._delimiter)
        if at < 0:
            # What may be the beginning of a delimiter stays.
            spare = len(self._pending) - len(self._delimiter) - 2
            if spare > 0:
                self._keep(self._take(spare))
            return False
        self._keep(self._take(at + 1)[:-1].removesuffix(b"\r"))
        frames.append(self._frame())
        self._state = _State.DELIMITER
        return True

    def _read_epilogue(self, frames: list[Frame]) -> bool:
        self._pending.clear()
        return False

    def _take(self, size: int) -> bytes:
        """Take so many bytes off the beginning, fewer if there are not so many."""
        taken = bytes(self._pending[:size])
        del self._pending[:size]
        return taken

    def _start_part(self, headers: dict[str, str]) -> None:
        self._type = headers.get("content-type", "text/plain").partition(";")[0].strip().lower()
        length = headers.get("content-length", "")
        self._length = int(length[:18]) if length.isascii() and length.isdecimal() else -1
        self._size, self._kept = 0, b""
        self._headers: dict[str, str] = {}

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        self._kept += part[: MAX_KEPT_BYTES - len(self._kept)]

    def _frame(self) -> Frame:
        is_text = self._type.startswith("text/") or "json" in self._type
        text = self._kept.decode(errors="replace").strip() if is_text else ""
        return Frame(text or f"{self._type}, {self._size} bytes", self._size, self._type)
