"""The user's own stream at several addresses, from the app towards the reader: where is it held first?

The addresses are the rungs of a ladder, and the public one is the last. What flows at one rung and is held at
the next is held by what stands between the two.
"""

from __future__ import annotations

from dataclasses import replace

from flushcheck.measurement.observations import Observations
from flushcheck.measurement.own_wording import own_summary
from flushcheck.measurement.plan import HELD_FLOWS
from flushcheck.measurement.timing import Timing
from flushcheck.model import Evidence, FaultLocation, FaultPlace, Flow, Observation, Run, Rung, Vantage

PUBLIC = "public"
SHOWN = 40  # characters of a name

_WRONG = HELD_FLOWS | {Flow.CUT}


def rungs(run: Run, seen: Observations, first: Observation) -> tuple[Rung, ...]:
    """How the stream arrived at each address; nothing if there was one only."""
    found = []
    for number, address in enumerate(run.addresses):
        probe = replace(first.probe, vantage=Vantage.DIRECT, run=number)
        if seen.get(probe) is not None:
            found.append(_rung(address.name[:SHOWN], address.url, *seen[probe]))
    return (*found, _rung(PUBLIC, run.target, *seen[first.probe])) if found else ()


def _rung(name: str, url: str, observation: Observation, timing: Timing) -> Rung:
    received_s = tuple(arrival.at_s for arrival in observation.arrivals for _ in arrival.records)
    return Rung(name, url, timing.flow, own_summary(observation, timing), received_s)


def locate_on_ladder(steps: tuple[Rung, ...]) -> FaultLocation:
    """Say between which two of three and more addresses the stream is held first."""
    facts = tuple(Evidence(f"{step.name}: {step.flow}, {step.summary}") for step in steps)
    wrong = [number for number, step in enumerate(steps) if step.flow in _WRONG]
    if not wrong:
        known = all(step.flow is Flow.FLOWING for step in steps)
        place = FaultPlace.NOWHERE if known else FaultPlace.UNKNOWN
        summary = "nothing is wrong at any address" if known else "the addresses could not be compared"
        return FaultLocation(place, summary, facts)
    number = wrong[0]
    if number == 0:
        summary = f"the fault shows at {steps[0].name} already: it is in the app, or in what serves it there"
        return FaultLocation(FaultPlace.APP, summary, facts)
    before, at = steps[number - 1], steps[number]
    if before.flow is not Flow.FLOWING:
        summary = f"the fault shows at {at.name} first, but {before.name} gave nothing to compare with"
        return FaultLocation(FaultPlace.UNKNOWN, summary, facts)
    summary = (
        f"the stream flows at {before.name} and is {_word(at.flow)} at {at.name}: the cause is what stands "
        "between the two"
    )
    return FaultLocation(FaultPlace.PATH, summary, facts)


def _word(flow: Flow) -> str:
    return "cut" if flow is Flow.CUT else "held"
