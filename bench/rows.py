"""What is measured: one row, one number of each server."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from bench.bursts import cpu_per_opening, first_in_burst, health_among_refused, lateness_in_burst
from bench.client import TEXT, Crowd, Stream, lateness_s, path, percentile, polls
from bench.servers import FASTAPI, NAIVE, NODE, Server
from bench.verdicts import quick_clean, quick_held, slower_over_h2, verdict_with
from bench.workers import of_two, polled, streamed
from tests.service.wire import unchunked

INTERVAL_S = 0.1  # 10 Pieces a second


@dataclass(frozen=True, slots=True)
class Goal:
    """What a number, or its ratio to a peer's, has to be, and what it should be."""

    must: float
    aim: float


@dataclass(frozen=True, slots=True)
class Row:
    """One question."""

    name: str
    what: str
    unit: str
    measure: Callable[[Server, float], float]  # of a server, with all amounts times the second argument
    peers: Mapping[str, Goal | None] = field(default_factory=dict)  # whose number ours is divided by
    own: Goal | None = None  # for our number itself
    more_is_better: bool = False


def cpu_per_piece(transport: str) -> Callable[[Server, float], float]:
    """Microseconds of the worker's processor time for each Piece, with all streams open."""

    def measure(server: Server, scale: float) -> float:
        count, seconds = round(1000 * scale), max(2.0, 5 * scale)
        crowd = Crowd(server.port)
        ramp_s = 4 * scale
        crowd.ramp(
            path(transport, count=round(10 * (ramp_s + seconds) + 50), interval_s=INTERVAL_S), count, ramp_s
        )
        crowd.read_until(time.monotonic() + 1.0)
        pieces, cpu_s = crowd.pieces, server.cpu_s()
        crowd.read_until(time.monotonic() + seconds)
        cpu_s = server.cpu_s() - cpu_s
        pieces = crowd.pieces - pieces
        assert crowd.open_streams == count
        crowd.close()
        return 1e6 * cpu_s / pieces

    return measure


def lateness(server: Server, scale: float) -> float:
    """Milliseconds that 99 of 100 Pieces of 2000 streams came late at most, while they open and after."""
    count, ramp_s = round(2000 * scale), 8 * scale
    crowd = Crowd(server.port, keep_times=True)
    crowd.ramp(path("chunked", count=round(10 * ramp_s + 100), interval_s=INTERVAL_S), count, ramp_s)
    crowd.read_until(time.monotonic() + 6 * scale)
    crowd.close()
    return 1000 * percentile(
        [late_s for one in crowd.streams for late_s in lateness_s(one, INTERVAL_S)], 0.99
    )


def crowded(server: Server, scale: float) -> float:
    """The same for 5000 streams; each must be complete and exact."""
    count, ramp_s, pieces = round(5000 * scale), 20 * scale, round(250 * scale)
    crowd = Crowd(server.port, keep_times=True, keep_bytes=True)
    crowd.ramp(path("chunked", count=pieces, interval_s=INTERVAL_S), count, ramp_s)
    crowd.read_until(time.monotonic() + 120, done=lambda: not crowd.open_streams)
    assert not crowd.open_streams, f"{crowd.open_streams} streams did not end"
    for stream in crowd.streams:
        _, _, body = b"".join(stream.data).partition(b"\r\n\r\n")
        assert b"".join(unchunked(body)[0]) == TEXT.encode() * pieces, "a text is not exact"
    return 1000 * percentile(
        [late_s for one in crowd.streams for late_s in lateness_s(one, INTERVAL_S)], 0.99
    )


def memory_per_stream(transport: str) -> Callable[[Server, float], float]:
    """Kilobytes of the worker's own memory for each open stream."""
    return partial(_memory_per_stream, transport)


def _memory_per_stream(transport: str, server: Server, scale: float) -> float:
    count = round(1000 * scale)
    crowd = Crowd(server.port)
    before = server.memory_bytes()
    crowd.ramp(path(transport, count=100, interval_s=1.0), count, 3 * scale)
    crowd.read_until(time.monotonic() + 1.5)
    after = server.memory_bytes()
    assert crowd.open_streams == count
    crowd.close()
    return (after - before) / count / 1024


