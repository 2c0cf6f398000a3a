"""What the views of all stacks stream: the observer's records, each stamped when it is made.

A record's `at_s` is the innermost side of the stack. What the observer measures is the time from there to the reader.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import threading
import time
from collections.abc import AsyncIterator, Iterator

COUNT = 16
# 0 for the order check, which needs no time.
GAP_S = float(os.environ.get("LAB_GAP_S", "0.08"))
THINKING_S = 15 * GAP_S
BUSY_S = 2.2  # for which the only worker is kept

TYPES = {"chunked": "text/plain", "events": "text/event-stream"}
_WORDS = ("a", "stream", "is", "read", "piece", "by", "piece", "while", "the", "model", "writes", "on")


def _gaps() -> list[float]:
    uneven = random.Random(7)
    return [GAP_S * uneven.uniform(0.75, 1.25) for _ in range(COUNT)]


def _shown(record: dict[str, object], route: str) -> str:
    text = json.dumps(record)
    return f"data: {text}\n\n" if route == "events" else f"{text}\n"


def record(number: int, since_s: float, route: str) -> str:
    """One piece, stamped now."""
    words = random.Random(number).sample(_WORDS, 8)
    made = {"seq": number, "at_s": round(time.monotonic() - since_s, 4), "delta": " ".join(words)}
    return _shown(made, route)


def end(route: str) -> str:
    """The last record: so many came before it."""
    return _shown({"end": "done", "count": COUNT}, route)


def pieces(route: str, *, thinking_s: float = 0.0) -> Iterator[str]:
    """All records, one at a time; the first one after a while, where the app is slow."""
    since_s = time.monotonic()
    time.sleep(thinking_s)
    for number, gap_s in enumerate(_gaps()):
        time.sleep(gap_s)
        yield record(number, since_s, route)
    yield end(route)


async def async_pieces(route: str, *, thinking_s: float = 0.0) -> AsyncIterator[str]:
    """The same for an event loop."""
    since_s = time.monotonic()
    await asyncio.sleep(thinking_s)
    for number, gap_s in enumerate(_gaps()):
        await asyncio.sleep(gap_s)
        yield record(number, since_s, route)
    yield end(route)


async def sleeping_pieces(route: str) -> AsyncIterator[str]:
    """An asynchronous iterator whose work blocks the event loop."""
    for piece in pieces(route):
        yield piece


async def threaded_pieces(route: str) -> AsyncIterator[str]:
    """Records from a thread, as SDKs without asyncio are used, while another task blocks the event loop."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[str]()

    def make() -> None:
        for piece in pieces(route):
            loop.call_soon_threadsafe(queue.put_nowait, piece)

    threading.Thread(target=make, daemon=True).start()
    for _ in range(3):  # the view has begun
        yield await queue.get()
    loop.call_later(0.001, time.sleep, GAP_S * COUNT)
    for _ in range(COUNT - 2):
        yield await queue.get()


def whole(route: str) -> str:
    """The same text, made before any of it is returned."""
    return "".join(pieces(route))
