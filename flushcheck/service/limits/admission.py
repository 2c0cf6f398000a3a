"""Who may open one stream more: the process as a whole has a bound, and so has each client.

The process's bound is the Gate's. Here each client has its own, so that nobody takes every place there
is. Who a client is `clients` says.

While no bound is set, the loopback has none: behind a proxy on this machine whose X-Forwarded-For is
not believed, all visitors come from there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from flushcheck.service.limits.clients import HERE, address, network
from flushcheck.service.limits.concurrency import Gate, Slot
from flushcheck.streaming.limits import Limits

# Of all places, for one address: two clients at their bound still leave room for others.
SHARE = 3


class Crowded(Exception):
    """No place for this stream now.

    Attributes:
        status: 503 if nobody has one, 429 if it is this client's own doing.
    """

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.status = status


class Place:
    """One stream's place, with its Slot in the Gate. Given back once, however often `release` is called."""

    def __init__(self, slot: Slot, leave: Callable[[], None]) -> None:
        self._slot = slot
        self._leave: Callable[[], None] | None = leave

    @property
    def concurrent(self) -> int:
        """Streams open at once, this one included: see `gate.Slot`."""
        return self._slot.concurrent

    def release(self) -> None:
        """Give the place back."""
        leave, self._leave = self._leave, None
        if leave:
            self._slot.release()
            leave()


class Admission:
    """Gives out places. Safe under threads and greenlets."""

    def __init__(self, limits: Limits, gate: Gate) -> None:
        self._limits = limits
        self._gate = gate
        self._lock = threading.Lock()
        self._open: dict[str, int] = {}  # streams by client; no entry once it has none

    def enter(self, environ: Mapping[str, Any]) -> Place:
        """Take a place for the client of this WSGI request.

        Raises:
            Crowded: there is none left, or none for this client.
        """
        who = network(address(environ, trusted_proxies=self._limits.trusted_proxies))
        most = self._most(who)
        with self._lock:
            has = self._open.get(who, 0)
            if has >= most and not self._gate.full:
                raise Crowded(f"{has} streams are open from this address, which is all that it may have", 429)
            slot = self._gate.enter()
            if slot is None:
                raise Crowded(self._gate.excuse, 503)
            self._open[who] = has + 1
        return Place(slot, lambda: self._leave(who))

    def _most(self, who: str) -> int:
        if self._limits.max_streams_per_client:
            return self._limits.max_streams_per_client
        return self._limits.max_streams if who in HERE else -(-self._limits.max_streams // SHARE)

    def _leave(self, who: str) -> None:
        with self._lock:
            has = self._open.pop(who) - 1
            if has:
                self._open[who] = has
