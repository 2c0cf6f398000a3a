"""Token metrics: what counts, which moments, and the sign of a hold between two addresses."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from flushcheck.watching.formats.wire_format import RecordKind
from flushcheck.watching.token_sentences import describe_shrunk, describe_tokens
from flushcheck.watching.tokens import (
    Ending,
    Gaps,
    ShrunkGaps,
    TimedRecord,
    TokenMetrics,
    gaps_shrank,
    percentile,
    token_metrics,
)
from tests.watching.formats.test_formats import KINDS


def timed(letters: str, *, gap_s: float = 0.1, start_s: float = 0.5) -> list[TimedRecord]:
    """Return records of these kinds, the same time apart; an end marker ends."""
    return [
        TimedRecord(start_s + number * gap_s, KINDS[letter], ends=letter == "d")
        for number, letter in enumerate(letters)
    ]


def metrics(letters: str, *, has_end: bool = True, **moments: float) -> TokenMetrics:
    return token_metrics(timed(letters, **moments), has_end=has_end)


def test_a_chat_with_reasoning_has_both_first_tokens():
    # role, two of reasoning, two of text, a call, finish, usage, done
    seen = metrics("srrcctfud")
    assert (seen.tokens, seen.reasoning_tokens) == (5, 2)
    assert (seen.first_record_s, seen.ttft_s, seen.ttfo_s) == pytest.approx((0.5, 0.6, 0.8))
    assert seen.gap_s is not None
    assert (seen.gap_s.p50, seen.gap_s.p95, seen.gap_s.max) == pytest.approx((0.1, 0.1, 0.1))
    assert seen.tokens_per_s == pytest.approx(10)
    assert seen.ending is Ending.COMPLETE


COUNTS = [
    # records         tokens  reasoning  first record  ttft   ttfo
    ("",              0,      0,         None,         None,  None),
    ("p",             0,      0,         None,         None,  None),
    ("pd",            0,      0,         None,         None,  None),
    ("sfu",           0,      0,         0.5,          None,  None),
    ("psc",           1,      0,         0.6,          0.7,   0.7),
    ("rr",            2,      2,         0.5,          0.5,   None),
    ("rt",            2,      1,         0.5,          0.5,   0.6),
    ("oc",            1,      0,         0.5,          0.6,   0.6),
]  # fmt: skip


@pytest.mark.parametrize("row", COUNTS, ids=[row[0] or "nothing" for row in COUNTS])
def test_only_records_with_content_are_tokens(row):
    letters, tokens, reasoning, first_s, ttft_s, ttfo_s = row
    seen = metrics(letters)
    assert (seen.tokens, seen.reasoning_tokens) == (tokens, reasoning)
    assert (seen.first_record_s, seen.ttft_s, seen.ttfo_s) == pytest.approx((first_s, ttft_s, ttfo_s))


def test_one_token_has_no_gap_and_no_rate():
    assert (metrics("sc").gap_s, metrics("sc").tokens_per_s) == (None, None)


def test_tokens_of_one_read_have_gaps_of_zero_and_no_rate():
    seen = metrics("ccc", gap_s=0.0)
    assert (seen.gap_s, seen.tokens_per_s) == (Gaps(0.0, 0.0, 0.0), None)


def test_gaps_are_between_tokens_whatever_stands_between():
    seen = metrics("cpppc")
    assert seen.gap_s is not None
    assert seen.gap_s.max == pytest.approx(0.4)


def test_the_last_count_of_the_service_is_kept():
    records = [TimedRecord(0.1, RecordKind.CONTENT, output_tokens=count) for count in (1, 3, 7, 0)]
    assert token_metrics(records, has_end=True).usage_tokens == 7


ENDINGS = [
    ("ccd", True, Ending.COMPLETE),
    ("ccf", True, Ending.MISSING),
    ("cc", False, Ending.UNMARKED),
    ("ccd", False, Ending.COMPLETE),
    ("ced", True, Ending.ERROR),
    ("e", False, Ending.ERROR),
    ("", True, Ending.MISSING),
]


@pytest.mark.parametrize(("letters", "has_end", "ending"), ENDINGS)
def test_how_a_stream_ended(letters, has_end, ending):
    assert metrics(letters, has_end=has_end).ending is ending


def test_the_first_error_is_kept():
    records = [
        TimedRecord(0.1, RecordKind.ERROR, error="overloaded"),
        TimedRecord(0.2, RecordKind.ERROR, error="x"),
    ]
    assert token_metrics(records, has_end=True).error == "overloaded"


PERCENTILES = [
    ([5.0], 0.5, 5.0), ([5.0], 0.95, 5.0), ([1.0, 3.0], 0.5, 2.0), ([3.0, 1.0, 2.0], 0.5, 2.0), ([1.0, 2.0, 3.0, 4.0, 5.0], 0.95, 4.8),
    ([1.0, 2.0], 0.0, 1.0), ([1.0, 2.0], 1.0, 2.0),
]  # fmt: skip


@pytest.mark.parametrize(("values", "share", "value"), PERCENTILES)
def test_percentiles_lie_between_values(values, share, value):
    assert percentile(values, share) == pytest.approx(value)


# Binary fractions, so that a sum lies exactly on a threshold.
DIRECT = metrics("cccccccccc", gap_s=0.125, start_s=0.5)
HELD = metrics("cccccccccc", gap_s=0.0, start_s=1.625)


def gap(seen: TokenMetrics, p50: float) -> TokenMetrics:
    return dataclasses.replace(seen, gap_s=Gaps(p50, p50, p50))


def begins(seen: TokenMetrics, ttft_s: float) -> TokenMetrics:
    return dataclasses.replace(seen, ttft_s=ttft_s)


def count(seen: TokenMetrics, tokens: int) -> TokenMetrics:
    return dataclasses.replace(seen, tokens=tokens)


SHRUNK = [
    # name                                public                   direct                 is a hold
    ("held to the end",                   HELD,                    DIRECT,                True),
    ("the same",                          DIRECT,                  DIRECT,                False),
    ("a slower model",                    metrics("cccccccccc", gap_s=0.3, start_s=2.0), DIRECT, False),
    ("a faster model",                    metrics("cccccccccc", gap_s=0.01, start_s=0.2), DIRECT, False),
    ("later by the limit",                begins(HELD, 0.8),       begins(DIRECT, 0.5),   True),
    ("later by less",                     begins(HELD, 0.79),      begins(DIRECT, 0.5),   False),
    ("half the gap",                      gap(HELD, 0.0625),       DIRECT,                True),
    ("more than half",                    gap(HELD, 0.063),        DIRECT,                False),
    ("a gap of a model",                  HELD,                    gap(DIRECT, 0.02),     True),
    ("a gap of reads",                    HELD,                    gap(DIRECT, 0.0199),   False),
    ("enough tokens",                     count(HELD, 5),          count(DIRECT, 5),      True),
    ("too few here",                      count(HELD, 4),          count(DIRECT, 5),      False),
    ("too few there",                     count(HELD, 5),          count(DIRECT, 4),      False),
    ("as different as texts are",         count(HELD, 10),         count(DIRECT, 25),     True),
    ("another request",                   count(HELD, 10),         count(DIRECT, 26),     False),
    ("another request, the other way",    count(HELD, 26),         count(DIRECT, 10),     False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "public", "direct", "hold"), SHRUNK, ids=[row[0] for row in SHRUNK])
def test_gaps_that_shrink_while_the_first_token_is_later_are_a_hold(name, public, direct, hold):
    assert (gaps_shrank(public, direct) is not None) is hold


def test_a_hold_is_described_by_its_times():
    shrunk = gaps_shrank(HELD, DIRECT)
    assert shrunk == ShrunkGaps(1.125, 0.0, 0.125)
    assert "1.1 s later" in describe_shrunk(shrunk)
    assert "0 ms instead of 125 ms" in describe_shrunk(shrunk)


SENTENCES = [
    # the tokens                                             per delivery  sentences
    (metrics("sccccd"),                                      1.0,          ["X: 4 tokens", "first token after 0.60 s; 1.0 records per delivery", "between tokens: median 100 ms, 95 % within 100 ms, longest 100 ms, 10.0 tokens per second"]),
    (metrics("cd"),                                          1.0,          ["X: 1 token", "first token after 0.50 s; 1.0 records per delivery"]),
    (metrics("ccd", gap_s=0.0),                              2.0,          ["X: 2 tokens", "first token after 0.50 s; 2.0 records per delivery", "between tokens: median 0 ms, 95 % within 0 ms, longest 0 ms"]),
    (metrics("rcd"),                                         1.0,          ["X: 2 tokens, 1 of them reasoning", "first token after 0.50 s (reasoning), first of the response after 0.60 s; 1.0 records per delivery", "between tokens: median 100 ms, 95 % within 100 ms, longest 100 ms, 10.0 tokens per second"]),
    (metrics("rd"),                                          1.0,          ["X: 1 token, 1 of them reasoning", "first token after 0.50 s, and none that is not reasoning; 1.0 records per delivery"]),
    (dataclasses.replace(metrics("d"), usage_tokens=20),     0.0,          ["X: 0 tokens; the service counted 20"]),
    (metrics("s"),                                           1.0,          ["X: 0 tokens", "the end of its format did not come: END"]),
    (dataclasses.replace(metrics("ed"), error="overloaded"), 1.0,          ["X: 0 tokens", "the stream reports an error: overloaded"]),
    (metrics("ed"),                                          1.0,          ["X: 0 tokens", "the stream reports an error: without a message"]),
    (dataclasses.replace(metrics("e"), error="x" * 500),     1.0,          ["X: 0 tokens", "the stream reports an error: " + "x" * 200]),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "per_delivery", "sentences"), SENTENCES)
def test_tokens_in_words(seen, per_delivery, sentences):
    assert describe_tokens("X", "END", seen, per_delivery) == sentences


def test_the_gaps_of_a_steady_stream_do_not_depend_on_its_beginning():
    for start_s, letters in itertools.product((0.0, 5.0), ("cccc", "srcc")):
        seen = metrics(letters, start_s=start_s)
        assert seen.gap_s is not None
        assert seen.gap_s.p95 == pytest.approx(0.1)
