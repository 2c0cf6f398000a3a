"""How long the observer itself was kept from running.

A reader that the machine did not let run reads late what came in time. A thread that does nothing
but wake up at a fixed pace sees the same stalls: how much later than due it woke is how late a
reader may have been. The inference then allows for that much.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from types import TracebackType

# 200 wake-ups a second cost about 1 % of a core; the shortest time between two Pieces is 30 ms.
BEAT_S = 0.005

# Stalls below this are the clock's and the scheduler's ordinary grain.
LEAST_STALL_S = 0.002

MAX_STALLS = 20_000  # of the latest: 100 s of a machine that stalls at every beat


class StallMonitor:
    """Beats while it is entered: one for a whole run."""

    def __init__(self) -> None:
        self._stalls: deque[tuple[float, float]] = deque(maxlen=MAX_STALLS)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="flushcheck-metronome", daemon=True)
        self.began = time.monotonic()  # when the run did

    def __enter__(self) -> StallMonitor:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()

    def max_stall_s(self, since: float, until: float) -> float:
        """The longest stall that touched this span of time.monotonic(); 0.0 if there was none."""
        touching = [
            stall_s for woke, stall_s in tuple(self._stalls) if woke >= since and woke - stall_s <= until
        ]
        return max(touching, default=0.0)

    def _beat(self) -> None:
        due = time.monotonic() + BEAT_S
        while not self._over.is_set():
            time.sleep(max(0.0, due - time.monotonic()))
            woke = time.monotonic()
            if woke - due >= LEAST_STALL_S:
                self._stalls.append((woke, woke - due))
            # From now, not from `due`: one stall is to be counted once.
            due = woke + BEAT_S
