"""A watched stream as text and as JSON."""

from __future__ import annotations

import json

from flushcheck.reports.watch import read_line, watch_document, watch_text
from flushcheck.watching.records import Record
from flushcheck.watching.verdict import assess
from tests.watching.captures import ONCE, SINGLY, captured


def test_hostile_text_neither_steers_the_terminal_nor_leaves_its_line():
    record = Record("\x1b[2J\u202e" + "x" * 500, 5)
    line = read_line(1.0, 0.1, 100, (record,), label="", width=60)
    assert len(line) < 60
    assert "\x1b" not in line
    hostile = captured(SINGLY, headers=(("content-type", "\x1b]0;x\x07"),), url="http://x/\x1b[2J")
    assert "\x1b" not in watch_text(assess(hostile), width=80, color=False)


def test_the_text_holds_the_verdict_the_headline_and_both_streams():
    report = assess(captured(ONCE, url="http://public/"), captured(SINGLY, url="http://app:8000/"))
    text = watch_text(report, width=200, color=False)
    assert text.startswith("HELD  http://public/\n")
    assert report.headline in " ".join(text.split())
    assert "public: http://public/" in text
    assert "direct: http://app:8000/" in text


def test_the_document_says_the_same_in_json():
    report = assess(captured(ONCE), captured(SINGLY))
    document = json.loads(json.dumps(watch_document(report)))
    assert (document["verdict"], document["headline"]) == ("held", report.headline)
    public, direct = document["streams"]
    assert (public["pattern"], public["records"], public["deliveries"]) == ("all at once", 40, 1)
    assert (direct["first_s"], direct["last_s"], direct["outcome"]) == (0.0, 3.9, "ended")
    assert len(direct["arrivals"]) == 40


def test_a_stream_without_records_has_no_moments():
    (stream,) = watch_document(assess(captured([])))["streams"]
    assert (stream["first_s"], stream["last_s"], stream["block_bytes"]) == (None, None, None)
