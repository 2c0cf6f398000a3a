"""What a second worker adds.

Measured is the processor time of the busier worker, not requests a second: on two cores two workers and the
clients of a benchmark take the processor from each other.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.client import Crowd, path, polls
from bench.servers import OURS_TWICE, Server, running

INTERVAL_S = 0.1  # 10 Pieces a second

Work = Callable[[Server, float], tuple[float, tuple[float, ...]]]  # what was done, and each worker's seconds


def of_two(work: Work) -> Callable[[Server, float], float]:
    """How many times as much two workers carry as one, until the core of the busier one is used up."""

    def measure(server: Server, scale: float) -> float:
        with running(OURS_TWICE) as twice:
            return _per_second(work, twice, scale) / _per_second(work, server, scale)

    return measure


def _per_second(work: Work, server: Server, scale: float) -> float:
    done, took_s = work(server, scale)
    return done / max(took_s)


def polled(server: Server, scale: float) -> tuple[float, tuple[float, ...]]:
    """Polls of 64 clients, each on its one connection."""
    polls(server.port, clients=64, seconds=0.5, count=100)
    before_s, began_s = server.cpu_of_each_s(), time.monotonic()
    rate, _ = polls(server.port, clients=64, seconds=4 * scale, count=100)
    return rate * (time.monotonic() - began_s), _since(server, before_s)


def streamed(server: Server, scale: float) -> tuple[float, tuple[float, ...]]:
    """Pieces of 1,000 streams for each worker: with fewer, a Piece is dearer."""
    seconds = max(2.0, 5 * scale)
    crowd = Crowd(server.port)
    count = round(10 * (4 * scale + seconds) + 50)
    crowd.ramp(
        path("chunked", count=count, interval_s=INTERVAL_S), len(server.pids) * round(1000 * scale), 4 * scale
    )
    crowd.read_until(time.monotonic() + 1.0)
    pieces, before_s = crowd.pieces, server.cpu_of_each_s()
    crowd.read_until(time.monotonic() + seconds)
    took_s = _since(server, before_s)
    done = crowd.pieces - pieces
    crowd.close()
    return done, took_s


def _since(server: Server, before_s: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(now - before for now, before in zip(server.cpu_of_each_s(), before_s, strict=True))
