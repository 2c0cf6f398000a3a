"""Decoders of the observer: body framing, compression and the service's records. Shares no code with flushcheck."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

from tests.lab.seen import Seen


class Body:
    """Takes the wire's bytes, gives the content."""

    done = ""  # how it ended, once it has

    def feed(self, data: bytes) -> bytes:
        raise NotImplementedError


class Plain(Body):
    """Content until the connection closes."""

    def feed(self, data: bytes) -> bytes:
        return data


class Counted(Body):
    """A body of known length."""

    def __init__(self, size: int) -> None:
        self._left = size
        self.done = "" if size else "length"

    def feed(self, data: bytes) -> bytes:
        content = data[: self._left]
        self._left -= len(content)
        self.done = "" if self._left else "length"
        return content


class Chunks(Body):
    """RFC 9112, section 7.1."""

    def __init__(self) -> None:
        self._pending = b""
        self._left = -1  # of the chunk under way, its CRLF included; -1: a size line comes next

    def feed(self, data: bytes) -> bytes:
        self._pending += data
        content = b""
        while self._pending and not self.done:
            if self._left < 0:
                line, found, rest = self._pending.partition(b"\r\n")
                if not found:
                    if len(line) > 1000:
                        raise ValueError("a chunk's size line without end")
                    break
                size = int(line.split(b";")[0], 16)
                self._pending = rest
                if size == 0:
                    self.done = "last-chunk"
                    break
                self._left = size + 2
            part = self._pending[: self._left]
            self._pending = self._pending[len(part) :]
            content += part[: max(0, self._left - 2)]
            self._left -= len(part)
            if self._left == 0:
                self._left = -1
        return content


class Frames(Body):
    """RFC 6455: unmasked frames from a server; text frames, each followed by a NUL to keep their bounds."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> bytes:
        self._pending += data
        content = b""
        while len(self._pending) >= 2:
            opcode, size, at = self._pending[0] & 15, self._pending[1] & 127, 2
            if size == 126:
                if len(self._pending) < 4:
                    break
                (size,), at = struct.unpack("!H", self._pending[2:4]), 4
            elif size == 127:
                if len(self._pending) < 10:
                    break
                (size,), at = struct.unpack("!Q", self._pending[2:10]), 10
            if len(self._pending) < at + size:
                break
            if opcode == 8:
                self.done = "close frame"
            elif opcode in (0, 1, 2):
                content += self._pending[at : at + size] + b"\n"
            self._pending = self._pending[at + size :]
        return content


def unpacker(encoding: str) -> Any:
    """A function that takes compressed bytes as they come and gives what can be read of them so far."""
    if encoding in ("gzip", "x-gzip"):
        return zlib.decompressobj(31).decompress
    if encoding == "deflate":
        return _Deflate().feed
    if encoding == "br":
        import brotli

        return brotli.Decompressor().process
    if encoding == "zstd":
        import zstandard

        return zstandard.ZstdDecompressor().decompressobj().decompress
    return lambda data: data


class _Deflate:
    """zlib's format or the bare one: servers send both under this name."""

    def __init__(self) -> None:
        self._unpack: Any = None

    def feed(self, data: bytes) -> bytes:
        if self._unpack is None:
            self._unpack = zlib.decompressobj(15 if data[0] & 15 == 8 else -15)
        found: bytes = self._unpack.decompress(data)
        return found


class Records:
    """Finds the service's records, one JSON object a line."""

    def __init__(self, seen: Seen, *, events: bool, messages: bool) -> None:
        self._seen = seen
        self._before = b"data: " if events and not messages else b""
        self._pending: list[bytes] = []
        self._around = 40 if events and not messages else 1  # bytes of a record beside its JSON
        self.last_bytes = 0  # of the last record that was whole

    def feed(self, text: bytes, at_s: float) -> None:
        if b"\n" not in text:
            self._pending.append(text)
            return
        *lines, rest = b"".join([*self._pending, text]).split(b"\n")
        self._pending = [rest]
        for line in lines:
            if line.startswith(self._before + b"{"):
                self.last_bytes = len(line) + self._around
                self._take(json.loads(line[len(self._before) :]), at_s)

    def _take(self, record: dict[str, Any], at_s: float) -> None:
        if "end" in record:
            self._seen.end = record
        elif "seq" in record:
            self._seen.pieces.append((at_s, int(record["seq"]), float(record["at_s"])))
