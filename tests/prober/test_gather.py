import json
import threading
import time

import pytest

from flushcheck import diagnose, judge
from flushcheck.measurement import plan
from flushcheck.model import (
    Arrival,
    EndRecord,
    Observation,
    Outcome,
    Probe,
    ReceivedPiece,
    Run,
    Scenario,
    Transport,
    UsageError,
    Vantage,
    Variant,
    Verdict,
)
from flushcheck.model.codec import from_json, to_json
from flushcheck.prober import RunProgress, gather
from tests.prober.farside import TO_CLOSE, Peer, Script, end, event, far_side, piece

BOTH = (Transport.CHUNKED, Transport.EVENTS)
OWN = Observation(Probe(Transport.CHUNKED, vantage=Vantage.LOOPBACK), Outcome.COMPLETE)


def stream(peer: Peer, *, held: bool = False) -> None:
    """All at once, as if it had been sent so; or kept until the end, as if it had been sent in between."""
    count = int(peer.query["count"])
    interval_s = 0.02 if held else 0.0
    lines = [piece(seq, seq * interval_s) for seq in range(count)]
    time.sleep(count * interval_s)
    if "events" in peer.path:
        body = b"".join(map(event, lines)) + event(end(count), "done")
    else:
        body = b"".join(lines) + end(count)
    peer.send(TO_CLOSE + body)


def service(control: Script, *, held: bool = False) -> Script:
    """A service that answers at once, with this control."""
    return lambda peer: control(peer) if peer.path.endswith("/control") else stream(peer, held=held)


def no_control(peer: Peer) -> None:
    peer.answer(404, b"")


def listed(*observations: Observation, more: str = "") -> Script:
    body = json.dumps({"observations": to_json(observations), "reason": more}).encode()
    return lambda peer: peer.answer(200, body)


CONTROLS = [
    ("there",               listed(OWN),                                              (OWN,)),
    ("none, with a reason", listed(more="one worker only"),                           ()),
    ("of the path",         listed(Observation(Probe(Transport.CHUNKED), Outcome.COMPLETE), OWN), (OWN,)),
    ("not there",           no_control,                                               ()),
    ("a page",              lambda peer: peer.answer(200, b"<html>", "text/html"),    ()),
    ("other JSON",          lambda peer: peer.answer(200, b'[{"observations": 1}]'),  ()),
    ("a number for a list", lambda peer: peer.answer(200, b'{"observations": 1}'),    ()),
    ("half of one",         lambda peer: peer.answer(200, b'{"observations": [{"probe": {}}]}'), ()),
    ("deep",                lambda peer: peer.answer(200, b"[" * 100_000),            ()),
    ("too large",           lambda peer: peer.answer(200, b" " * 9_000_000),          ()),
    ("hangs up",            lambda peer: peer.reset(),                                ()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "control", "expected"), CONTROLS, ids=[row[0] for row in CONTROLS])
def test_a_control_is_taken_where_there_is_one(name, control, expected):
    with far_side(service(control)) as url:
        run = gather(url, only=["chunked"], quick=True, timeout_s=10)
    assert tuple(one for one in run.observations if one.probe.vantage is Vantage.LOOPBACK) == expected
    assert [one.probe for one in run.observations if one.probe.vantage is Vantage.PATH] == [
        *plan.baselines([Transport.CHUNKED], quick=True)
    ]


def test_a_control_that_never_answers_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("flushcheck.prober.gathering.CONTROL_SPARE_S", 0.2)
    with far_side(service(lambda peer: peer.stay())) as url:
        began = time.monotonic()
        run = gather(url, only=["chunked"], quick=True, timeout_s=10)
    assert {one.outcome for one in run.observations} == {Outcome.COMPLETE}
    assert time.monotonic() - began < 4


def test_a_clean_path_gets_the_second_round_unless_quick():
    told: list[RunProgress] = []
    with far_side(service(listed(OWN))) as url:
        run = gather(f"{url}/", only=BOTH, timeout_s=20, on_progress=told.append)
        quick = gather(url, only=BOTH, timeout_s=20, quick=True)
    probes = [one.probe for one in run.observations]
    assert probes[:4] == [*plan.baselines(BOTH, quick=False)]
    assert Probe(Transport.CHUNKED, variant=Variant.HTTP10) in probes
    assert probes[-1] == OWN.probe
    assert len(quick.observations) == 3 + 1
    assert run.target == url
    assert run.tool.startswith("flushcheck ")
    # Each stage begins with 0 and ends with all, told in the thread that asked.
    stages = [[one for one in told if one.stage == stage] for stage in (1, 2)]
    assert [(one.done, one.total) for one in stages[0]] == [(done, 4) for done in range(5)]
    assert [(one[0].done, one[0].latest, one[-1].done) for one in stages] == [
        (0, None, 4),
        (0, None, len(stages[1]) - 1),
    ]


