"""What can be said of one stream, and of two of the same app, and no more."""

from __future__ import annotations

import pytest

from flushcheck.model import Verdict
from flushcheck.watching.records import StreamFormat
from flushcheck.watching.stream_capture import WatchOutcome
from flushcheck.watching.verdict import assess
from tests.watching.captures import BLOCKS, JITTER, ONCE, SINGLY, TICKS, captured, evenly

CUT, REFUSED = WatchOutcome.CUT, WatchOutcome.REFUSED
PLAIN = StreamFormat.PLAIN

ALONE = [
    # name,                   what was seen,                                            verdict,         words
    ("one by one",            captured(SINGLY),                                         Verdict.FLOWING, "events arrive one by one: nothing holds them"),
    ("four records",          captured(evenly(4, 0.1)),                                 Verdict.FLOWING, "nothing holds them"),
    ("three records",         captured(evenly(3, 0.1)),                                 Verdict.UNKNOWN, "One stream alone does not show"),
    ("all at once",           captured(ONCE),                                           Verdict.UNKNOWN, "in one read after 8.2 s. Either a proxy buffers the stream, or the app"),
    ("one record",            captured([(1.0, 1)]),                                     Verdict.UNKNOWN, "--direct http://localhost:PORT/"),
    ("whole blocks",          captured(BLOCKS),                                         Verdict.UNKNOWN, "arrive in blocks. One stream alone"),
    ("blocks cut records",    captured(BLOCKS, mid_record=True),                        Verdict.HELD,    "collects blocks of 400 bytes"),
    ("ticks",                 captured(TICKS),                                          Verdict.UNKNOWN, "in ticks"),
    ("two deliveries",        captured([(1.0, 20), (5.0, 20)]),                         Verdict.UNKNOWN, "in two or three deliveries"),
    ("nothing",               captured([]),                                             Verdict.UNKNOWN, "No data arrived: ended"),
    ("nothing, with a reason", captured([], outcome=WatchOutcome.STOPPED, detail="why"), Verdict.UNKNOWN, "No data arrived: why"),
    ("cut",                   captured(SINGLY, outcome=CUT, detail="the body broke off"), Verdict.BROKEN, "cut after 3.9 s and 40 records: the body broke off"),
    ("cut after its marker",  captured(SINGLY, outcome=CUT, done=True),                 Verdict.FLOWING, "one by one"),
    ("refused",               captured([], outcome=REFUSED, detail="status 401"),       Verdict.UNKNOWN, "No stream: status 401"),
    ("unreachable",           captured([], outcome=WatchOutcome.UNREACHABLE, detail="x"), Verdict.UNKNOWN, "No stream: x"),
    ("interrupted",           captured(SINGLY, outcome=WatchOutcome.STOPPED),           Verdict.FLOWING, "one by one"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "capture", "verdict", "words"), ALONE, ids=[row[0] for row in ALONE])
def test_one_stream(name, capture, verdict, words):
    report = assess(capture)
    assert (report.verdict, words in report.headline) == (verdict, True), report.headline
    assert [stream.capture for stream in report.streams] == [capture]


def late(by_s: float) -> list[tuple[float, int]]:
    return evenly(40, 0.1, start_s=by_s)


