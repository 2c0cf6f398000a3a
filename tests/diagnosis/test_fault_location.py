"""The path beside the app's own port: where the fault lies, and what cannot be said."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace
from typing import cast

import pytest

from flushcheck.diagnosis.fault_location import describe_flow
from flushcheck.diagnosis.inference import judge
from flushcheck.measurement import plan
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    FaultPlace,
    Flow,
    Observation,
    Outcome,
    Probe,
    RequestAtApp,
    Run,
    Scenario,
    Transport,
    Vantage,
    Variant,
)
from flushcheck.model.codec import from_json, to_json
from flushcheck.reports.json_report import document
from flushcheck.reports.terminal import terminal
from tests.diagnosis.paths import Path
from tests.measurement.streams import FLOWING, HELD, LATE, NO_PATTERN, NOTHING, direct, kilo, saw

XAB = frozenset({Variant.XAB})
NGINX = Path(4096, XAB, removes_header=True, origin=RequestAtApp(protocol="HTTP/1.0"), upgrades=False)
WHOLE = 10_000_000
CLEAN = Path()
HOLDS = Path(WHOLE, control=False)
AT = "http://app:8000"


def beside(path: Path, app: Path | Outcome) -> Run:
    """A run on this path, with the same baselines at the app's own port."""
    run = path.run()
    probes = plan.direct_counterparts(plan.baselines(Transport, quick=False))
    if isinstance(app, Path):
        seen = tuple(app.observe(probe) for probe in probes)
    else:
        seen = tuple(Observation(probe, app, detail="connection refused") for probe in probes)
    return dataclasses.replace(run, observations=(*run.observations, *seen), direct=AT)


