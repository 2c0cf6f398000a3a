"""The frames of an HTTP/2 connection as they lie on the wire, before the h2 library gets them.

h2 turns bytes into events. Three things are decided here, because it does not:

- A peer whose first bytes are no SETTINGS frame does not speak HTTP/2 (RFC 9113, section 3.4): it is told by
  what it sent, and not by what a parser of frames makes of that.
- Frames that cost work and bring nothing (SETTINGS, PING, empty DATA, header blocks; CVE-2019-9512, 9515 and
  9518) are counted, and there is a limit. h2 itself limits CONTINUATION and the size of a header list.
- After GOAWAY, responses under way go on (section 6.8). h2 takes every frame behind it for an error, so it
  never sees one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from h2.errors import ErrorCodes

from flushcheck.prober.http_client import ProtocolError
from flushcheck.prober.messages import printable

# RFC 9113, section 4.1: length (3 bytes), type, flags, stream (4 bytes).
HEADER_BYTES = 9
MAX_PAYLOAD_BYTES = 16 * 1024  # SETTINGS_MAX_FRAME_SIZE, which is not raised

DATA, GOAWAY = 0, 7

# A page of streams makes a few hundred. A peer that pings once a second for an hour makes 3,600.
MAX_FRAMES_WITHOUT_DATA = 10_000


class Frame(NamedTuple):
    """One frame."""

    kind: int
    stream: int
    data: bytes  # all of it, its header included

    @property
    def payload(self) -> bytes:
        """What follows the header."""
        return self.data[HEADER_BYTES:]


class Goaway(NamedTuple):
    """The peer ends the connection (RFC 9113, section 6.8)."""

    code: int
    last_stream: int  # requests with a higher number were not processed
    debug: str

    @property
    def sentence(self) -> str:
        """For example: the server ended the connection with GOAWAY: ENHANCE_YOUR_CALM."""
        debug = f" ({self.debug})" if self.debug else ""
        return f"the server ended the connection with GOAWAY: {error_name(self.code)}{debug}"


class FrameSplitter:
    """Cuts what a peer sends into frames, wherever the reads were cut."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._without_data = 0
        self._began = False

    @property
    def mid_frame(self) -> bool:
        """Whether a frame has begun that is not complete."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take the next bytes, and yield the frames that are complete.

        Raises:
            ProtocolError: these are no frames, or too many that bring nothing.
        """
        self._buffer += data
        if not self._began:
            self._check_beginning()
        while len(self._buffer) >= HEADER_BYTES:
            length = int.from_bytes(self._buffer[:3], "big")
            if length > MAX_PAYLOAD_BYTES:
                raise ProtocolError(f"an HTTP/2 frame of {length} bytes: at most {MAX_PAYLOAD_BYTES} allowed")
            if len(self._buffer) < HEADER_BYTES + length:
                return
            self._began = True
            whole = bytes(self._buffer[: HEADER_BYTES + length])
            del self._buffer[: HEADER_BYTES + length]
            frame = Frame(whole[3], int.from_bytes(whole[5:9], "big") & 0x7FFF_FFFF, whole)
            self._count(frame)
            yield frame

    def _check_beginning(self) -> None:
        """Check that a peer begins with SETTINGS, as soon as its bytes show it.

        Raises:
            ProtocolError: it does not.
        """
        kind_flags_stream = bytes(self._buffer[3:HEADER_BYTES])
        if not b"\x04\0\0\0\0\0".startswith(kind_flags_stream):
            sent = printable(bytes(self._buffer[:1024]))
            raise ProtocolError(f"HTTP/2 was agreed on, but the server sent {sent!r}")

    def _count(self, frame: Frame) -> None:
        if frame.kind == DATA and len(frame.data) > HEADER_BYTES:
            return
        self._without_data += 1
        if self._without_data > MAX_FRAMES_WITHOUT_DATA:
            raise ProtocolError(f"more than {MAX_FRAMES_WITHOUT_DATA} HTTP/2 frames without data")


def parse_goaway(payload: bytes) -> Goaway:
    """Read the payload of a GOAWAY frame.

    Raises:
        ProtocolError: it is too short.
    """
    if len(payload) < 8:
        raise ProtocolError("a GOAWAY frame of less than 8 bytes")
    last = int.from_bytes(payload[:4], "big") & 0x7FFF_FFFF
    return Goaway(int.from_bytes(payload[4:8], "big"), last, printable(payload[8:]))


def error_name(code: int) -> str:
    """Return the name of an error code (RFC 9113, section 7), for example INTERNAL_ERROR."""
    try:
        return ErrorCodes(code).name
    except ValueError:
        return f"error {code}"
