"""Decompressing a body while it arrives, up to a limit.

A compressor that flushes after each write lets each write be decompressed at once; one that does not is
what a diagnosis looks for. So everything that the bytes so far yield is returned at once, and nothing waits
for a later read. A few kilobytes can decompress to gigabytes, so the output is limited while it is made,
not after.

Sources: RFC 9110, section 8.4.1 (gzip, deflate), RFC 7932 (br), RFC 8878 (zstd).
"""

from __future__ import annotations

import zlib
from typing import Protocol

import brotli
import zstandard

# Everything that one observation may decompress to.
MAX_TEXT_BYTES = 8 * 1024 * 1024

# RFC 8878, section 3.1.1.1.2: "decoders should support window sizes up to 8 MB".
_ZSTD_WINDOW = 8 * 1024 * 1024

# zstandard decompresses all it is given at once. A block of a repeated byte takes 4 bytes and yields
# 128 KiB (RFC 8878, section 3.1.1.2), so this much input yields at most 8 MiB before it is counted.
_ZSTD_SLICE = 256


class DecodeError(ValueError):
    """The bytes are not what their content encoding says, or yield more than the limit."""


class Decoder(Protocol):
    """One content encoding."""

    def feed(self, data: bytes, max_bytes: int) -> bytes:
        """Return what the bytes so far yield and what was not returned yet.

        Args:
            data: the next bytes.
            max_bytes: a longer output says only that the limit is exceeded, and need not be whole.
        """


class _Zlib:
    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._head = b""
        self._inner = zlib.decompressobj(wbits=31) if gzip else None

    def feed(self, data: bytes, max_bytes: int) -> bytes:
        if self._inner is None:
            # "deflate" is the zlib format, but some servers send the bare stream (RFC 9110, section 8.4.1.2).
            self._head += data
            if len(self._head) < 2:
                return b""
            data, first = self._head, int.from_bytes(self._head[:2], "big")
            has_header = first >> 8 & 0x0F == 8 and first % 31 == 0
            self._inner = zlib.decompressobj(wbits=15 if has_header else -15)
        out = [self._inner.decompress(data, max_bytes + 1)]
        # A compressor may begin a new gzip member at any time.
        while self._gzip and self._inner.eof and self._inner.unused_data:
            rest = self._inner.unused_data
            self._inner = zlib.decompressobj(wbits=31)
            out.append(self._inner.decompress(rest, max_bytes + 1))
            if sum(map(len, out)) > max_bytes:
                break
        return b"".join(out)


class _Brotli:
    def __init__(self) -> None:
        self._inner = brotli.Decompressor()

    def feed(self, data: bytes, max_bytes: int) -> bytes:
        out = self._inner.process(data, output_buffer_limit=max_bytes + 1)
        while len(out) <= max_bytes and not self._inner.can_accept_more_data():
            out += self._inner.process(b"", output_buffer_limit=max_bytes + 1)
        return bytes(out)


class _Zstd:
    def __init__(self) -> None:
        decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        self._inner = decompressor.decompressobj(read_across_frames=True)

    def feed(self, data: bytes, max_bytes: int) -> bytes:
        out = bytearray()
        for start in range(0, len(data), _ZSTD_SLICE):
            out += self._inner.decompress(data[start : start + _ZSTD_SLICE])
            if len(out) > max_bytes:
                break
        return bytes(out)


class DecoderChain:
    """All the encodings of one body, in the order in which they have to be decoded."""

    def __init__(self, content_encoding: str) -> None:
        """Parse a Content-Encoding header.

        Raises:
            DecodeError: it names an encoding that was not offered.
        """
        names = [name.strip().lower() for name in content_encoding.split(",")]
        # The encoding applied last is named last (RFC 9110, section 8.4).
        self._decoders = [_decoder(name) for name in reversed(names) if name not in ("", "identity")]
        if len(self._decoders) > 3:
            raise DecodeError(f"{len(self._decoders)} content encodings on one body")
        self._left = MAX_TEXT_BYTES

    def feed(self, data: bytes) -> bytes:
        """Return what the bytes so far yield and what was not returned yet.

        Raises:
            DecodeError: they are damaged, or yield more than MAX_TEXT_BYTES in all.
        """
        try:
            for decoder in self._decoders:
                data = decoder.feed(data, self._left)
        except (zlib.error, brotli.error, zstandard.ZstdError) as error:
            raise DecodeError(f"damaged compressed bytes ({error})") from None
        self._left -= len(data)
        if self._left < 0:
            raise DecodeError(f"more than {MAX_TEXT_BYTES >> 20} MiB of text arrived")
        return data


def _decoder(name: str) -> Decoder:
    if name in ("gzip", "x-gzip"):
        return _Zlib(gzip=True)
    if name == "deflate":
        return _Zlib(gzip=False)
    if name == "br":
        return _Brotli()
    if name == "zstd":
        return _Zstd()
    raise DecodeError(f"content encoding {name[:40]!r}, which was not offered")
