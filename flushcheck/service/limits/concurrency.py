"""How many streams may be open at once in this process.

Streams hold their place until they are over, so they must not take every place there is: the health
check and the page need one too. The gate counts streams only, and is meant to be narrower than what
the server takes (gunicorn's `worker_connections`).
"""

from __future__ import annotations

import threading


class Slot:
    """One stream's place. Given back once, however often `release` is called."""

    def __init__(self, gate: Gate) -> None:
        self._gate: Gate | None = gate
        self._opened_with = gate.open

    @property
    def concurrent(self) -> int:
        """Streams open at once, this one included: as many as it met when it came, or now if that is more."""
        return max(self._opened_with, self._gate.open if self._gate else 0)

    def release(self) -> None:
        """Give the place back."""
        gate, self._gate = self._gate, None
        if gate:
            gate.leave()


class Gate:
    """Counts open streams up to a limit. Safe under threads and greenlets."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self.open = 0

    @property
    def full(self) -> bool:
        """Whether the next stream would be refused."""
        return self.open >= self._most

    @property
    def excuse(self) -> str:
        """What to tell whoever is refused."""
        return f"{self._most} streams are open, which is all that this process takes"

    def enter(self) -> Slot | None:
        """Take a place; None if there is none left."""
        with self._lock:
            if self.full:
                return None
            self.open += 1
            return Slot(self)

    def leave(self) -> None:
        """One stream fewer. Called by its Slot."""
        with self._lock:
            self.open -= 1
