"""What it costs to open streams, and what a burst of new ones does to those that run."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.client import Crowd, lateness_s, path, percentile
from bench.servers import Server, running

INTERVAL_S = 0.1  # 10 Pieces a second
# Few Pieces, so that what is measured is the opening and the end: both ways of writing a Piece are in it.
FEW = 3
FEW_INTERVAL_S = 0.01
# Connections that wait at once, below the backlog of every server.
AT_ONCE = 50


def cpu_per_opening(transport: str) -> Callable[[Server, float], float]:
    """Microseconds of the worker's processor time to open, serve and close a stream of three Pieces."""

    def measure(server: Server, scale: float) -> float:
        where = path(transport, count=FEW, interval_s=FEW_INTERVAL_S)
        _open_in_turn(server, where, 100)
        count, cpu_s = round(2000 * scale), server.cpu_s()
        _open_in_turn(server, where, count)
        return 1e6 * (server.cpu_s() - cpu_s) / count

    return measure


def _open_in_turn(server: Server, where: str, count: int) -> None:
    crowd = Crowd(server.port)
    for _ in range(count):
        crowd.read_until(time.monotonic() + 30, done=lambda: crowd.open_streams < AT_ONCE)
        crowd.open(where)
    crowd.read_until(time.monotonic() + 30, done=lambda: not crowd.open_streams)
    assert not crowd.open_streams, f"{crowd.open_streams} streams did not end"
    assert crowd.pieces == FEW * count, f"{crowd.pieces} Pieces, expected {FEW * count}"
    crowd.close()


def lateness_in_burst(transport: str) -> Callable[[Server, float], float]:
    """Milliseconds that 99 of 100 Pieces of 500 running streams are late at most, while 1000 open at once."""

    def measure(server: Server, scale: float) -> float:
        running, burst = round(500 * scale), round(1000 * scale)
        where = path(transport, count=200, interval_s=INTERVAL_S)
        crowd = Crowd(server.port, keep_times=True)
        crowd.ramp(where, running, 2.5 * scale)
        crowd.read_until(time.monotonic() + 1.0)
        before, began_s = tuple(crowd.streams), time.monotonic()
        _open_at_once(crowd, where, burst)
        crowd.read_until(time.monotonic() + 20, done=lambda: all(s.pieces for s in crowd.streams[running:]))
        ended_s = time.monotonic()
        crowd.read_until(ended_s + 0.3)
        crowd.close()
        late_s = []
        for stream in before:
            pairs = zip(stream.came_s, lateness_s(stream, INTERVAL_S), strict=True)
            late_s += [late for came_s, late in pairs if began_s <= came_s <= ended_s + 0.3]
        return 1000 * percentile(late_s, 0.99)

    return measure


def first_in_burst(transport: str) -> Callable[[Server, float], float]:
    """Milliseconds until 99 of 100 streams have their first Piece, of 1000 that open at once."""

    def measure(server: Server, scale: float) -> float:
        crowd = Crowd(server.port, keep_times=True)
        _open_at_once(crowd, path(transport, count=50, interval_s=INTERVAL_S), round(1000 * scale))
        crowd.read_until(time.monotonic() + 30, done=lambda: all(stream.came_s for stream in crowd.streams))
        crowd.close()
        return 1000 * percentile([stream.came_s[0] - stream.asked_s for stream in crowd.streams], 0.99)

    return measure


def health_among_refused(server: Server, scale: float) -> float:
    """Milliseconds of a health check on a connection of its own, 99 of 100, while others are only refused."""
    with running(server.name, FLUSHCHECK_MAX_STREAMS="20") as full:
        crowd = Crowd(full.port)
        where = path("chunked", count=500, interval_s=1.0)
        crowd.ramp(where, 20, 0.2)
        took_s = []
        for number in range(round(5000 * scale)):
            crowd.open(where)
            if number % 25 == 0:
                began_s = time.monotonic()
                health = crowd.open("/healthz")
                crowd.read_until(began_s + 30, done=lambda health=health: health.closed)
                assert health.closed, "no response to a health check"
                took_s.append(time.monotonic() - began_s)
        crowd.close()
    return 1000 * percentile(took_s, 0.99)


def _open_at_once(crowd: Crowd, where: str, count: int) -> None:
    """Open them as fast as they can be connected, and read what comes meanwhile."""
    for number in range(count):
        crowd.open(where)
        if number % 8 == 0:
            crowd.read_until(time.monotonic())