BESIDE = [
    # name,                  at the public address,                      at the app's own port,  verdict,         words
    ("held",                 captured([(3.9, 40)]),                      captured(SINGLY),       Verdict.HELD,    "A proxy buffers the stream: 1 delivery through the proxy, 40 directly from the app."),
    ("blocks",               captured([(0.8 * n, 10) for n in range(1, 6)]), captured(SINGLY),   Verdict.HELD,    "5 deliveries through the proxy"),
    ("ticks of 200 ms",      captured([(0.2 * n, 2) for n in range(20)]), captured(SINGLY),      Verdict.HELD,    "20 deliveries"),
    ("half the deliveries",  captured(evenly(20, 0.5, records=2)),       captured(SINGLY),       Verdict.HELD,    "20 deliveries"),
    ("more than half",       captured([*evenly(19, 0.1, records=2), (2.0, 1), (2.1, 1)]), captured(SINGLY), Verdict.FLOWING, "does not change"),
    ("four deliveries there", captured([(1.0, 4)]),                      captured(evenly(4, 0.1)), Verdict.HELD,  "1 delivery"),
    ("three there",          captured([(0.1, 3)]),                       captured(evenly(3, 0.1)), Verdict.FLOWING, "does not change"),
    ("waits 0.41 s more",    captured([(0.41, 8)]),                      captured(evenly(8, 0.025)), Verdict.HELD, "buffers"),
    ("waits 0.39 s more",    captured([(0.39, 8)]),                      captured(evenly(8, 0.025)), Verdict.UNKNOWN, "jitter"),
    ("a longer gap",         captured([(0.0, 4), (0.44, 4)]),            captured(evenly(8, 0.025)), Verdict.HELD, "buffers"),
    ("both begin late",      captured(late(3)),                          captured(late(3)),      Verdict.FLOWING, "does not change"),
    ("both flow",            captured(SINGLY),                           captured(SINGLY),       Verdict.FLOWING, "The proxy does not change how the stream arrives"),
    ("jitter",               captured(JITTER),                           captured(SINGLY),       Verdict.UNKNOWN, "as on a path with jitter"),
    ("both at once",         captured(ONCE),                             captured(ONCE),         Verdict.UNKNOWN, "All in one read at both addresses"),
    ("the wrong way round",  captured(SINGLY),                           captured([(3.9, 40)]),  Verdict.UNKNOWN, "is it the app's own port?"),
    ("begins 3 s later",     captured(late(3)),                          captured(SINGLY),       Verdict.UNKNOWN, "begins 3.0 s later"),
    # A third of the 3.9 s that the other takes is 1.17 s.
    ("begins 1.18 s later",  captured(late(1.18)),                       captured(SINGLY),       Verdict.UNKNOWN, "later through the proxy"),
    ("begins 1.16 s later",  captured(late(1.16)),                       captured(SINGLY),       Verdict.FLOWING, "does not change"),
    ("a short one 0.51 s later", captured(evenly(8, 0.1, start_s=0.51)), captured(evenly(8, 0.1)), Verdict.UNKNOWN, "0.5 s later"),
    ("a short one 0.49 s later", captured(evenly(8, 0.1, start_s=0.49)), captured(evenly(8, 0.1)), Verdict.FLOWING, "does not change"),
    ("2.5 times the records", captured(evenly(100, 0.1)),                captured(SINGLY),       Verdict.FLOWING, "does not change"),
    ("more than that",       captured(evenly(101, 0.1)),                 captured(SINGLY),       Verdict.UNKNOWN, "differ too much to be compared: 101 records through the proxy, 40"),
    ("fewer records",        captured([(1, 3)]),                         captured(SINGLY),       Verdict.UNKNOWN, "3 records through the proxy"),
    ("plain, joined",        captured([(3.9, 1)], format=PLAIN),         captured(SINGLY, format=PLAIN), Verdict.HELD, "buffers"),
    ("plain at one address", captured([(3.9, 1)], format=PLAIN),         captured(SINGLY),       Verdict.HELD,    "buffers"),
    ("no app at the port",   captured(SINGLY), captured([], outcome=REFUSED, detail="status 404"), Verdict.FLOWING, "The app's own port gave no comparison. No stream: status 404"),
    ("no app in front",      captured([], outcome=REFUSED, detail="status 502"), captured(SINGLY), Verdict.UNKNOWN, "status 502"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "public", "direct", "verdict", "words"), BESIDE, ids=[row[0] for row in BESIDE]
)
def test_two_addresses_separate_a_hold_from_a_slow_app(name, public, direct, verdict, words):
    report = assess(public, direct)
    assert (report.verdict, words in report.headline) == (verdict, True), report.headline
    assert [stream.capture for stream in report.streams] == [public, direct]
