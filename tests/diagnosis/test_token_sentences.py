"""The tokens of a stream in words."""

from __future__ import annotations

import dataclasses

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.diagnosis.token_sentences import describe_ending, describe_shrunk, describe_tokens
from flushcheck.measurement.tokens import ShrunkGaps
from flushcheck.model import Ending, Gaps, Observation, Vantage
from tests.measurement.own import ONCE, SINGLY, Groups, observed, own_run
from tests.measurement.test_tokens import metrics

FIRST = "first token after 0.50 s"
STEADY = "between tokens: median 100 ms, 95 % within 100 ms, longest 100 ms, 10.0 tokens per second"
SENTENCES = [
    # the tokens                        per delivery  sentences
    (metrics("sccccd", start_s=0.4),    1.0,          [f"4 tokens, {FIRST}, 1.0 records per delivery", STEADY]),
    (metrics("cd"),                     1.0,          [f"1 token, {FIRST}, 1.0 records per delivery"]),
    (metrics("ccd", gap_s=0.0),         2.0,          [f"2 tokens, {FIRST}, 2.0 records per delivery", "between tokens: median 0 ms, 95 % within 0 ms, longest 0 ms"]),
    (metrics("rcd"),                    1.0,          [f"2 tokens, 1 of them reasoning, {FIRST} (reasoning), first of the response after 0.60 s, 1.0 records per delivery", STEADY]),
    (metrics("rd"),                     1.0,          [f"1 token, 1 of them reasoning, {FIRST}, and none that is not reasoning, 1.0 records per delivery"]),
    (metrics("d", usage_tokens=20),     0.0,          ["0 tokens (the service counted 20)"]),
    (metrics("s"),                      1.0,          ["0 tokens", "the end of its format did not come: END"]),
    (metrics("d", error="overloaded"),  1.0,          ["0 tokens", "the stream reports an error: overloaded"]),
]  # fmt: skip


def test_the_gaps_between_tokens_are_in_milliseconds():
    seen = dataclasses.replace(metrics("cccd"), gap_s=Gaps(0.8, 1.6, 2.4))
    assert describe_tokens("END", seen, 1.0)[1] == (
        "between tokens: median 800 ms, 95 % within 1600 ms, longest 2400 ms, 10.0 tokens per second"
    )
    assert "(700 ms instead of 900 ms)" in describe_shrunk(ShrunkGaps(1.0, 0.7, 0.9))


@pytest.mark.parametrize(("seen", "per_delivery", "sentences"), SENTENCES)
def test_tokens_in_words(seen, per_delivery, sentences):
    assert describe_tokens("END", seen, per_delivery) == sentences


ENDINGS = [
    # ending,           the format's end, sentence
    (Ending.ERROR,      "END",            "the stream reports an error: overloaded"),
    (Ending.ERROR,      "",               "a record looks like an error: overloaded"),
    (Ending.MISSING,    "END",            "the end of its format did not come: END"),
    (Ending.STOPPED,    "END",            ""),
    (Ending.UNMARKED,   "",               ""),
    (Ending.COMPLETE,   "END",            ""),
]  # fmt: skip


@pytest.mark.parametrize(("ending", "end", "sentence"), ENDINGS)
def test_endings_in_words(ending, end, sentence):
    assert describe_ending(ending, end, "overloaded") == sentence


def test_an_error_shows_where_the_format_is_not_known():
    stream = judge(own_run(dataclasses.replace(chat(SINGLY), format_end="", error="overloaded"))).stream
    assert stream is not None
    assert stream.token_sentences == ("a record looks like an error: overloaded",)


def test_tokens_that_a_proxy_collects_in_words():
    assert describe_shrunk(ShrunkGaps(1.125, 0.0, 0.125)) == (
        "through the proxy the first token comes 1.1 s later and the tokens follow each other faster (0 ms "
        "instead of 125 ms): something collects them"
    )


def chat(groups: Groups, vantage: Vantage = Vantage.PATH) -> Observation:
    """Return a stream whose records are tokens."""
    seen = observed(groups, format="Ollama chat", format_end="END", done=True)
    arrivals = tuple(dataclasses.replace(arrival, tokens=len(arrival.records)) for arrival in seen.arrivals)
    return dataclasses.replace(
        seen, arrivals=arrivals, probe=dataclasses.replace(seen.probe, vantage=vantage)
    )


NOTES = [
    # name                        observations                                       is there a note
    ("one address",               [chat(ONCE)],                                      False),
    ("held before the app",       [chat(ONCE), chat(SINGLY, Vantage.DIRECT)],        True),
    ("flowing at both",           [chat(SINGLY), chat(SINGLY, Vantage.DIRECT)],      False),
    ("held at both",              [chat(ONCE), chat(ONCE, Vantage.DIRECT)],          False),
    ("held by the forward proxy", [chat(ONCE), chat(SINGLY, Vantage.UNPROXIED)],     True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "observations", "expected"), NOTES, ids=[row[0] for row in NOTES])
def test_a_second_address_shows_that_tokens_are_collected(name, observations, expected):
    report = judge(own_run(*observations, direct="http://app:8000/", proxy="http://proxy:3128"))
    assert any("something collects them" in note for note in report.notes) is expected


def test_a_report_has_the_tokens_of_a_known_format_in_words():
    known, unknown = chat(SINGLY), dataclasses.replace(chat(SINGLY), format="", format_end="")
    (stream, other) = (judge(own_run(seen)).stream for seen in (known, unknown))
    assert stream is not None
    assert other is not None
    assert (stream.format, stream.framing) == ("Ollama chat", "server-sent events")
    assert stream.token_sentences[0].startswith(
        "40 tokens, first token after 0.00 s, 1.0 records per delivery"
    )
    assert (other.format, other.token_sentences) == ("server-sent events", ())
