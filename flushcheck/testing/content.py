"""What the chunks of a body are worth to a browser: how many bytes of content each one adds.

A browser reads the first member of a gzip body only (Chromium 156, curl 8, httpx 0.28), so a layer that makes
a member of its own for each piece delivers the first piece and nothing else.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from flushcheck.prober.decompress import DecodeError, DecoderChain


def content_sizes(chunks: Sequence[bytes], content_encoding: str) -> tuple[tuple[int, ...], str]:
    """Return the bytes of content that each chunk adds, and why the rest cannot be read; "" if all can.

    Args:
        chunks: of a body, in their order.
        content_encoding: of the response; "" for none.
    """
    if content_encoding.strip().lower() in ("gzip", "x-gzip"):
        return _gzip_sizes(chunks)
    sizes: list[int] = []
    try:
        decoder = DecoderChain(content_encoding)
        sizes.extend(len(decoder.feed(chunk)) for chunk in chunks)
    except DecodeError as error:
        return (*sizes, *(0 for _ in chunks[len(sizes) :])), f"{error}"
    return tuple(sizes), ""


def _gzip_sizes(chunks: Sequence[bytes]) -> tuple[tuple[int, ...], str]:
    decoder = zlib.decompressobj(wbits=31)
    sizes: list[int] = []
    for index, chunk in enumerate(chunks):
        left = [0 for _ in chunks[index:]]
        if decoder.eof:
            return (*sizes, *left), "a gzip member for each chunk: a browser reads the first one only"
        try:
            sizes.append(len(decoder.decompress(chunk)))
        except zlib.error as error:
            return (*sizes, *left), f"damaged gzip ({error})"
    return tuple(sizes), ""
