"""Analysis work that takes longer than a stream may wait, run in a thread of the operating system.

Analyzing a run of 1 MiB uses a core for 0.3 s. In a greenlet, no stream would move for 0.3 s; in a native
thread, each switch costs the streams a few milliseconds. Where each request has its own thread or process,
the work runs in place.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from flushcheck.service.limits.admission import CapacityExceeded

Result = TypeVar("Result")


def run_in_threadpool(work: Callable[[], Result]) -> Result:
    """Return what `work` returns, or raise what it raises."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        return work()
    from gevent import get_hub

    # The pool prints a traceback for each exception; here an exception is a normal outcome of bad input.
    result, error = get_hub().threadpool.apply(_outcome, (work,))
    if error is not None:
        raise error
    return result  # type: ignore[no-any-return]


def _outcome(work: Callable[[], Result]) -> tuple[Result | None, Exception | None]:
    try:
        return work(), None
    except Exception as error:  # noqa: BLE001  # raised again in the greenlet that waits
        return None, error


class SerialExecutor:
    """Runs one such work at a time. The others wait for their turn, at most `wait_s` seconds."""

    def __init__(self, *, wait_s: float = 5.0) -> None:
        self._wait_s = wait_s
        self._semaphore = threading.Semaphore()

    def run(self, work: Callable[[], Result]) -> Result:
        """Return what `work` returns, or raise what it raises.

        Raises:
            CapacityExceeded: the turn did not come in time.
        """
        if not self._semaphore.acquire(timeout=self._wait_s):
            raise CapacityExceeded("Too many runs are queued for analysis", 503)
        try:
            return run_in_threadpool(work)
        finally:
            self._semaphore.release()
