"""The parts of a report about a stream of the user's own app."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.diagnosis.own_stream import ADD_DIRECT, ADD_REPEAT, LOOK_INSIDE, stream_report
from flushcheck.diagnosis.token_sentences import describe_ending
from flushcheck.measurement.tokens import token_metrics
from flushcheck.model import Client, Outcome, Transport, Vantage, Verdict
from tests.measurement.own import DIRECT, HTTP1, IDENTITY, ONCE, OWN, SINGLY, evenly, observed, own_run

CHUNKED = replace(OWN, transport=Transport.CHUNKED)
GROUPS = [(1.0, 20), (2.0, 3), (4.5, 17)]
UNPROXIED = replace(OWN, vantage=Vantage.UNPROXIED)

ENDINGS = [
    # name                         the observation                                        how it ended
    ("complete",                   {},                                                    "ended after 3.9 s"),
    ("with its end marker",        {"done": True},                                        "ended with its end marker after 3.9 s"),
    ("by closing",                 {"delimited": False},                                     "ended by closing the connection after 3.9 s: a stream that was cut would look the same"),
    ("by closing, with a marker",  {"delimited": False, "done": True},                       "ended by closing the connection with its end marker after 3.9 s"),
    ("cut",                        {"outcome": Outcome.CUT},                              "cut after 3.9 s, before the end of the response: reset"),
    ("cut behind its end marker",  {"outcome": Outcome.CUT, "done": True},                "cut after 3.9 s with its end marker: reset"),
    ("left",                       {"outcome": Outcome.STOPPED},                          "not followed to its end: reset"),
    ("refused",                    {"outcome": Outcome.REFUSED},                          "reset"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "changes", "summary"), ENDINGS, ids=[row[0] for row in ENDINGS])
def test_how_a_stream_ended_is_one_sentence(name, changes, summary):
    stream = judge(own_run(observed(SINGLY, **{"detail": "reset", **changes}))).stream
    assert stream
    assert stream.summary == summary


def test_what_a_stream_is_made_of():
    seen = observed(GROUPS, format="Ollama chat", format_end="END", done=True)
    stream = judge(own_run(seen, method="POST")).stream
    assert stream
    assert (stream.method, stream.status, stream.done, stream.ended_s) == ("POST", 200, True, 4.5)
    assert (stream.records, stream.deliveries, stream.longest_gap_s) == (40, 3, 2.5)
    assert stream.token_sentences == ("0 tokens",)
    missing = judge(own_run(replace(seen, done=False))).stream
    assert missing
    assert missing.token_sentences == ("0 tokens", "the end of its format did not come: END")


def test_a_stream_without_records_has_no_records_per_delivery():
    stream = judge(own_run(observed([], format="Ollama chat", format_end="END"))).stream
    assert stream
    assert (stream.records, stream.deliveries, stream.records_per_delivery) == (0, 0, 0.0)


def test_an_end_of_the_format_is_told_with_its_error():
    failed = observed(evenly(4, 0.1), error="overloaded", outcome=Outcome.CUT)
    report = stream_report(own_run(failed), failed)
    metrics = token_metrics(failed)
    assert report.tokens == metrics
    assert report.token_sentences == (describe_ending(metrics.ending, "", "overloaded"),)


def test_a_transport_has_the_numbers_of_records():
    report = judge(own_run(observed(ONCE), observed(SINGLY, IDENTITY)))
    (events,) = report.transports
    assert events.hold_s == pytest.approx(8.2)
    assert (events.first_piece_s, events.pieces_sent, events.pieces_received) == (8.2, 40, 40)
    assert (events.sent_s, events.received_s) == ((), (8.2,) * 40)


STEPS = [
    # name                           the run                                                       next step
    ("one look",                     [observed(ONCE)],                                             ADD_REPEAT),
    ("two clients",                  [observed(ONCE), observed(ONCE, HTTP1)],                      ADD_REPEAT),
    ("repeats",                      [observed(ONCE), observed(ONCE, IDENTITY)],                   ADD_DIRECT),
    ("the app's own port too",       [observed(ONCE), observed(ONCE, IDENTITY), observed(ONCE, DIRECT)], LOOK_INSIDE),
    ("past the forward proxy too",   [observed(ONCE), observed(ONCE, IDENTITY), observed(ONCE, UNPROXIED)], LOOK_INSIDE),
]  # fmt: skip


@pytest.mark.parametrize(("name", "observations", "step"), STEPS, ids=[row[0] for row in STEPS])
def test_what_separates_a_slow_app_from_a_hold_is_said(name, observations, step):
    report = judge(own_run(*observations))
    assert report.verdict is Verdict.UNKNOWN
    assert report.headline == (
        f"could not tell: 40 events, all at once after 8.2 s: a slow app, or held to the end. {step}"
    )


def test_several_deliveries_may_be_the_apps_own():
    assert judge(own_run(observed(GROUPS))).headline == (
        "could not tell: 40 events in 3 deliveries, from 1.00 to 4.50 s: the app sends it so, or something "
        f"collects it. {ADD_REPEAT}"
    )
    assert judge(own_run(observed([(1.0, 20), (4.5, 20)]), observed(GROUPS, IDENTITY))).headline == (
        "could not tell: 40 events in 2 deliveries, from 1.00 to 4.50 s: the app sends it so, or something "
        f"collects it. {ADD_DIRECT}"
    )


def test_a_stream_that_flows_is_said_so_with_what_arrives():
    assert judge(own_run(observed(SINGLY))).headline == "flowing: the events arrive one by one"
    assert judge(own_run(observed(SINGLY, CHUNKED))).headline == "flowing: the records arrive one by one"


def test_what_failed_is_no_slow_app():
    refused = observed([], outcome=Outcome.REFUSED, detail="status 404", status=404)
    assert judge(own_run(refused)).headline == "could not tell: no stream: status 404"


def test_two_clients_that_got_different_things_are_told_apart():
    browser = observed(SINGLY, http_version="2")
    http1 = observed(ONCE, replace(OWN, client=Client.HTTP1))
    flowing, other = judge(own_run(browser, http1)).headline.split("; ", 1)
    assert flowing == "flowing in browsers over HTTP/2: the events arrive one by one"
    assert other.startswith("held for HTTP/1.1 clients on events: ")
    few = observed(evenly(3, 0.3), http_version="2")
    assert judge(own_run(few, observed(SINGLY, HTTP1))).headline.startswith(
        "could not tell in browsers over HTTP/2: 3 events in 3 deliveries"
    )
