"""Which stream of a process is due when. Pure: no clock, no socket; the caller passes the time.

- A wheel holds, for each tick of `TICK_S`, the streams that have something to do by then. The loop sleeps
  until the first tick that has any, then serves all of them: waking costs as much as many small writes.
- `advance` moves what is due from the wheel to the queue of due streams.
- The backlog is served after all due streams: streams that have more to send than one batch, and streams
  whose socket has accepted data again.

What must stay true: an item is in at most one tick of the wheel, and its `tick` names it; an empty tick is in
neither the wheel's dictionary nor the heap for longer than until its moment; nothing of an unscheduled item
stays in the wheel, since its moment may be minutes away and it holds a whole request.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from typing import Generic, Protocol, TypeVar

# A Piece is late by up to one tick: with 100 streams 99 of 100 are within 7 ms of their moment.
TICK_S = 0.004

# Frames made, then written, in one go: batching keeps the interpreter's caches warm between system calls. 64
# at a time cost a fifth less than one by one, and are written within a millisecond.
GROUP = 64

UNSCHEDULED = 0
QUEUED = -1  # in a queue, in place of a tick


class Schedulable(Protocol):
    """An item of a Schedule."""

    tick: int  # where it is: a tick of the wheel, QUEUED or UNSCHEDULED. Written by the Schedule alone


Item = TypeVar("Item", bound=Schedulable)


class Schedule(Generic[Item]):
    """The wheel and the two queues."""

    def __init__(self) -> None:
        self._wheel: dict[int, list[Item]] = {}
        self._ticks: list[int] = []  # of the wheel, as a heap
        self._due: deque[Item] = deque()
        self._backlog: deque[Item] = deque()

    def plan(self, item: Item, at_s: float) -> bool:
        """Put an unscheduled item into the tick that ends after this moment; True if that tick is new."""
        item.tick = tick = int(at_s / TICK_S) + 1
        items = self._wheel.get(tick)
        if items is not None:
            items.append(item)
            return False
        self._wheel[tick] = [item]
        heapq.heappush(self._ticks, tick)
        return True

    def queue(self, item: Item, *, urgent: bool = False) -> None:
        """Queue an item now, unless it is queued: among the due ones if urgent, else in the backlog."""
        if item.tick == QUEUED:
            return
        self.unschedule(item)
        item.tick = QUEUED
        (self._due if urgent else self._backlog).append(item)

    def unschedule(self, item: Item) -> None:
        """Take an item out of the wheel. One that is queued keeps its turn: its owner ignores it then."""
        if item.tick > 0:
            self._wheel[item.tick].remove(item)
        item.tick = UNSCHEDULED

    def advance(self, now_s: float) -> None:
        """Queue everything whose tick has ended."""
        while self._ticks and self._ticks[0] * TICK_S <= now_s:
            for item in self._wheel.pop(heapq.heappop(self._ticks)):
                item.tick = QUEUED
                self._due.append(item)

    def next_group(self, *, due: bool, backlog: bool) -> list[Item]:
        """The items to serve now: up to GROUP due ones, else one of the backlog; [] if there are none.

        Args:
            due: whether there is time for due ones.
            backlog: whether there is time for the backlog; never without time for due ones.
        """
        if due and self._due:
            return [self._due.popleft() for _ in range(min(len(self._due), GROUP))]
        if backlog and self._backlog:
            return [self._backlog.popleft()]
        return []

    @property
    def busy(self) -> bool:
        """Whether anything is queued."""
        return bool(self._due or self._backlog)

    @property
    def next_s(self) -> float:
        """When the first tick of the wheel ends; infinite if the wheel is empty."""
        return self._ticks[0] * TICK_S if self._ticks else math.inf
