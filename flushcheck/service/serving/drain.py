"""Does this process stop? Then its streams end, each by its protocol, so that clients resume elsewhere.

A deploy, a reload and `max_requests` all do the same to a gunicorn worker: its `alive` becomes False. From
then on it accepts no connections (the gevent worker notices within a second), waits `graceful_timeout` for
open ones, and then cuts them. Between the two the service ends every stream as its Transport prescribes: the
last chunk without the end record, an event stream's `retry`, a WebSocket's close 1012. A client that knows
its position loses nothing, since a Piece is a function of its number.

How the worker is found: see `internals`. Under any other server no stream drains.
"""

from __future__ import annotations

import threading
import time

from flushcheck.service.serving import internals

# Streams go on for this long: a client that reconnects at once must not meet the same worker. gunicorn 27
# closes its listening socket up to 1.0 s after the signal (gunicorn.workers.ggevent, run).
GRACE_S = 1.1

# A waiting stream checks at least this often.
CHECK_EVERY_S = 0.25


class Drain:
    """Whether this process stops, and since when."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since_s = 0.0  # when it was first seen, time.monotonic(); 0.0: not yet

    @property
    def begun(self) -> bool:
        """The process takes no more streams."""
        if not self._since_s and internals.worker_stops():
            with self._lock:
                self._since_s = self._since_s or time.monotonic()
        return bool(self._since_s)

    @property
    def due(self) -> bool:
        """Streams have to end now."""
        return self.begun and time.monotonic() - self._since_s >= GRACE_S
