"""Two vantages of one app: its public address, and its own port. Is the fault in the app, or on the path?

What is wrong at both lies in what both share: the app, its server, its machine. What is wrong at the public
address alone lies in front of the app. Only the same Probe is compared with itself, and an address that gave
no response says nothing: a caller may have named the wrong port.
"""

from __future__ import annotations

from dataclasses import replace

from flushcheck.measurement.idle_timeouts import idle_result
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import HELD_FLOWS
from flushcheck.model import (
    Evidence,
    FaultLocation,
    FaultPlace,
    Flow,
    Outcome,
    Probe,
    Run,
    Transport,
    Vantage,
)

_WRONG = HELD_FLOWS | {Flow.CUT, Flow.FAILED}
_SILENT = frozenset({Outcome.UNREACHABLE, Outcome.TIMEOUT})

_SUMMARY = {
    FaultPlace.APP: "the fault is in the app, or in a server at its own port: it shows at {direct} too",
    FaultPlace.PATH: "the fault is on the path, not in the app: at {direct} the same streams flow",
    FaultPlace.BOTH: "there are two faults: in the app and on the path",
    FaultPlace.NOWHERE: "nothing is wrong, neither on the path nor at {direct}",
    FaultPlace.UNKNOWN: "the two addresses could not be compared",
}


def locate_fault(run: Run, seen: Observations) -> FaultLocation | None:
    """Say where the fault lies; None if the run has no second vantage.

    Args:
        run: for its addresses.
        seen: its Observations.
    """
    direct = [observation for observation in seen if observation.probe.vantage is Vantage.DIRECT]
    if not direct:
        return None
    at = run.direct or "the app's own port"
    if not any(observation.from_service for observation in direct):
        observation = direct[0]
        summary = f"{at} gave no stream to compare with: {observation.detail or observation.outcome}"
        return FaultLocation(FaultPlace.UNKNOWN, summary)
    compared = [
        comparison
        for transport in Transport
        for compare in (_compare, _compare_silence)
        if (comparison := compare(seen, transport, at))
    ]
    places = {place for place, _ in compared}
    if {FaultPlace.APP, FaultPlace.PATH} <= places:
        place = FaultPlace.BOTH
    else:
        weightiest = (FaultPlace.APP, FaultPlace.PATH, FaultPlace.UNKNOWN, FaultPlace.NOWHERE)
        place = next((candidate for candidate in weightiest if candidate in places), FaultPlace.UNKNOWN)
    facts = tuple(fact for where, fact in compared if where is not FaultPlace.NOWHERE)
    return FaultLocation(place, _SUMMARY[place].format(direct=at), facts)


def _compare(seen: Observations, transport: Transport, at: str) -> tuple[FaultPlace, Evidence] | None:
    """What one Transport tells; None if it was not asked for at both, in the same way."""
    public = seen.held_baseline(transport) or Probe(transport)
    own = replace(public, vantage=Vantage.DIRECT)
    here, there = seen.timing(public), seen.timing(own)
    near = seen.get(own)
    if here is None or there is None or near is None or near.outcome in _SILENT:
        return None
    wrong_here, wrong_there = here.flow in _WRONG, there.flow in _WRONG
    if Flow.UNKNOWN in (here.flow, there.flow):
        place = FaultPlace.UNKNOWN
    elif wrong_here:
        place = FaultPlace.APP if wrong_there else FaultPlace.PATH
    else:
        # Wrong at the app and right behind it: it cannot be the port of this app.
        place = FaultPlace.UNKNOWN if wrong_there else FaultPlace.NOWHERE
    doubt = ": is that this app's own port?" if wrong_there and not wrong_here else ""
    sentence = f"{transport}: {_say(seen, public)} on the path, {_say(seen, own)} at {at}{doubt}"
    return place, Evidence(sentence, (public.id, own.id))


def _compare_silence(seen: Observations, transport: Transport, at: str) -> tuple[FaultPlace, Evidence] | None:
    """What the search for time-outs tells, where it was made at both."""
    here, there = idle_result(seen, transport), idle_result(seen, transport, Vantage.DIRECT)
    if here is None or there is None:
        return None
    if not here.cuts:
        place = FaultPlace.UNKNOWN if there.cuts else FaultPlace.NOWHERE
    else:
        place = FaultPlace.APP if there.cuts else FaultPlace.PATH
    sentence = f"{transport}: {here.summary}, on the path; {there.summary}, at {at}"
    return place, Evidence(sentence, (*here.probes, *there.probes))


def _say(seen: Observations, probe: Probe) -> str:
    timing, observation = seen.timing(probe), seen.get(probe)
    assert timing is not None and observation is not None  # the caller saw both
    if timing.flow in HELD_FLOWS:
        return f"{timing.flow} (held for up to {max(timing.lag_s.max, timing.late_s):.2f} s)"
    if timing.flow is Flow.CUT:
        return f"cut after {observation.ended_s:.1f} s"
    return str(timing.flow)