def pieces_per_second(server: Server, scale: float) -> float:
    """Pieces a second of 8 streams without an interval."""
    crowd = Crowd(server.port)
    where = path("chunked", count=100_000, interval_s=0)
    began_s = time.monotonic()
    for _ in range(8):
        crowd.open(where)
    crowd.read_until(began_s + 5 * scale, done=lambda: not crowd.open_streams)
    rate = crowd.pieces / (time.monotonic() - began_s)
    crowd.close()
    return rate


def first_piece(server: Server, scale: float) -> float:
    """Milliseconds until 99 of 100 paced streams had their first Piece, while 2 unpaced ones run."""
    crowd = Crowd(server.port, keep_times=True)
    endless = path("chunked", count=100_000, interval_s=0)
    unpaced = [crowd.open(endless), crowd.open(endless)]
    paced: list[Stream] = []
    began_s = time.monotonic()
    crowd.read_until(began_s + 0.5)
    for number in range(100):
        paced.append(crowd.open(path("chunked", count=100, interval_s=INTERVAL_S)))
        for at, stream in enumerate(unpaced):
            stream.came_s.clear()
            if stream.closed:
                unpaced[at] = crowd.open(endless)
        crowd.read_until(began_s + 0.5 + 3 * scale * (number + 1) / 100)
    crowd.read_until(time.monotonic() + 30, done=lambda: all(one.came_s for one in paced))
    crowd.close()
    return 1000 * percentile([one.came_s[0] - one.asked_s for one in paced], 0.99)


def polls_per_second(server: Server, scale: float) -> float:
    """Polls a second of 16 clients, each on its one connection."""
    return polls(server.port, clients=16, seconds=4 * scale, count=100)[0]


def poll_p99(server: Server, scale: float) -> float:
    """Milliseconds that 99 of 100 polls took at most, of 16 clients at once."""
    return 1000 * polls(server.port, clients=16, seconds=4 * scale, count=100)[1]


def cpu_per_poll(server: Server, scale: float) -> float:
    """Microseconds of the worker's processor time for a keep-alive poll."""
    polls(server.port, clients=16, seconds=0.3, count=100)
    cpu_s, began_s = server.cpu_s(), time.monotonic()
    rate, _ = polls(server.port, clients=16, seconds=4 * scale, count=100)
    return 1e6 * (server.cpu_s() - cpu_s) / (rate * (time.monotonic() - began_s))


def added_delay(server: Server, scale: float) -> float:
    """Milliseconds between plan and writing, as the records themselves say; 99 of 100, at 100 streams."""
    crowd = Crowd(server.port, keep_bytes=True)
    where = path("chunked", count=round(50 * scale), interval_s=INTERVAL_S, more="&format=delta&end=done")
    crowd.ramp(where, 100, 1.0)
    crowd.read_until(time.monotonic() + 60, done=lambda: not crowd.open_streams)
    late_s = []
    for stream in crowd.streams:
        chunks, _ = unchunked(b"".join(stream.data).partition(b"\r\n\r\n")[2])
        records = [json.loads(chunk) for chunk in chunks]
        late_s += [record["at_s"] - record["seq"] * INTERVAL_S for record in records if "seq" in record]
    return 1000 * percentile(late_s, 0.99)


