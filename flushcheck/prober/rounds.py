"""The rounds of one run: baselines, experiments, the search for idle timeouts, each as probes side by side.

Which probes to make is decided by the plan (`measurement.plan`). All rounds have one timeout: the first one
may use up only a part of it, so that a path that swallows everything still leaves time for the experiments
that say why.

Streams are short where the caller wants a first verdict, and where they only confirm a clean path. What they
leave open by `measurement.short_look` is asked for again, at full length.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from flushcheck.measurement import offer, plan, short_look
from flushcheck.measurement.timing import flow, unclear
from flushcheck.model import (
    Client,
    Observation,
    Omission,
    OmissionReason,
    Outcome,
    Probe,
    Transport,
    Vantage,
    Variant,
)
from flushcheck.prober.control import Control
from flushcheck.prober.http3_sharing import Http3Offer
from flushcheck.prober.observe import observe_round
from flushcheck.prober.stall_monitor import StallMonitor
from flushcheck.prober.target import Target

# The share of the timeout that the first round may use at most, unless its streams take longer ...
FIRST_ROUND = 0.45
# ... by themselves: then this much more than the longest of them.
MIN_SPARE_S = 3.0

# How much longer than its streams a round of short ones may take: what is not done then is looked at in full.
SHORT_SPARE_S = 1.0

# With less time than this, a short look could leave too little for the full length.
MIN_SHORT_S = 10.0

# Less than this is not enough for any experiment.
MIN_ROUND_S = 1.0

# How much longer than its longest silence a search for idle timeouts may take.
SILENCE_SPARE_S = 5.0

# How much longer than the rounds the control may take: it makes the same streams once, so it is late only
# where the service is slow to start it.
CONTROL_SPARE_S = 3.0

# The differences of experiments that a clean path calls for. Ways of flushing are no part of that.
CONFIRMING = (Variant.BASELINE, Variant.IDENTITY, Variant.HTTP10, Variant.TOGETHER)


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is."""

    stage: int  # 1: the baselines, 2: the experiments, 3: the search for idle timeouts
    done: int  # probes of this stage
    total: int
    latest: Observation | None = None  # None: the stage begins


