"""The verdict for the whole path, and the headline that says it."""

from __future__ import annotations

import dataclasses

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.model import (
    EndRecord,
    Observation,
    Outcome,
    Run,
    Transport,
    Variant,
    Verdict,
)
from tests.measurement.streams import (
    HELD,
    NO_PATTERN,
    NOTHING,
    THROTTLED,
    kilo,
    loopback,
    saw,
)

POLLING, CHUNKED, EVENTS, WEBSOCKET = Transport
CONTROL = saw(loopback(CHUNKED))
SLOW = [saw(CHUNKED), saw(kilo(CHUNKED), THROTTLED)]


def report(*observations: Observation):
    return judge(Run("http://test", observations))


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
    ("only the End arrived", [dataclasses.replace(saw(CHUNKED, NOTHING, outcome=Outcome.CUT, request=None), end=EndRecord(0))], Verdict.BROKEN,
     "broken on chunked: the cause could not be named"),
    ("only what the app saw arrived", [saw(CHUNKED, NOTHING, outcome=Outcome.REFUSED)], Verdict.BROKEN,
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
     "could not tell: 20 pieces arrived without a pattern, up to 0.8 s late"),
    ("cut, and another without a pattern", [saw(EVENTS, NO_PATTERN), saw(CHUNKED, outcome=Outcome.CUT)], Verdict.BROKEN,
     "broken on chunked: the cause could not be named"),
    ("a slow link", SLOW, Verdict.FLOWING,
     "flowing on chunked"),
    ("a slow link, small Pieces too", [saw(CHUNKED, THROTTLED)], Verdict.HELD,
     "held on chunked: the cause could not be named"),
    ("slow, and a WebSocket is faster", [*SLOW, saw(WEBSOCKET), saw(kilo(WEBSOCKET))], Verdict.HELD,
     "held on chunked: the cause could not be named"),
    ("slow, and a WebSocket is no faster", [*SLOW, saw(WEBSOCKET), saw(kilo(WEBSOCKET), THROTTLED)], Verdict.FLOWING,
     "flowing on chunked, websocket"),
    ("slow, and a culprit is found", [*SLOW, saw(kilo(CHUNKED, Variant.XAB))], Verdict.HELD,
     "held on chunked: nginx limit_rate slows the response down"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "seen", "verdict", "headline"), HEADLINES, ids=[row[0] for row in HEADLINES]
)
def test_the_verdict_and_its_headline(name, seen, verdict, headline):
    made = report(*seen)
    assert (made.verdict, made.headline) == (verdict, headline)


SHORT = "a first verdict (--quick): the streams lasted 0.8 s; a cut or a limit that comes later was not looked for"
FIRST_VERDICTS = [
    # name,                       Observations,           short_s, is it said?
    ("clean, by a short look",    [saw(CHUNKED)],          0.8,    True),
    ("clean, at full length",     [saw(CHUNKED)],          0.0,    False),
    ("held, by a short look",     [saw(CHUNKED, HELD)],    0.8,    False),
    ("nothing, by a short look",  [],                      0.8,    False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "seen", "short_s", "is_said"), FIRST_VERDICTS, ids=[row[0] for row in FIRST_VERDICTS]
)
def test_a_first_verdict_of_a_clean_path_says_what_it_did_not_look_for(name, seen, short_s, is_said):
    assert (SHORT in judge(Run("http://test", tuple(seen), short_s=short_s)).notes) is is_said
