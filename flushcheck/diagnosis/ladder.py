"""The same streams at several addresses of one app, from the app to the reader: where does a fault begin?

The addresses are the rungs of a ladder, and the public one is the last. What flows at one rung and is held at
the next is held by what stands between the two. Streams of a flushcheck service and of the user's own app are
compared alike, each Transport with itself. An address that gave no stream says nothing: a caller may have
named a wrong one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from flushcheck.diagnosis.fault_location import describe_flow
from flushcheck.diagnosis.hops import hops
from flushcheck.diagnosis.report_sentences import stream_summary
from flushcheck.diagnosis.token_sentences import describe_ending
from flushcheck.measurement.idle_timeouts import idle_result
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import HELD_FLOWS
from flushcheck.measurement.tokens import fault
from flushcheck.model import (
    PUBLIC,
    Ending,
    Evidence,
    FaultLocation,
    FaultPlace,
    Flow,
    Observation,
    Outcome,
    Probe,
    Run,
    Rung,
    RungStream,
    Transport,
    Vantage,
    Variant,
)

MAX_NAME = 40  # characters

MAX_HOPS = 3  # in one sentence

_WRONG = HELD_FLOWS | {Flow.CUT}
_SILENT = frozenset({Outcome.UNREACHABLE, Outcome.TIMEOUT})
_BESIDE = (Vantage.DIRECT, Vantage.UNPROXIED)


_VERBS = {
    Ending.COMPLETE: "is cut",  # when it is silent
    Ending.ERROR: "reports an error",
    Ending.MISSING: "ends too early",
}


class _State(StrEnum):
    """What one stream at one address says of what lies behind that address."""

    WRONG = "wrong"  # the fault is there
    OPEN = "open"  # nothing
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class _Step:
    """One stream at one address."""

    stream: RungStream
    state: _State
    words: str  # the flow, with a number
    verb: str = ""  # what is wrong with a stream that is not held


@dataclass(frozen=True, slots=True)
class _Address:
    """One rung in the making."""

    name: str
    url: str
    vantage: Vantage
    run: int  # of its Probes

    def probe(self, baseline: Probe) -> Probe:
        """The same Probe at this address."""
        return replace(baseline, vantage=self.vantage, run=self.run)


@dataclass(frozen=True, slots=True)
class Ladder:
    """The rungs, and for each Transport what it shows at them."""

    rungs: tuple[Rung, ...]
    _steps: dict[Transport, tuple[_Step, ...]]
    _is_own: bool

    def locate(self) -> FaultLocation:
        """Say between which two addresses the fault begins."""
        located: dict[tuple[FaultPlace, str], list[Transport]] = {}
        for transport, steps in self._steps.items():
            located.setdefault(self._locate(steps), []).append(transport)
        # What shows nothing is not worth a sentence beside what does.
        telling = [key for key in located if key[0] not in (FaultPlace.UNKNOWN, FaultPlace.NOWHERE)]
        unknown = [key for key in located if key[0] is FaultPlace.UNKNOWN]
        chosen = telling or unknown or list(located)
        places = {place for place, _ in chosen}
        is_both = {FaultPlace.APP, FaultPlace.PATH} <= places
        place = FaultPlace.BOTH if is_both else chosen[0][0]
        sentences = [self._on(located[key]) + key[1] for key in chosen]
        if place is FaultPlace.NOWHERE:
            sentences = [key[1] for key in chosen]
        return FaultLocation(place, "; ".join(sentences), self._facts())

    def _locate(self, steps: Sequence[_Step]) -> tuple[FaultPlace, str]:
        """Where the fault of one Transport begins."""
        number = _first_wrong(steps)
        if number is None:
            if all(step.state is _State.RIGHT for step in steps):
                return FaultPlace.NOWHERE, "nothing is wrong at any address"
            return FaultPlace.UNKNOWN, "the addresses could not be compared"
        at = self.rungs[number]
        if number == 0:
            sentence = f"the fault shows at {at.name} already: it is in the app, or in what serves it there"
            return FaultPlace.APP, sentence
        before = self.rungs[number - 1]
        if steps[number - 1].state is not _State.RIGHT:
            sentence = f"the fault shows at {at.name} first, but {before.name} gave nothing to compare with"
            return FaultPlace.UNKNOWN, sentence
        new = [hop for hop in at.hops if hop not in before.hops][:MAX_HOPS]
        shown = f" (there, and not at {before.name}: {'; '.join(new)})" if new else ""
        return FaultPlace.PATH, (
            f"the stream flows at {before.name} and {_verb(steps[number])} at {at.name}: the cause is what "
            f"stands between the two{shown}"
        )

    def _on(self, transports: Iterable[Transport]) -> str:
        return "" if self._is_own else f"on {', '.join(transports)} "

    def _facts(self) -> tuple[Evidence, ...]:
        facts = []
        for number, rung in enumerate(self.rungs):
            steps = {transport: steps[number] for transport, steps in self._steps.items()}
            words = (
                f"{step.words}, {step.stream.summary}" if self._is_own else f"{transport} {step.words}"
                for transport, step in steps.items()
            )
            facts.append(Evidence(f"{rung.name}: {'; '.join(words)}"))
        return tuple(facts)


def ladder(run: Run, seen: Observations) -> Ladder | None:
    """Compare the addresses of a run; None if there was one only.

    Args:
        run: for its addresses.
        seen: what one Client saw.
    """
    addresses = _addresses(run, seen)
    steps = {
        transport: tuple(_step(seen, address, seen.baseline(transport)) for address in addresses)
        for transport in Transport
        if seen.get(seen.first(transport)) is not None
    }
    if len(addresses) < 2 or not steps:
        return None
    steps = {transport: _marked(columns) for transport, columns in steps.items()}
    rungs = tuple(
        Rung(
            address.name,
            address.url,
            _worst_first([columns[number] for columns in steps.values()]),
            tuple(hop.what for hop in hops(_as_if_public(seen, address, addresses[0]))),
        )
        for number, address in enumerate(addresses)
    )
    return Ladder(rungs, steps, any(seen.is_own(transport) for transport in steps))


def _addresses(run: Run, seen: Observations) -> list[_Address]:
    """The addresses that were asked, from the app towards the reader."""
    asked = {(observation.probe.vantage, observation.probe.run) for observation in seen}
    beside = [
        _Address(address.name[:MAX_NAME], address.url, vantage, number)
        for number, address in enumerate(run.addresses)
        for vantage in _BESIDE
        if (vantage, number) in asked
    ]
    return [*beside, _Address(PUBLIC, run.target, Vantage.PATH, 0)]


def _step(seen: Observations, address: _Address, baseline: Probe) -> _Step:
    """What one stream shows at one address."""
    probe = address.probe(baseline)
    observation, timing = seen.get(probe), seen.timing(probe)
    if observation is None or timing is None:
        stream = RungStream(baseline.transport, Flow.UNKNOWN, "not asked for at this address")
        return _Step(stream, _State.OPEN, "not asked for")
    idle = idle_result(seen, baseline.transport, address.vantage, address.run)
    own_fault = fault(observation)
    aside = f"; {idle.summary}" if idle else ""
    if own_fault is not Ending.COMPLETE:
        aside += f"; {describe_ending(own_fault, observation.format_end, observation.error)}"
    received_s = (
        tuple(arrival.at_s for arrival in observation.arrivals for _ in arrival.records)
        if observation.is_own
        else tuple(piece.at_s for piece in observation.pieces)
    )
    summary = stream_summary(observation, timing) + aside
    stream = RungStream(baseline.transport, timing.flow, summary, received_s)
    if (idle is not None and idle.cuts) or own_fault is not Ending.COMPLETE:
        state = _State.WRONG
    else:
        state = _state(observation, timing.flow, _gave_streams(seen, address))
    words = timing.flow.value if observation.is_own else describe_flow(seen, probe) + aside
    return _Step(stream, state, words, _VERBS[own_fault])


def _state(observation: Observation, flow: Flow, gave_streams: bool) -> _State:
    if flow is Flow.FAILED:
        # Of several Transports one may not open: a hop refuses WebSockets. At an address that gave nothing at
        # all it is no fault of what lies behind.
        is_fault = gave_streams and not observation.is_own and observation.outcome not in _SILENT
        return _State.WRONG if is_fault else _State.OPEN
    if flow in _WRONG:
        return _State.WRONG
    return _State.RIGHT if flow is Flow.FLOWING else _State.OPEN


def _gave_streams(seen: Observations, address: _Address) -> bool:
    return any(
        observation.has_arrived or observation.from_service
        for observation in seen
        if (observation.probe.vantage, observation.probe.run) == (address.vantage, address.run)
    )


def _marked(steps: tuple[_Step, ...]) -> tuple[_Step, ...]:
    """The same, with the first one that shows a fault marked."""
    first = _first_wrong(steps)
    return tuple(
        replace(step, stream=replace(step.stream, first=True)) if number == first else step
        for number, step in enumerate(steps)
    )


def _first_wrong(steps: Sequence[_Step]) -> int | None:
    return next((number for number, step in enumerate(steps) if step.state is _State.WRONG), None)


def _worst_first(steps: Iterable[_Step]) -> tuple[RungStream, ...]:
    return tuple(step.stream for step in sorted(steps, key=lambda step: list(_State).index(step.state)))


def _verb(step: _Step) -> str:
    match step.stream.flow:
        case Flow.CUT:
            return "is cut"
        case Flow.FAILED:
            return "does not open"
        case Flow.FLOWING | Flow.UNKNOWN:
            return step.verb
    return "is held"


def _as_if_public(seen: Observations, address: _Address, first: _Address) -> Observations:
    """The baselines of one address, as if it were the public one, beside the controls of the app."""
    observations = []
    for observation in seen:
        probe = observation.probe
        if probe.variant is not Variant.BASELINE:
            continue
        if probe == address.probe(probe):
            public = replace(probe, vantage=Vantage.PATH, run=0)
            observations.append(replace(observation, probe=public))
        elif probe.vantage is Vantage.LOOPBACK or probe == first.probe(probe):
            observations.append(observation)
    return Observations(observations)
