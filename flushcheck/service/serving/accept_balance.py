"""Which of several workers accepts a connection: one that has few.

All workers of gunicorn wait at one socket, and the system wakes them all: the fastest accepts, which may be
the same each time. With two workers, of 1,000 streams that opened at once one got 594 (measured); streams are
then refused by one worker while the other has room. So a worker that has more connections than another lets
that one try first.

What must stay true: a worker that hangs keeps no other from accepting, so each lets go a bounded number of
times.
"""

from __future__ import annotations

import os
from collections.abc import Callable

# One for each worker, in memory that all share: 0 for no worker, else its connections and 1.
SLOTS = 64

# A difference that does not matter.
SLACK = 2

# How often in a row, without accepting itself, a worker lets others try. Another worker takes some 50 us to
# wake up, and each time takes some 20.
MAX_SKIPS = 50

# Not every system has it.
_LET_OTHERS: Callable[[], object] = getattr(os, "sched_yield", int)


class AcceptBalance:
    """The connections of one worker, among those of the others."""

    def __init__(
        self, counts: memoryview[int], number: int, *, let_others: Callable[[], object] = _LET_OTHERS
    ) -> None:
        """Begin without connections.

        Args:
            counts: SLOTS numbers that all workers share.
            number: of this worker; no two that live have the same, modulo SLOTS.
            let_others: gives up the processor for a moment.
        """
        self._counts = counts
        self._slot = number % SLOTS
        self._let_others = let_others
        self._skips = 0
        counts[self._slot] = 1

    def opened(self) -> None:
        """One connection more."""
        self._counts[self._slot] += 1

    def closed(self) -> None:
        """One less."""
        if self._counts[self._slot] > 1:
            self._counts[self._slot] -= 1

    def leave(self) -> None:
        """This worker accepts no more."""
        self._counts[self._slot] = 0

    def may_accept(self) -> bool:
        """Whether to accept the connection that waits; False: look again soon."""
        own = self._counts[self._slot]
        if own > min(filter(None, self._counts), default=own) + SLACK and self._skips < MAX_SKIPS:
            self._skips += 1
            self._let_others()
            return False
        self._skips = 0
        return True
