"""Token metrics: what counts, which moments, and the sign of a hold between two addresses."""

from __future__ import annotations

import dataclasses

import pytest

from flushcheck.measurement.tokens import ShrunkGaps, fault, gaps_shrank, percentile, token_metrics
from flushcheck.model import (
    Arrival,
    Ending,
    Gaps,
    Observation,
    Outcome,
    Probe,
    Scenario,
    TokenMetrics,
    Transport,
)

PROBE = Probe(Transport.EVENTS, scenario=Scenario.OWN)


def observed(
    letters: str, *, gap_s: float = 0.1, start_s: float = 0.5, has_end: bool = True, **changes: object
) -> Observation:
    """Return a stream of records, the same time apart: c content, r reasoning, t a call, d done, others."""
    arrivals = tuple(
        Arrival(
            start_s + number * gap_s,
            40,
            40,
            records=() if letter in "pd" else (30,),
            tokens=letter in "crt",
            reasoning_tokens=letter == "r",
        )
        for number, letter in enumerate(letters)
    )
    base = Observation(
        PROBE, Outcome.COMPLETE, arrivals=arrivals, done="d" in letters, format_end="END" if has_end else ""
    )
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def metrics(letters: str, **arguments: object) -> TokenMetrics:
    return token_metrics(observed(letters, **arguments))  # type: ignore[arg-type]


def test_a_chat_with_reasoning_has_both_first_tokens():
    # role, two of reasoning, two of text, a call, finish, usage, done
    seen = metrics("srrcctfud")
    assert (seen.tokens, seen.reasoning_tokens) == (5, 2)
    assert (seen.ttft_s, seen.ttfo_s) == pytest.approx((0.6, 0.8))
    assert seen.gap_s is not None
    assert (seen.gap_s.p50, seen.gap_s.p95, seen.gap_s.max) == pytest.approx((0.1, 0.1, 0.1))
    assert seen.tokens_per_s == pytest.approx(10)
    assert seen.ending is Ending.COMPLETE


COUNTS = [
    # records         tokens  reasoning  ttft   ttfo
    ("",              0,      0,         None,  None),
    ("p",             0,      0,         None,  None),
    ("pd",            0,      0,         None,  None),
    ("sfu",           0,      0,         None,  None),
    ("psc",           1,      0,         0.7,   0.7),
    ("rr",            2,      2,         0.5,   None),
    ("rt",            2,      1,         0.5,   0.6),
    ("oc",            1,      0,         0.6,   0.6),
]  # fmt: skip


@pytest.mark.parametrize("row", COUNTS, ids=[row[0] or "nothing" for row in COUNTS])
def test_only_records_with_content_are_tokens(row):
    letters, tokens, reasoning, ttft_s, ttfo_s = row
    seen = metrics(letters)
    assert (seen.tokens, seen.reasoning_tokens) == (tokens, reasoning)
    assert (seen.ttft_s, seen.ttfo_s) == pytest.approx((ttft_s, ttfo_s))


def test_reasoning_and_an_answer_in_one_read_have_one_moment():
    both = Arrival(0.5, 40, 40, records=(10, 10, 10), tokens=3, reasoning_tokens=2)
    seen = token_metrics(observed("", arrivals=(both,)))
    assert (seen.tokens, seen.ttft_s, seen.ttfo_s, seen.gap_s) == (3, 0.5, 0.5, Gaps(0.0, 0.0, 0.0))


def test_one_token_has_no_gap_and_no_rate():
    assert (metrics("sc").gap_s, metrics("sc").tokens_per_s) == (None, None)


def test_tokens_of_one_read_have_gaps_of_zero_and_no_rate():
    seen = metrics("ccc", gap_s=0.0)
    assert (seen.gap_s, seen.tokens_per_s) == (Gaps(0.0, 0.0, 0.0), None)


def test_gaps_are_between_tokens_whatever_stands_between():
    seen = metrics("cpppc")
    assert seen.gap_s is not None
    assert seen.gap_s.max == pytest.approx(0.4)


def test_a_run_that_claims_more_tokens_than_records_costs_nothing():
    claims = Arrival(0.5, 40, 40, records=(10, 10), tokens=10**12)
    assert token_metrics(observed("", arrivals=(claims,))).tokens == 2


CLAIMS = [
    # tokens, reasoning of 2 records  counted, reasoning, first of the response
    (10**12,  0,                      2,       0,         0.5),
    (2,       10**12,                 2,       2,         None),
    (10**12,  10**12,                 2,       2,         None),
    (10**12,  1,                      2,       1,         0.5),
    (2,       1,                      2,       1,         0.5),
    (1,       2,                      1,       1,         None),
    (-5,      -5,                     0,       0,         None),
    (2,       -5,                     2,       0,         0.5),
]  # fmt: skip


