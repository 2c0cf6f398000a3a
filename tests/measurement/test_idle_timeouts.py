"""The ladder of silences: what ended a silent stream, and what nobody can say."""

from __future__ import annotations

import dataclasses

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.measurement import plan
from flushcheck.measurement.idle_timeouts import idle_result
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Arrival,
    Confidence,
    CutCause,
    FaultPlace,
    Flow,
    Observation,
    Outcome,
    Probe,
    ReceivedPiece,
    Run,
    Scenario,
    Transport,
    Vantage,
    Variant,
    Verdict,
)
from flushcheck.reports.json_report import document
from flushcheck.reports.terminal import terminal
from flushcheck.streaming.limits import Limits
from flushcheck.streaming.params import check, parse, query
from tests.diagnosis.paths import Path

CHUNKED = Transport.CHUNKED
WHOLE, CUT, FORGOTTEN = Outcome.COMPLETE, Outcome.CUT, Outcome.TIMEOUT


def idle(
    lasts_s: float,
    outcome: Outcome,
    ended_s: float,
    *,
    first: bool = True,
    status: int = 200,
    vantage: Vantage = Vantage.PATH,
) -> Observation:
    """One rung: its first word came (unless it was held), and the second if it was whole."""
    words = (ReceivedPiece(0, 0.0), ReceivedPiece(1, lasts_s))[: 2 if outcome is WHOLE else 1 if first else 0]
    arrivals = tuple(Arrival(0.01 + piece.sent_s, 50, 50, (piece,)) for piece in words)
    probe = Probe(CHUNKED, Scenario.IDLE, lasts_s=lasts_s, vantage=vantage)
    return Observation(probe, outcome, "detail", status, ended_s=ended_s, arrivals=arrivals)


def steady(
    lasts_s: float, outcome: Outcome, ended_s: float, *, vantage: Vantage = Vantage.PATH
) -> Observation:
    probe = Probe(CHUNKED, Scenario.STEADY, lasts_s=lasts_s, vantage=vantage)
    return Observation(probe, outcome, ended_s=ended_s)


LADDERS = [
    # name, Observations, cause, passed, cut after, deadline, words
    ("all pass", [idle(5, WHOLE, 5), idle(30, WHOLE, 30), steady(30, WHOLE, 30)], CutCause.NONE, 30, 0, 0, "up to 30 s pass"),
    ("idle", [idle(5, WHOLE, 5), idle(65, CUT, 60.01), steady(65, WHOLE, 65)], CutCause.IDLE, 5, 60, 0, "cut after 60.0 s of silence; 5 s of silence pass; who talked all the while for 65 s was not"),
    ("idle, held until then", [idle(65, CUT, 60.0, first=False), steady(65, WHOLE, 65)], CutCause.IDLE, 0, 60, 0, "after 60.0 s"),
    ("idle, answered with 504", [idle(65, Outcome.REFUSED, 60.0, first=False, status=504), steady(65, WHOLE, 65)], CutCause.IDLE, 0, 60, 0, "after 60.0 s"),
    ("forgotten", [idle(5, WHOLE, 5), idle(65, FORGOTTEN, 70), steady(65, WHOLE, 65)], CutCause.IDLE, 5, 65, 0, "forgotten within 65 s"),
    ("a deadline", [idle(5, WHOLE, 5), idle(65, CUT, 30.0), steady(65, CUT, 30.2)], CutCause.DEADLINE, 5, 0, 30.2, "a deadline for the whole"),
    ("a deadline, and less for silence", [idle(65, CUT, 10.0), steady(65, CUT, 30)], CutCause.IDLE, 0, 10, 30, "who"),
    ("nobody talked", [idle(65, CUT, 60.0)], CutCause.UNKNOWN, 0, 60, 0, "could not be told apart"),
    ("the talker was refused", [idle(65, CUT, 60.0), steady(65, Outcome.REFUSED, 0)], CutCause.UNKNOWN, 0, 60, 0, "could not"),
    ("the service allows less", [idle(65, Outcome.REFUSED, 0.1, first=False, status=400)], CutCause.UNKNOWN, 0, 0, 0, "could not be tried: detail"),
    ("cut behind the silence", [dataclasses.replace(idle(5, WHOLE, 5), outcome=CUT), steady(5, WHOLE, 5)], CutCause.UNKNOWN, 0, 0, 0, "could not be tried"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "seen", "cause", "passed", "cut", "deadline", "words"), LADDERS, ids=[row[0] for row in LADDERS]
)
def test_what_ended_a_silent_stream(name, seen, cause, passed, cut, deadline, words):
    found = idle_result(Observations(seen), CHUNKED)
    assert found is not None
    assert found.cause is cause
    assert (found.passed_s, found.deadline_s) == (passed, deadline)
    assert found.cut_after_s == pytest.approx(cut, abs=0.02)
    assert words in found.summary
    assert found.cuts is bool(cut or deadline)


