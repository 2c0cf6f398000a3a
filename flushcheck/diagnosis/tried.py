"""What was tried on a path and found clean: a report that lists only faults does not say what was looked at.

Only what arrived as it was sent is listed, for the client whose flows the report gives. A probe that differs
in more than its size or its number explains a fault, and is no promise of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from flushcheck.measurement.observations import Observations
from flushcheck.model import Flow, Probe, Scenario, Transport, TransportReport, Vantage, Variant
from flushcheck.model.wording import all_of

_SIZES = {
    Scenario.TOKEN: "small pieces",
    Scenario.KILO: "pieces of 1 kB",
    Scenario.BIG: "pieces of 16 kB",
}
_TOGETHER = "several streams at once"


def tried_and_clean(seen: Observations, reports: Sequence[TransportReport]) -> tuple[str, ...]:
    """Return a sentence for each Transport with something clean, and one for the control.

    Args:
        seen: what the first client saw.
        reports: of its Transports, for how long they may be silent.
    """
    return (*_on_the_path(seen), *_silences(reports), *_control(seen))


def _on_the_path(seen: Observations) -> list[str]:
    sentences = []
    for transport in Transport:
        clean = [
            _label(observation.probe)
            for observation in seen
            if observation.probe.transport is transport
            and observation.probe.vantage is Vantage.PATH
            and _flows(seen, observation.probe)
        ]
        if labels := [label for label in (*_SIZES.values(), _TOGETHER) if label in clean]:
            sentences.append(f"{transport}: {all_of(labels)} arrive as they are sent")
    return sentences


def _label(probe: Probe) -> str:
    """How a probe is called that is a promise by itself; "" for one that only explains."""
    if probe.variant is Variant.TOGETHER:
        return _TOGETHER
    return _SIZES.get(probe.scenario, "") if probe.variant is Variant.BASELINE else ""


def _flows(seen: Observations, probe: Probe) -> bool:
    timing = seen.timing(probe)
    return timing is not None and timing.flow is Flow.FLOWING


def _silences(reports: Sequence[TransportReport]) -> list[str]:
    return [
        f"{report.transport}: a silence of {report.idle.passed_s:g} s is not cut"
        for report in reports
        if report.idle is not None and report.idle.passed_s and not report.idle.cuts
    ]


def _control(seen: Observations) -> list[str]:
    clean = [
        transport
        for transport in Transport
        if any(
            observation.probe.vantage is Vantage.LOOPBACK
            and observation.probe.transport is transport
            and _flows(seen, observation.probe)
            for observation in seen
        )
    ]
    if not clean:
        return []
    verb = "flows" if len(clean) == 1 else "flow"
    return [f"the service on its own machine, with no path between: {all_of(clean)} {verb}"]
