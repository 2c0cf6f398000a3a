"""A stream of the user's own app: the line of each read, the report as text and as JSON."""

from __future__ import annotations

from flushcheck.diagnosis.inference import judge
from flushcheck.model import Outcome
from flushcheck.reports.json_report import document
from flushcheck.reports.terminal import terminal
from flushcheck.reports.watch import read_line
from flushcheck.watching.records import Record
from tests.measurement.own import DIRECT, ONCE, SINGLY, observed, own_run


def test_hostile_text_neither_steers_the_terminal_nor_leaves_its_line():
    record = Record("\x1b[2J\u202e" + "x" * 500, 5)
    line = read_line(1.0, 0.1, 100, (record,), label="", width=60)
    assert len(line) < 60
    assert "\x1b" not in line
    hostile = observed(SINGLY, headers=(("x-accel-buffering", "\x1b]0;x\x07"), ("server", "\x1b[2J")))
    run = own_run(hostile, target="http://x/\x1b[2J")
    assert "\x1b" not in terminal(judge(run), width=80, color=False)


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
        "records": 40,
        "deliveries": 1,
        "records_per_delivery": 40.0,
        "longest_gap_s": 0.0,
        "done": False,
        "ended_s": 8.2,
        "summary": "ended after 8.2 s",
    }


def test_a_stream_that_brought_nothing_has_no_picture():
    nothing = observed([], outcome=Outcome.REFUSED, detail="status 404")
    report = judge(own_run(nothing))
    assert report.headline == "could not tell: no stream: status 404"
    assert "received" not in terminal(report, width=80, color=False)
    assert report.stream
    assert report.stream.records_per_delivery == 0.0
