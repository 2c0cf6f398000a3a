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


def test_gzip_may_begin_anew_within_one_read_and_between_two():
    chain = DecoderChain("gzip")
    packed = gzip.compress(b"a") + gzip.compress(b"b")
    assert chain.feed(packed) + chain.feed(gzip.compress(b"c")) == b"abc"


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