PLACES = [
    # name, run, place, words, Transports in the evidence
    ("nginx in front of a good app", beside(NGINX, CLEAN), FaultPlace.PATH, "on the path, not in the app", ["chunked", "events", "websocket"]),
    ("an app that holds", beside(HOLDS, HOLDS), FaultPlace.APP, "in the app", ["chunked", "events"]),
    ("an app that holds, and no Upgrade", beside(dataclasses.replace(HOLDS, upgrades=False), HOLDS), FaultPlace.BOTH, "two faults", ["chunked", "events", "websocket"]),
    ("nothing wrong", beside(CLEAN, CLEAN), FaultPlace.NOWHERE, "nothing is wrong", []),
    ("no server at the port", beside(NGINX, Outcome.UNREACHABLE), FaultPlace.UNKNOWN, "connection refused", []),
    ("the wrong port", beside(CLEAN, HOLDS), FaultPlace.UNKNOWN, "could not be compared", ["chunked", "events"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "run", "place", "words", "transports"), PLACES, ids=[row[0] for row in PLACES]
)
def test_where_the_fault_lies(name, run, place, words, transports):
    located = judge(run).fault_location
    assert located is not None
    assert (located.place, words in located.summary) == (place, True), located.summary
    assert [fact.sentence.partition(":")[0] for fact in located.evidence] == transports


PROXY = "http://proxy:3128"


def past_proxy(path: Path, site: Path | Outcome) -> Run:
    """A run through a forward proxy, with the same baselines at the same address past it."""
    run = path.run()
    probes = plan.direct_counterparts(plan.baselines(Transport, quick=False), Vantage.UNPROXIED)
    if isinstance(site, Path):
        seen = tuple(site.observe(probe) for probe in probes)
    else:
        seen = tuple(Observation(probe, site, detail="connection refused") for probe in probes)
    return dataclasses.replace(run, observations=(*run.observations, *seen), direct=run.target, proxy=PROXY)


PROXY_PLACES = [
    # name, run, place, summary
    ("a proxy that holds", past_proxy(NGINX, CLEAN), FaultPlace.PATH, "the fault is in the proxy http://proxy:3128: past it the same streams flow"),
    ("a site that holds", past_proxy(HOLDS, HOLDS), FaultPlace.APP, "the fault is not in the proxy: it shows past http://proxy:3128 too"),
    ("both", past_proxy(dataclasses.replace(HOLDS, upgrades=False), HOLDS), FaultPlace.BOTH, "there are two faults: in the proxy http://proxy:3128 and behind it"),
    ("nothing wrong", past_proxy(CLEAN, CLEAN), FaultPlace.NOWHERE, "nothing is wrong, neither through the proxy http://proxy:3128 nor past it"),
    ("wrong only past it", past_proxy(CLEAN, HOLDS), FaultPlace.UNKNOWN, "the way through the proxy http://proxy:3128 and the one past it could not be compared"),
    ("no way past it", past_proxy(NGINX, Outcome.UNREACHABLE), FaultPlace.UNKNOWN, "http://site past the proxy gave no stream to compare with: connection refused"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "run", "place", "summary"), PROXY_PLACES, ids=[row[0] for row in PROXY_PLACES]
)
def test_where_the_fault_lies_beside_a_proxy(name, run, place, summary):
    located = judge(run).fault_location
    assert located is not None
    assert (located.place, located.summary.replace(run.target, "http://site")) == (place, summary)
    assert all(" past it" in fact.sentence and "own port" not in fact.sentence for fact in located.evidence)


def test_the_address_past_the_proxy_does_not_accuse_the_app():
    report = judge(past_proxy(HOLDS, HOLDS))
    assert "app-response" not in [one.culprit.id for one in report.culprits]
    assert "app-response" in [one.culprit.id for one in judge(beside(HOLDS, HOLDS)).culprits]
    assert any("no control run" in note for note in report.notes)


def test_without_a_second_vantage_nothing_is_located():
    report = judge(NGINX.run())
    assert report.fault_location is None
    assert document(report)["fault_location"] is None
    assert "located" not in terminal(report, width=80, color=False)


def test_a_hold_at_the_apps_own_port_is_the_apps_as_one_on_the_loopback_is():
    report = judge(beside(HOLDS, HOLDS))
    assert [one.culprit.id for one in report.culprits] == ["app-response"]
    assert any("at the app's own port" in fact.sentence for fact in report.culprits[0].evidence)
    assert not any("no control run" in note for note in report.notes)


def test_the_loopback_has_the_first_word():
    # The loopback flows; what was called the app's own port does not: it is not the app that holds.
    run = beside(Path(8192), Path(8192))
    assert "app-response" not in [one.culprit.id for one in judge(run).culprits]


def test_a_saved_run_is_located_as_well():
    run = beside(NGINX, CLEAN)
    again = from_json(Run, json.loads(json.dumps(to_json(run))))
    assert judge(again).fault_location == judge(run).fault_location
    assert document(judge(again))["fault_location"]["place"] == "path"
    assert AT in document(judge(again))["fault_location"]["summary"]


def test_the_second_vantage_changes_nothing_else():
    alone, both = judge(NGINX.run()), judge(beside(NGINX, CLEAN))
    assert both.transports == alone.transports
    assert [one.culprit.id for one in both.culprits] == [one.culprit.id for one in alone.culprits]
    assert {one.vantage for one in plan.direct_counterparts(plan.baselines(Transport, quick=True))} == {
        Vantage.DIRECT
    }


# One Transport at both addresses: the place, and the sentence with its Probes.

CHUNKED, EVENTS = Transport.CHUNKED, Transport.EVENTS
SILENT = Probe(CHUNKED, Scenario.IDLE, lasts_s=65)
SILENT_DIRECT = dataclasses.replace(SILENT, vantage=Vantage.DIRECT)
PASSES_HERE, PASSES_THERE = (saw(probe, FLOWING[:2]) for probe in (SILENT, SILENT_DIRECT))
CUT_HERE, CUT_THERE = (
    saw(probe, FLOWING[:1], outcome=Outcome.CUT, ended_s=60.0) for probe in (SILENT, SILENT_DIRECT)
)
CUT_60 = "cut after 60.0 s of silence; no stream without pauses to compare with"
DIRECT_KILO = Probe(CHUNKED, Scenario.KILO, vantage=Vantage.DIRECT)


def located(*seen: Observation) -> tuple[str, list[str]]:
    location = judge(Run("http://test", seen, direct=AT)).fault_location
    assert location is not None
    return location.place, [fact.sentence for fact in location.evidence]


PAIRS: list[tuple[str, list[Observation], str, list[str]]] = [
    # name, Observations, place, sentences
    ("wrong on the path", [saw(CHUNKED, HELD), saw(direct(CHUNKED))], "path",
     ["chunked: held (held for up to 1.90 s) on the path, flowing at http://app:8000"]),
    ("wrong at both", [saw(CHUNKED, HELD), saw(direct(CHUNKED), HELD)], "app",
     ["chunked: held (held for up to 1.90 s) on the path, held (held for up to 1.90 s) at http://app:8000"]),
    ("late at both", [saw(CHUNKED, LATE), saw(direct(CHUNKED), LATE)], "app",
     ["chunked: late (held for up to 1.44 s) on the path, late (held for up to 1.44 s) at http://app:8000"]),
    ("wrong at the app alone", [saw(CHUNKED), saw(direct(CHUNKED), HELD)], "unknown",
     ["chunked: flowing on the path, held (held for up to 1.90 s) at http://app:8000: is that this app's own port?"]),
    ("wrong nowhere", [saw(CHUNKED), saw(direct(CHUNKED))], "nowhere", []),
    ("cut on the path", [saw(CHUNKED, outcome=Outcome.CUT, ended_s=2.0), saw(direct(CHUNKED))], "path",
     ["chunked: cut after 2.0 s on the path, flowing at http://app:8000"]),
    ("failed on the path", [saw(CHUNKED, NOTHING, outcome=Outcome.REFUSED), saw(direct(CHUNKED))], "path",
     ["chunked: failed on the path, flowing at http://app:8000"]),
    ("no pattern on the path", [saw(CHUNKED, NO_PATTERN), saw(direct(CHUNKED))], "unknown",
     ["chunked: unknown on the path, flowing at http://app:8000"]),
    ("no pattern at the app", [saw(CHUNKED, HELD), saw(direct(CHUNKED), NO_PATTERN)], "unknown",
     ["chunked: held (held for up to 1.90 s) on the path, unknown at http://app:8000"]),
    ("held at a kilobyte", [saw(CHUNKED), saw(kilo(CHUNKED), HELD), saw(direct(CHUNKED)), saw(DIRECT_KILO)], "path",
     ["chunked: held (held for up to 1.90 s) on the path, flowing at http://app:8000"]),
    ("held at a kilobyte, not tried at the app", [saw(CHUNKED), saw(kilo(CHUNKED), HELD), saw(direct(CHUNKED))], "unknown", []),
    ("no pattern on the path, and another is right at both", [saw(CHUNKED, NO_PATTERN), saw(direct(CHUNKED)), saw(EVENTS), saw(direct(EVENTS))], "unknown",
     ["chunked: unknown on the path, flowing at http://app:8000"]),
    ("wrong at both, and another on the path alone", [saw(CHUNKED, HELD), saw(direct(CHUNKED), HELD), saw(EVENTS, HELD), saw(direct(EVENTS))], "both",
     ["chunked: held (held for up to 1.90 s) on the path, held (held for up to 1.90 s) at http://app:8000",
      "events: held (held for up to 1.90 s) on the path, flowing at http://app:8000"]),
    ("not reachable at the app, and another is right at both", [saw(CHUNKED, HELD), Observation(direct(CHUNKED), Outcome.UNREACHABLE), saw(EVENTS), saw(direct(EVENTS))], "nowhere", []),
    ("timed out at the app", [saw(CHUNKED, HELD), saw(direct(CHUNKED), outcome=Outcome.TIMEOUT)], "unknown", []),
    ("not tried on the path", [saw(direct(CHUNKED))], "unknown", []),
    # silent streams
    ("a silence is cut on the path", [CUT_HERE, PASSES_THERE], "path",
     [f"chunked: {CUT_60}, on the path; silences of up to 65 s pass, at http://app:8000"]),
    ("a silence is cut at both", [CUT_HERE, CUT_THERE], "app",
     [f"chunked: {CUT_60}, on the path; {CUT_60}, at http://app:8000"]),
    ("a silence is cut at the app alone", [PASSES_HERE, CUT_THERE], "unknown",
     [f"chunked: silences of up to 65 s pass, on the path; {CUT_60}, at http://app:8000"]),
    ("a silence passes at both", [PASSES_HERE, PASSES_THERE], "nowhere", []),
    ("a silence was tried on the path alone", [CUT_HERE, saw(direct(CHUNKED))], "unknown", []),
    ("a silence was tried at the app alone", [saw(CHUNKED), CUT_THERE], "unknown", []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "place", "sentences"), PAIRS, ids=[row[0] for row in PAIRS])
def test_one_transport_at_both_addresses(name, seen, place, sentences):
    assert located(*seen) == (place, sentences)


def test_the_comparison_rests_on_both_probes():
    location = judge(Run("http://test", (saw(CHUNKED, HELD), saw(direct(CHUNKED))))).fault_location
    assert location is not None
    assert [fact.probes for fact in location.evidence] == [("chunked-token", "chunked-token-direct")]
    assert location.summary == (
        "the fault is on the path, not in the app: at the app's own port the same streams flow"
    )


def test_the_comparison_of_silences_rests_on_those_of_both_vantages():
    location = judge(Run("http://test", (CUT_HERE, CUT_THERE))).fault_location
    assert location is not None
    assert [fact.probes for fact in location.evidence] == [(SILENT.id, SILENT_DIRECT.id)]


def test_the_reason_is_that_of_the_first_response_that_is_missing():
    missing = [
        Observation(direct(transport), Outcome.UNREACHABLE, detail=f"no {transport}")
        for transport in (CHUNKED, EVENTS)
    ]
    location = judge(Run("http://test", (saw(CHUNKED), *missing), direct=AT)).fault_location
    assert location is not None
    assert location.summary == "http://app:8000 gave no stream to compare with: no chunked"


def test_a_proxy_is_compared_with_the_way_past_it():
    past = saw(Probe(CHUNKED, vantage=Vantage.UNPROXIED))
    location = judge(Run("http://test", (saw(CHUNKED, HELD), past), proxy=PROXY)).fault_location
    assert location is not None
    assert [fact.sentence for fact in location.evidence] == [
        "chunked: held (held for up to 1.90 s) through the proxy, flowing past it"
    ]


@pytest.mark.parametrize(
    ("held_s", "words"),
    [
        (0.0, "blocks"),
        (0.0049, "blocks"),
        (0.005, "blocks (held for up to 0.01 s)"),
        (1.9, "blocks (held for up to 1.90 s)"),
    ],
)
def test_a_hold_of_no_time_is_not_said_in_seconds(held_s, words):
    probe = Probe(Transport.CHUNKED)
    timed = SimpleNamespace(flow=Flow.BLOCKS, held_s=held_s)
    seen = {probe: (Observation(probe, Outcome.COMPLETE), timed)}
    assert describe_flow(cast("Observations", seen), probe) == words
