"""A whole run: the baselines, the control beside them, then the experiments they call for.

When to ask what is the plan's affair (`measurement.plan`). Here it is made to happen within one time-out for
the whole: the first round may use up only a part of it, so that a path that swallows everything still
leaves time for the experiments that say why.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from flushcheck.measurement import plan
from flushcheck.measurement.timing import flow, unclear
from flushcheck.model import Observation, Outcome, Probe, Run, Transport, UsageError, Vantage
from flushcheck.model.codec import from_json, to_json
from flushcheck.prober.address import Address, parse
from flushcheck.prober.decompress import DecodeError
from flushcheck.prober.http import FAR_SIDE
from flushcheck.prober.observe import observe_all
from flushcheck.prober.session import get_json
from flushcheck.prober.stall_monitor import StallMonitor
from flushcheck.prober.tool import TOOL

CONTROL_PATH = "/diagnostics/control"
MAX_CONTROL_BYTES = 4 * 1024 * 1024

DEFAULT_TIMEOUT_S = 30.0
MAX_TIMEOUT_S = 600.0

# The share of the time-out that the first round may use at most, unless its streams take longer ...
FIRST_ROUND = 0.45
# ... by themselves: then this much more than the longest of them.
LEAST_SPARE_S = 3.0

# Less than this is not enough for any experiment.
LEAST_ROUND_S = 1.0

# How much longer than its longest silence a search for time-outs may take.
SILENCE_SPARE_S = 5.0
MAX_RUNGS = 8  # each is a stream for each Transport, all side by side

# How much longer than the rounds the control may take: it makes the same streams once, so it is
# late only where the service is slow to start it.
CONTROL_SPARE_S = 3.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    stage: int  # 1: the baselines, 2: the experiments, 3: the search for time-outs
    done: int  # Probes of this stage
    total: int
    latest: Observation | None = None  # None: the stage begins


def gather(
    url: str,
    *,
    only: Iterable[Transport | str] = tuple(Transport),
    quick: bool = False,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    on_progress: Callable[[Progress], None] | None = None,
    direct: str = "",
    idle_s: float | Iterable[float] = (),
) -> Run:
    """Ask a service all that a verdict on the path to it needs.

    Args:
        url: the root of the service; a path below the host is kept.
        only: the Transports to look at.
        quick: leave out what only confirms a clean path.
        timeout_s: for everything together; what is not done by then ends as a time-out, with
            what it saw.
        on_progress: called in this thread when a stage begins and when a Probe is done.
        direct: the app's own address, to make the same baselines there beside; "" for none.
        idle_s: silences to try, in seconds; none: no search for time-outs. It comes last, and takes as long
            as the longest of them, which does not count towards `timeout_s`.

    Raises:
        UsageError: `url`, `direct`, `only`, `timeout_s` or `idle_s` cannot be. Whatever the far side does
            is in the Run.
    """
    address, wanted = parse(url), transports(only)
    direct = parse(direct).url if direct else ""
    if direct == address.url:
        raise UsageError(
            f"direct={direct}: expected the app's own port, not the address asked about, for example "
            "http://localhost:8000"
        )
    rungs_s = ladder(idle_s)
    if not 0 < timeout_s <= MAX_TIMEOUT_S:
        raise UsageError(
            f"timeout={timeout_s:g}: expected more than 0 and at most {MAX_TIMEOUT_S:g} seconds, for example "
            f"timeout={DEFAULT_TIMEOUT_S:g}"
        )
    deadline = time.monotonic() + timeout_s
    with StallMonitor() as metronome:
        control = _Control(address, deadline)

        def make(stage: int, probes: tuple[Probe, ...], most_s: float) -> tuple[Observation, ...]:
            done = 0

            def tell(latest: Observation | None) -> None:
                nonlocal done
                done += latest is not None
                if on_progress is not None:
                    on_progress(Progress(stage, done, len(probes), latest))

            tell(None)
            return observe_all(
                probes, url, timeout_s=most_s, on_done=tell, metronome=metronome, direct_url=direct
            )

        def look(stage: int, probes: tuple[Probe, ...], most_s: float) -> tuple[Observation, ...]:
            """Make them, and those again of which this machine, busy with something else, saw too little."""
            until = time.monotonic() + most_s
            seen = {one.probe: one for one in make(stage, probes, most_s)}
            again = tuple(probe for probe, one in seen.items() if unclear(one))
            left_s = until - time.monotonic()
            if again and left_s >= max(plan.duration_s(probe) for probe in again) + LEAST_ROUND_S:
                seen |= {one.probe: one for one in make(stage, again, left_s) if not unclear(one)}
            return tuple(seen.values())

        probes = plan.baselines(wanted, quick=quick)
        if direct:
            probes += plan.direct_counterparts(probes)
        longest_s = max(plan.duration_s(probe) for probe in probes)
        first_s = min(timeout_s, max(FIRST_ROUND * timeout_s, longest_s + LEAST_SPARE_S))
        seen = look(1, probes, first_s)
        on_path = [one for one in seen if one.probe.vantage is Vantage.PATH]
        if any(_answered(observation) for observation in on_path):
            left_s = deadline - time.monotonic()
            more = plan.experiments({one.probe: flow(one) for one in on_path}, quick=quick)
            if direct:
                more += plan.direct_counterparts(more)
            if more and left_s >= LEAST_ROUND_S:
                seen += look(2, more, left_s)
            seen += control.wait(min(deadline, time.monotonic() + CONTROL_SPARE_S))
            # Where a Transport does not open, there is nothing to be silent on.
            opened = [one.probe.transport for one in on_path if _answered(one)]
            if quiet := plan.idle_probes(opened, rungs_s):
                quiet += plan.direct_counterparts(quiet) if direct else ()
                seen += make(3, quiet, rungs_s[-1] + SILENCE_SPARE_S)
    run = Run(target=address.url, observations=seen, tool=TOOL, direct=direct)
    # To the microsecond, as it will be when it is read back from a file: both must give one verdict.
    return from_json(Run, to_json(run))


def ladder(idle_s: float | Iterable[float]) -> tuple[float, ...]:
    """The silences to try, shortest first.

    Raises:
        UsageError: one is too short to be one, or longer than the service can be silent.
    """
    rungs = sorted({idle_s} if isinstance(idle_s, int | float) else set(idle_s))
    for rung in rungs:
        if not plan.MIN_SILENCE_S <= rung <= plan.MAX_SILENCE_S:
            raise UsageError(
                f"idle={rung:g}: expected {plan.MIN_SILENCE_S:g} to {plan.MAX_SILENCE_S:g} seconds, for "
                "example idle=65"
            )
    if len(rungs) > MAX_RUNGS:
        raise UsageError(
            f"idle names {len(rungs)} silences: expected at most {MAX_RUNGS}, for example idle=5,30,65"
        )
    return tuple(rungs)


def search_s(rungs_s: Sequence[float]) -> float:
    """How long a search for time-outs takes, in seconds."""
    return max(rungs_s, default=0.0)


def transports(only: Iterable[Transport | str]) -> tuple[Transport, ...]:
    """The Transports named, in the order of the model.

    Raises:
        UsageError: a name is not one of theirs, or there is none.
    """
    names = [only] if isinstance(only, str) else list(only)
    for name in names:
        if name not in set(Transport):
            raise UsageError(
                f"only={str(name)[:40]}: expected {', '.join(Transport)}, for example only=chunked,events"
            )
    if not names:
        raise UsageError(
            f"only names nothing: expected {', '.join(Transport)}, for example only=chunked,events"
        )
    return tuple(transport for transport in Transport if transport in names)


def _answered(observation: Observation) -> bool:
    return observation.outcome not in (Outcome.REFUSED, Outcome.UNREACHABLE)


class _Control:
    """The service asked to probe itself, while the path is looked at.

    It has to be a flushcheck service to answer, it may not know its own address, and it may be older
    than this: whatever is not a list of Observations made on its loopback counts as no control.
    """

    def __init__(self, address: Address, deadline: float) -> None:
        self._found: queue.SimpleQueue[tuple[Observation, ...]] = queue.SimpleQueue()
        work = threading.Thread(
            target=lambda: self._found.put(_ask_control(address, deadline)),
            name="flushcheck-control",
            daemon=True,
        )
        work.start()

    def wait(self, until: float) -> tuple[Observation, ...]:
        """What the service saw of itself; nothing if it has not said so by then (time.monotonic())."""
        try:
            return self._found.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return ()


def _ask_control(address: Address, deadline: float) -> tuple[Observation, ...]:
    # By requests, as nothing is measured here: the moments are the service's own.
    try:
        _, data = get_json(address, CONTROL_PATH, deadline=deadline, most_bytes=MAX_CONTROL_BYTES)
        listed = data.get("observations") if isinstance(data, dict) else None
        seen = (
            [from_json(Observation, one, "observation") for one in listed] if isinstance(listed, list) else []
        )
    except (*FAR_SIDE, DecodeError, ValueError, RecursionError):  # UsageError and JSON's are ValueErrors
        return ()
    return tuple(one for one in seen if one.probe.vantage is Vantage.LOOPBACK)
