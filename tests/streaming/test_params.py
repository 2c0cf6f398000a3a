"""The table of parameters: which values are accepted, which are refused, and with which error."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flushcheck.model import Framing, Unit, UsageError
from flushcheck.streaming.limits import Limits
from flushcheck.streaming.params import CONTENT_TYPES, TABLE, Params, parse, query
from flushcheck.streaming.pretend import Pretend, PretendKind

LIMITS = Limits()
PLAIN = Params()

GOOD = [
    # query, expected
    ([], PLAIN),
    ([("text", "zh")], replace(PLAIN, text="zh")),
    ([("text", "file")], replace(PLAIN, text="file")),
    ([("say", "Grüße, 世界 👋")], replace(PLAIN, message="Grüße, 世界 👋")),
    ([("say", "a\r\nb\tc\u2028d")], replace(PLAIN, message="a\r\nb\tc\u2028d")),
    ([("say", "x" * LIMITS.max_say_bytes)], replace(PLAIN, message="x" * LIMITS.max_say_bytes)),
    ([("unit", "char")], replace(PLAIN, unit=Unit.CHAR)),
    ([("count", "1")], replace(PLAIN, count=1)),
    ([("count", "0007")], replace(PLAIN, count=7)),
    ([("count", "100000"), ("interval", "0")], replace(PLAIN, count=100_000, interval_s=0.0)),
    ([("interval", "0")], replace(PLAIN, interval_s=0.0)),
    ([("interval", ".5")], replace(PLAIN, interval_s=0.5)),
    ([("interval", "30")], replace(PLAIN, interval_s=30.0)),
    ([("jitter", "0.1")], replace(PLAIN, jitter_s=0.1)),
    ([("size", "65536")], replace(PLAIN, size_bytes=65_536)),
    ([("size", "1000"), ("spread", "1998")], replace(PLAIN, size_bytes=1000, spread_bytes=1998)),
    ([("pad", "0")], PLAIN),
    ([("pad", "1024")], replace(PLAIN, pad_bytes=1024)),
    ([("start", "3")], replace(PLAIN, start=3)),
    ([("xab", "0"), ("cache", "0"), ("nosniff", "1")], replace(PLAIN, xab=False, cache=False)),
    ([("end", "none")], PLAIN),
    ([("end", "END")], replace(PLAIN, end="END")),
    ([("end", "[DONE]")], replace(PLAIN, end="[DONE]")),
    ([("end", "imouttahere")], replace(PLAIN, end="imouttahere")),
    ([("end", "a.b:c-d_9")], replace(PLAIN, end="a.b:c-d_9")),
    ([("format", "delta")], replace(PLAIN, framing=Framing.DELTA)),
    ([("type", "application/json")], replace(PLAIN, content_type="application/json")),
    ([("pretend", "end")], replace(PLAIN, pretend=Pretend(PretendKind.END))),
    (
        [("pretend", "blocks-4096")],
        replace(PLAIN, pretend=Pretend(PretendKind.BLOCKS, block_bytes=4096)),
    ),
    ([("pretend", "cut-0.5")], replace(PLAIN, pretend=Pretend(PretendKind.CUT, cut_s=0.5))),
    ([("_", "1"), ("t", "2"), ("nonce", "<x>"), ("nonce", "again")], PLAIN),
]


@pytest.mark.parametrize(("pairs", "expected"), GOOD)
def test_a_valid_query_is_parsed(pairs, expected):
    assert parse(pairs, limits=LIMITS, defaults=PLAIN) == expected


BAD = [
    # query, in the error
    ([("cont", "5")], "did you mean count"),
    ([("Count", "5")], "did you mean count"),
    ([("zzz", "5")], "expected one of text"),
    ([("", "")], "unknown parameter"),
    ([("count", "5"), ("count", "5")], "given twice"),
    ([("say", "x" * 3000), ("say", "x" * 3000)], "say of 3000 bytes"),
    ([("text", "../../etc/passwd")], "expected one of en, zh, file"),
    ([("text", "")], "expected one of"),
    ([("say", "")], "expected 1 to 2000 bytes"),
    ([("say", "x" * 2001)], "of 2001 bytes"),
    ([("say", "世" * 700)], "of 2100 bytes"),
    ([("say", "a\0b")], "UTF-8 text"),
    ([("say", "\ud800")], "UTF-8 text"),
    ([("unit", "line")], "char, word, token"),
    *(
        ([("count", raw)], "whole number from 1 to 100000")
        for raw in ("0", "-1", "100001", "1e3", "1_0", " 1", "1 ", "+1", "٣", "0x10", "1.0", "", "9" * 400)
    ),
    *(
        ([("interval", raw)], "0 to 300 seconds")
        for raw in ("-1", "300.1", "nan", "inf", "1e1", "", ".", "0,5", "٣", "-.1", "1" * 400)
    ),
    ([("pretend", "")], "pretend=: expected end, gzip, blocks-N (512 to 65536 bytes)"),
    ([("pretend", "blocks")], "for example pretend=blocks-4096"),
    ([("jitter", "0.2")], "at most the interval"),
    ([("interval", "0"), ("jitter", "0.1")], "at most the interval"),
    ([("size", "65537")], "0 to 65536"),
    ([("spread", "5")], "less than twice the size"),
    ([("size", "10"), ("spread", "19")], "less than twice the size"),
    ([("pad", "65537")], "0 to 65536"),
    ([("start", "-1")], "0 to 100000"),
    ([("xab", "no")], "1 (on) or 0 (off)"),
    ([("cache", "")], "1 (on) or 0 (off)"),
    *(([("end", raw)], "name of an event") for raw in ("", "a b", "9", "a\nb", "a" * 65, "é", "end\r")),
    ([("format", "json")], "plain, delta"),
    ([("type", "text/html")], "expected one of text/plain"),
    ([("type", "text/plain\r\nX: y")], "expected one of text/plain"),
    ([("count", "7000")], "lasts 700 seconds"),
    ([("count", "2000"), ("size", "65536"), ("interval", "0")], "makes 131072000 bytes"),
]


@pytest.mark.parametrize(("pairs", "words"), BAD)
def test_an_invalid_query_is_refused_with_help(pairs, words):
    with pytest.raises(UsageError) as error:
        parse(pairs, limits=LIMITS, defaults=PLAIN)
    message = str(error.value)
    assert words in message
    assert "for example" in message or "did you mean" in message or "expected one of" in message
    assert len(message) < 400


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_no_content_type_can_run_in_a_browser(content_type):
    assert "html" not in content_type
    assert "xml" not in content_type
    assert "javascript" not in content_type


def test_the_example_in_an_error_is_accepted():
    for pairs in ([("count", "7000")], [("count", "2000"), ("size", "65536"), ("interval", "0")]):
        with pytest.raises(UsageError) as error:
            parse(pairs, limits=LIMITS, defaults=PLAIN)
        count = str(error.value).rpartition("count=")[2]
        parse([("count", count), *pairs[1:]], limits=LIMITS, defaults=PLAIN)


@given(st.lists(st.tuples(st.sampled_from([*TABLE, "cont", "nonce"]), st.text(max_size=30)), max_size=4))
def test_any_query_is_parsed_or_refused(pairs):
    try:
        params = parse(pairs, limits=LIMITS, defaults=PLAIN)
    except UsageError:
        return
    assert params.count * params.interval_s <= LIMITS.max_duration_s


@pytest.mark.parametrize("defaults", [PLAIN, Params(end="END", pad_bytes=1024)])
@pytest.mark.parametrize(("pairs", "expected"), GOOD)
def test_query_is_the_inverse_of_parse(pairs, expected, defaults):
    from urllib.parse import parse_qsl

    pairs = parse_qsl(query(expected, defaults), keep_blank_values=True)
    if expected.message:
        assert dict(pairs)["say"] == expected.message
    assert parse(pairs, limits=LIMITS, defaults=defaults) == expected
