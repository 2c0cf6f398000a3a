"""GOAWAY on the peer's control stream of HTTP/3, which aioquic reads and does not report.

Source: RFC 9114, sections 5.2, 6.2.1 and 7.2.6.
"""

from __future__ import annotations

from collections.abc import Iterator

from aioquic.h3.connection import FrameType

from flushcheck.prober.http_client import ProtocolError


class ControlStream:
    """Finds GOAWAY on the peer's control stream. Other frames are passed over."""

    _CONTROL = 0  # the type of the stream, which is its first byte (RFC 9114, section 6.2.1)

    def __init__(self) -> None:
        self._types: dict[int, int] = {}  # of the peer's unidirectional streams
        self._buffer = b""
        self._skipped_bytes = 0  # of the frame that is passed over: what is still to come

    def feed(self, stream: int, data: bytes) -> Iterator[int]:
        """Take what a stream brought; yield the first stream of each GOAWAY that was not processed.

        Raises:
            ProtocolError: a GOAWAY is damaged.
        """
        if stream % 4 != 3 or not data:  # RFC 9000, section 2.1: not the server's, or not unidirectional
            return
        if stream not in self._types:
            self._types[stream], data = data[0], data[1:]
        if self._types[stream] != self._CONTROL:
            return
        self._buffer += data
        while self._buffer:
            passed = min(self._skipped_bytes, len(self._buffer))
            self._buffer, self._skipped_bytes = self._buffer[passed:], self._skipped_bytes - passed
            try:
                kind, at = _read_number(self._buffer, 0)
                size_bytes, at = _read_number(self._buffer, at)
            except _Incomplete:
                return
            if kind != FrameType.GOAWAY:
                self._skipped_bytes, self._buffer = size_bytes, self._buffer[at:]
                continue
            if not 1 <= size_bytes <= 8:
                raise ProtocolError(f"a GOAWAY frame of {size_bytes} bytes")
            if len(self._buffer) < at + size_bytes:
                return
            payload, self._buffer = self._buffer[at : at + size_bytes], self._buffer[at + size_bytes :]
            try:
                yield _read_number(payload, 0)[0]
            except _Incomplete:
                raise ProtocolError("a GOAWAY frame with half a number") from None


class _Incomplete(Exception):
    """More bytes are to come."""


def _read_number(data: bytes, at: int) -> tuple[int, int]:
    """Read an integer of QUIC (RFC 9000, section 16); returns it, and the place behind it.

    Raises:
        _Incomplete: its end is not there.
    """
    size_bytes = 1 << (data[at] >> 6) if at < len(data) else 1
    if at + size_bytes > len(data):
        raise _Incomplete
    value = int.from_bytes(data[at : at + size_bytes], "big") & ((1 << (8 * size_bytes - 2)) - 1)
    return value, at + size_bytes
