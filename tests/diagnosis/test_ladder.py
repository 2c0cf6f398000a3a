"""The same streams at several addresses: which is the first at which they are held?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.measurement import plan
from flushcheck.model import (
    PUBLIC,
    Client,
    FaultPlace,
    Flow,
    NamedAddress,
    Observation,
    Outcome,
    Probe,
    RungStream,
    Scenario,
    Transport,
    Vantage,
    Variant,
)
from flushcheck.reports.json_report import document
from flushcheck.reports.terminal import terminal
from tests.diagnosis.paths import Path
from tests.measurement.own import DIRECT, ONCE, SINGLY, observed, own_run

APP, SIDECAR, INGRESS = (replace(DIRECT, run=run) for run in range(3))
NAMES = ("app", "sidecar", "ingress")
CUT, NOTHING = Outcome.CUT, Outcome.UNREACHABLE


def at(*groups, public=SINGLY, **ends):
    """A run of these arrivals at the first addresses, then at the public one."""
    beside = [
        observed(own, probe, outcome=ends.get(name, Outcome.COMPLETE))
        for name, own, probe in zip(NAMES, groups, (APP, SIDECAR, INGRESS), strict=False)
    ]
    addresses = tuple(NamedAddress(name, f"http://{name}/") for name in NAMES[: len(groups)])
    return own_run(observed(public), *beside, addresses=addresses, direct="http://app/")


BETWEEN = "the stream flows at {} and is {} at {}: the cause is what stands between the two"
LADDERS = [
    # name,                      run,                                          place,              summary
    ("held behind the ingress",  at(SINGLY, SINGLY, SINGLY, public=ONCE),      FaultPlace.PATH,    BETWEEN.format("ingress", "held", "public")),
    ("held at the sidecar",      at(SINGLY, ONCE, ONCE, public=ONCE),          FaultPlace.PATH,    BETWEEN.format("app", "held", "sidecar")),
    ("cut at the ingress",       at(SINGLY, SINGLY, SINGLY, ingress=CUT),      FaultPlace.PATH,    BETWEEN.format("sidecar", "cut", "ingress")),
    ("cut at the app",           at(SINGLY, SINGLY, app=CUT),                  FaultPlace.APP,     "the fault shows at app already: it is in the app, or in what serves it there"),
    ("no answer at the sidecar", at(SINGLY, SINGLY, sidecar=NOTHING, public=ONCE), FaultPlace.UNKNOWN, "the fault shows at public first, but sidecar gave nothing to compare with"),
    ("flowing everywhere",       at(SINGLY, SINGLY),                           FaultPlace.NOWHERE, "nothing is wrong at any address"),
    ("all at once everywhere",   at(ONCE, ONCE, public=ONCE),                  FaultPlace.UNKNOWN, "the addresses could not be compared"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "run", "place", "summary"), LADDERS, ids=[row[0] for row in LADDERS])
def test_the_first_rung_at_which_it_is_held_is_named(name, run, place, summary):
    report = judge(run)
    assert report.fault_location
    assert report.fault_location.place is place
    assert report.fault_location.summary == summary
    assert [rung.name for rung in report.rungs] == [*NAMES[: len(run.addresses)], "public"]
    assert len(report.fault_location.evidence) == len(report.rungs)


def test_a_rung_has_its_address_and_a_sentence_which_is_evidence():
    report = judge(at(SINGLY, SINGLY, public=ONCE))
    assert [rung.url for rung in report.rungs] == ["http://app/", "http://sidecar/", "http://app/stream"]
    one_by_one = "40 events in 40 deliveries, from 0.00 to 3.90 s"
    summaries = [
        one_by_one,
        one_by_one,
        "40 events, all at once after 8.2 s, up to 8.2 s later than elsewhere",
    ]
    assert [rung.summary for rung in report.rungs] == summaries
    assert report.fault_location
    assert [fact.sentence for fact in report.fault_location.evidence] == [
        f"app: flowing, {one_by_one}",
        f"sidecar: flowing, {one_by_one}",
        f"public: held, {summaries[2]}",
    ]


def test_two_addresses_are_the_app_and_the_path():
    report = judge(at(SINGLY, public=ONCE))
    assert report.fault_location
    assert report.fault_location.summary == (
        "the fault is on the path, not in the app: at http://app/ the same streams flow"
    )
    assert [(rung.name, rung.flow) for rung in report.rungs] == [("app", Flow.FLOWING), ("public", Flow.HELD)]
    assert report.rungs[1].received_s == (8.2,) * 40


def test_one_address_has_no_rungs():
    assert judge(own_run(observed(SINGLY))).rungs == ()


def test_the_picture_has_one_time_line_for_each_address():
    text = terminal(judge(at(SINGLY, SINGLY, public=ONCE)), width=100, color=False)
    lines = [line.split() for line in text.splitlines() if line.startswith("       ") and line[7] != " "]
    assert [(line[0], line[2]) for line in lines[:3]] == [
        ("app", "flowing"),
        ("sidecar", "flowing"),
        ("public", "held"),
    ]
    assert "received" not in text


def test_a_long_name_is_cut():
    run = replace(at(SINGLY), addresses=(NamedAddress("x" * 50, "http://x/"),))
    assert judge(run).rungs[0].name == "x" * 40


CLEAN = Path()
NGINX = Path(4096, frozenset({Variant.XAB}), removes_header=True, upgrades=False)
HOLDS = Path(10_000_000, control=False)
NO_UPGRADE = Path(upgrades=False)
LATER_HOPS = Path(4096, frozenset({Variant.XAB}), removes_header=True)


def diagnosed(*paths, public):
    """A run of a flushcheck service on these paths, the app's own port first. An Outcome: nothing but that."""
    seen = []
    for number, path in enumerate(paths):
        for probe in plan.direct_counterparts(plan.baselines(Transport, quick=False), number=number):
            failed = Observation(probe, path, detail="refused") if isinstance(path, Outcome) else None
            seen.append(failed or path.observe(probe))
    run = public.run()
    addresses = tuple(NamedAddress(name, f"http://{name}/") for name in NAMES[: len(paths)])
    return replace(run, observations=(*run.observations, *seen), addresses=addresses, direct="http://app/")


