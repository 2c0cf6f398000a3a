"""The loop that owns the schedule and starts runs. Scrapes, signals and the ends of runs are its events.

Only the loop's thread changes the schedule, the targets and the requests that wait. Other threads put an
event into a queue or read `status`, a value that the loop replaces.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random

from flushcheck.exporter.metrics import Status
from flushcheck.exporter.runs import Ending, Outcome, RunProcess, Target
from flushcheck.exporter.schedule import Job, Schedule
from flushcheck.model import UsageError

MAX_WAITING = 120  # requests of /probe that wait at the same time: other requests find a place beside them
MIN_RUN_S = 5.0  # a run is not shortened below this, whatever a scrape's timeout is
RESULT_S = 1.5  # what the start of a run's process and its analysis take of a scrape's timeout
STOP_S = 2.0  # for all runs to end
MAX_PAUSE_S = 3600.0  # of the loop: no lock waits for an infinite time

Load = Callable[[], Sequence[Target]]
Log = Callable[[str], None]


@dataclass(eq=False, slots=True)
class Waiting:
    """A request that waits for the result of a target."""

    name: str
    until_s: float  # on the clock of time.monotonic()
    done: threading.Event = field(default_factory=threading.Event)
    outcome: Outcome | None = None  # None after `done`: there will be none


@dataclass(frozen=True, slots=True)
class _Ended:
    run: RunProcess
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class _Left:
    waiting: Waiting


class _Signal:
    RELOAD = "reload"
    STOP = "stop"


class Late(Exception):
    """The time of a request was over before the run was."""


class Busy(Exception):
    """Too many requests wait."""


class Exporter:
    """Measures targets until it is stopped."""

    def __init__(
        self, load: Load, command: Sequence[str], *, at_once: int, log: Log, random: Random | None = None
    ) -> None:
        """Read the targets.

        Args:
            load: reads them; again for each reload.
            command: starts a process that measures one.
            at_once: how many run at the same time.
            log: gets a line for each run, and for each reload.
            random: of the jitter.

        Raises:
            UsageError: of `load`.
        """
        self._load, self._command, self._log = load, command, log
        self._events: queue.SimpleQueue[Waiting | _Ended | _Left | str] = queue.SimpleQueue()
        self._targets = {target.name: target for target in load()}
        self._schedule = Schedule(
            self._jobs(), at_once=at_once, random=random or Random(), now_s=time.monotonic()
        )
        self._runs: dict[str, RunProcess] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._ended: Counter[tuple[str, Ending]] = Counter()
        self._waiting: list[Waiting] = []
        self._places = threading.Semaphore(MAX_WAITING)
        self._late = 0
        self.status = Status({}, {}, reloaded_at_s=time.time())
        self._publish()

    def stop(self) -> None:
        """End the loop; from any thread."""
        self._events.put(_Signal.STOP)

    def reload(self) -> None:
        """Read the targets again; from any thread."""
        self._events.put(_Signal.RELOAD)

    def probe(self, name: str, wait_s: float) -> Outcome | None:
        """The result of a run of this target that is queued, running, recent, or starts now.

        Args:
            name: of a target.
            wait_s: how long to wait for it.

        Returns: None if the exporter ends, or the target is no longer in the file.

        Raises:
            Late: the run has not ended by then. It goes on.
            Busy: too many requests wait.
        """
        if not self._places.acquire(blocking=False):
            raise Busy
        try:
            waiting = Waiting(name, time.monotonic() + wait_s)
            self._events.put(waiting)
            if not waiting.done.wait(wait_s):
                self._events.put(_Left(waiting))
                raise Late
            return waiting.outcome
        finally:
            self._places.release()

    def run(self) -> None:
        """Measure until `stop`; then stop what runs."""
        while True:
            now_s = time.monotonic()
            for name in self._schedule.start(now_s):
                self._start(name, now_s)
            self._publish()
            with suppress(queue.Empty):
                pause_s = max(0.0, self._schedule.wait_s(time.monotonic()))
                event = self._events.get(timeout=min(MAX_PAUSE_S, pause_s))
                if event == _Signal.STOP:
                    break
                self._handle(event)
        self._stop_all()

    def _handle(self, event: Waiting | _Ended | _Left | str) -> None:
        match event:
            case Waiting():
                self._request(event)
            case _Ended():
                self._end(event.run, event.outcome)
            case _Left():
                self._late += 1
                if event.waiting in self._waiting:
                    self._waiting.remove(event.waiting)
            case _:
                self._read_again()

    def _jobs(self) -> list[Job]:
        return [Job(target.name, target.host, target.interval_s) for target in self._targets.values()]

    def _request(self, waiting: Waiting) -> None:
        name = waiting.name
        if name not in self._targets:
            waiting.done.set()
        elif self._schedule.request(name, time.monotonic()):
            self._waiting.append(waiting)
        else:
            waiting.outcome = self._outcomes.get(name)
            waiting.done.set()

    def _start(self, name: str, now_s: float) -> None:
        target = self._targets[name]
        asked = [waiting.until_s - now_s for waiting in self._waiting if waiting.name == name]
        run = RunProcess(self._command, target, run_limit_s(target.timeout_s, asked), self._on_end)
        self._runs[name] = run
        run.start()

    def _on_end(self, run: RunProcess, outcome: Outcome) -> None:
        self._events.put(_Ended(run, outcome))

    def _end(self, run: RunProcess, outcome: Outcome) -> None:
        name = run.target.name
        del self._runs[name]
        # A run that had ended when its target changed is a result of another target.
        stopped = outcome.ending is Ending.STOPPED or run.target != self._targets.get(name)
        self._schedule.finish(name, time.monotonic(), stopped=stopped)
        if name in self._targets:
            self._ended[name, outcome.ending] += 1
        if stopped:
            return
        self._log(f"{name}: {outcome.summary}, {outcome.took_s:.1f} s")
        self._outcomes[name] = outcome
        for waiting in [waiting for waiting in self._waiting if waiting.name == name]:
            self._waiting.remove(waiting)
            waiting.outcome = outcome
            waiting.done.set()

    def _read_again(self) -> None:
        """Take the targets of the file. A wrong file changes nothing, and the log says what is wrong."""
        try:
            targets = {target.name: target for target in self._load()}
        except UsageError as error:
            self._log(f"the targets in force stay: {error}")
            self.status = replace(self.status, reload_ok=False)
            return
        before, self._targets = self._targets, targets
        same = {name for name, target in targets.items() if before.get(name) == target}
        for name, run in self._runs.items():
            if name not in same:
                run.stop()
        self._outcomes = {name: outcome for name, outcome in self._outcomes.items() if name in same}
        self._ended = Counter({key: count for key, count in self._ended.items() if key[0] in targets})
        for waiting in [waiting for waiting in self._waiting if waiting.name not in targets]:
            self._waiting.remove(waiting)
            waiting.done.set()
        self._schedule.replace(self._jobs(), same, time.monotonic())
        self.status = replace(self.status, reload_ok=True, reloaded_at_s=time.time())
        self._log(f"read again; targets: {len(targets)}, new or changed: {len(targets) - len(same)}")

    def _publish(self) -> None:
        self.status = replace(
            self.status,
            intervals_s={target.name: target.interval_s for target in self._targets.values()},
            outcomes=dict(self._outcomes),
            ended=dict(self._ended),
            running=len(self._schedule.running),
            queued=len(self._schedule.queued),
            probes_late=self._late,
        )

    def _stop_all(self) -> None:
        for waiting in self._waiting:
            waiting.done.set()
        for run in self._runs.values():
            run.stop()
        ends_s = time.monotonic() + STOP_S
        for run in self._runs.values():
            run.join(max(0.0, ends_s - time.monotonic()))


def run_limit_s(own_s: float, left_s: Iterable[float]) -> float:
    """The time limit of a run: what the target allows, or less if requests wait that allow less.

    Args:
        own_s: what the options of the target allow.
        left_s: how long each request that waits for this run goes on to wait.
    """
    least_s = min(left_s, default=own_s + RESULT_S) - RESULT_S
    return min(own_s, least_s) if least_s >= MIN_RUN_S else own_s
