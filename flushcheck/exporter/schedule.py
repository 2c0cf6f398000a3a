"""Which target is measured when.

A target is due its interval after its last run has ended, earlier or later by up to a tenth, so that many
exporters do not ask one host at the same moment. First runs follow one another at a short distance. At most
`at_once` run at the same time, never two of one host: they would share its limits, and one would measure the
other. A request (`/probe`) runs its target as soon as there is room, in front of what is only due. Requests
for a target that is queued or running share that run, and within MIN_INTERVAL_S of its end they share its
result: a target is never measured more often than that.

The caller owns the clock and the source of randomness. Times are seconds of one monotonic clock.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from random import Random

MIN_INTERVAL_S = 30.0  # a held path takes up to 20 s, and the target has other clients
MAX_INTERVAL_S = 86_400.0
DEFAULT_INTERVAL_S = 300.0

JITTER = 0.1  # of the interval, to either side
SPACING_S = 2.0  # between the first runs of two targets: about as long as a quick run takes
MAX_AT_ONCE = 8

INTERVALS = f"0, or {MIN_INTERVAL_S:g} to {MAX_INTERVAL_S:g} seconds"  # for errors

_NEVER = math.inf


def is_interval(interval_s: float) -> bool:
    """Whether an interval is within bounds; 0 is: only on request."""
    return interval_s == 0 or MIN_INTERVAL_S <= interval_s <= MAX_INTERVAL_S


@dataclass(frozen=True, slots=True)
class Job:
    """One target, as far as the schedule is concerned."""

    name: str
    host: str  # of two jobs of one host only one runs
    interval_s: float  # 0.0: only on request


def first_due_s(place: int, count: int, interval_s: float) -> float:
    """How long after the start a target is due for the first time.

    Args:
        place: of the target in the list, from 0.
        count: how many targets there are.
        interval_s: of the target; 0.0: only on request.
    """
    return place * min(SPACING_S, interval_s / count) if interval_s else _NEVER


def next_due_s(interval_s: float, random: Random) -> float:
    """How long after the end of a run a target is due again, at least MIN_INTERVAL_S."""
    if not interval_s:
        return _NEVER
    return max(MIN_INTERVAL_S, interval_s * (1 + random.uniform(-JITTER, JITTER)))


class Schedule:
    """The jobs that are queued, running and due."""

    def __init__(self, jobs: Iterable[Job], *, at_once: int, random: Random, now_s: float) -> None:
        self._at_once = at_once
        self._random = random
        self._jobs: dict[str, Job] = {}
        self._due_s: dict[str, float] = {}
        self._ended_s: dict[str, float] = {}
        self._asked: list[str] = []  # by requests, oldest first
        self._running: dict[str, str] = {}  # names, with their hosts
        self.replace(jobs, (), now_s)

    @property
    def running(self) -> frozenset[str]:
        """The names of the jobs that run."""
        return frozenset(self._running)

    @property
    def queued(self) -> tuple[str, ...]:
        """The names of the jobs that were requested and wait for room, oldest first."""
        return tuple(self._asked)

    def replace(self, jobs: Iterable[Job], same: Collection[str], now_s: float) -> None:
        """Take other jobs. What runs goes on and counts until `finish`, of removed jobs too.

        Args:
            jobs: all of them.
            same: the names of those that keep their place; the others are due like new ones.
            now_s: the time.
        """
        wanted = list(jobs)
        self._jobs = {job.name: job for job in wanted}
        self._ended_s = {name: at_s for name, at_s in self._ended_s.items() if name in same}
        self._asked = [name for name in self._asked if name in self._jobs]
        self._due_s = {
            job.name: self._due_s[job.name]
            if job.name in same
            else now_s + first_due_s(place, len(wanted), job.interval_s)
            for place, job in enumerate(wanted)
        }

    def request(self, name: str, now_s: float) -> bool:
        """Queue a job that is neither queued nor running; return False if its last result is recent enough.

        Raises:
            KeyError: there is no such job.
        """
        job = self._jobs[name]
        if name in self._running or name in self._asked:
            return True
        if now_s - self._ended_s.get(name, -_NEVER) < MIN_INTERVAL_S:
            return False
        self._asked.append(job.name)
        return True

    def start(self, now_s: float) -> list[str]:
        """Return the jobs to start now, and count them as running."""
        due = sorted((at_s, name) for name, at_s in self._due_s.items() if at_s <= now_s)
        begun = []
        for name in dict.fromkeys([*self._asked, *(name for _, name in due)]):
            host = self._jobs[name].host
            has_room = len(self._running) < self._at_once
            if has_room and name not in self._running and host not in self._running.values():
                self._running[name] = host
                begun.append(name)
        self._asked = [name for name in self._asked if name not in begun]
        return begun

    def finish(self, name: str, now_s: float, *, stopped: bool = False) -> None:
        """Count a job that ran as ended.

        Args:
            name: of the job.
            now_s: the time.
            stopped: it was not allowed to end, so there is no result: it stays due as it is.
        """
        self._running.pop(name)
        job = self._jobs.get(name)
        if job is not None and not stopped:
            self._ended_s[name] = now_s
            self._due_s[name] = now_s + next_due_s(job.interval_s, self._random)

    def wait_s(self, now_s: float) -> float:
        """How long until a job that does not run is due; infinite if none will be.

        Jobs that are due already wait for a `finish`.
        """
        later = [at_s for name, at_s in self._due_s.items() if name not in self._running and at_s > now_s]
        return min(later, default=_NEVER) - now_s
