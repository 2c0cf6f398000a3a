"""The text of a stream, and its moments: functions of the parameters, whole to the last character."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flushcheck.model import Unit, UsageError
from flushcheck.streaming.limits import Limits
from flushcheck.streaming.params import Params
from flushcheck.streaming.source import SHIPPED, resumed, source, split

LIMITS = Limits()


def made(own_text="", limits=LIMITS, **asked):
    return source(Params(**asked), own_text=own_text, limits=limits)


PIECES = [
    # text, unit, expected
    ("one two  three", Unit.WORD, ("one", " two", "  three")),
    (" lead and trail \n", Unit.WORD, (" lead", " and", " trail \n")),
    ("a\r\nb\n\nc", Unit.WORD, ("a", "\r\nb", "\n\nc")),
    ("   ", Unit.WORD, ("   ",)),
    ("水在管子里，流动。", Unit.WORD, ("水在", "管子", "里，", "流动。")),
    ("abc", Unit.CHAR, ("a", "b", "c")),
    ("e\u0301a", Unit.CHAR, ("e\u0301", "a")),
    ("👩\u200d🚀!", Unit.CHAR, ("👩\u200d🚀", "!")),
    ("❤\ufe0f.", Unit.CHAR, ("❤\ufe0f", ".")),
    ("streaming text", Unit.TOKEN, ("stre", "amin", "g", " text")),
    ("水流", Unit.TOKEN, ("水", "流")),
    ("abcde\u0301f", Unit.TOKEN, ("abcd", "e\u0301f")),
]


@pytest.mark.parametrize(("text", "unit", "expected"), PIECES)
def test_a_text_is_cut_into_pieces(text, unit, expected):
    assert split(text, unit) == expected


@given(st.text(min_size=1, max_size=60), st.sampled_from(Unit))
def test_pieces_joined_are_the_text(text, unit):
    pieces = split(text, unit)
    assert "".join(pieces) == text
    assert all(pieces)


@pytest.mark.parametrize("unit", Unit)
@pytest.mark.parametrize("text", SHIPPED)
def test_a_shipped_text_is_sent_once_and_whole(text, unit):
    stream = made(text=text, unit=unit)
    assert "".join(piece.text for piece in stream.pieces()) == SHIPPED[text]


def test_a_text_repeats_when_more_pieces_are_wanted():
    assert [piece.text for piece in made(message="a b", count=5).pieces()] == ["a", " b", "a", " b", "a"]


def test_a_text_of_ones_own_wins():
    assert [piece.text for piece in made(text="zh", message="Hi there").pieces()] == ["Hi", " there"]
    assert [piece.text for piece in made(own_text="Own text", text="file").pieces()] == ["Own", " text"]


REFUSED = [
    # name, arguments, what the message must hold
    ("no file was given", {"text": "file"}, "expected en or zh"),
    ("start behind the end", {"count": 5, "start": 5}, "expected 0 to 4"),
    ("a long word, often", {"message": "x" * 2000, "count": 100_000}, "for example count=33554"),
]


@pytest.mark.parametrize(("name", "asked", "words"), REFUSED)
def test_what_cannot_be_is_refused(name, asked, words):
    with pytest.raises(UsageError, match=words):
        made(**asked)


SIZES = [
    # text, size, spread
    ("en", 1, 0),
    ("en", 16, 28),
    ("en", 1000, 1400),
    ("en", 65_536, 0),
    ("zh", 1, 0),
    ("zh", 2, 0),
    ("zh", 1000, 0),
    ("zh", 1001, 1998),
]


@pytest.mark.parametrize(("text", "size", "spread"), SIZES)
def test_a_piece_has_its_size_and_whole_characters(text, size, spread):
    stream = made(text=text, size_bytes=size, spread_bytes=spread, count=12)
    sizes = [len(piece.text.encode()) for piece in stream.pieces()]
    assert all(abs(one - size) <= spread / 2 for one in sizes)
    assert len(set(sizes)) > 1 or not spread
    assert all("\ufffd" not in piece.text for piece in stream.pieces())


def test_large_pieces_do_not_vanish_in_a_compressor():
    import zlib

    pieces = [piece.text.encode() for piece in made(size_bytes=4000, count=8).pieces()]
    assert len(set(pieces)) == 8
    assert len(zlib.compress(b"".join(pieces))) > len(b"".join(pieces)) / 10


TIMES = [
    # interval, jitter, start
    (0.1, 0.0, 0),
    (0.1, 0.0, 7),
    (0.05, 0.05, 0),
    (0.05, 0.02, 7),
    (0.0, 0.0, 0),
]


@pytest.mark.parametrize(("interval", "jitter", "start"), TIMES)
def test_moments_ascend_from_zero(interval, jitter, start):
    stream = made(count=50, interval_s=interval, jitter_s=jitter, start=start)
    moments = [piece.at_s for piece in stream.pieces()]
    assert moments[0] == 0
    assert all(earlier <= later for earlier, later in pairwise(moments))
    assert moments[-1] == pytest.approx((49 - start) * interval, abs=jitter + 1e-9)


@given(st.integers(0, 39), st.booleans())
def test_any_piece_is_the_same_whoever_is_asked(seq, sized):
    whole = made(count=40, size_bytes=100 if sized else 0, jitter_s=0.1)
    assert list(whole.pieces())[seq].text == whole.piece(seq).text
    rest = replace(whole, start=seq)
    assert next(rest.pieces()) == replace(whole.piece(seq), at_s=0.0)


RESUMED = [
    # the Piece that came last, the first one then; None: nothing is left
    (0, 1),
    (3, 4),
    (8, 9),
    (9, None),
    (10, None),
    (10**11, None),
]


@pytest.mark.parametrize(("last", "first"), RESUMED)
def test_a_stream_goes_on_behind_what_the_client_had(last, first):
    rest = resumed(made(count=10, start=2), last)
    assert (rest and next(rest.pieces()).seq) == first


def test_the_text_once_stays_within_what_a_stream_may_be():
    tight = Limits(max_count=50, max_duration_s=2.0, max_stream_bytes=10_000)
    assert made(limits=tight, interval_s=0.0).count == 50
    assert made(limits=tight, interval_s=0.1).count == 20
    assert made(limits=tight, interval_s=0.0, size_bytes=1000).count == 10
