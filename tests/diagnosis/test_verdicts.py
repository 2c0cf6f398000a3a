"""What a Report says of a run, sentence by sentence: summaries, headline, notes, and the word for the whole path."""

from __future__ import annotations

import dataclasses

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.measurement.plan import STREAMED
from flushcheck.model import (
    Confidence,
    EndRecord,
    Observation,
    Outcome,
    Probe,
    RequestAtApp,
    Run,
    Scenario,
    Transport,
    Variant,
    Verdict,
)
from tests.measurement.arrivals import at_moments
from tests.measurement.streams import (
    BLOCKS,
    EVERY_8TH,
    FLOWING,
    HELD,
    LATE,
    NO_PATTERN,
    NOTHING,
    ONE_LATE,
    REPLAYED,
    THROTTLED,
    TICKS,
    blocks,
    direct,
    kilo,
    loopback,
    saw,
    xab,
)

POLLING, CHUNKED, EVENTS, WEBSOCKET = Transport
CONTROL = saw(loopback(CHUNKED))
GZIP = {"content-encoding": "gzip"}
SLOW_START = at_moments(EVERY_8TH, [s + 4.0 for s in EVERY_8TH])
QUEUED = [saw(POLLING), saw(EVENTS, ended_s=4.0), saw(CHUNKED, SLOW_START)]
IDENTITY, HTTP10 = Probe(CHUNKED, variant=Variant.IDENTITY), Probe(CHUNKED, variant=Variant.HTTP10)
SLOW = [saw(CHUNKED), saw(kilo(CHUNKED), THROTTLED)]


def report(*observations: Observation):
    return judge(Run("http://test", observations))


SUMMARIES: list[tuple[str, list[Observation], str]] = [
    # name, Observations, the summary of chunked
    ("flowing", [saw(CHUNKED)],
     "20 pieces arrived one by one, at most 0 ms late"),
    ("held", [saw(CHUNKED, HELD)],
     "all 20 pieces arrived together at the end, the first one 1.9 s after it was sent"),
    ("held, in blocks at a kilobyte", [saw(CHUNKED, HELD), saw(kilo(CHUNKED), blocks(4096))],
     "all 20 pieces arrived together at the end, the first one 1.9 s after it was sent; longer streams arrive in blocks of 4096 bytes"),
    ("flowing, in blocks at a kilobyte", [saw(CHUNKED), saw(kilo(CHUNKED), blocks(4096))],
     "20 pieces arrived one by one, at most 0 ms late; pieces of 1000 bytes: blocks of 4096 bytes, up to 0.3 s late"),
    ("flowing, held at a kilobyte", [saw(CHUNKED), saw(kilo(CHUNKED), HELD)],
     "20 pieces arrived one by one, at most 0 ms late; pieces of 1000 bytes: held, up to 1.9 s late"),
    ("in blocks", [saw(CHUNKED, BLOCKS)],
     "40 pieces came in 10 blocks, up to 0.3 s late; longer streams arrive in blocks of 4096 bytes"),
    ("in ticks", [saw(CHUNKED, TICKS)],
     "40 pieces came in ticks of 200 ms"),
    ("late", [saw(CHUNKED, LATE)],
     "nothing came for 1.4 s, then everything held so far at once, then piece by piece"),
    ("late by exactly its largest lag", [saw(CHUNKED, at_moments(EVERY_8TH, [*[1.0] * 9, *EVERY_8TH[9:]]))],
     "nothing came for 1.0 s, then everything held so far at once, then piece by piece"),
    ("each with the next", [saw(CHUNKED, ONE_LATE)],
     "each of 20 pieces came only with the next one"),
    ("queued", QUEUED,
     "began 4.0 s after others of this run, then came piece by piece"),
    ("slow to start", [saw(POLLING), saw(CHUNKED, SLOW_START)],
     "began 4.0 s after the quickest response, then came piece by piece"),
    ("at a rate", [saw(CHUNKED, THROTTLED)],
     "40 pieces arrived with a growing delay, at 12468 bytes a second"),
    ("old", [saw(CHUNKED, REPLAYED)],
     "an older stream was played back: 20 pieces came before they were sent"),
    ("cut", [saw(CHUNKED, outcome=Outcome.CUT, ended_s=2.0, detail="reset")],
     "cut after 20 pieces at 2.0 s: reset"),
    ("refused", [saw(CHUNKED, NOTHING, outcome=Outcome.REFUSED, detail="status 404")],
     "did not open: status 404"),
    ("refused, no reason given", [saw(CHUNKED, NOTHING, outcome=Outcome.REFUSED)],
     "did not open: refused"),
    ("without a pattern", [saw(CHUNKED, NO_PATTERN)],
     "20 pieces came without a pattern, up to 0.8 s late"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "summary"), SUMMARIES, ids=[row[0] for row in SUMMARIES])