HOLD = "on chunked, events the stream flows at {} and is held at {}: the cause is what stands between the two"
SERVICES = [
    # name,                        run,                                             place,              among the summary
    ("held by the public front",   diagnosed(CLEAN, CLEAN, public=NGINX),           FaultPlace.PATH,    HOLD.format("sidecar", "public")),
    ("held by the ingress",        diagnosed(CLEAN, CLEAN, NGINX, public=NGINX),    FaultPlace.PATH,    HOLD.format("sidecar", "ingress")),
    ("held by the sidecar",        diagnosed(CLEAN, LATER_HOPS, public=LATER_HOPS), FaultPlace.PATH,    HOLD.format("app", "sidecar")),
    ("no Upgrade at the sidecar",  diagnosed(CLEAN, NO_UPGRADE, public=NO_UPGRADE), FaultPlace.PATH,    "on websocket the stream flows at app and does not open at sidecar"),
    ("two faults at two places",   diagnosed(CLEAN, NO_UPGRADE, public=NGINX),      FaultPlace.PATH,    "; on websocket the stream flows at app and does not open at sidecar"),
    ("an app that holds",          diagnosed(HOLDS, HOLDS, public=HOLDS),           FaultPlace.APP,     "on chunked, events the fault shows at app already"),
    ("an app, and the sidecar",    diagnosed(HOLDS, replace(HOLDS, upgrades=False), public=replace(HOLDS, upgrades=False)), FaultPlace.BOTH, "the fault shows at app already"),
    ("nothing at the sidecar",     diagnosed(CLEAN, Outcome.UNREACHABLE, public=NGINX), FaultPlace.UNKNOWN, "the fault shows at public first, but sidecar gave nothing to compare with"),
    ("nothing right at the app",   diagnosed(Outcome.REFUSED, CLEAN, public=NGINX), FaultPlace.PATH,    HOLD.format("sidecar", "public")),
    ("clean everywhere",           diagnosed(CLEAN, CLEAN, public=CLEAN),           FaultPlace.NOWHERE, "nothing is wrong at any address"),
    ("clean where it responds",    diagnosed(CLEAN, Outcome.UNREACHABLE, public=CLEAN), FaultPlace.UNKNOWN, "the addresses could not be compared"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "run", "place", "summary"), SERVICES, ids=[row[0] for row in SERVICES])
