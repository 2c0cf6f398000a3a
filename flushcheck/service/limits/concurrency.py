"""How many streams may be open at once in this process.

Streams hold their place until they are over, so they must not take every place there is: the health
check and the page need one too. The gate counts streams only, and is meant to be narrower than what
the server takes (gunicorn's `worker_connections`).
"""

from __future__ import annotations

import threading


class Permit:
    """One stream's place. Given back once, however often `release` is called."""

    def __init__(self, limiter: ConcurrencyLimiter) -> None:
        self._limiter: ConcurrencyLimiter | None = limiter
        self._in_use_at_start = limiter.in_use

    @property
    def concurrent(self) -> int:
        """Streams open at once, this one included: as many as it met when it came, or now if that is more."""
        return max(self._in_use_at_start, self._limiter.in_use if self._limiter else 0)

    def release(self) -> None:
        """Give the place back."""
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
        """What to tell whoever is refused."""
        return f"{self._limit} streams are open, which is all that this process takes"

    def acquire(self) -> Permit | None:
        """Take a place; None if there is none left."""
        with self._lock:
            if self.full:
                return None
            self.in_use += 1
            return Permit(self)

    def release(self) -> None:
        """One stream fewer. Called by its Slot."""
        with self._lock:
            self.in_use -= 1
