"""Where a JSON value ends (RFC 8259), in bytes that arrive cut anywhere. Its content is not validated.

Brackets count outside strings only. Each byte is looked at once, however the value is cut.
"""

from __future__ import annotations

import re

from flushcheck.streaming.transports.records import MAX_PENDING_BYTES, Malformed

WHITE_SPACE = b" \t\r\n"
OPENS = b'{["'  # what begins a value that says itself where it ends; a number does not

_IN_STRING = re.compile(rb'\\[\s\S]|"')
_OUTSIDE = re.compile(rb'["{}\[\]]')
_AFTER_SCALAR = re.compile(rb"[\s,\]\x1e]")


class ValueBuffer:
    """The bytes from the beginning of a value on."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._seen = 0  # bytes that were looked at
        self._depth = 0  # brackets that are open there
        self._in_string = False

    def add(self, data: bytes) -> None:
        """Append bytes. Those before the value are taken off first, by `skip`."""
        self.data += data

    def check(self) -> None:
        """Refuse a value that grew past the limit.

        Raises:
            Malformed: it did.
        """
        if len(self.data) > MAX_PENDING_BYTES:
            raise Malformed(f"a value of more than {MAX_PENDING_BYTES} bytes")

    def skip(self, also: bytes = b"") -> bytes:
        """Take white space off the beginning, and these bytes besides; return what was taken."""
        size = 0
        while size < len(self.data) and self.data[size] in WHITE_SPACE + also:
            size += 1
        return self.take(size)

    def take(self, size: int) -> bytes:
        """Take so many bytes off the beginning."""
        taken = bytes(self.data[:size])
        if size:
            del self.data[:size]
            self._seen, self._depth, self._in_string = 0, 0, False
        return taken

    def end(self) -> int:
        """Return the size of the value that begins the buffer; 0 while it is incomplete."""
        if not self.data:
            return 0
        if self.data[0] not in OPENS:
            match = _AFTER_SCALAR.search(self.data, self._seen)
            self._seen = len(self.data)
            return match.start() if match else 0
        while match := (_IN_STRING if self._in_string else _OUTSIDE).search(self.data, self._seen):
            self._seen = match.end()
            if self._in_string:
                self._in_string = match[0] != b'"'
            elif match[0] == b'"':
                self._in_string = True
            else:
                self._depth += 1 if match[0] in b"{[" else -1
            if not self._in_string and self._depth <= 0:
                return self._seen
        # A backslash at the very end waits for the character that it escapes.
        waits = self._in_string and self.data.endswith(b"\\") and self._seen < len(self.data)
        self._seen = len(self.data) - waits
        return 0
