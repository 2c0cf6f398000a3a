"""May this client open one more stream? Two limits decide: one for the process, one for each client.

The limit of the process is the ConcurrencyLimiter's. This module keeps the limit of each client, so that
one client cannot use all permits. `clients` decides what counts as one client.

Without FLUSHCHECK_MAX_STREAMS_PER_CLIENT the loopback has no limit of its own: behind a local proxy whose
X-Forwarded-For is not trusted, all visitors come from there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from flushcheck.model.errors import FlushcheckError
from flushcheck.service.limits.clients import LOOPBACK_NETWORKS, client_address, client_network
from flushcheck.service.limits.concurrency import ConcurrencyLimiter, Permit
from flushcheck.streaming.limits import Limits

# One client may hold a third of all permits: two clients at their limit still leave capacity for others.
CLIENT_SHARE = 3


class CapacityExceeded(FlushcheckError):
    """This stream cannot run now; a later attempt may succeed.

    Attributes:
        status: 503 if the process has no capacity left, 429 if this client has reached its own limit.
    """

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.status = status


class StreamPermit:
    """The right of one client to run one stream. Returned once, however often `release` is called."""

    def __init__(self, permit: Permit, on_release: Callable[[], None]) -> None:
        self._permit = permit
        self._on_release: Callable[[], None] | None = on_release

    @property
    def concurrent(self) -> int:
        """Streams open at once, this one included: see `concurrency.Permit`."""
        return self._permit.concurrent

    def release(self) -> None:
        """Return the permit, to the process and to the client."""
        on_release, self._on_release = self._on_release, None
        if on_release:
            self._permit.release()
            on_release()


class Admission:
    """Issues stream permits. Safe under threads and greenlets."""

    def __init__(self, limits: Limits, limiter: ConcurrencyLimiter) -> None:
        self._limits = limits
        self._limiter = limiter
        self._lock = threading.Lock()
        self._streams: dict[str, int] = {}  # open streams by client; no entry for a client without any

    def admit(self, environ: Mapping[str, Any]) -> StreamPermit:
        """Return a permit for the client of this WSGI request.

        Raises:
            CapacityExceeded: the process, or this client, has reached its limit.
        """
        client = client_network(client_address(environ, trusted_proxies=self._limits.trusted_proxies))
        limit = self._limit_of(client)
        with self._lock:
            streams = self._streams.get(client, 0)
            if streams >= limit and not self._limiter.full:
                raise CapacityExceeded(f"Limit reached: {limit} concurrent streams per client address", 429)
            permit = self._limiter.acquire()
            if permit is None:
                raise CapacityExceeded(self._limiter.reason, 503)
            self._streams[client] = streams + 1
        return StreamPermit(permit, lambda: self._release(client))

    def _limit_of(self, client: str) -> int:
        if self._limits.max_streams_per_client:
            return self._limits.max_streams_per_client
        if client in LOOPBACK_NETWORKS:
            return self._limits.max_streams
        return -(-self._limits.max_streams // CLIENT_SHARE)  # rounded up

    def _release(self, client: str) -> None:
        with self._lock:
            streams = self._streams.pop(client) - 1
            if streams:
                self._streams[client] = streams
