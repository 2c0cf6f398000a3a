"""How many streams may be open at once in this process.

A stream holds its permit until it is over, so streams must not use all the capacity of the server: the
health check and the page need some too. The limiter counts streams only. Its limit is meant to be lower
than the number of requests that the server accepts (gunicorn's `worker_connections`).
"""

from __future__ import annotations

import threading


class Permit:
    """The right to run one stream. Returned once, however often `release` is called."""

    def __init__(self, limiter: ConcurrencyLimiter) -> None:
        self._limiter: ConcurrencyLimiter | None = limiter
        self._in_use_at_start = limiter.in_use

    @property
    def concurrent(self) -> int:
        """Streams open at once, this one included: at its start, or now if that is more."""
        return max(self._in_use_at_start, self._limiter.in_use if self._limiter else 0)

    def release(self) -> None:
        """Return the permit."""
        limiter, self._limiter = self._limiter, None
        if limiter:
            limiter.release()


class ConcurrencyLimiter:
    """Counts open streams up to a limit. Safe under threads and greenlets."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self.in_use = 0

    @property
    def full(self) -> bool:
        """Whether the next stream would be refused."""
        return self.in_use >= self._limit

    @property
    def reason(self) -> str:
        """Why a stream is refused, for the response."""
        return f"Limit reached: {self._limit} concurrent streams in this process"

    def acquire(self) -> Permit | None:
        """Return a permit; None if the limit is reached."""
        with self._lock:
            if self.full:
                return None
            self.in_use += 1
            return Permit(self)

    def release(self) -> None:
        """Count one stream less. Called by its Permit."""
        with self._lock:
            self.in_use -= 1
