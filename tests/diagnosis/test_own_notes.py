"""Notes about a stream of the user's own app: each whole sentence, and a row on each side of what it depends on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.diagnosis.own_notes import NAME_THE_CAUSE, own_notes, repeat_note
from flushcheck.measurement.observations import Observations
from flushcheck.model import Arrival, Outcome, Run, Transport, Variant
from tests.measurement.own import (
    BLOCKS,
    DIRECT,
    EVENT_STREAM,
    IDENTITY,
    ONCE,
    OWN,
    SINGLY,
    evenly,
    observed,
    own_run,
)
from tests.measurement.streams import HELD, loopback, saw

CHUNKED = replace(OWN, transport=Transport.CHUNKED)
GZIP = (("content-encoding", "gzip"),)
JSON = ("content-type", "application/json")


def notes(*observations):
    return own_notes(Observations(observations), observations[0])


def opens(start_s, header_s, probe=OWN, *, count=8):
    """One stream whose header arrives at one moment, and its first record at another."""
    return observed(evenly(count, 0.25, start_s=start_s), probe, headers_s=header_s)


EVENTS_WAIT = (
    "the header arrived with the first record, after {} s: EventSource's onopen and fetch() wait until then; to "
    "open at once, the app can send : ok and an empty line first"
)
FETCH_WAITS = (
    "the header arrived with the first record, after 2.0 s: fetch() waits until then; to open at once, the app "
    "can send an empty line first"
)
HEADERS = [
    # name                       the stream                          notes
    ("with the first event",     opens(2.0, 2.0),                    (EVENTS_WAIT.format("2.0"),)),
    ("with the first record",    opens(2.0, 2.0, CHUNKED),           (FETCH_WAITS,)),
    ("late enough",              opens(0.5, 0.5),                    (EVENTS_WAIT.format("0.5"),)),
    ("at once",                  opens(0.25, 0.25),                  ()),
    ("just before it",           opens(0.54, 0.5),                   (EVENTS_WAIT.format("0.5"),)),
    ("before it",                opens(0.56, 0.5),                   ()),
    ("long before it",           opens(2.0, 1.0),                    ()),
    ("two deliveries",           opens(2.0, 2.0, count=2),           (EVENTS_WAIT.format("2.0"),)),
    ("one delivery",             opens(2.0, 2.0, count=1),           ()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "stream", "expected"), HEADERS, ids=[row[0] for row in HEADERS])
def test_a_header_that_waits_for_the_first_record_keeps_readers_waiting(name, stream, expected):
    assert notes(stream) == expected


IGNORED = "the response has X-Accel-Buffering: {}, which nginx ignores: the value that switches its buffering off is no"
VALUES = [("off", (IGNORED.format("off"),)), ("x" * 50, (IGNORED.format("x" * 40),)), ("no", ()), ("No", ()), ("YES", ()), ("", ())]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), VALUES)
def test_a_value_that_nginx_does_not_know_is_told(value, expected):
    headers = (("x-accel-buffering", value),) if value else ()
    assert notes(observed(SINGLY, headers=headers, headers_s=0.0)) == expected


FLOWS_THERE = "with Accept: text/event-stream the app sends an event stream, and that flows"


def as_json(groups, probe):
    return replace(observed(groups, probe, headers_s=0.0), headers=(JSON,))


ACCEPTED = [
    # name                               first look                repeat                                           notes
    ("an event stream, and it flows",    as_json(ONCE, CHUNKED),   observed(SINGLY, replace(EVENT_STREAM, transport=Transport.CHUNKED)), (FLOWS_THERE,)),
    ("the same type",                    as_json(ONCE, CHUNKED),   as_json(SINGLY, replace(EVENT_STREAM, transport=Transport.CHUNKED)),  ()),
    ("an event stream in blocks",        as_json(ONCE, CHUNKED),   observed(BLOCKS, replace(EVENT_STREAM, transport=Transport.CHUNKED)), ()),
    ("another repeat",                   as_json(ONCE, CHUNKED),   observed(SINGLY, replace(IDENTITY, transport=Transport.CHUNKED)),     ()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "first", "repeat", "expected"), ACCEPTED, ids=[row[0] for row in ACCEPTED])
def test_an_app_that_streams_to_those_who_ask_for_events_is_told(name, first, repeat, expected):
    assert notes(first, repeat) == expected


def test_streams_that_wait_for_their_turn_are_told():
    together = replace(OWN, variant=Variant.TOGETHER)
    first = observed(SINGLY, together, headers_s=0.05)
    second = observed(SINGLY, replace(together, run=1), headers_s=3.9)
    alone = observed(SINGLY, headers_s=0.05)
    (note,) = notes(alone, first, second)
    assert note == (
        "a second request at the same time began 3.9 s later, when another one had ended: the app serves only "
        "a few streams at once"
    )
    assert notes(alone, first) == ()


CACHED = "a repeat arrived at once, before the app can have sent it: a cache responded"
LONG = evenly(8, 0.25, start_s=0.25)  # its last record at 2.0 s
REPEATS = [
    # name                          first look        repeat                                                  notes
    ("at once",                     LONG,             observed([(0.05, 8)], IDENTITY),                        (CACHED,)),
    ("with its age",                LONG,             observed([(0.05, 8)], IDENTITY, headers=(("age", "9" * 50),)), (f"{CACHED} (Age: {'9' * 40})",)),
    ("half a second earlier",       LONG,             observed([(1.5, 8)], IDENTITY),                         ()),
    ("a little earlier still",      LONG,             observed([(1.49, 8)], IDENTITY),                        (CACHED,)),
    ("two deliveries",              LONG,             observed([(0.05, 4), (0.2, 4)], IDENTITY),              ()),
    ("another one by one",          LONG,             observed(LONG, IDENTITY),                               ()),
    ("beside one at the end",       [(2.0, 8)],       observed([(0.05, 8)], IDENTITY),                        ()),
    ("beside two deliveries",       [(1.0, 4), (2.0, 4)], observed([(0.05, 8)], IDENTITY),                    (CACHED,)),
    ("of flushcheck's own service", LONG,             replace(observed([(0.05, 8)], IDENTITY), probe=replace(IDENTITY, scenario=next(s for s in type(OWN.scenario) if s is not OWN.scenario))), ()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "first", "repeat", "expected"), REPEATS, ids=[row[0] for row in REPEATS])
def test_a_repeat_that_arrives_before_it_can_be_sent_came_from_a_cache(name, first, repeat, expected):
    assert notes(observed(first, headers_s=0.0), repeat) == expected


def test_a_refused_repeat_is_no_cache():
    refused = observed([], IDENTITY, outcome=Outcome.REFUSED)
    assert notes(observed(LONG, headers_s=0.0), refused, observed([(0.05, 8)], EVENT_STREAM)) == (CACHED,)


HIDDEN = (
    "the response is of another origin, and a page can read some of its headers only: it cannot tell whether the "
    "stream was compressed, nor which servers it passed; a response with Access-Control-Expose-Headers: * shows a "
    "page all of them"
)


@pytest.mark.parametrize(("hidden", "expected"), [(True, (HIDDEN,)), (False, ())])
def test_what_a_page_of_another_origin_cannot_see_is_said(hidden, expected):
    assert notes(observed(SINGLY, hidden_headers=hidden)) == expected


NO_STREAM = "one small record, over at once, is no stream: request what takes longer to make"


def small(size_bytes, ended_s, *, count=1, **changes):
    """A response of so many records, of this size together."""
    arrivals = (Arrival(0.0, size_bytes, size_bytes, records=(size_bytes // count,) * count),)
    return observed([], arrivals=arrivals, ended_s=ended_s, **changes)


SMALL = [
    # name                      the response                                      notes
    ("small and short",         small(4096, 0.49),                                (NO_STREAM,)),
    ("a byte more",             small(4097, 0.49),                                ()),
    ("longer",                  small(4096, 0.5),                                 ()),
    ("two records",             small(4096, 0.1, count=2),                        ()),
    ("cut",                     small(4096, 0.1, outcome=Outcome.CUT),            ()),
    ("left before its end",     small(4096, 0.1, outcome=Outcome.STOPPED),        ()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "response", "expected"), SMALL, ids=[row[0] for row in SMALL])
def test_a_response_that_is_too_small_to_be_a_stream_is_called_so(name, response, expected):
    assert notes(response) == expected


CAUSES = [
    # name                    what was seen                                                     named    notes
    ("asked once",            (observed(ONCE), observed(SINGLY, DIRECT)),                       False,   (NAME_THE_CAUSE,)),
    ("asked once, named",     (observed(ONCE), observed(SINGLY, DIRECT)),                       True,    ()),
    ("repeated",              (observed(ONCE), observed(SINGLY, DIRECT), observed(ONCE, IDENTITY)), False, ()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "is_named", "noted"), CAUSES, ids=[row[0] for row in CAUSES])
def test_one_request_that_shows_no_cause_is_to_be_repeated(name, seen, is_named, noted):
    assert repeat_note(Observations(seen), is_named=is_named) == noted


RUNS = [
    # name                     the run                                                                      noted
    ("held",                   own_run(observed(ONCE, headers=GZIP), observed(SINGLY, DIRECT)),              True),
    ("held, and named",        own_run(observed(ONCE), observed(SINGLY, DIRECT)),                            False),
    ("not known",              own_run(observed(ONCE, headers=GZIP)),                                        False),
    ("flowing",                own_run(observed(SINGLY)),                                                    False),
    ("cut",                    own_run(observed(SINGLY, outcome=Outcome.CUT, detail="reset")),               False),
    ("a service that is held", Run("http://test", (saw(Transport.CHUNKED, HELD), saw(loopback(Transport.CHUNKED)))), False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "run", "noted"), RUNS, ids=[row[0] for row in RUNS])
def test_only_a_hold_of_ones_own_stream_without_a_culprit_has_that_note(name, run, noted):
    assert (NAME_THE_CAUSE in judge(run).notes) is noted