def test_a_service_is_compared_transport_by_transport(name, run, place, summary):
    report = judge(run)
    assert report.fault_location
    assert report.fault_location.place is place, report.fault_location.summary
    assert summary in report.fault_location.summary
    assert [fact.sentence.partition(":")[0] for fact in report.fault_location.evidence] == [
        rung.name for rung in report.rungs
    ]


def test_a_stream_that_one_address_was_not_asked_for_is_open_there():
    run = diagnosed(CLEAN, CLEAN, public=NGINX)
    kept = [
        seen
        for seen in run.observations
        if (seen.probe.transport, seen.probe.vantage, seen.probe.run)
        != (Transport.WEBSOCKET, Vantage.DIRECT, 1)
    ]
    report = judge(replace(run, observations=tuple(kept)))
    assert report.fault_location
    assert report.fault_location.summary == (
        f"{HOLD.format('sidecar', 'public')} (there, and not at sidecar: a hop that removes Upgrade from requests)"
    )
    sidecar = report.rungs[1]
    assert RungStream(Transport.WEBSOCKET, Flow.UNKNOWN, "not asked for at this address") in sidecar.streams
    assert report.fault_location.evidence[1].sentence.endswith("; websocket not asked for")


def test_all_streams_of_one_address_are_one_sentence():
    report = judge(diagnosed(CLEAN, CLEAN, public=CLEAN))
    assert report.fault_location
    assert report.fault_location.evidence[0].sentence == (
        "app: polling flowing; chunked flowing; events flowing; websocket flowing"
    )


def test_what_cannot_be_compared_is_said_before_what_is_right():
    silent = replace(CLEAN, control=False)
    run = diagnosed(Outcome.UNREACHABLE, CLEAN, public=silent)
    located = judge(run).fault_location
    assert located
    assert (located.place, located.summary) == (
        FaultPlace.UNKNOWN,
        "on polling, chunked, events, websocket the addresses could not be compared",
    )
    kept = [
        seen
        for seen in diagnosed(CLEAN, CLEAN, public=CLEAN).observations
        if (seen.probe.transport, seen.probe.vantage, seen.probe.run)
        != (Transport.POLLING, Vantage.DIRECT, 1)
    ]
    mixed = judge(replace(diagnosed(CLEAN, CLEAN, public=CLEAN), observations=tuple(kept))).fault_location
    assert mixed
    assert (mixed.place, mixed.summary) == (
        FaultPlace.UNKNOWN,
        "on polling the addresses could not be compared",
    )


def test_two_hops_that_show_at_the_held_rung_alone_are_listed():
    front = replace(LATER_HOPS, origin=replace(CLEAN.origin, via="1.1 edge, 1.1 shield"))
    report = judge(diagnosed(CLEAN, CLEAN, front, public=front))
    assert report.fault_location
    new = [hop for hop in report.rungs[2].hops if hop not in report.rungs[1].hops]
    assert len(new) > 1
    assert f" (there, and not at sidecar: {'; '.join(new)})" in report.fault_location.summary


def test_the_first_rung_with_the_fault_is_marked_for_each_transport():
    report = judge(diagnosed(CLEAN, NO_UPGRADE, public=NGINX))
    first = {
        (stream.transport, rung.name) for rung in report.rungs for stream in rung.streams if stream.first
    }
    assert first == {
        (Transport.CHUNKED, PUBLIC),
        (Transport.EVENTS, PUBLIC),
        (Transport.WEBSOCKET, "sidecar"),
    }
    assert [rung.flow for rung in report.rungs] == [Flow.FLOWING, Flow.FAILED, Flow.HELD]
    assert document(report)["rungs"][1]["transports"]["websocket"]["first"] is True


def test_a_short_timeout_at_one_rung_is_no_fault_there():
    run = diagnosed(CLEAN, CLEAN, public=NGINX)
    silent = [
        replace(seen, outcome=Outcome.TIMEOUT, arrivals=(), end=None, status=0)
        if (seen.probe.transport, seen.probe.vantage, seen.probe.run)
        == (Transport.WEBSOCKET, Vantage.DIRECT, 1)
        else seen
        for seen in run.observations
    ]
    located = judge(replace(run, observations=tuple(silent))).fault_location
    assert located
    assert "on websocket" not in located.summary


def test_what_shows_at_the_first_held_rung_alone_is_named():
    front = replace(LATER_HOPS, origin=replace(CLEAN.origin, via="1.1 edge"))
    report = judge(diagnosed(CLEAN, CLEAN, front, public=front))
    assert report.fault_location
    assert " (there, and not at sidecar: a hop with Via: edge)" in report.fault_location.summary
    assert "a hop with Via: edge" in report.rungs[2].hops
    assert report.rungs[1].hops == report.rungs[0].hops