def test_the_summary_of_a_transport(name, seen, summary):
    (chunked,) = [verdict for verdict in report(*seen).transports if verdict.transport is CHUNKED]
    assert chunked.summary == summary


HEADLINES: list[tuple[str, list[Observation], Verdict, str]] = [
    # name, Observations, verdict, headline
    ("nothing", [], Verdict.UNKNOWN,
     "could not tell: nothing was observed"),
    ("all four flow", [saw(transport) for transport in Transport], Verdict.FLOWING,
     "flowing on all four transports"),
    ("two flow", [saw(CHUNKED), saw(WEBSOCKET)], Verdict.FLOWING,
     "flowing on chunked, websocket"),
    ("not our service", [saw(CHUNKED, NOTHING, outcome=Outcome.REFUSED, request=None, detail="login page")], Verdict.UNKNOWN,
     "no flushcheck service at http://test: it responded 200, server something. Start one there, or test a stream of your own: flushcheck watch URL"),
    ("only the End came", [dataclasses.replace(saw(CHUNKED, NOTHING, outcome=Outcome.CUT, request=None), end=EndRecord(0))], Verdict.BROKEN,
     "broken on chunked: the cause could not be named"),
    ("only what the app saw came", [saw(CHUNKED, NOTHING, outcome=Outcome.REFUSED)], Verdict.BROKEN,
     "broken on chunked: the cause could not be named"),
    ("held, no cause", [saw(CHUNKED, HELD), CONTROL], Verdict.HELD,
     "held on chunked: the cause could not be named"),
    ("held by the app", [saw(CHUNKED, HELD), saw(loopback(CHUNKED), HELD)], Verdict.HELD,
     "held on chunked: the app, or a middleware or server around it, holds its own response"),
    ("held, and another broken", [saw(CHUNKED, HELD), saw(EVENTS, outcome=Outcome.CUT), CONTROL], Verdict.HELD,
     "held on chunked: the cause could not be named; broken on events: the cause could not be named"),
    ("cut", [saw(CHUNKED, outcome=Outcome.CUT), CONTROL], Verdict.BROKEN,
     "broken on chunked: the cause could not be named"),
    ("without a pattern", [saw(CHUNKED, NO_PATTERN), saw(EVENTS)], Verdict.UNKNOWN,
     "could not tell: 20 pieces came without a pattern, up to 0.8 s late"),
    ("cut, and another without a pattern", [saw(EVENTS, NO_PATTERN), saw(CHUNKED, outcome=Outcome.CUT)], Verdict.BROKEN,
     "broken on chunked: the cause could not be named"),
    ("a slow link", SLOW, Verdict.FLOWING,
     "flowing on chunked"),
    ("a slow link, small Pieces too", [saw(CHUNKED, THROTTLED)], Verdict.HELD,
     "held on chunked: the cause could not be named"),
    ("slow, and a WebSocket is faster", [*SLOW, saw(WEBSOCKET), saw(kilo(WEBSOCKET))], Verdict.HELD,
     "held on chunked: the cause could not be named"),
    ("slow, and a culprit is found", [*SLOW, saw(kilo(CHUNKED, Variant.XAB))], Verdict.HELD,
     "held on chunked: nginx limit_rate slows the response down"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "seen", "verdict", "headline"), HEADLINES, ids=[row[0] for row in HEADLINES]
)
def test_the_word_for_the_whole_path(name, seen, verdict, headline):
    made = report(*seen)
    assert (made.verdict, made.headline) == (verdict, headline)


NOTES: list[tuple[str, list[Observation], list[str]]] = [
    # name, Observations, notes
    ("flowing", [saw(CHUNKED)], []),
    ("held, no control", [saw(CHUNKED, HELD)],
     ["no control run: the service could not probe itself over loopback"]),
    ("held, with a control", [saw(CHUNKED, HELD), CONTROL], []),
    ("held, with the app's own port", [saw(CHUNKED, HELD), saw(direct(CHUNKED))], []),
    ("held, a control without Pieces", [saw(CHUNKED, HELD), saw(loopback(CHUNKED), NOTHING)],
     ["no control run: the service could not probe itself over loopback"]),
    ("held for clients that accept compression", [saw(CHUNKED, HELD, headers=GZIP), saw(IDENTITY), CONTROL],
     ["chunked: only clients that accept compression are affected"]),
    ("held for both", [saw(CHUNKED, HELD, headers=GZIP), saw(IDENTITY, HELD), CONTROL], []),
    ("held, not compressed", [saw(CHUNKED, HELD), saw(IDENTITY), CONTROL], []),
    ("an HTTP/1.0 client flows", [saw(CHUNKED, HELD), saw(HTTP10), CONTROL],
     ["chunked: HTTP/1.0 clients are not affected"]),
    ("an HTTP/1.0 client is held too", [saw(CHUNKED, HELD), saw(HTTP10, HELD), CONTROL], []),
    ("held for a client without compression alone", [saw(CHUNKED), saw(IDENTITY, HELD)],
     ["chunked: held for clients that accept no compression (held, held for up to 1.90 s)"]),
    ("held for an HTTP/1.0 client alone", [saw(CHUNKED), saw(HTTP10, HELD)],
     ["chunked: held for clients that speak HTTP/1.0 (held, held for up to 1.90 s)"]),
    ("both flow", [saw(CHUNKED), saw(HTTP10), saw(IDENTITY)], []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "notes"), NOTES, ids=[row[0] for row in NOTES])
