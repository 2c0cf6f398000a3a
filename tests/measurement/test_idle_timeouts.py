"""Silent streams: what ended a silent stream, and what cannot be said."""

from __future__ import annotations

import dataclasses

import pytest

from flushcheck.culprits import idle_timeout
from flushcheck.diagnosis.inference import judge
from flushcheck.measurement import plan
from flushcheck.measurement.idle_timeouts import idle_evidence, idle_result
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Arrival,
    Confidence,
    CutCause,
    Evidence,
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
    at_s: float = 0.01,
    vantage: Vantage = Vantage.PATH,
) -> Observation:
    """A silent stream: its first Piece came (unless it was held), and the second if it was whole."""
    pieces = (ReceivedPiece(0, 0.0), ReceivedPiece(1, lasts_s))[
        : 2 if outcome is WHOLE else 1 if first else 0
    ]
    arrivals = tuple(Arrival(at_s + piece.sent_s, 50, 50, (piece,)) for piece in pieces)
    probe = Probe(CHUNKED, Scenario.IDLE, lasts_s=lasts_s, vantage=vantage)
    return Observation(probe, outcome, "detail", status, ended_s=ended_s, arrivals=arrivals)


def steady(
    lasts_s: float, outcome: Outcome, ended_s: float, *, vantage: Vantage = Vantage.PATH
) -> Observation:
    probe = Probe(CHUNKED, Scenario.STEADY, lasts_s=lasts_s, vantage=vantage)
    return Observation(probe, outcome, ended_s=ended_s)


TOO_LONG = idle(65, Outcome.REFUSED, 0.1, first=False, status=400)
HELD_UNTIL = idle(65, CUT, 60.0, first=False)
GAVE_UP = idle(65, Outcome.REFUSED, 60.0, first=False, status=504)
CUT_LATER = dataclasses.replace(idle(5, WHOLE, 5), outcome=CUT)

SILENT_STREAMS = [
    # name, Observations, cause, passed, cut after, deadline, sentence
    ("all pass", [idle(5, WHOLE, 5), idle(30, WHOLE, 30), steady(30, WHOLE, 30)], CutCause.NONE, 30, 0, 0,
     "silences of up to 30 s pass"),
    ("idle", [idle(65, CUT, 60.01), idle(5, WHOLE, 5), steady(65, WHOLE, 65)], CutCause.IDLE, 5, 60, 0,
     "cut after 60.0 s of silence; 5 s of silence pass; a stream without pauses is not cut within 65 s"),
    ("idle: the shortest silence that is cut", [idle(90, CUT, 60.5), idle(65, CUT, 60.01), steady(90, WHOLE, 90)], CutCause.IDLE, 0, 60, 0,
     "cut after 60.0 s of silence; a stream without pauses is not cut within 90 s"),
    ("idle, held until then", [HELD_UNTIL, steady(65, WHOLE, 65)], CutCause.IDLE, 0, 60, 0,
     "cut after 60.0 s of silence; a stream without pauses is not cut within 65 s"),
    ("idle, a 504 in response", [GAVE_UP, steady(65, WHOLE, 65)], CutCause.IDLE, 0, 60, 0,
     "cut after 60.0 s of silence; a stream without pauses is not cut within 65 s"),
    ("silent since its last byte", [idle(65, CUT, 60.5, at_s=0.5), steady(65, WHOLE, 65)], CutCause.IDLE, 0, 60, 0,
     "cut after 60.0 s of silence; a stream without pauses is not cut within 65 s"),
    ("forgotten", [idle(5, WHOLE, 5), idle(65, FORGOTTEN, 70), steady(65, WHOLE, 65)], CutCause.IDLE, 5, 65, 0,
     "forgotten within 65 s of silence: nothing more arrives, not even the end; 5 s of silence pass; a stream without pauses is not cut within 65 s"),
    ("a deadline", [idle(5, WHOLE, 5), idle(65, CUT, 30.0), steady(65, CUT, 30.2)], CutCause.DEADLINE, 5, 0, 30.2,
     "cut after 30.2 s, silent or not: a deadline for the whole stream, no idle timeout"),
    ("as far from the deadline as a tenth of it", [idle(65, CUT, 36.0), steady(65, CUT, 40)], CutCause.DEADLINE, 0, 0, 40,
     "cut after 40.0 s, silent or not: a deadline for the whole stream, no idle timeout"),
    ("further from the deadline", [idle(65, CUT, 35.9), steady(65, CUT, 40)], CutCause.IDLE, 0, 35.9, 40,
     "cut after 35.9 s of silence; a stream without pauses is cut after 40.0 s"),
    ("half a second from a short deadline", [idle(65, CUT, 1.5), steady(65, CUT, 2)], CutCause.DEADLINE, 0, 0, 2,
     "cut after 2.0 s, silent or not: a deadline for the whole stream, no idle timeout"),
    ("further from a short deadline", [idle(65, CUT, 1.48), steady(65, CUT, 2)], CutCause.IDLE, 0, 1.48, 2,
     "cut after 1.5 s of silence; a stream without pauses is cut after 2.0 s"),
    ("a deadline, and less for silence", [idle(30, CUT, 10.0), idle(65, CUT, 30), steady(65, CUT, 30)], CutCause.IDLE, 0, 10, 30,
     "cut after 10.0 s of silence; a stream without pauses is cut after 30.0 s"),
    ("no stream without pauses was tried", [idle(65, CUT, 60.0)], CutCause.UNKNOWN, 0, 60, 0,
     "cut after 60.0 s of silence; no stream without pauses to compare with"),
    ("the stream without pauses was refused", [idle(65, CUT, 60.0), steady(65, Outcome.REFUSED, 0)], CutCause.UNKNOWN, 0, 60, 0,
     "cut after 60.0 s of silence; no stream without pauses to compare with"),
    ("the stream without pauses was forgotten", [idle(65, CUT, 60.0), steady(65, FORGOTTEN, 70)], CutCause.UNKNOWN, 0, 60, 0,
     "cut after 60.0 s of silence; no stream without pauses to compare with"),
    ("the service allows less", [TOO_LONG], CutCause.UNKNOWN, 0, 0, 0,
     "a silence of 65 s could not be tried: detail"),
    ("the service allows less, but some", [idle(5, WHOLE, 5), TOO_LONG], CutCause.UNKNOWN, 5, 0, 0,
     "a silence of 65 s could not be tried: detail"),
    ("no reason is given", [dataclasses.replace(TOO_LONG, detail="")], CutCause.UNKNOWN, 0, 0, 0,
     "a silence of 65 s could not be tried: refused"),
    ("cut behind the silence", [CUT_LATER, steady(5, WHOLE, 5)], CutCause.UNKNOWN, 0, 0, 0,
     "a silence of 5 s could not be tried: detail"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "seen", "cause", "passed", "cut", "deadline", "sentence"),
    SILENT_STREAMS,
    ids=[row[0] for row in SILENT_STREAMS],
)
def test_what_ended_a_silent_stream(name, seen, cause, passed, cut, deadline, sentence):
    result = idle_result(Observations(seen), CHUNKED)
    assert result is not None
    assert result.cause is cause
    assert (result.passed_s, result.deadline_s) == (passed, deadline)
    assert result.cut_after_s == pytest.approx(cut, abs=0.02)
    assert result.summary == sentence
    assert result.cuts is bool(cut or deadline)


