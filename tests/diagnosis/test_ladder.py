"""The user's own stream at several addresses: which is the first at which it is held?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.model import FaultPlace, Flow, NamedAddress, Outcome
from flushcheck.reports.terminal import terminal
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
