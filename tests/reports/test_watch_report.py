"""A stream of the user's own app: the line of each read, the report as text and as JSON."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.model import Observation, Outcome
from flushcheck.reports.json_report import document
from flushcheck.reports.terminal import terminal
from flushcheck.reports.watch import Counts, live_counts, read_line, stream_text
from flushcheck.watching.records import Record, RecordKind
from tests.measurement.own import DIRECT, ONCE, SINGLY, Groups, observed, own_run


def test_hostile_text_neither_steers_the_terminal_nor_leaves_its_line():
    record = Record("\x1b[2J\u202e" + "x" * 500, 5)
    line = read_line(1.0, 0.1, 100, (record,), label="", width=60)
    assert len(line) < 60
    assert "\x1b" not in line
    hostile = observed(SINGLY, headers=(("x-accel-buffering", "\x1b]0;x\x07"), ("server", "\x1b[2J")))
    run = own_run(hostile, target="http://x/\x1b[2J")
    assert "\x1b" not in terminal(judge(run), width=80, color=False)


COUNTS = [
    # name,                 counts,                                                  line
    ("nothing yet",         {"": Counts()},                                          "waiting for the first byte"),
    ("nothing anywhere",    {"public": Counts(), "direct": Counts()},                "waiting for the first byte"),
    ("half of a record",    {"": Counts(0, 5)},                                      "0 records, 5 bytes"),
    ("one record",          {"": Counts(1, 1).plus(0, 4)},                           "1 record, 5 bytes"),
    ("below a size in kB",  {"": Counts(2, 9_999)},                                  "2 records, 9999 bytes"),
    ("a size in kB",        {"": Counts(2, 9_000).plus(1, 1_000)},                   "3 records, 10.0 kB"),
    ("one of two",          {"public": Counts(), "in\x1bgress": Counts(1, 2)},       r"public 0 records, 0 bytes; in\x1bgress 1 record, 2 bytes"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "counts", "line"), COUNTS, ids=[row[0] for row in COUNTS])
def test_a_line_says_what_has_arrived_by_now(name, counts, line):
    assert live_counts(counts) == line


def test_the_text_holds_the_verdict_the_format_and_the_arrivals():
    report = judge(own_run(observed(ONCE), observed(SINGLY, DIRECT), direct="http://app:8000/"))
    text = terminal(report, width=200, color=False)
    assert text.startswith("HELD  http://app/stream\n")
    assert report.headline in text
    assert "server-sent events, ended after 8.2 s" in text
    assert f"received {'.' * 49}#" in text
    assert "sent     " not in text


def test_the_document_says_the_same_in_json():
    report = judge(own_run(observed(ONCE), observed(SINGLY, DIRECT)))
    whole = document(report)
    assert (whole["verdict"], whole["headline"]) == ("held", report.headline)
    events = whole["transports"]["events"]
    assert (events["flow"], events["hold_s"], events["first_piece_s"]) == ("held", 8.2, 8.2)
    assert (events["sent_s"], events["received_s"]) == ([], [8.2] * 40)
    assert whole["stream"] == {
        "method": "GET",
        "status": 200,
        "format": "server-sent events",
        "framing": "server-sent events",
        "records": 40,
        "deliveries": 1,
        "records_per_delivery": 40.0,
        "tokens": 0,
        "reasoning_tokens": 0,
        "usage_tokens": 0,
        "ttft_s": None,
        "ttfo_s": None,
        "gap_s": None,
        "tokens_per_s": None,
        "ending": "unmarked",
        "error": "",
        "longest_gap_s": 0.0,
        "done": False,
        "ended_s": 8.2,
        "summary": "ended after 8.2 s",
        "sentences": [],
    }


def test_the_text_of_a_stream_does_not_steer_the_terminal():
    records = [
        Record("a\r\n\tb\x1b[2J", 9),
        Record("hm", 2, RecordKind.REASONING),
        Record("c\u202e\r", 3),
        Record("{}", 2, RecordKind.DATA),
    ]
    assert stream_text(tuple(records)) == "a\n\tb\\x1b[2Jc\\u202e\\r{}\n"


def chat(groups: Groups, *arguments: Any, **changes: Any) -> Observation:
    """Return a chat whose records are tokens, the first two of them reasoning."""
    seen = observed(
        groups, *arguments, format="OpenAI chat completions", format_end="data: [DONE]", **changes
    )
    arrivals = tuple(
        dataclasses.replace(arrival, tokens=len(arrival.records), reasoning_tokens=number < 2)
        for number, arrival in enumerate(seen.arrivals)
    )
    return dataclasses.replace(seen, arrivals=arrivals)


def test_the_tokens_of_a_known_format_are_measured():
    report = judge(own_run(chat(SINGLY, done=True, usage_tokens=41)))
    stream = document(report)["stream"]
    assert (stream["format"], stream["framing"]) == ("OpenAI chat completions", "server-sent events")
    assert (stream["tokens"], stream["reasoning_tokens"], stream["usage_tokens"]) == (40, 2, 41)
    assert (stream["ttft_s"], stream["ttfo_s"], stream["tokens_per_s"]) == (0.0, 0.2, 10.0)
    assert stream["gap_s"] == {"p50": 0.1, "p95": 0.1, "max": 0.1}
    assert (stream["ending"], stream["records_per_delivery"]) == ("complete", 1.0)
    text = terminal(report, width=200, color=False)
    assert (
        "40 tokens, 2 of them reasoning (the service counted 41), first token after 0.00 s (reasoning)"
        in text
    )
    assert "between tokens: median 100 ms" in text


def test_an_error_in_the_stream_is_shown_without_its_control_characters():
    report = judge(own_run(chat(SINGLY, error="over\x1b[2Jloaded")))
    text = terminal(report, width=200, color=False)
    assert "the stream reports an error: over" in text
    assert "\x1b" not in text
    assert document(report)["stream"]["ending"] == "error"


def test_tokens_that_come_later_and_closer_together_than_at_the_app_are_a_note():
    report = judge(own_run(chat(ONCE), chat(SINGLY, DIRECT), direct="http://app:8000/"))
    assert any("the first token comes 8.2 s later" in note for note in report.notes), report.notes
    both_flow = judge(own_run(chat(SINGLY), chat(SINGLY, DIRECT), direct="http://app:8000/"))
    assert not any("first token" in note for note in both_flow.notes)


def test_a_stream_that_brought_nothing_has_no_picture():
    nothing = observed([], outcome=Outcome.REFUSED, detail="status 404")
    report = judge(own_run(nothing))
    assert report.headline == "could not tell: no stream: status 404"
    assert "received" not in terminal(report, width=80, color=False)
    assert report.stream
    assert report.stream.records_per_delivery == 0.0
