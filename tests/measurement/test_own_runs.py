"""What the streams of one run with a user's own app show together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.measurement.answer import Answer
from flushcheck.measurement.cross_probe import timings
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.own_streams import PLAIN
from flushcheck.measurement.queues import QUEUED_S
from flushcheck.measurement.timing import Timing, measure
from flushcheck.model import Arrival, Flow, Outcome, Probe, Scenario, Transport, Vantage, Variant
from tests.measurement.own import (
    BLOCKS,
    DIRECT,
    EVENT_STREAM,
    EVENTS,
    GZIP,
    HTTP1,
    HTTP10,
    IDENTITY,
    ONCE,
    OWN,
    SINGLY,
    TICKS,
    evenly,
    observed,
)

TOGETHER = replace(OWN, variant=Variant.TOGETHER)
UNPROXIED = replace(OWN, vantage=Vantage.UNPROXIED)


def held_by(*others):
    """Timings by probe of a first look that arrived at once, beside these."""
    seen = {observation.probe: observation for observation in (observed(ONCE), *others)}
    return timings(seen)


BESIDE = [
    # name,                       beside the first look,                                     its flow
    ("alone",                     [],                                                        Flow.UNKNOWN),
    ("flowing without encodings", [observed(SINGLY, IDENTITY)],                              Flow.HELD),
    ("flowing at the app's port", [observed(SINGLY, DIRECT)],                                Flow.HELD),
    ("flowing over HTTP/1.1",     [observed(SINGLY, HTTP1)],                                 Flow.HELD),
    ("all at once everywhere",    [observed(ONCE, IDENTITY), observed(ONCE, DIRECT)],        Flow.UNKNOWN),
    ("a third of the records",    [observed(evenly(13, 0.1), IDENTITY)],                     Flow.UNKNOWN),
    ("another type, if asked",    [observed(SINGLY, EVENT_STREAM, headers=(("content-type", "x"),))], Flow.UNKNOWN),
    ("refused",                   [observed(SINGLY, IDENTITY, outcome=Outcome.REFUSED)],     Flow.UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize(("name", "others", "flow"), BESIDE, ids=[row[0] for row in BESIDE])
def test_what_arrives_at_once_is_held_where_it_flows_in_another_way(name, others, flow):
    assert held_by(*others)[OWN].flow is flow


PATTERNS = [(ONCE, Flow.HELD), (BLOCKS, Flow.BLOCKS), (TICKS, Flow.TICKS)]


@pytest.mark.parametrize(("groups", "flow"), PATTERNS, ids=[row[1] for row in PATTERNS])
def test_a_hold_has_the_pattern_of_its_arrivals(groups, flow):
    seen = {OWN: observed(groups), IDENTITY: observed(evenly(60, 0.1), IDENTITY)}
    assert timings(seen)[OWN].flow is flow
    assert timings({OWN: observed(groups)})[OWN].flow is Flow.UNKNOWN


def test_a_timer_that_the_first_record_starts_gives_ticks():
    late = [(0.2, 2), (0.41, 3), (0.7, 2), (0.95, 3), (1.2, 2), (1.43, 4), (1.8, 4)]
    timing = timings({OWN: observed(late), HTTP10: observed(evenly(20, 0.1), HTTP10)})[OWN]
    assert timing.flow is Flow.TICKS
    assert timing.period_s == pytest.approx(0.21)


REPLAYS = [
    # name,                          first look and what was asked beside it,                         flow
    ("before the app has sent it",   (observed([(0.0, 40)]), observed(SINGLY, DIRECT)),               Flow.REPLAYED),
    ("past a proxy",                 (observed([(0.0, 40)]), observed(SINGLY, UNPROXIED)),            Flow.REPLAYED),
    ("a repeat is asked later",      (observed([(0.0, 40)]), observed(SINGLY, IDENTITY)),             Flow.UNKNOWN),
    ("a repeat at the app's port",   (observed([(0.0, 40)]), observed(SINGLY, replace(DIRECT, variant=Variant.IDENTITY))), Flow.UNKNOWN),
    ("another stream",               (observed([(0.0, 10)]), observed(SINGLY, DIRECT)),               Flow.UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "flow"), REPLAYS, ids=[row[0] for row in REPLAYS])
def test_a_cache_shows_beside_the_same_request_at_the_apps_own_port(name, seen, flow):
    timing = timings({observation.probe: observation for observation in seen})
    assert timing[OWN].flow is flow


def test_a_repeat_that_is_played_back_accuses_no_cache_on_the_path():
    seen = {OWN: observed(ONCE), IDENTITY: observed([(0.0, 40)], IDENTITY), DIRECT: observed(SINGLY, DIRECT)}
    assert timings(seen)[IDENTITY].flow is Flow.UNKNOWN


def test_a_late_opening_is_as_late_as_its_first_records():
    opened = [(0.8, 9), *evenly(26, 0.1, start_s=0.9), (3.6, 5)]
    timing = timings({OWN: observed(opened), DIRECT: observed(SINGLY, DIRECT)})[OWN]
    assert timing.flow is Flow.LATE
    assert (timing.late_s, timing.waited_s) == (0.8, 0.8)
    begun_later = observed(evenly(40, 0.1, start_s=0.1), DIRECT)
    timing = timings({OWN: observed(opened), DIRECT: begun_later})[OWN]
    assert (timing.late_s, timing.waited_s) == pytest.approx((0.7, 0.7))


def test_each_own_stream_is_looked_at_whatever_stands_before_it():
    seen = (observed(SINGLY, DIRECT), observed([(0.0, 40)]), observed(ONCE, IDENTITY))
    flows = {probe: timing.flow for probe, timing in timings({each.probe: each for each in seen}).items()}
    assert flows == {DIRECT: Flow.FLOWING, OWN: Flow.REPLAYED, IDENTITY: Flow.HELD}


def test_jitter_is_no_hold():
    joined = [*evenly(10, 0.1), *evenly(5, 0.2, records=3, start_s=1.0)]
    assert timings({OWN: observed(joined)})[OWN].flow is Flow.UNKNOWN
    timing = timings({OWN: observed(joined), IDENTITY: observed(evenly(22, 0.1), IDENTITY)})[OWN]
    assert (timing.flow, timing.jittery) == (Flow.FLOWING, True)


def test_how_long_it_waited_is_taken_from_the_other_stream():
    assert held_by(observed(SINGLY, IDENTITY))[OWN].waited_s == pytest.approx(8.2)
    assert timings({OWN: observed(BLOCKS, mid_record=True)})[OWN].waited_s == 0


def test_joined_events_are_held_alone():
    assert timings({OWN: observed(ONCE, headers=(("content-length", "1600"),))})[OWN].flow is Flow.HELD


def test_a_stream_that_was_cut_stays_so():
    seen = {OWN: observed(ONCE, outcome=Outcome.CUT), IDENTITY: observed(SINGLY, IDENTITY)}
    assert timings(seen)[OWN].flow is Flow.CUT


TURNS = [
    # name,                   the second one began, after its request,  flow
    ("when the first ended",  4.0,                                      Flow.LATE),
    ("0.5 s after that",      4.4,                                      Flow.LATE),
    ("0.6 s after that",      4.6,                                      Flow.FLOWING),
    ("meanwhile",             2.0,                                      Flow.FLOWING),
    ("at once",               0.1,                                      Flow.FLOWING),
]  # fmt: skip


@pytest.mark.parametrize(("name", "began_s", "flow"), TURNS, ids=[row[0] for row in TURNS])
def test_a_stream_that_begins_when_another_one_ends_waited_for_its_turn(name, began_s, flow):
    first = observed(SINGLY, TOGETHER, headers_s=0.05)
    second = observed(SINGLY, replace(TOGETHER, run=1), headers_s=began_s)
    seen = {observation.probe: observation for observation in (first, second)}
    timing = timings(seen)[second.probe]
    assert timing.flow is flow
    assert timing.queued_s == pytest.approx(began_s - 0.05 if flow is Flow.LATE else 0)
    assert timing.held_s == timing.queued_s


def turns(first, second):
    """Flow of the second of two streams that were requested together."""
    other = replace(TOGETHER, run=1)
    pair = (replace(first, probe=TOGETHER), replace(second, probe=other))
    return timings({observation.probe: observation for observation in pair})[other].flow


FIRST = observed(SINGLY, headers_s=0.05)  # ends at 3.9 s
LATER = observed(evenly(40, 0.1, start_s=3.9), headers_s=3.9)
SHORT = observed(evenly(6, 0.02, start_s=3.9), headers_s=3.9)
EARLIER = observed(evenly(6, 0.1), headers_s=0.05)

PAIRS = [
    # name,                                 first,                                          second,                            flow of the second
    ("begins as the first ends",            FIRST,                                          LATER,                             Flow.LATE),
    ("requested later, both",               replace(FIRST, requested_s=2.0),                replace(LATER, requested_s=2.0),   Flow.LATE),
    ("begins as it ends itself",            EARLIER,                                        SHORT,                             Flow.FLOWING),
    ("begins as a refused one ends",        observed([], headers_s=0.05, ended_s=3.9, outcome=Outcome.REFUSED), SHORT,         Flow.FLOWING),
    ("waits for the least time",            observed(evenly(6, 0.1), headers_s=0.0, ended_s=QUEUED_S), replace(SHORT, headers_s=QUEUED_S), Flow.FLOWING),
    ("waits for a little more",             observed(evenly(6, 0.1), headers_s=0.0, ended_s=QUEUED_S), replace(SHORT, headers_s=QUEUED_S + 0.01), Flow.LATE),
]  # fmt: skip


@pytest.mark.parametrize(("name", "first", "second", "flow"), PAIRS, ids=[row[0] for row in PAIRS])
def test_a_turn_is_waited_for_behind_another_stream_that_arrived(name, first, second, flow):
    assert turns(first, second) is flow


def test_the_timing_of_an_own_stream_is_that_of_its_shape():
    ticking = measure(observed(TICKS))
    assert ticking == Timing(Flow.UNKNOWN, deliveries=12, period_s=ticking.period_s)
    assert ticking.period_s == pytest.approx(0.2)
    assert measure(observed(BLOCKS)) == Timing(Flow.UNKNOWN, deliveries=5)
    plain = measure(observed(BLOCKS, framing=PLAIN))
    assert plain == Timing(Flow.UNKNOWN, deliveries=5, hold_bytes=400)


def test_what_was_not_seen_has_no_threshold():
    assert Observations(()).record_threshold(Transport.EVENTS) is None


def test_a_short_wait_is_no_turn():
    first = observed(evenly(6, 0.1), TOGETHER, headers_s=0.05)
    second = observed(evenly(6, 0.1), replace(TOGETHER, run=1), headers_s=0.5)
    seen = {observation.probe: observation for observation in (first, second)}
    assert timings(seen)[second.probe].flow is Flow.FLOWING


def test_another_vantage_has_a_clock_of_its_own():
    seen = {OWN: observed(SINGLY, headers_s=0.05), DIRECT: observed(SINGLY, DIRECT, headers_s=3.9)}
    assert timings(seen)[DIRECT].flow is Flow.FLOWING


FREES = [
    # name,                       the repeat,                                              answer
    ("flowing",                   observed(SINGLY, IDENTITY),                              Answer.YES),
    ("left before its end",       observed(SINGLY, IDENTITY, outcome=Outcome.STOPPED),     Answer.YES),
    ("cut",                       observed(SINGLY, IDENTITY, outcome=Outcome.CUT),         Answer.NOT_TRIED),
    ("held too",                  observed(ONCE, IDENTITY),                                Answer.NO),
]  # fmt: skip


@pytest.mark.parametrize(("name", "repeat", "answer"), FREES, ids=[row[0] for row in FREES])
def test_whether_one_difference_frees_it(name, repeat, answer):
    seen = Observations([observed(ONCE), repeat, observed(SINGLY, DIRECT)])
    assert seen.frees(Transport.EVENTS, Variant.IDENTITY) is answer
    assert seen.frees(Transport.EVENTS, Variant.HTTP10) is Answer.NOT_TRIED


def test_the_questions_of_detectors_are_answered_from_the_own_stream():
    seen = Observations([observed(ONCE, headers=(GZIP, ("server", "x"))), observed(SINGLY, DIRECT)])
    assert seen.first(Transport.EVENTS) == OWN
    assert seen.first(Transport.CHUNKED) == Probe(Transport.CHUNKED)
    assert seen.is_own(Transport.EVENTS)
    assert not seen.is_own(Transport.CHUNKED)
    assert seen.held_baseline(Transport.EVENTS) == OWN
    assert seen.flow(Transport.EVENTS) is Flow.HELD
    assert seen.flow(Transport.EVENTS, Scenario.TOKEN) is None
    assert seen.compressed(Transport.EVENTS) == "gzip"
    assert seen.header(Transport.EVENTS, "server") == "x"
    assert seen.control(Transport.EVENTS) is Flow.FLOWING
    assert seen.control_place(Transport.EVENTS) == "at the app's own port"
    assert seen.whole is seen
    assert seen.of_client(OWN.client).whole is seen


def test_a_block_of_the_own_stream_has_its_size():
    seen = Observations([observed(BLOCKS, mid_record=True)])
    assert seen.hold_bytes(Transport.EVENTS) == 400


HEADS = [
    # name,                         bytes, text, of the header,  alone
    ("10 bytes of gzip",            10,    0,    10,             True),
    ("11 bytes",                    11,    0,    10,             False),
    ("with a file name",            55,    0,    55,             True),
    ("and more",                    56,    0,    55,             False),
    ("with text",                   10,    1,    10,             False),
    ("a header of no known length", 10,    0,    0,              True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "size", "text", "head", "alone"), HEADS, ids=[row[0] for row in HEADS])
def test_a_compressor_that_sent_its_header_alone(name, size, text, head, alone):
    arrivals = (Arrival(0.1, size, text), Arrival(3.0, 400, 400, records=(40,) * 10))
    seen = Observations([observed([], arrivals=arrivals, head_bytes=head, headers=(GZIP,))])
    assert seen.compressor_header_only(Transport.EVENTS) is alone


def test_the_header_of_events_comes_first():
    assert observed(SINGLY).headers[0] == EVENTS