def test_notes_name_no_culprit(name, seen, notes):
    assert list(report(*seen).notes) == notes


@pytest.mark.parametrize("controlled", STREAMED)
def test_a_culprit_is_as_certain_as_on_the_transport_that_shows_it_best(controlled):
    held = [saw(transport, HELD) for transport in STREAMED]
    passed = [saw(xab(transport), HELD, headers={"x-accel-buffering": "no"}) for transport in STREAMED]
    (hop,) = report(*held, *passed, saw(loopback(controlled))).culprits
    assert (hop.culprit.id, hop.transports, hop.confidence) == ("http-hop", STREAMED, Confidence.LIKELY)


def test_the_numbers_of_a_transport():
    seen = [
        dataclasses.replace(saw(CHUNKED, HELD), headers_s=1.5, end=EndRecord(25)),
        saw(kilo(CHUNKED), blocks(4096)),
        saw(xab(CHUNKED)),
    ]
    (chunked,) = report(*seen).transports
    assert (chunked.held_at, chunked.hold_bytes, chunked.headers_s) == (Scenario.TOKEN, 4096, 1.5)
    assert (chunked.pieces_sent, chunked.pieces_received, chunked.complete) == (25, 20, True)
    assert chunked.first_piece_s == HELD[0][0]
    assert chunked.hold_s == chunked.lag_s.max > 1.8
    assert chunked.freed_by == (Variant.XAB,)
    assert chunked.sent_s == tuple(sent_s for _, sent_s in HELD[0][2])
    assert len(set(chunked.received_s)) == 1


def test_the_numbers_of_a_transport_that_did_not_open():
    (chunked,) = report(saw(CHUNKED, NOTHING, outcome=Outcome.REFUSED)).transports
    assert (chunked.held_at, chunked.hold_bytes, chunked.hold_s, chunked.first_piece_s) == (None, None, 0, 0)
    assert (chunked.pieces_sent, chunked.pieces_received, chunked.complete) == (0, 0, False)
    assert (chunked.idle, chunked.culprits, chunked.freed_by) == (None, (), ())


def test_a_stream_that_waited_for_its_turn_was_held_that_long():
    (chunked,) = [verdict for verdict in report(*QUEUED).transports if verdict.transport is CHUNKED]
    assert chunked.hold_s == pytest.approx(3.995, abs=0.01)
    assert chunked.received_s[0] == 0.0


def test_a_flowing_report_shows_each_piece_once():
    twice = saw(CHUNKED, [*FLOWING, FLOWING[-1]])
    (chunked,) = report(dataclasses.replace(twice, end=None)).transports
    assert (chunked.pieces_sent, chunked.pieces_received) == (20, 20)


ARRIVED = {"x-accel-buffering": "no"}
PASSENGER, PHP = RequestAtApp(server="Phusion Passenger"), RequestAtApp(server="PHP/8.2")
SILENT = Probe(CHUNKED, Scenario.IDLE, lasts_s=65)
STEADY = saw(Probe(CHUNKED, Scenario.STEADY, lasts_s=65), ended_s=65.0)
IDLE = [saw(SILENT, FLOWING[:1], outcome=Outcome.CUT, ended_s=60.0), STEADY]


def held_by_no_nginx(request: RequestAtApp) -> list[Observation]:
    with_header = saw(xab(CHUNKED), HELD, headers=ARRIVED, request=request)
    return [saw(CHUNKED, HELD, request=request), with_header, saw(loopback(CHUNKED), request=request)]


SETTLED = [
    # name,                                              Observations,                                   culprits
    ("a likely one leaves no room for a nameless hop",   held_by_no_nginx(PASSENGER),                    ["passenger-buffer-response"]),
    ("a possible one does",                              held_by_no_nginx(PHP),                          ["http-hop", "php-output-buffering"]),
    ("so does one that only ends silent streams",        [*held_by_no_nginx(RequestAtApp()), *IDLE],     ["idle-timeout", "http-hop"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "culprits"), SETTLED, ids=[row[0] for row in SETTLED])
def test_a_nameless_hop_is_thought_of_last(name, seen, culprits):
    (chunked,) = report(*seen).transports
    assert [detection.culprit.id for detection in chunked.culprits] == culprits
