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

from flushcheck.service.limits.clients import LOOPBACK_NETWORKS, client_address, client_network
from flushcheck.service.limits.concurrency import ConcurrencyLimiter, Permit
from flushcheck.streaming.limits import Limits

# Of all places, for one address: two clients at their bound still leave room for others.
CLIENT_SHARE = 3


class CapacityExceeded(Exception):
    """No place for this stream now.

    Attributes:
        status: 503 if nobody has one, 429 if it is this client's own doing.
    """

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.status = status


class StreamPermit:
    """One stream's place, with its Slot in the Gate. Given back once, however often `release` is called."""

    def __init__(self, permit: Permit, leave: Callable[[], None]) -> None:
        self._permit = permit
        self._leave: Callable[[], None] | None = leave

    @property
    def concurrent(self) -> int:
        """Streams open at once, this one included: see `gate.Slot`."""
        return self._permit.concurrent

    def release(self) -> None:
        """Give the place back."""
        leave, self._leave = self._leave, None
        if leave:
            self._permit.release()
            leave()


class Admission:
    """Gives out places. Safe under threads and greenlets."""

    def __init__(self, limits: Limits, limiter: ConcurrencyLimiter) -> None:
        self._limits = limits
        self._limiter = limiter
        self._lock = threading.Lock()
        self._streams: dict[str, int] = {}  # streams by client; no entry once it has none

    def admit(self, environ: Mapping[str, Any]) -> StreamPermit:
        """Take a place for the client of this WSGI request.

        Raises:
            Crowded: there is none left, or none for this client.
        """
        client = client_network(client_address(environ, trusted_proxies=self._limits.trusted_proxies))
        limit = self._limit_of(client)
        with self._lock:
            streams = self._streams.get(client, 0)
            if streams >= limit and not self._limiter.full:
                raise CapacityExceeded(
                    f"{streams} streams are open from this address, which is all that it may have", 429
                )
            permit = self._limiter.acquire()
            if permit is None:
                raise CapacityExceeded(self._limiter.reason, 503)
            self._streams[client] = streams + 1
        return StreamPermit(permit, lambda: self._release(client))

    def _limit_of(self, client: str) -> int:
        if self._limits.max_streams_per_client:
            return self._limits.max_streams_per_client
        return (
            self._limits.max_streams
            if client in LOOPBACK_NETWORKS
            else -(-self._limits.max_streams // CLIENT_SHARE)
        )

    def _release(self, client: str) -> None:
        with self._lock:
            streams = self._streams.pop(client) - 1
            if streams:
                self._streams[client] = streams