RESTS_ON = [
    # Observations,                                                  Probes
    ([idle(65, CUT, 60), steady(65, WHOLE, 65)],                     ("chunked-idle-65s", "chunked-steady-65s")),
    ([idle(65, CUT, 30), idle(90, CUT, 30), steady(90, CUT, 30)],    ("chunked-idle-65s", "chunked-steady-90s")),
    ([idle(65, CUT, 60)],                                            ("chunked-idle-65s",)),
    ([idle(65, WHOLE, 65), steady(65, WHOLE, 65)],                   ()),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "probes"), RESTS_ON)
def test_the_evidence_names_the_shortest_cut_and_what_it_is_compared_with(seen, probes):
    result = idle_result(Observations(seen), CHUNKED)
    assert result is not None
    assert result.probes == probes
    assert idle_evidence(CHUNKED, result) == Evidence(f"chunked: {result.summary}", probes)


def test_each_transport_and_vantage_has_a_ladder_of_its_own():
    seen = Observations([idle(65, CUT, 60, vantage=Vantage.DIRECT), steady(65, WHOLE, 65)])
    assert idle_result(seen, CHUNKED) is None
    assert idle_result(seen, Transport.EVENTS) is None
    direct = idle_result(seen, CHUNKED, Vantage.DIRECT)
    assert direct is not None
    assert direct.cause is CutCause.UNKNOWN


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
    assert "long or silent streams are cut on chunked" in report.headline
    assert document(report)["transports"]["chunked"]["idle"]["cut_after_s"] == pytest.approx(60.0, abs=0.01)
    assert "!! chunked" in terminal(report, width=100, color=False)
    assert "ok events" in terminal(report, width=100, color=False)


def test_a_deadline_breaks_it_too_and_names_no_idle_timeout():
    report = judge(run(Path(), idle(65, CUT, 30.0), steady(65, CUT, 30.0)))
    assert (report.verdict, report.culprits) == (Verdict.BROKEN, ())
    assert "a deadline" in terminal(report, width=200, color=False)


def test_silences_that_pass_change_nothing():
    report = judge(run(Path(), idle(5, WHOLE, 5), steady(5, WHOLE, 5)))
    assert (report.verdict, report.culprits) == (Verdict.FLOWING, ())


def test_a_cut_of_silent_streams_is_no_hold():
    report = judge(run(Path(8192), *IDLE))
    assert report.verdict is Verdict.HELD
    held, _, cut = report.headline.partition("; ")
    assert "nginx's own buffering is not the reason" in held
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
    ((idle(65, CUT, 60, vantage=THERE),), Confidence.POSSIBLE, FaultPlace.APP),
    (
        (idle(65, CUT, 30, vantage=THERE), steady(65, CUT, 30, vantage=THERE)),
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


CUT_AT_60 = "cut after 60.0 s of silence; a stream without pauses is not cut within 65 s"
ON_PATH = Evidence(f"chunked: {CUT_AT_60}", ("chunked-idle-65s", "chunked-steady-65s"))
EVIDENCE = [
    # at the app's own port, the evidence
    ((), (ON_PATH,)),
    (PORTS[0][0], (ON_PATH, Evidence("chunked: at the app's own port: silences of up to 65 s pass"))),
    (
        PORTS[1][0],
        (
            ON_PATH,
            Evidence(
                f"chunked: at the app's own port: {CUT_AT_60}",
                ("chunked-idle-65s-direct", "chunked-steady-65s-direct"),
            ),
        ),
    ),
]


@pytest.mark.parametrize(("there", "evidence"), EVIDENCE)
def test_the_evidence_has_both_vantages(there, evidence):
    seen = Observations([idle(65, CUT, 60.0), steady(65, WHOLE, 65.0), *there])
    detection = idle_timeout.detect(seen, CHUNKED)
    assert detection is not None
    assert detection.evidence == evidence


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