class Gathering:
    """The rounds of one run, at one address or at several."""

    def __init__(
        self,
        path: Target,
        beside: Sequence[Target],
        stalls: StallMonitor,
        on_progress: Callable[[RunProgress], None] | None,
        clients: Sequence[Client] = (Client.BROWSER,),
        *,
        outer: bool = False,
    ) -> None:
        """Args:
        path: where the probes go.
        beside: the other addresses of the same app.
        stalls: the monitor of the whole run.
        on_progress: called when a stage begins and when a probe is done.
        clients: the kinds of client to ask as.
        outer: whether the one address beside is the outermost mount.
        """
        self._outer = outer
        self._path = path
        self._beside = tuple(beside)
        self._stalls = stalls
        self._on_progress = on_progress or (lambda _: None)
        self._clients = tuple(clients)
        # Who asks over HTTP/3 alone wants it asked at once; others wait for an offer.
        port = path.address.port if set(clients) == {Client.HTTP3} else 0
        self._http3 = Http3Offer(path.address.host, port)
        self._capabilities = path.capabilities
        self._at_once = offer.at_once(path.capabilities, *(target.capabilities for target in self._beside))
        self._omissions: list[Omission] = []

    @property
    def omissions(self) -> tuple[Omission, ...]:
        """The probes on the path that the run called for, and that were not made."""
        return tuple(dict.fromkeys(self._omissions))

    def rounds(
        self, wanted: Iterable[Transport], timeout_s: float, deadline: float, *, quick: bool
    ) -> tuple[Observation, ...]:
        """Make the baselines, and the experiments and the control where anything opens."""
        self._omissions = []
        control = Control(self._path, deadline)
        left_s = max(0.0, deadline - time.monotonic())
        observations = self.baselines(wanted, timeout_s, left_s, quick=quick)
        if not open_transports(observations):
            return observations
        observations += self.experiments(observations, deadline, quick=quick)
        return observations + control.wait(min(deadline, time.monotonic() + CONTROL_SPARE_S))

    def short_look(self, wanted: Iterable[Transport], deadline: float) -> tuple[Observation, ...] | None:
        """Do the same with short streams; None if they leave open what the verdict rests on."""
        control = Control(replace(self._path, short=True), deadline)
        probes = self._baselines(wanted, quick=True)
        seen = {observation.probe: observation for observation in self._short_round(1, probes, deadline)}
        if not open_transports(seen.values()):
            return self._all_made(seen.values())
        again = short_look.unsettled(seen.values())
        in_full = set(again)
        if short_look.separable(again, seen.values()):
            wanted_too = self._experiments(tuple(seen.values()), quick=True)
            made = self._short_round(2, (*wanted_too, *again), deadline, in_full=again)
            control_s = min(deadline, time.monotonic() + CONTROL_SPARE_S)
            seen |= {observation.probe: observation for observation in (*made, *control.wait(control_s))}
            again = tuple(probe for probe in short_look.unsettled(seen.values()) if probe not in in_full)
        if again and short_look.separable(again, seen.values()):
            in_full |= set(again)
            made = self._short_round(2, again, deadline, in_full=again)
            seen |= {observation.probe: observation for observation in made}
            again = tuple(probe for probe in short_look.unsettled(seen.values()) if probe not in in_full)
        return None if again else self._all_made(seen.values())

    def _all_made(self, observations: Iterable[Observation]) -> tuple[Observation, ...] | None:
        """Return them; None if there was no time for all."""
        late = any(omission.reason is OmissionReason.NO_TIME for omission in self._omissions)
        return None if late else tuple(observations)

    def baselines(
        self, wanted: Iterable[Transport], timeout_s: float, left_s: float, *, quick: bool
    ) -> tuple[Observation, ...]:
        """Make the first round, within its share of the whole run's timeout and within what is left of it."""
        probes = self._baselines(wanted, quick=quick)
        if not probes:
            return ()
        longest_s = max(plan.duration_s(probe) for probe in probes)
        round_s = min(left_s, max(FIRST_ROUND * timeout_s, longest_s + MIN_SPARE_S))
        return self._round_twice(1, probes, round_s)

    def _baselines(self, wanted: Iterable[Transport], *, quick: bool) -> tuple[Probe, ...]:
        """Choose the probes of the first round."""
        missing = offer.omitted_transports(wanted, self._capabilities)
        self._omissions += missing
        left_out = {omission.probe.transport for omission in missing}
        served = [transport for transport in wanted if transport not in left_out]
        return self._offered(plan.baselines(served, quick=quick, clients=self._clients))

    def experiments(
        self, baselines: Sequence[Observation], deadline: float, *, quick: bool
    ) -> tuple[Observation, ...]:
        """Make the second round, if the baselines call for one and time is left for it.

        Where it only confirms what the baselines show, short streams are enough if they do.
        """
        probes = self._experiments(baselines, quick=quick)
        left_s = deadline - time.monotonic()
        if not probes or left_s < MIN_ROUND_S:
            return ()
        if left_s >= MIN_SHORT_S and all(probe.variant in CONFIRMING for probe in probes):
            omitted = list(self._omissions)
            made = self._short_round(2, probes, deadline)
            if len(made) == len(probes) and short_look.confirms(made, baselines):
                return made
            self._omissions = omitted
        return self._round_twice(2, probes, max(0.0, deadline - time.monotonic()))

    def _experiments(self, baselines: Sequence[Observation], *, quick: bool) -> tuple[Probe, ...]:
        """Choose the probes of the second round."""
        flows = {
            observation.probe: flow(observation)
            for observation in baselines
            if observation.probe.vantage is Vantage.PATH
        }
        multiplexed = {observation.probe.client for observation in baselines if observation.shares_connection}
        flushes = offer.flushes(self._capabilities)
        called_for = plan.experiments(flows, quick=quick, multiplexed=multiplexed, flushes=flushes)
        return self._offered(called_for)

    def silences(
        self, open_transports: Iterable[Transport], silences_s: Sequence[float]
    ) -> tuple[Observation, ...]:
        """Search for idle timeouts, beyond the timeout of the run."""
        # Silence is a matter of hops, not of clients: one client searches.
        searches = plan.idle_probes(open_transports, silences_s)
        probes = self._offered(tuple(replace(probe, client=self._clients[0]) for probe in searches))
        return self._round(3, probes, silences_s[-1] + SILENCE_SPARE_S) if probes else ()

    def _offered(self, called_for: tuple[Probe, ...]) -> tuple[Probe, ...]:
        """Return those of the probes that can be served, and their counterparts at the other addresses."""
        self._omissions += offer.omissions(called_for, self._capabilities)
        probes = offer.offered(called_for, self._capabilities)
        counterparts = probes
        for number, target in enumerate(self._beside):
            same = target.address == self._path.address
            vantage = Vantage.UNPROXIED if same else Vantage.DIRECT
            if self._outer:
                vantage = Vantage.OUTER
            # Without TLS all clients get the same. The first address is the control, which each has.
            alike = number > 0 and not target.address.tls
            there = plan.direct_counterparts(probes, vantage, number, one_client=alike)
            counterparts += offer.offered(there, target.capabilities)
        return counterparts

    def _round_twice(self, stage: int, probes: Sequence[Probe], round_s: float) -> tuple[Observation, ...]:
        """Make a round, and repeat those of its probes that this machine was too busy to see clearly."""
        until = time.monotonic() + round_s
        seen = {observation.probe: observation for observation in self._round(stage, probes, round_s)}
        again = [probe for probe, observation in seen.items() if unclear(observation)]
        left_s = until - time.monotonic()
        if again and left_s >= max(plan.duration_s(probe) for probe in again) + MIN_ROUND_S:
            for observation in self._round(stage, again, left_s):
                if not unclear(observation):
                    seen[observation.probe] = observation
        return tuple(seen.values())

    def _short_round(
        self, stage: int, probes: Sequence[Probe], deadline: float, *, in_full: Collection[Probe] = ()
    ) -> tuple[Observation, ...]:
        """Make a round of short streams, some at full length, in as many turns as the origins need."""
        if not probes:
            return ()
        short = frozenset(probes).difference(in_full)
        longest_s = max(plan.duration_s(probe, short=probe in short) for probe in probes)
        turns = math.ceil(len(probes) / self._at_once) if self._at_once else 1
        left_s = max(0.0, deadline - time.monotonic())
        return self._round(stage, probes, min(left_s, turns * longest_s + SHORT_SPARE_S), short=short)

    def _round(
        self, stage: int, probes: Sequence[Probe], round_s: float, *, short: Collection[Probe] = ()
    ) -> tuple[Observation, ...]:
        done, total = 0, len(probes)

        def on_done(observation: Observation) -> None:
            nonlocal done
            done += 1
            self._on_progress(RunProgress(stage, done, total, observation))

        def on_left_out() -> None:
            nonlocal total
            total -= 1

        self._on_progress(RunProgress(stage, 0, len(probes)))
        observations = observe_round(
            probes,
            self._path,
            self._beside,
            round_s,
            self._stalls,
            on_done=on_done,
            on_left_out=on_left_out,
            http3=self._http3,
            at_once=self._at_once,
            short=short,
        )
        if self._at_once:
            made = {observation.probe for observation in observations}
            self._omissions += [
                Omission(probe, OmissionReason.NO_TIME)
                for probe in probes
                if probe not in made and probe.client is not Client.HTTP3
            ]
        return observations


def open_transports(observations: Iterable[Observation]) -> list[Transport]:
    """The transports of the streams that opened on the path, one for each of them."""
    return [
        observation.probe.transport
        for observation in observations
        if observation.probe.vantage is Vantage.PATH
        and observation.outcome not in (Outcome.REFUSED, Outcome.UNREACHABLE)
    ]
