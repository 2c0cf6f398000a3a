"""The pieces of a stream, and their times: functions of the parameters, complete to the last character."""

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


def stream_of(own_text="", limits=LIMITS, **params):
    return source(Params(**params), own_text=own_text, limits=limits)


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
    ("1\ufe0f\u20e32", Unit.CHAR, ("1\ufe0f\u20e3", "2")),  # a keycap
    ("नि.", Unit.CHAR, ("नि", ".")),  # a spacing mark
    ("👍🏻👍🏿🏾!", Unit.CHAR, ("👍🏻", "👍🏿🏾", "!")),  # skin tones, the first and the last
    ("👍🏺", Unit.CHAR, ("👍", "🏺")),  # the symbol before the skin tones
    ("👍🐀", Unit.CHAR, ("👍", "🐀")),  # the symbol after the skin tones
    ("🇩🇪🇫🇷🇮", Unit.CHAR, ("🇩🇪", "🇫🇷", "🇮")),  # flags, and a half
    ("a🇦🇿b", Unit.CHAR, ("a", "🇦🇿", "b")),  # the first and the last regional indicator
    (
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f!",
        Unit.CHAR,
        ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "!"),
    ),
    ("a\u200d b", Unit.CHAR, ("a\u200d", " ", "b")),  # a joiner joins no space
    ("か\u3099か\u3099か", Unit.WORD, ("か\u3099", "か\u3099", "か")),
    ("streaming text", Unit.TOKEN, ("stre", "amin", "g", " text")),
    ("水流", Unit.TOKEN, ("水", "流")),
    ("abcde\u0301f", Unit.TOKEN, ("abcd", "e\u0301f")),
    ("abcd\u0301f", Unit.TOKEN, ("abcd\u0301f",)),
    ("abc🇩🇪🇫🇷", Unit.TOKEN, ("abc🇩🇪🇫🇷",)),
    ("ab🇩🇪🇫🇷", Unit.TOKEN, ("ab🇩🇪", "🇫🇷")),
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
def test_a_shipped_text_is_sent_once_and_complete(text, unit):
    stream = stream_of(text=text, unit=unit)
    assert "".join(piece.text for piece in stream.pieces()) == SHIPPED[text]


def test_a_text_repeats_if_count_is_larger():
    assert [piece.text for piece in stream_of(message="a b", count=5).pieces()] == ["a", " b", "a", " b", "a"]


def test_the_message_and_the_text_file_replace_the_shipped_text():
    assert [piece.text for piece in stream_of(text="zh", message="Hi there").pieces()] == ["Hi", " there"]
    assert [piece.text for piece in stream_of(own_text="Own text", text="file").pieces()] == ["Own", " text"]


REFUSED = [
    # name, parameters, in the error
    ("no file was given", {"text": "file"}, "expected en or zh"),
    ("start behind the end", {"count": 5, "start": 5}, "expected 0 to 4"),
    ("a long word, often", {"message": "x" * 2000, "count": 100_000}, "for example count=33554"),
]


@pytest.mark.parametrize(("name", "params", "words"), REFUSED)
def test_an_impossible_stream_is_refused(name, params, words):
    with pytest.raises(UsageError, match=words):
        stream_of(**params)


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
    stream = stream_of(text=text, size_bytes=size, spread_bytes=spread, count=12)
    sizes = [len(piece.text.encode()) for piece in stream.pieces()]
    assert all(abs(actual - size) <= spread / 2 for actual in sizes)
    assert len(set(sizes)) > 1 or not spread
    assert all("\ufffd" not in piece.text for piece in stream.pieces())


def test_large_pieces_compress_to_more_than_a_tenth():
    import zlib

    pieces = [piece.text.encode() for piece in stream_of(size_bytes=4000, count=8).pieces()]
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
def test_due_times_ascend_from_zero(interval, jitter, start):
    stream = stream_of(count=50, interval_s=interval, jitter_s=jitter, start=start)
    times_s = [piece.at_s for piece in stream.pieces()]
    assert times_s[0] == 0
    assert all(earlier <= later for earlier, later in pairwise(times_s))
    assert times_s[-1] == pytest.approx((49 - start) * interval, abs=jitter + 1e-9)


@given(st.integers(0, 39), st.booleans())
def test_a_piece_depends_on_its_number_alone(seq, sized):
    whole = stream_of(count=40, size_bytes=100 if sized else 0, jitter_s=0.1)
    assert list(whole.pieces())[seq].text == whole.piece(seq).text
    rest = replace(whole, start=seq)
    assert next(rest.pieces()) == replace(whole.piece(seq), at_s=0.0)


RESUMED = [
    # the last piece received, the first piece sent then; None: nothing is left
    (0, 1),
    (3, 4),
    (8, 9),
    (9, None),
    (10, None),
    (10**11, None),
]


@pytest.mark.parametrize(("last", "first"), RESUMED)
def test_a_resumed_stream_starts_after_the_last_piece_received(last, first):
    rest = resumed(stream_of(count=10, start=2), last)
    assert (rest and next(rest.pieces()).seq) == first


def test_the_text_once_stays_within_the_limits_of_a_stream():
    tight = Limits(max_count=50, max_duration_s=2.0, max_stream_bytes=10_000)
    assert stream_of(limits=tight, interval_s=0.0).count == 50
    assert stream_of(limits=tight, interval_s=0.1).count == 20
    assert stream_of(limits=tight, interval_s=0.0, size_bytes=1000).count == 10
