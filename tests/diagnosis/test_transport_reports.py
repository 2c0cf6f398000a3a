"""What a Report holds of each Transport: its numbers, and which culprits it keeps."""

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
)
from tests.measurement.arrivals import at_moments
from tests.measurement.streams import (
    EVERY_8TH,
    FLOWING,
    HELD,
    NOTHING,
    blocks,
    kilo,
    loopback,
    saw,
    xab,
)

POLLING, CHUNKED, EVENTS, WEBSOCKET = Transport
SLOW_START = at_moments(EVERY_8TH, [s + 4.0 for s in EVERY_8TH])
QUEUED = [saw(POLLING), saw(EVENTS, ended_s=4.0), saw(CHUNKED, SLOW_START)]


def report(*observations: Observation):
    return judge(Run("http://test", observations))


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


FREED_BY = [
    # what frees the stream, whether an app can switch to it
    (Variant.XAB,           True),
    (Variant.NO_TRANSFORM,  True),
    (Variant.NOSNIFF,       True),
    (Variant.PADDED,        True),
    (Variant.OTHER_TYPE,    True),
    (Variant.IDENTITY,      False),
    (Variant.HTTP10,        False),
]  # fmt: skip


@pytest.mark.parametrize(("variant", "by_app"), FREED_BY)
def test_what_an_app_can_switch_to_is_named(variant, by_app):
    (chunked,) = report(saw(CHUNKED, HELD), saw(Probe(CHUNKED, variant=variant))).transports
    assert chunked.freed_by == ((variant,) if by_app else ())


def test_a_report_names_its_run():
    made = judge(Run("http://test", (saw(CHUNKED),), tool="flushcheck 1.0"))
    assert (made.target, made.tool) == ("http://test", "flushcheck 1.0")


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
