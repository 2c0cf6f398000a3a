import gzip
import itertools
import zlib
from collections import deque

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from flushcheck.prober.decompress import MAX_TEXT_BYTES, DecodeError, DecoderChain


def bare(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
    "identity": bytes,
}


@given(
    data=st.binary(max_size=2000),
    names=st.lists(st.sampled_from(sorted(PACKERS)), max_size=3),
    cuts=st.lists(st.integers(0, 2500), max_size=8),
)
def test_what_was_packed_comes_out_however_it_is_cut(data, names, cuts):
    packed = data
    for name in names:
        packed = PACKERS[name](packed)
    chain = DecoderChain(", ".join(names))
    places = [0, *sorted(cuts), len(packed)]
    out = b"".join(chain.feed(packed[start:stop]) for start, stop in itertools.pairwise(places))
    assert out == data


@pytest.mark.parametrize("header", ["", "identity", " GZIP ", "x-gzip", "gzip,", "identity, gzip"])
def test_a_header_is_read_as_it_is_written(header):
    packed = gzip.compress(b"text") if "gzip" in header.lower() else b"text"
    assert DecoderChain(header).feed(packed) == b"text"


def test_deflate_may_come_bare_and_byte_by_byte():
    chain = DecoderChain("deflate")
    assert b"".join(chain.feed(bytes([byte])) for byte in bare(b"some text")) == b"some text"


def test_of_several_members_of_gzip_the_first_is_read_as_browsers_do():
    chain = DecoderChain("gzip")
    others = [gzip.compress(b"b"), gzip.compress(b"c")]
    assert chain.feed(gzip.compress(b"a") + others[0]) + chain.feed(others[1]) == b"a"
    assert chain.unread_bytes == sum(map(len, others))


@pytest.mark.parametrize("rest", [b"\0" * 8, b"garbage"])
def test_padding_behind_gzip_is_no_member(rest):
    chain = DecoderChain("gzip")
    assert chain.feed(gzip.compress(b"a") + rest) + chain.feed(rest) == b"a"
    assert chain.unread_bytes == 0


def named(name: bytes, comment: bytes = b"", extra: bytes = b"", *, crc: bool = False) -> bytes:
    """The header of gzip with these parts."""
    flags = 4 * bool(extra) | 8 * bool(name) | 16 * bool(comment) | 2 * crc
    begin = b"\x1f\x8b\x08" + bytes([flags]) + bytes(6)
    parts = [len(extra).to_bytes(2, "little") + extra] if extra else []
    parts += [text + b"\0" for text in (name, comment) if text]
    header = begin + b"".join(parts)
    return header + zlib.crc32(header).to_bytes(4, "little")[:2] * crc


HEADS = [
    # name,                     encoding,   the body's beginning,              kept,              length
    ("plain",                   "gzip",     named(b""),                        "1f8b0800000000000000", 10),
    ("x-gzip",                  "x-gzip",   named(b""),                        "1f8b0800000000000000", 10),
    ("9 bytes",                 "gzip",     named(b"")[:9],                    "1f8b08000000000000", 0),
    ("with a file name",        "gzip",     named(b"x" * 44),                  "1f8b0808000000000000", 55),
    ("a name without end",      "gzip",     named(b"x" * 44)[:-1],             "1f8b0808000000000000", 0),
    ("with a comment too",      "gzip",     named(b"x", b"yz"),                "1f8b0818000000000000", 15),
    ("with everything",         "gzip",     named(b"x", b"yz", b"abc", crc=True), "1f8b081e000000000000", 22),
    ("an extra part cut off",   "gzip",     named(b"", b"", b"abc")[:-1],      "1f8b0804000000000000", 0),
    ("deflate",                 "deflate",  zlib.compress(b"")[:2],            "789c",            2),
    ("half of it",              "deflate",  b"\x78",                           "78",              0),
    ("zstd",                    "zstd",     b"\x28\xb5\x2f\xfd",               "28b52ffd",        4),
    ("br",                      "br",       b"\x8b",                           "",                0),
    ("none",                    "",         b"text",                           "",                0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "encoding", "begin", "kept", "length"), HEADS, ids=[row[0] for row in HEADS]
)
def test_the_header_of_a_compressed_body_is_known_and_none_of_its_text(name, encoding, begin, kept, length):
    for data in ([begin], [begin[:1], begin[1:]]):
        chain = DecoderChain(encoding)
        for part in data:
            chain.feed(part)
        assert (chain.head.hex(), chain.head_bytes) == (kept, length)


def test_text_behind_the_header_is_not_kept():
    chain = DecoderChain("gzip")
    chain.feed(gzip.compress(b"secret" * 50, mtime=0))
    assert (len(chain.head), chain.head_bytes) == (10, 10)


@given(st.binary(max_size=300), st.sampled_from(sorted(PACKERS)))
def test_random_bytes_are_damaged_or_nothing_worse(data, name):
    try:
        DecoderChain(name).feed(data)
    except DecodeError as error:
        assert "damaged" in str(error)  # noqa: PT017  # most inputs raise, some happen to be whole


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_more_than_the_bound_is_refused_also_over_many_reads(name):
    packed = PACKERS[name](b"a" * (MAX_TEXT_BYTES + 1))
    chain = DecoderChain(name)
    reads = (packed[start : start + 100] for start in range(0, len(packed), 100))
    with pytest.raises(DecodeError, match="more than 8 MiB"):
        deque(map(chain.feed, reads), maxlen=0)


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_exactly_the_bound_is_let_through(name):
    assert len(DecoderChain(name).feed(PACKERS[name](b"a" * MAX_TEXT_BYTES))) == MAX_TEXT_BYTES


@pytest.mark.parametrize("name", ["rot13", "gzip;q=1", "gzip gzip", "aes128gcm"])
def test_an_encoding_that_was_not_offered_is_refused(name):
    with pytest.raises(DecodeError, match="which was not offered"):
        DecoderChain(name)
