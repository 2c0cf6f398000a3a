"""Work that takes its time, done beside the streams.

Judging a Run of 1 MiB keeps a core busy for 0.3 s. Among greenlets that would be 0.3 s in which no
stream moves; in a thread of the system it costs them a few milliseconds each time the two take turns.
Where requests are threads or processes of their own anyway, the work is simply done.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from flushcheck.service.limits.admission import CapacityExceeded

Result = TypeVar("Result")


def run_in_threadpool(work: Callable[[], Result]) -> Result:
    """What the work returns, or raises."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        return work()
    from gevent import get_hub

    # The pool would print a traceback of whatever a stranger's input makes the work raise.
    result, error = get_hub().threadpool.apply(_outcome, (work,))
    if error is not None:
        raise error
    return result  # type: ignore[no-any-return]


def _outcome(work: Callable[[], Result]) -> tuple[Result | None, Exception | None]:
    try:
        return work(), None
    except Exception as error:  # noqa: BLE001  # raised again where it belongs
        return None, error


class SerialExecutor:
    """One piece of such work at a time; the others wait their turn, for so long."""

    def __init__(self, *, wait_s: float = 5.0) -> None:
        self._wait_s = wait_s
        self._semaphore = threading.Semaphore()

    def run(self, work: Callable[[], Result]) -> Result:
        """What the work returns, or raises.

        Raises:
            Crowded: too many are waiting.
        """
        if not self._semaphore.acquire(timeout=self._wait_s):
            raise CapacityExceeded("others' runs are being judged, and more than can be in this time", 503)
        try:
            return run_in_threadpool(work)
        finally:
            self._semaphore.release()
