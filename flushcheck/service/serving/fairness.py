"""Turns under gevent: whoever never has to wait keeps everybody else from theirs.

A socket that takes all it is given, and a client whose next request is there already, let a greenlet run on
and on. `sleep(0)` is no way out: gevent runs up to 50 callbacks before it looks at the clock, and only then
at the sockets (gevent 26.9.0, `_run_callbacks`), so that a new connection waited for 50 slices of 2 ms. So
who gives way here waits until the loop has looked at the sockets once.
"""

from __future__ import annotations

import sys
import time
from functools import lru_cache
from typing import Any

# Nobody is kept waiting by who had no more than this.
UNFAIR_S = 0.001


class Turnstile:
    """Lets all who wait through each time the loop has looked at its sockets."""

    def __init__(self, hub: Any) -> None:
        from gevent.event import Event

        self._passed = Event()
        # What is sent to an async watcher from the loop's own thread costs no system call, and is delivered
        # with the next look at the sockets.
        self._look = hub.loop.async_(ref=False)
        self._look.start(self._open)
        self.opened_s = 0.0  # time.monotonic()

    def wait(self) -> None:
        """Wait for the others' turn to be over."""
        self._look.send()
        self._passed.wait()

    def _open(self) -> None:
        self.opened_s = time.monotonic()
        self._passed.set()
        self._passed.clear()


@lru_cache(maxsize=4)
def turnstile(hub: Any) -> Turnstile:
    """The one of this hub."""
    return Turnstile(hub)


def give_way() -> None:
    """Let everybody else have a turn, under gevent or threads."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey and monkey.is_module_patched("socket"):
        from gevent import get_hub

        gate = turnstile(get_hub())
        if time.monotonic() - gate.opened_s > UNFAIR_S:
            gate.wait()
    else:
        time.sleep(0)
