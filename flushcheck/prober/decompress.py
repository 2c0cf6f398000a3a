"""Decompressing a body while it arrives, up to a limit.

A compressor that flushes after each write lets each write be decompressed at once; one that does not is
what a diagnosis looks for. So everything that the bytes so far yield is returned at once, and nothing waits
for a later read. A few kilobytes can decompress to gigabytes, so the output is limited while it is made,
not after.

A body is read as browsers and curl read it: of several gzip members they take the first and ignore the rest
(Chromium, curl and httpx; measured), although RFC 1952 allows more.

Sources: RFC 9110, section 8.4.1 (gzip, deflate), RFC 1952 (gzip), RFC 7932 (br), RFC 8878 (zstd).
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


# How much of a body's own header is kept: what identifies a compressor, and nothing of the text.
HEAD_BYTES = {"gzip": 10, "deflate": 2, "zstd": 4}
_MAX_HEAD_BYTES = 4096  # of gzip, with its file name: Django's has up to 100 bytes

_GZIP_MAGIC = b"\x1f\x8b"
_EXTRA, _NAME, _COMMENT, _CRC = 4, 8, 16, 2  # flags of a gzip header (RFC 1952, section 2.3.1)


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
        self._head = b""
        self._inner = zlib.decompressobj(wbits=31) if gzip else None
        self.unread_bytes = 0

    def feed(self, data: bytes, max_bytes: int) -> bytes:
        if self._inner is None:
            # "deflate" is the zlib format, but some servers send the bare stream (RFC 9110, section 8.4.1.2).
            self._head += data
            if len(self._head) < 2:
                return b""
            data, first = self._head, int.from_bytes(self._head[:2], "big")
            has_header = first >> 8 & 0x0F == 8 and first % 31 == 0
            self._inner = zlib.decompressobj(wbits=15 if has_header else -15)
        was_over, out = self._inner.eof, b""
        if not was_over:
            out = self._inner.decompress(data, max_bytes + 1)
        if self._inner.eof:
            self._behind(data if was_over else self._inner.unused_data)
        return out

    def _behind(self, data: bytes) -> None:
        """Count what follows the end, if that is another member of gzip and no padding."""
        if self.unread_bytes or _GZIP_MAGIC.startswith(data[:2]):
            self.unread_bytes += len(data)


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
        applied = [name for name in reversed(names) if name not in ("", "identity")]
        self._decoders = [_decoder(name) for name in applied]
        self._outermost = applied[0].removeprefix("x-") if applied else ""
        self._begin = b""  # of the body
        if len(self._decoders) > 3:
            raise DecodeError(f"{len(self._decoders)} content encodings on one body")
        self._left = MAX_TEXT_BYTES

    def feed(self, data: bytes) -> bytes:
        """Return what the bytes so far yield and what was not returned yet.

        Raises:
            DecodeError: they are damaged, or yield more than MAX_TEXT_BYTES in all.
        """
        if self._decoders and len(self._begin) < _MAX_HEAD_BYTES:
            self._begin += data[: _MAX_HEAD_BYTES - len(self._begin)]
        try:
            for decoder in self._decoders:
                data = decoder.feed(data, self._left)
        except (zlib.error, brotli.error, zstandard.ZstdError) as error:
            raise DecodeError(f"damaged compressed bytes ({error})") from None
        self._left -= len(data)
        if self._left < 0:
            raise DecodeError(f"more than {MAX_TEXT_BYTES >> 20} MiB of text arrived")
        return data

    @property
    def head(self) -> bytes:
        """How the compressed body begins: its format's own header, which holds nothing of the text."""
        return self._begin[: HEAD_BYTES.get(self._outermost, 0)]

    @property
    def head_bytes(self) -> int:
        """How long that header is, a file name included; 0 while it is not whole."""
        if self._outermost != "gzip":
            return len(self.head) if len(self.head) == HEAD_BYTES.get(self._outermost) else 0
        return _gzip_header_bytes(self._begin)

    @property
    def unread_bytes(self) -> int:
        """How many bytes follow the end of the compressed data; a browser does not read them."""
        return sum(decoder.unread_bytes for decoder in self._decoders if isinstance(decoder, _Zlib))


def _gzip_header_bytes(begin: bytes) -> int:
    """The length of the gzip header at the beginning of a body (RFC 1952, section 2.3); 0: not whole."""
    length = HEAD_BYTES["gzip"]
    if len(begin) < length:
        return 0
    flags = begin[3]
    if flags & _EXTRA:
        length += 2 + int.from_bytes(begin[length : length + 2], "little")
    for flag in (_NAME, _COMMENT):
        if flags & flag:
            end = begin.find(b"\0", length)
            if end < 0:
                return 0
            length = end + 1
    length += 2 if flags & _CRC else 0
    return length if length <= len(begin) else 0


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
