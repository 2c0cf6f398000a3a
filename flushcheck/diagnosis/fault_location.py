"""Two vantages of one app: its public address, and its own port. Is the fault in the app, or on the path?

Where the run went through a forward proxy, the second vantage takes none. If both are the same address, the
proxy is all in which they differ, and the sentences are about it.

What is wrong at both lies in what both share: the app, its server, its machine. What is wrong at the public
address alone lies in front of the app. Only the same Probe is compared with itself, and an address that gave
no response says nothing: a caller may have named the wrong port.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from flushcheck.measurement.idle_timeouts import idle_result
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import HELD_FLOWS
from flushcheck.measurement.tokens import fault
from flushcheck.model import (
    Ending,
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

_ENDINGS = {Ending.ERROR: "reports an error", Ending.MISSING: "ends without the end of its format"}

_WRONG = HELD_FLOWS | {Flow.CUT, Flow.FAILED}
_SILENT = frozenset({Outcome.UNREACHABLE, Outcome.TIMEOUT})

_SECOND = (Vantage.DIRECT, Vantage.UNPROXIED, Vantage.OUTER)

_SUMMARY_OF_PROXY = {
    FaultPlace.APP: "the fault is not in the proxy: it shows past {proxy} too",
    FaultPlace.PATH: "the fault is in the proxy {proxy}: past it the same streams flow",
    FaultPlace.BOTH: "there are two faults: in the proxy {proxy} and behind it",
    FaultPlace.NOWHERE: "nothing is wrong, neither through the proxy {proxy} nor past it",
    FaultPlace.UNKNOWN: "the way through the proxy {proxy} and the one past it could not be compared",
}
_SUMMARY = {
    FaultPlace.APP: "the fault is in the app, or in a server at its own port: it shows at {direct} too",
    FaultPlace.PATH: "the fault is on the path, not in the app: at {direct} the same streams flow",
    FaultPlace.BOTH: "there are two faults: in the app and on the path",
    FaultPlace.NOWHERE: "nothing is wrong, neither on the path nor at {direct}",
    FaultPlace.UNKNOWN: "the two addresses could not be compared",
}

_SUMMARY_OF_MOUNTS = {
    FaultPlace.APP: (
        "the fault is in the app's own layers: at the outermost mount {direct} the same streams flow"
    ),
    FaultPlace.PATH: (
        "the fault is in front of the app's layers, in its server or on the path: it shows at the outermost "
        "mount {direct} too"
    ),
    FaultPlace.BOTH: "there are two faults: in the app's own layers, and in its server or on the path",
    FaultPlace.NOWHERE: (
        "nothing is wrong, neither inside of the app's layers nor at the outermost mount {direct}"
    ),
    FaultPlace.UNKNOWN: "the two mounts could not be compared",
}


@dataclass(frozen=True, slots=True)
class _Names:
    """What the two vantages are called, and what they have in common."""

    vantage: Vantage  # of the second
    summaries: Mapping[FaultPlace, str]
    here: str
    there: str
    address: str  # of the second one
    aside: str = ""  # behind the address, where it stands alone
    doubt: str = ""  # where the fault shows only there
    in_both: FaultPlace = FaultPlace.APP  # where a fault is that shows at both
    here_alone: FaultPlace = FaultPlace.PATH  # and one that does not show at the second


MIN_SAID_S = 0.005  # a shorter hold is 0.00 s in a sentence


def _names(run: Run, vantage: Vantage) -> _Names:
    at = run.direct or "the app's own port"
    if vantage is Vantage.UNPROXIED:
        return _Names(vantage, _SUMMARY_OF_PROXY, "through the proxy", "past it", at, " past the proxy")
    if vantage is Vantage.OUTER:
        return _Names(
            vantage,
            _SUMMARY_OF_MOUNTS,
            "at the innermost mount",
            "at the outermost one",
            run.outer,
            in_both=FaultPlace.PATH,
            here_alone=FaultPlace.APP,
        )
    doubt = ": is that this app's own port?"
    return _Names(vantage, _SUMMARY, "on the path", f"at {at}", at, doubt=doubt)


def locate_fault(run: Run, seen: Observations) -> FaultLocation | None:
    """Say where the fault lies; None if the run has no second vantage.

    Args:
        run: for its addresses.
        seen: its Observations.
    """
    direct = [observation for observation in seen if observation.probe.vantage in _SECOND]
    if not direct:
        return None
    names = _names(run, direct[0].probe.vantage)
    if not any(observation.from_service or observation.has_arrived for observation in direct):
        observation = direct[0]
        reason = observation.detail or observation.outcome
        summary = f"{names.address}{names.aside} gave no stream to compare with: {reason}"
        return FaultLocation(FaultPlace.UNKNOWN, summary)
    compared = [
        comparison
        for transport in Transport
        for compare in (_compare, _compare_silence)
        if (comparison := compare(seen, transport, names))
    ]
    places = {place for place, _ in compared}
    if {FaultPlace.APP, FaultPlace.PATH} <= places:
        place = FaultPlace.BOTH
    else:
        weightiest = (FaultPlace.APP, FaultPlace.PATH, FaultPlace.UNKNOWN, FaultPlace.NOWHERE)
        place = next((candidate for candidate in weightiest if candidate in places), FaultPlace.UNKNOWN)
    facts = tuple(fact for where, fact in compared if where is not FaultPlace.NOWHERE)
    return FaultLocation(place, names.summaries[place].format(direct=names.address, proxy=run.proxy), facts)


def _compare(seen: Observations, transport: Transport, names: _Names) -> tuple[FaultPlace, Evidence] | None:
    """What one Transport tells; None if it was not asked for at both, in the same way."""
    public = seen.baseline(transport)
    own = replace(public, vantage=names.vantage)
    near, far = seen.get(own), seen.get(public)
    if near is None or far is None or near.outcome in _SILENT:
        return None
    flows = seen[public][1].flow, seen[own][1].flow
    endings = fault(far), fault(near)
    wrong_here, wrong_there = (
        flow in _WRONG or ending is not Ending.COMPLETE for flow, ending in zip(flows, endings, strict=True)
    )
    if Flow.UNKNOWN in flows and endings == (Ending.COMPLETE, Ending.COMPLETE):
        place = FaultPlace.UNKNOWN
    elif wrong_here:
        place = names.in_both if wrong_there else names.here_alone
    else:
        # Wrong at the app and right behind it: it cannot be the port of this app.
        place = FaultPlace.UNKNOWN if wrong_there else FaultPlace.NOWHERE
    doubt = names.doubt if wrong_there and not wrong_here else ""
    here, there = describe_flow(seen, public), describe_flow(seen, own)
    sentence = f"{transport}: {here} {names.here}, {there} {names.there}{doubt}"
    return place, Evidence(sentence, (public.id, own.id))


def _compare_silence(
    seen: Observations, transport: Transport, names: _Names
) -> tuple[FaultPlace, Evidence] | None:
    """What the search for time-outs tells, where it was made at both."""
    here, there = idle_result(seen, transport), idle_result(seen, transport, names.vantage)
    if here is None or there is None:
        return None
    if not here.cuts:
        place = FaultPlace.UNKNOWN if there.cuts else FaultPlace.NOWHERE
    else:
        place = names.in_both if there.cuts else names.here_alone
    sentence = f"{transport}: {here.summary}, {names.here}; {there.summary}, {names.there}"
    return place, Evidence(sentence, (*here.probes, *there.probes))


def describe_flow(seen: Observations, probe: Probe) -> str:
    """How a stream arrived, with one number, for example "held (held for up to 1.90 s)".

    Where no send time is known, or a buffer is full at once, there is no such number to say.

    Raises:
        KeyError: the Probe was not made.
    """
    observation, timing = seen[probe]
    if timing.flow in HELD_FLOWS and timing.held_s >= MIN_SAID_S:
        return f"{timing.flow} (held for up to {timing.held_s:.2f} s)"
    if timing.flow is Flow.CUT:
        return f"cut after {observation.ended_s:.1f} s"
    if (ending := fault(observation)) is not Ending.COMPLETE:
        return f"{timing.flow}, and {_ENDINGS[ending]}"
    return str(timing.flow)


def wrong_at_outermost_only(run: Run, seen: Observations) -> str:
    """What flows at the innermost mount and not at the outermost one, in one sentence; "" if nothing does."""
    names = _names(run, Vantage.OUTER)
    for transport in Transport:
        if seen.get(seen.first(transport)) is None:
            continue
        inner = seen.baseline(transport)
        outer = replace(inner, vantage=Vantage.OUTER)
        observation, timing = seen.get(outer), seen.timing(outer)
        if observation is None or timing is None or not observation.has_arrived or timing.queued_s:
            continue
        if seen[inner][1].flow is Flow.FLOWING and timing.flow in HELD_FLOWS | {Flow.CUT}:
            here, there = describe_flow(seen, inner), describe_flow(seen, outer)
            return f"{transport}: {here} {names.here} ({run.target}), {there} {names.there} ({run.outer})"
    return ""
