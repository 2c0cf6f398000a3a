"""One stream in words."""

from __future__ import annotations

import pytest

from flushcheck.model import Arrival, ReceivedPiece
from flushcheck.watching.analysis import analyze
from flushcheck.watching.records import StreamFormat
from flushcheck.watching.sentences import describe
from flushcheck.watching.stream_capture import WatchOutcome
from tests.watching.captures import BLOCKS, ONCE, SINGLY, TICKS, captured


def begun(size_bytes: int, text_bytes: int) -> tuple[Arrival, ...]:
    return (Arrival(0.1, size_bytes, text_bytes), Arrival(8.0, 90, 400, (ReceivedPiece(0, 0, 400),)))


FLUSHES_NOT = "the header of a compressor that does not flush"
ROWS = [
    # what was seen,                                               a sentence,                                         is it there
    (captured(SINGLY, headers_s=0.05),                             "status 200 after 0.05 s, text/event-stream",       True),
    (captured(SINGLY, headers=()),                                 "no content type",                                  True),
    (captured([], status=0, outcome=WatchOutcome.UNREACHABLE, detail="no connection"), "status",                       False),
    (captured(SINGLY),                                             "40 events, 1600 bytes, in 40 deliveries, from 0.00 to 3.90 s", True),
    (captured([(1.0, 1)]),                                         "1 event, 40 bytes, all in one read after 1.0 s",   True),
    (captured(ONCE, format=StreamFormat.PLAIN),                    "1600 bytes, all in one read",                      True),
    (captured(ONCE, format=StreamFormat.PLAIN),                    "40 reads",                                         False),
    (captured(BLOCKS),                                             "in 5 deliveries of 400 bytes each",                True),
    (captured(BLOCKS, mid_record=True),                            "something collects bytes",                         True),
    (captured(BLOCKS),                                             "something collects bytes",                         False),
    (captured(TICKS),                                              "one every 200 ms",                                 True),
    (captured(ONCE, headers_s=7.6),                                "the header arrived 0.6 s before",                  True),
    (captured(ONCE, headers_s=7.8),                                "the header arrived",                               False),
    (captured([(1, 1), (9, 1)], headers_s=0.1),                    "the header arrived",                               False),
    (captured(ONCE, headers=(("content-length", "1600"),)),        "Content-Length: 1600, so the sender had the whole response", True),
    (captured(SINGLY),                                             "Content-Length",                                   False),
    (captured(SINGLY, headers=(("content-encoding", "gzip"),)),    "compressed with gzip: 1600 bytes for 1600 bytes of text", True),
    (captured(ONCE, arrivals=begun(10, 0)),                        FLUSHES_NOT,                                        True),
    (captured(ONCE, arrivals=begun(11, 0)),                        FLUSHES_NOT,                                        False),
    (captured(ONCE, arrivals=begun(0, 0)),                         FLUSHES_NOT,                                        False),
    (captured(ONCE, arrivals=begun(10, 1)),                        FLUSHES_NOT,                                        False),
    (captured([(0.0, 1), (0.6, 1)]),                               "the longest time without data: 0.6 s",             True),
    (captured([(0.0, 1), (0.4, 1)]),                               "the longest time without data",                    False),
    (captured(SINGLY),                                             "ended after 3.9 s",                                True),
    (captured(SINGLY, done=True),                                  "ended with its end marker ([DONE]) after 3.9 s",   True),
    (captured(SINGLY, outcome=WatchOutcome.CLOSED),                "ended by closing the connection after 3.9 s: a stream that was cut would look the same", True),
    (captured(SINGLY, outcome=WatchOutcome.CLOSED, done=True),     "would look the same",                              False),
    (captured(SINGLY, outcome=WatchOutcome.CUT, detail="why"),     "cut after 3.9 s, before the end of the response: why", True),
    (captured(SINGLY, outcome=WatchOutcome.STOPPED, detail="why"), "not followed to its end: why",                     True),
    (captured([], outcome=WatchOutcome.REFUSED, detail="status 401, no content type, without a body"), "status 401, no content type, without a body", True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("capture", "sentence", "expected"), ROWS, ids=[f"{row[1][:30]}-{row[2]}" for row in ROWS]
)
def test_what_is_seen_is_said(capture, sentence, expected):
    sentences = describe(analyze(capture))
    assert any(sentence in text for text in sentences) is expected, sentences
