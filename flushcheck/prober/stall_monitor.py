"""How long the observer itself was kept from running.

A client that the machine did not let run reads late what arrived in time. A thread that does nothing but
wake up at a fixed interval sees the same stalls: how much later than due it wakes is how late a read may
be. The inference allows for that much.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from types import TracebackType

# 200 wake-ups a second cost about 1 % of a core; the shortest time between two pieces is 30 ms.
INTERVAL_S = 0.005

# Stalls below this are the ordinary grain of the clock and the scheduler.
MIN_STALL_S = 0.002

MAX_STALLS = 20_000  # the latest ones: 100 s of a machine that stalls in every interval


class StallMonitor:
    """Runs while it is entered: one for a whole run."""

    def __init__(self) -> None:
        self._stalls: deque[tuple[float, float]] = deque(maxlen=MAX_STALLS)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="flushcheck-stalls", daemon=True)
        self.began = time.monotonic()  # when the run did

    def __enter__(self) -> StallMonitor:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()

    def max_stall_s(self, since: float, until: float) -> float:
        """Return the longest stall that touched this span of time.monotonic(); 0.0 if there was none."""
        touching = [
            stall_s for woke, stall_s in tuple(self._stalls) if woke >= since and woke - stall_s <= until
        ]
        return max(touching, default=0.0)

    def _watch(self) -> None:
        due = time.monotonic() + INTERVAL_S
        while not self._stopped.is_set():
            time.sleep(max(0.0, due - time.monotonic()))
            woke = time.monotonic()
            if woke - due >= MIN_STALL_S:
                self._stalls.append((woke, woke - due))
            # From now, not from `due`: one stall counts once.
            due = woke + INTERVAL_S
