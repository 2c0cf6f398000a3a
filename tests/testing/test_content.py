"""Bytes of content in each chunk, as a browser decodes them."""

import gzip
import zlib

import brotli
import pytest
import zstandard

from flushcheck.testing.content import content_sizes


def gzip_flushed() -> list[bytes]:
    compressor = zlib.compressobj(wbits=31)
    chunks = [compressor.compress(b"a" * 100) + compressor.flush(zlib.Z_SYNC_FLUSH) for _ in range(3)]
    return [*chunks, compressor.flush()]


def gzip_held() -> list[bytes]:
    compressor = zlib.compressobj(wbits=31)
    chunks = [compressor.compress(b"a" * 100) for _ in range(3)]
    return [*chunks, compressor.flush()]


ROWS = [
    ("plain", [b"abc", b"de"], "", (3, 2), ""),
    ("gzip that flushes", gzip_flushed(), "gzip", (100, 100, 100, 0), ""),
    ("gzip that does not", gzip_held(), "gzip", (0, 0, 0, 300), ""),
    ("its other name", gzip_flushed(), "X-Gzip ", (100, 100, 100, 0), ""),
    ("zstd", [zstandard.compress(b"abc")], "zstd", (3,), ""),
    ("brotli", [brotli.compress(b"abcd")], "br", (4,), ""),
    (
        "a gzip member for each chunk",
        [gzip.compress(b"ab"), gzip.compress(b"cd")],
        "gzip",
        (2, 0),
        "a gzip member for each chunk: a browser reads the first one only",
    ),
    (
        "damaged gzip",
        [b"no gzip", b"."],
        "gzip",
        (0, 0),
        "damaged gzip (Error -3 while decompressing data: incorrect header check)",
    ),
    (
        "an encoding that was not offered",
        [b"abc"],
        "rot13",
        (0,),
        "content encoding 'rot13', which was not offered",
    ),
    ("damaged zstd", [b"abcd", b"."], "zstd", (0, 0), "damaged compressed bytes"),
]


@pytest.mark.parametrize(
    ("name", "chunks", "encoding", "sizes", "reason"), ROWS, ids=[row[0] for row in ROWS]
)
def test_content_sizes(name, chunks, encoding, sizes, reason) -> None:
    got, why = content_sizes(chunks, encoding)
    assert got == sizes
    assert why == reason if reason != "damaged compressed bytes" else why.startswith(reason)
