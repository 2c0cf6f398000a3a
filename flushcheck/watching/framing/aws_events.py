"""Amazon's event stream encoding (`application/vnd.amazon.eventstream`): binary messages.

A message is its length, the length of its headers, a checksum of both, the headers, the payload, and a
checksum of all of it; numbers are big-endian, checksums CRC-32. Source: the developer guide of Amazon Lex V2,
"Event stream encoding".
"""

from __future__ import annotations

import zlib

from flushcheck.streaming.transports.records import MAX_PENDING_BYTES, Malformed
from flushcheck.watching.framing.frame import Frame, Framing

PRELUDE_BYTES = 12  # both lengths and their checksum
_OVERHEAD_BYTES = PRELUDE_BYTES + 4

# The values of a header by their type: how long they are, where that is fixed.
_FIXED_BYTES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_WITH_LENGTH = (6, 7)  # bytes, text: a length of two bytes first

# Headers that name a message, by its kind: an event, an exception, an error.
_NAMES = (":event-type", ":exception-type", ":error-code")


def is_prelude(data: bytes) -> bool:
    """Whether a message begins so; the checksum leaves no doubt."""
    return len(data) >= PRELUDE_BYTES and zlib.crc32(data[:8]) == _number(data[8:PRELUDE_BYTES])


class AwsFrames:
    """One frame per message. Its name is the event's, or the exception's."""

    framing = Framing.AWS

    def __init__(self) -> None:
        self._pending = b""

    @property
    def mid_frame(self) -> bool:
        return bool(self._pending)

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes.

        Raises:
            Malformed: a checksum or a length is wrong, or a message is too large.
        """
        self._pending += data
        frames = []
        while len(self._pending) >= PRELUDE_BYTES:
            size_bytes = _number(self._pending[:4])
            if not is_prelude(self._pending) or not _OVERHEAD_BYTES <= size_bytes <= MAX_PENDING_BYTES:
                raise Malformed("something else than a message of an event stream")
            if len(self._pending) < size_bytes:
                break
            message, self._pending = self._pending[:size_bytes], self._pending[size_bytes:]
            frames.append(_frame(message))
        return frames

    def finish(self) -> list[Frame]:
        """A message that was cut is no record: its checksum is missing."""
        return []


def _frame(message: bytes) -> Frame:
    """Return a message as a frame.

    Raises:
        Malformed: its headers are longer than itself, or its checksum is wrong.
    """
    payload_at = PRELUDE_BYTES + _number(message[4:8])
    if payload_at > len(message) - 4 or zlib.crc32(message[:-4]) != _number(message[-4:]):
        raise Malformed("a damaged message of an event stream")
    headers = _headers(message[PRELUDE_BYTES:payload_at])
    payload = message[payload_at:-4]
    name = next((headers[name] for name in _NAMES if headers.get(name)), "")
    return Frame(payload.decode(errors="replace"), len(payload), name)


def _headers(data: bytes) -> dict[str, str]:
    """Return the headers whose values are text; what comes behind an unknown type cannot be read."""
    headers: dict[str, str] = {}
    while len(data) >= 2:
        kind_at = 1 + data[0]
        name, kind, data = data[1:kind_at], data[kind_at : kind_at + 1], data[kind_at + 1 :]
        if not kind:
            break
        if kind[0] in _WITH_LENGTH:
            length = _number(data[:2])
            value, data = data[2 : 2 + length], data[2 + length :]
            if kind[0] == _WITH_LENGTH[1]:
                headers[name.decode(errors="replace")] = value.decode(errors="replace")
        elif kind[0] in _FIXED_BYTES:
            data = data[_FIXED_BYTES[kind[0]] :]
        else:
            break
    return headers


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")