def test_two_addresses_of_a_service_are_drawn_and_located_as_before():
    report = judge(diagnosed(CLEAN, public=NGINX))
    assert report.fault_location
    assert report.fault_location.summary.startswith("the fault is on the path, not in the app")
    assert [rung.name for rung in report.rungs] == ["app", PUBLIC]


def test_each_transport_with_a_fault_has_its_ladder():
    text = terminal(judge(diagnosed(CLEAN, CLEAN, NO_UPGRADE, public=NGINX)), width=110, color=False)
    lines = [line.split() for line in text.splitlines() if line.startswith("       ") and line[7] != " "]
    whole = ["app", "sidecar", "ingress", "public"]
    drawn = [(line[0], *line[2:]) for line in lines if line[0] in whole]
    held = [
        ("app", "flowing"),
        ("sidecar", "flowing"),
        ("ingress", "flowing"),
        ("public", "held", "<-", "first"),
    ]
    assert drawn[:8] == held + held
    assert drawn[8:] == [
        ("app", "flowing"),
        ("sidecar", "flowing"),
        ("ingress", "failed", "<-", "first"),
        ("public", "failed"),
    ]
    assert "       received " not in text
    assert text.count("  sent ") == 2


def test_what_flows_everywhere_needs_no_ladder():
    text = terminal(judge(diagnosed(CLEAN, CLEAN, public=CLEAN)), width=110, color=False)
    assert "app  " not in text
    assert "located: nothing is wrong at any address" in text


def test_a_silence_that_is_cut_at_one_rung_is_located_there():
    run = diagnosed(CLEAN, CLEAN, public=CLEAN)
    idle = Probe(Transport.EVENTS, Scenario.IDLE, lasts_s=60.0)
    steady = replace(idle, scenario=Scenario.STEADY)
    beside = [replace(idle, vantage=Vantage.DIRECT, run=number) for number in range(2)]
    passed = Observation(
        beside[0],
        Outcome.COMPLETE,
        status=200,
        ended_s=60.0,
        arrivals=CLEAN.observe(Probe(Transport.EVENTS)).arrivals,
    )
    cut = replace(passed, outcome=Outcome.CUT, arrivals=passed.arrivals[:1], ended_s=30.0)
    seen = (
        replace(passed, probe=steady, ended_s=60.0),
        passed,
        replace(cut, probe=beside[1]),
        replace(cut, probe=idle),
    )
    report = judge(replace(run, observations=(*run.observations, *seen)))
    assert report.fault_location
    assert "on events the stream flows at app and is cut at sidecar" in report.fault_location.summary
    assert "events flowing; cut after" in report.fault_location.evidence[1].sentence


def test_the_client_that_got_the_worst_is_located():
    run = diagnosed(CLEAN, CLEAN, public=CLEAN)
    slow = NGINX.run()
    http1 = tuple(
        replace(seen, probe=replace(seen.probe, client=Client.HTTP1))
        for seen in slow.observations
        if seen.probe.vantage is Vantage.PATH
    )
    located = judge(replace(run, observations=(*run.observations, *http1))).fault_location
    assert located
    assert located.summary.startswith(HOLD.format("sidecar", "public"))


LABELS = [
    # name,                     as it is drawn
    ("a",                       "a        "),
    ("eight-ch",                "eight-ch "),
    ("nine-char",               "nine-char "),
    ("sixteen-chars-16",        "sixteen-chars-16 "),
    ("seventeen-chars-1",       "seventeen-chars- "),
]  # fmt: skip


@pytest.mark.parametrize(("name", "drawn"), LABELS)
@pytest.mark.parametrize("width", [60, 100])
def test_names_are_drawn_as_wide_as_the_longest(name, drawn, width):
    run = replace(at(SINGLY, public=ONCE), addresses=(NamedAddress(name, "http://x/"),))
    text = terminal(judge(run), width=width, color=False)
    lines = [line for line in text.splitlines() if line.endswith(("flowing", "<- first"))]
    assert lines[0].startswith(f"       {drawn}")
    assert lines[1].startswith("       public".ljust(7 + len(drawn)))
    assert all(len(line) < width for line in lines)