def test_without_a_ladder_nothing_is_said():
    assert idle_result(Observations([]), CHUNKED) is None
    report = judge(Path().run())
    assert {verdict.idle for verdict in report.transports} == {None}
    assert document(report)["transports"]["chunked"]["idle"] is None


def run(path: Path, *seen: Observation) -> Run:
    whole = path.run()
    return dataclasses.replace(whole, observations=(*whole.observations, *seen))


IDLE = (idle(65, CUT, 60.01), steady(65, WHOLE, 65))
THERE = Vantage.DIRECT


def test_an_idle_time_out_breaks_a_path_that_flows_otherwise():
    report = judge(run(Path(), *IDLE))
    verdict = next(one for one in report.transports if one.transport is CHUNKED)
    assert (report.verdict, verdict.flow) == (Verdict.BROKEN, Flow.FLOWING)
    assert [(one.culprit.id, one.confidence, one.transports) for one in report.culprits] == [
        ("idle-timeout", Confidence.LIKELY, (CHUNKED,))
    ]
    assert "streams that last are cut on chunked" in report.headline
    assert document(report)["transports"]["chunked"]["idle"]["cut_after_s"] == pytest.approx(60.0, abs=0.01)
    assert "!! chunked" in terminal(report, width=100, color=False)
    assert "ok events" in terminal(report, width=100, color=False)


def test_a_deadline_breaks_it_too_and_accuses_no_time_out_of_silence():
    report = judge(run(Path(), idle(65, CUT, 30.0), steady(65, CUT, 30.0)))
    assert (report.verdict, report.culprits) == (Verdict.BROKEN, ())
    assert "a deadline" in terminal(report, width=200, color=False)


def test_silences_that_pass_change_nothing():
    report = judge(run(Path(), idle(5, WHOLE, 5), steady(5, WHOLE, 5)))
    assert (report.verdict, report.culprits) == (Verdict.FLOWING, ())


def test_who_cuts_a_silent_stream_is_not_accused_of_holding():
    report = judge(run(Path(8192), *IDLE))
    assert report.verdict is Verdict.HELD
    held, _, cut = report.headline.partition("; ")
    assert "not nginx" in held
    assert "silent" not in held
    assert "silent" in cut
    assert {one.culprit.id for one in report.culprits} == {"http-hop", "idle-timeout"}


PORTS = [
    # at the app's own port                                                        confidence            place
    (
        (idle(65, WHOLE, 65, vantage=THERE), steady(65, WHOLE, 65, vantage=THERE)),
        Confidence.CERTAIN,
        FaultPlace.PATH,
    ),
    (
        (idle(65, CUT, 60, vantage=THERE), steady(65, WHOLE, 65, vantage=THERE)),
        Confidence.POSSIBLE,
        FaultPlace.APP,
    ),
]


@pytest.mark.parametrize(("there", "confidence", "place"), PORTS)
def test_the_apps_own_port_tells_a_proxy_from_the_apps_server(there, confidence, place):
    report = judge(run(Path(), *IDLE, *there))
    assert [one.confidence for one in report.culprits] == [confidence]
    assert report.fault_location is not None
    assert report.fault_location.place is place


@pytest.mark.parametrize("lasts_s", [1.0, 2.0, 5.0, 65.0, 130.0, plan.MAX_SILENCE_S])
def test_the_plan_asks_for_what_the_service_allows(lasts_s):
    probes = plan.idle_probes(Transport, [lasts_s])
    assert {probe.transport for probe in probes} == {CHUNKED, Transport.EVENTS, Transport.WEBSOCKET}
    for probe in probes:
        asked = plan.params(probe)
        limits = Limits()
        check(asked, limits)
        defaults = plan.ROUTE_DEFAULTS[probe.transport]
        pairs = [pair.split("=") for pair in query(asked, defaults).split("&")]
        assert parse([(name, value) for name, value in pairs], limits=limits, defaults=defaults) == asked
        lasts = (asked.count - 1) * asked.interval_s
        assert lasts == pytest.approx(
            lasts_s, abs=asked.interval_s if probe.scenario is Scenario.STEADY else 0
        )
        assert plan.duration_s(probe) == lasts_s
        assert asked.heartbeat is (probe.scenario is Scenario.STEADY)
        if probe.scenario is Scenario.STEADY:
            assert asked.interval_s <= max(plan.STEADY_S, lasts_s / 8)
            assert asked.count <= 1000, "what an Observation takes in"


def test_the_ladder_is_one_stream_a_rung_and_one_that_talks():
    probes = plan.idle_probes([CHUNKED, Transport.POLLING], [65, 5, 65])
    assert [probe.id for probe in probes] == ["chunked-idle-5s", "chunked-idle-65s", "chunked-steady-65s"]
    assert plan.idle_probes(Transport, []) == ()
    assert {probe.variant for probe in probes} == {Variant.BASELINE}