@pytest.mark.parametrize("row", CLAIMS)
def test_no_more_tokens_are_counted_than_there_are_records(row):
    tokens, reasoning, *expected = row
    claims = Arrival(0.5, 40, 40, records=(10, 10), tokens=tokens, reasoning_tokens=reasoning)
    seen = token_metrics(observed("", arrivals=(claims,)))
    assert [seen.tokens, seen.reasoning_tokens, seen.ttfo_s] == expected


def test_what_the_service_counted_stands_beside():
    assert metrics("cc", usage_tokens=7).usage_tokens == 7


ENDINGS = [
    # records, whether its format has an end, error, ending
    ("ccd", True, "", Ending.COMPLETE),
    ("ccf", True, "", Ending.MISSING),
    ("cc", False, "", Ending.UNMARKED),
    ("ccd", False, "", Ending.COMPLETE),
    ("ccd", True, "overloaded", Ending.ERROR),
    ("c", False, "overloaded", Ending.ERROR),
    ("", True, "", Ending.MISSING),
]


@pytest.mark.parametrize(("letters", "has_end", "error", "ending"), ENDINGS)
def test_how_a_stream_ended(letters, has_end, error, ending):
    seen = metrics(letters, has_end=has_end, error=error)
    assert (seen.ending, seen.error) == (ending, error)


STOPPED, CUT = Outcome.STOPPED, Outcome.CUT
FAULTS = [
    # records, whether its format has an end, other, ending, fault
    ("ccd",    True,  {},                                      Ending.COMPLETE, Ending.COMPLETE),
    ("cc",     True,  {},                                      Ending.MISSING,  Ending.MISSING),
    ("cc",     True,  {"finished": True},                      Ending.MISSING,  Ending.COMPLETE),
    ("cc",     True,  {"outcome": CUT},                        Ending.MISSING,  Ending.MISSING),
    ("cc",     True,  {"outcome": STOPPED},                    Ending.STOPPED,  Ending.COMPLETE),
    ("cc",     False, {"outcome": STOPPED},                    Ending.UNMARKED, Ending.COMPLETE),
    ("ccd",    True,  {"outcome": STOPPED},                    Ending.COMPLETE, Ending.COMPLETE),
    ("cc",     False, {},                                      Ending.UNMARKED, Ending.COMPLETE),
    ("ccd",    True,  {"error": "e"},                          Ending.ERROR,    Ending.ERROR),
    ("cc",     True,  {"error": "e", "finished": True},        Ending.ERROR,    Ending.ERROR),
    ("cc",     True,  {"error": "e", "outcome": STOPPED},      Ending.ERROR,    Ending.ERROR),
    ("cc",     False, {"error": "e"},                          Ending.ERROR,    Ending.COMPLETE),
]  # fmt: skip


@pytest.mark.parametrize(("letters", "has_end", "changes", "ending", "found"), FAULTS)
def test_what_breaks_the_rules_of_its_format(letters, has_end, changes, ending, found):
    seen = observed(letters, has_end=has_end, **changes)
    assert (token_metrics(seen).ending, fault(seen)) == (ending, found)


PERCENTILES = [
    ([5.0], 0.5, 5.0), ([5.0], 0.95, 5.0), ([1.0, 3.0], 0.5, 2.0), ([3.0, 1.0, 2.0], 0.5, 2.0), ([1.0, 2.0, 3.0, 4.0, 5.0], 0.95, 4.8),
    ([1.0, 2.0], 0.0, 1.0), ([1.0, 2.0], 1.0, 2.0), ([1.0, 2.0, 4.0], 0.25, 1.5),
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
    ("later by the limit exactly",        begins(HELD, 0.3),       begins(DIRECT, 0.0),   True),
    ("no gaps here",                      dataclasses.replace(HELD, gap_s=None), DIRECT,  False),
    ("no gaps there",                     HELD, dataclasses.replace(DIRECT, gap_s=None),  False),
    ("no first token here",               dataclasses.replace(HELD, ttft_s=None), DIRECT, False),
    ("no first token there",              HELD, dataclasses.replace(DIRECT, ttft_s=None), False),
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


def test_a_hold_is_a_value_with_its_times():
    assert gaps_shrank(HELD, DIRECT) == ShrunkGaps(1.125, 0.0, 0.125)
