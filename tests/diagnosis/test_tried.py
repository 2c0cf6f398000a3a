"""What a report lists as tried and found clean: only what arrived as it was sent, and is a promise by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.diagnosis.tried import _label, tried_and_clean
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    CutCause,
    Flow,
    IdleResult,
    Scenario,
    Transport,
    TransportReport,
    Vantage,
    Variant,
)
from tests.diagnosis.paths import Path

CLEAN = Path().run()
CONTROL = "the service on its own machine, with no path between: "


def clean_of(keeps):
    seen = Observations(tuple(o for o in CLEAN.observations if keeps(o.probe)))
    return tried_and_clean(seen, ())


KEPT = [
    # name                 probes that were made                                                   sentences
    ("none",               lambda p: False,                                                        ()),
    ("small",              lambda p: on_path(p, Scenario.TOKEN),                                   ("chunked: small pieces arrive as they are sent",)),
    ("small and 1 kB",     lambda p: on_path(p, Scenario.TOKEN, Scenario.KILO),                    ("chunked: small pieces and pieces of 1 kB arrive as they are sent",)),
]  # fmt: skip


def on_path(probe, *scenarios, transport=Transport.CHUNKED):
    return (
        probe.transport is transport
        and probe.vantage is Vantage.PATH
        and probe.variant is Variant.BASELINE
        and probe.scenario in scenarios
    )


@pytest.mark.parametrize(("name", "keeps", "sentences"), KEPT, ids=[row[0] for row in KEPT])
def test_what_flows_is_listed_for_each_transport(name, keeps, sentences):
    assert clean_of(keeps) == sentences


def test_an_experiment_is_no_promise_of_its_own():
    run = Path(4096, frozenset({Variant.XAB}), upgrades=True).run()
    report = judge(run)
    assert any(o.probe.variant is Variant.XAB for o in run.observations)
    assert not any(sentence.startswith(("chunked:", "events:")) for sentence in report.clean)


def test_a_stream_with_silences_or_an_experiment_has_no_label():
    probe = CLEAN.observations[0].probe
    assert _label(replace(probe, scenario=Scenario.IDLE)) == ""
    assert _label(replace(probe, variant=Variant.XAB)) == ""


def test_several_at_once_are_listed():
    seen = [o for o in CLEAN.observations if on_path(o.probe, Scenario.TOKEN)]
    together = [replace(o, probe=replace(o.probe, variant=Variant.TOGETHER, run=1)) for o in seen]
    assert tried_and_clean(Observations((*seen, *together)), ()) == (
        "chunked: small pieces and several streams at once arrive as they are sent",
    )


@pytest.mark.parametrize(
    ("idle", "sentences"),
    [
        (None, ()),
        (IdleResult(CutCause.NONE, "", passed_s=65.0), ("events: a silence of 65 s is not cut",)),
        (IdleResult(CutCause.NONE, ""), ()),
        (IdleResult(CutCause.IDLE, "", passed_s=30.0, cut_after_s=60.0), ()),
        (IdleResult(CutCause.DEADLINE, "", passed_s=30.0, deadline_s=60.0), ()),
    ],
)
def test_a_silence_that_passed_is_listed(idle, sentences):
    report = TransportReport(Transport.EVENTS, Flow.FLOWING, "", idle=idle)
    assert tried_and_clean(Observations(()), (report,)) == sentences


def test_the_control_is_listed_apart_from_the_path():
    def controls(*transports):
        return clean_of(lambda p: p.vantage is Vantage.LOOPBACK and p.transport in transports)

    held = [o.probe.transport for o in CLEAN.observations if o.probe.vantage is Vantage.LOOPBACK]
    assert set(held) >= {Transport.CHUNKED, Transport.EVENTS}
    assert controls(Transport.CHUNKED) == (f"{CONTROL}chunked flows",)
    assert controls(Transport.CHUNKED, Transport.EVENTS) == (f"{CONTROL}chunked and events flow",)


def test_a_control_that_holds_is_not_listed():
    report = judge(Path(control_hold_bytes=10_000_000).run())
    assert not any(CONTROL in sentence and "chunked" in sentence for sentence in report.clean)
