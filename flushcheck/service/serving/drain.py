"""Is this process about to end? Then its streams are, each by its protocol, so that clients go on elsewhere.

A deploy, a reload and `max_requests` all do the same to a worker of gunicorn: its `alive` becomes False.
From then on it takes no new connections (the gevent worker notices within a second), waits
`graceful_timeout` for what is open, and then cuts it. So between the two every stream is ended here, as
its Transport has it: the last chunk without the end's record, an event stream's `retry`, a WebSocket's
close 1012. A client that knows where it was loses nothing, since a Piece is a function of its number.

The worker is found without a hook: it handles SIGTERM, and no part of gunicorn else has `alive`. So it
works whatever gunicorn was started with. Under any other server nobody drains.
"""

from __future__ import annotations

import signal
import threading
import time

# Streams go on for so long, since whoever comes back at once must not meet the same worker again: gunicorn
# 27 closes its listening socket up to 1.0 s after the signal (gunicorn.workers.ggevent, run).
GRACE_S = 1.1

# A stream that waits looks at least so often.
LOOK_EVERY_S = 0.25


class Drain:
    """Whether this process ends, and since when."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since_s = 0.0  # when it was first seen, time.monotonic(); 0.0: it was not

    @property
    def begun(self) -> bool:
        """No more streams should be sent here."""
        if not self._since_s and not _alive():
            with self._lock:
                self._since_s = self._since_s or time.monotonic()
        return bool(self._since_s)

    @property
    def due(self) -> bool:
        """Streams have to end now."""
        return self.begun and time.monotonic() - self._since_s >= GRACE_S


def _alive() -> bool:
    worker = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return bool(getattr(worker, "alive", True))
