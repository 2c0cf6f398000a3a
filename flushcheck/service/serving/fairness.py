"""Fairness under gevent: a greenlet that never blocks starves the others.

A socket that accepts all data, and a client whose next request has already arrived, let a greenlet run
without end. `sleep(0)` does not help: gevent runs up to 50 callbacks before it checks the clock, and only
then the sockets (gevent 26.9.0, `_run_callbacks`), so a new connection waited for 50 slices of 2 ms. A
greenlet that yields here waits until the loop has checked its sockets once.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

from flushcheck.service.serving import internals

# If the loop checked its sockets this recently, nothing waits long enough to matter.
MIN_UNFAIR_S = 0.001


class LoopBarrier:
    """Releases all waiting greenlets each time the loop has checked its sockets."""

    def __init__(self, hub: Any) -> None:
        from gevent.event import Event

        self._released = Event()
        self._request = internals.loop_alarm(hub, self._release)
        self.released_s = 0.0  # time.monotonic()

    def wait(self) -> None:
        """Wait until all others have had their turn."""
        self._request()
        self._released.wait()

    def _release(self) -> None:
        self.released_s = time.monotonic()
        self._released.set()
        self._released.clear()


@lru_cache(maxsize=4)
def loop_barrier(hub: Any) -> LoopBarrier:
    """The barrier of this hub."""
    return LoopBarrier(hub)


def yield_to_hub() -> None:
    """Let others run, under gevent or threads."""
    if not (internals.is_patched() and internals.loop_fits()):
        time.sleep(0)
        return
    from gevent import get_hub

    barrier = loop_barrier(get_hub())
    if time.monotonic() - barrier.released_s > MIN_UNFAIR_S:
        barrier.wait()