def test_a_held_path_gets_its_experiments_also_if_quick():
    with far_side(service(no_control, held=True)) as url:
        run = gather(url, only=BOTH, timeout_s=20, quick=True)
    assert {one.probe.variant for one in run.observations} >= {Variant.XAB, Variant.IDENTITY}


def test_nothing_is_tried_further_where_nothing_answers():
    asked: list[str] = []

    def script(peer: Peer) -> None:
        asked.append(peer.path)
        peer.answer(404, b"")

    with far_side(script) as url:
        run = gather(url, timeout_s=20)
    assert {one.outcome for one in run.observations} == {Outcome.REFUSED}
    assert len(run.observations) == len(plan.baselines(Transport, quick=False))


def test_the_whole_is_over_in_time_whatever_hangs():
    with far_side(lambda peer: peer.stay()) as url:
        began = time.monotonic()
        run = gather(url, timeout_s=1.0)
    assert time.monotonic() - began < 4
    assert {one.outcome for one in run.observations} == {Outcome.TIMEOUT}


def test_what_a_busy_machine_hid_is_looked_at_again(monkeypatch):
    made = []

    def observe_round(probes, *_):
        made.append(tuple(probes))
        return tuple(seen(probe, stalled=len(made) == 1) for probe in probes)

    def seen(probe, *, stalled):
        # Late without a pattern, and within what the observer was kept from running for.
        hidden = stalled and probe.scenario is Scenario.TOKEN
        at_s = [0.1 * k + hidden * 0.07 * (k * k % 5) for k in range(20)]
        at_s = [max(at_s[: k + 1]) for k in range(20)]
        arrivals = tuple(Arrival(at_s[k], 20, 20, (ReceivedPiece(k, 0.1 * k),)) for k in range(20))
        return Observation(
            probe,
            Outcome.COMPLETE,
            status=200,
            arrivals=arrivals,
            end=EndRecord(20, 2.0),
            stall_s=0.3 * hidden,
        )

    monkeypatch.setattr("flushcheck.prober.gathering.observe_round", observe_round)
    told: list[RunProgress] = []
    with far_side(service(no_control)) as url:
        run = gather(url, only=BOTH, quick=True, on_progress=told.append)
    tokens = tuple(Probe(transport) for transport in BOTH)
    assert set(tokens) < set(made[0])
    assert made[1:] == [tokens]
    assert {one.probe: one.stall_s for one in run.observations} == dict.fromkeys(made[0], 0.0)
    assert [(step.stage, step.total) for step in told] == [(1, len(made[0])), (1, 2)]


def test_the_first_round_leaves_time_for_the_second(monkeypatch):
    monkeypatch.setattr("flushcheck.prober.gathering.MIN_SPARE_S", -1.0)

    def script(peer: Peer) -> None:
        """The events never end; the chunks are held, which is to be looked into."""
        if peer.path.endswith("events"):
            peer.send(TO_CLOSE)
            peer.stay()
        else:
            service(no_control, held=True)(peer)

    with far_side(script) as url:
        run = gather(url, only=BOTH, timeout_s=4.0)
    assert any(
        one.probe.variant is Variant.XAB and one.outcome is Outcome.COMPLETE for one in run.observations
    )


def test_a_run_is_the_same_after_it_was_saved():
    with far_side(service(listed(OWN))) as url:
        run = gather(url, only=BOTH, timeout_s=20)
    again = from_json(Run, json.loads(json.dumps(to_json(run))))
    assert again == run
    assert judge(again) == judge(run)


def test_the_library_says_in_one_call_how_a_path_is():
    threads: list[str] = []
    with far_side(service(no_control)) as url:
        report = diagnose(
            url,
            only=[Transport.CHUNKED, "events"],
            quick=True,
            on_progress=lambda _: threads.append(threading.current_thread().name),
        )
    assert report.verdict is Verdict.FLOWING
    assert [verdict.transport for verdict in report.transports] == list(BOTH)
    assert set(threads) == {threading.current_thread().name}


MISUSES = [
    ({"url": "localhost"},                  "for example http://localhost"),
    ({"only": ["chunk"]},                   "only=chunk: expected polling, chunked, events, websocket"),
    ({"only": []},                          "only is empty"),
    ({"only": "chunked,events"},            "only=chunked,events: expected"),
    ({"timeout_s": 0},                      "timeout=0: expected more than 0"),
    ({"timeout_s": float("nan")},           "timeout=nan"),
    ({"timeout_s": 1e9},                    "at most 600"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "says"), MISUSES)
def test_misuse_is_told_before_anything_is_asked(wrong, says):
    with pytest.raises(UsageError) as told:
        gather(**{"url": "http://127.0.0.1:1", **wrong})
    assert says in str(told.value)


def test_one_transport_may_be_named_alone():
    with far_side(service(no_control)) as url:
        run = gather(url, only="chunked", quick=True)
    assert {one.probe.transport for one in run.observations} == {Transport.CHUNKED}
