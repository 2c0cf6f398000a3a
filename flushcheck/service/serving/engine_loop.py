"""When the engine runs: a greenlet that sleeps until the next stream is due or epoll reports something."""

from __future__ import annotations

import math
from collections.abc import Callable

import gevent
from gevent.event import Event

from flushcheck.service.serving import internals
from flushcheck.service.serving.fairness import loop_barrier


class EngineLoop:
    """The greenlet. It runs for the life of the process."""

    def __init__(self, run_once: Callable[[], float], epoll_fd: int) -> None:
        """Start it.

        Args:
            run_once: does what is due, for as long as a slice; returns when to run again, in seconds from
                then:
                0 or less for as soon as all others have had their turn, infinity for when there is an event.
            epoll_fd: of the epoll that holds the streams' sockets.
        """
        self._run_once = run_once
        self._wakeup = Event()
        self._wakes_s = -math.inf  # when the greenlet has to go on; -inf while it runs
        self._has_events = False  # epoll has something to report
        # Registered once: to add an epoll to an epoll, the kernel walks all that is in it.
        self._epoll_watcher = internals.on_readable(epoll_fd, self._on_epoll)
        gevent.spawn(self._run)

    def take_events(self) -> bool:
        """Whether epoll has had something to report since the last call."""
        has_events, self._has_events = self._has_events, False
        return has_events

    def runs(self) -> None:
        """A slice begins: nothing needs to wake the greenlet."""
        self._wakes_s = -math.inf

    def sleeps_until(self, at_s: float) -> None:
        """A slice ends, and nothing is due before this moment, which may be now."""
        self._wakes_s = at_s

    def overdue(self, now_s: float) -> bool:
        """Whether something is due, and the greenlet has not run yet."""
        return -math.inf < self._wakes_s < now_s

    def wake(self, at_s: float) -> None:
        """Something is due at this moment: wake the greenlet if it would sleep longer."""
        if at_s < self._wakes_s:
            self._wakes_s = at_s
            self._wakeup.set()

    def _on_epoll(self) -> None:
        self._has_events = True
        self._wakeup.set()

    def _run(self) -> None:
        barrier = loop_barrier(gevent.get_hub())
        while True:
            pause_s = self._run_once()
            if pause_s <= 0:
                barrier.wait()
            else:
                self._wakeup.wait(None if pause_s == math.inf else pause_s)
                self._wakeup.clear()