ROWS = (
    *(
        Row(
            transport,
            f"CPU for each Piece, {transport}, 1000 streams x 10 a second",
            "us",
            cpu_per_piece(transport),
            {FASTAPI: Goal(0.48, 0.35), NAIVE: Goal(0.60, 0.35), NODE: None},
        )
        for transport in ("chunked", "events")
    ),
    Row(
        "websocket",
        "CPU for each message, WebSocket, 1000 streams x 10 a second",
        "us",
        cpu_per_piece("ws"),
        {FASTAPI: Goal(0.48, 0.35), NODE: None},
    ),
    *(
        Row(
            f"open-{transport}",
            f"CPU to open, serve and close a stream of three Pieces, {transport}",
            "us",
            cpu_per_opening(transport),
            {FASTAPI: goal, NAIVE if transport != "ws" else NODE: None},
        )
        for transport, goal in (
            ("chunked", Goal(0.6, 0.35)),
            ("events", Goal(0.6, 0.35)),
            ("ws", Goal(0.9, 0.5)),
        )
    ),
    Row(
        "lateness",
        "lateness of a Piece, p99, 2000 streams",
        "ms",
        lateness,
        {FASTAPI: Goal(0.15, 0.05), NODE: None},
    ),
    *(
        Row(
            f"burst-{transport}",
            f"lateness of 500 running streams, p99, while 1000 open at once, {transport}",
            "ms",
            lateness_in_burst(transport),
            {FASTAPI: Goal(0.35, 0.10), NODE: None},
        )
        for transport in ("chunked", "events", "ws")
    ),
    *(
        Row(
            f"first-{transport}",
            f"first Piece, p99, of 1000 streams that open at once, {transport}",
            "ms",
            first_in_burst(transport),
            {FASTAPI: goal, NODE: None},
        )
        for transport, goal in (("chunked", Goal(0.6, 0.4)), ("ws", Goal(1.2, 0.7)))
    ),
    Row("crowd", "lateness, p99, 5000 streams, all exact", "ms", crowded, own=Goal(float("inf"), 100)),
    Row(
        "memory",
        "memory for each stream",
        "kB",
        memory_per_stream("chunked"),
        {FASTAPI: Goal(0.60, 0.15), NAIVE: None, NODE: None},
    ),
    Row(
        "memory-ws",
        "memory for each WebSocket",
        "kB",
        memory_per_stream("ws"),
        {FASTAPI: Goal(0.75, 0.35), NODE: None},
    ),
    Row(
        "unpaced",
        "Pieces a second, 8 streams without an interval",
        "/s",
        pieces_per_second,
        {FASTAPI: Goal(1.0, 5.0), NODE: Goal(0.9, 1.5)},
        more_is_better=True,
    ),
    Row(
        "first",
        "first Piece of 100 paced streams, p99, while 2 unpaced ones run",
        "ms",
        first_piece,
        {FASTAPI: Goal(2.0, 1.0), NODE: None},
    ),
    Row(
        "polls",
        "keep-alive polls a second, 16 clients",
        "/s",
        polls_per_second,
        {FASTAPI: Goal(0.6, 1.0), NAIVE: Goal(1.4, 2.2), NODE: None},
        more_is_better=True,
    ),
    Row("poll-p99", "the same, p99 of one", "ms", poll_p99, {FASTAPI: Goal(1.5, 1.0), NAIVE: None}),
    Row(
        "poll-cpu",
        "CPU for each of these polls",
        "us",
        cpu_per_poll,
        {FASTAPI: None, NAIVE: None, NODE: None},
    ),
    Row(
        "refused",
        "a health check, p99, among 5000 connections that are only refused",
        "ms",
        health_among_refused,
        own=Goal(100, 50),
    ),
    *(
        Row(
            f"workers-{name}",
            f"{name} that two workers carry against one, by the processor time of the busier one",
            "times",
            of_two(work),
            own=Goal(1.8, 1.95),
            more_is_better=True,
        )
        for name, work in (("polls", polled), ("streams", streamed))
    ),
    Row("delay", "delay added to the plan, p99, 100 streams", "ms", added_delay, own=Goal(15, 5)),
    *(
        Row(
            f"verdict-{count}",
            f"diagnose, with {count} other streams",
            "s",
            verdict_with(count),
            own=Goal(3.0, 2.0) if not count else None,
        )
        for count in (0, 1, 500)
    ),
    Row("verdict-quick", "diagnose --quick of a clean path", "s", quick_clean, own=Goal(1.5, 1.0)),
    Row("verdict-held", "diagnose --quick behind nginx that buffers", "s", quick_held, own=Goal(3.0, 2.0)),
    Row(
        "verdict-h2",
        "diagnose of a clean HTTP/2 path, seconds beyond the same as HTTP/1.1 client alone",
        "s",
        slower_over_h2,
        own=Goal(0.5, 0.25),
    ),
)
