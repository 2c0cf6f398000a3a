"""Many streams that come and go, on one worker, and what that leaves behind.

Each of the load's places holds one stream after another: any Transport, a few seconds long. Most are read to the end,
Piece by Piece; some clients disconnect early, and some stop reading. Meanwhile the worker is measured from outside
(memory, descriptors, its own count of open streams), and from inside only for its greenlets.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

import requests

from flushcheck.model import Transport
from tests.live import resuming, servers
from tests.live.processes import child_pids, descriptors, memory_bytes

INTERVAL_S = 0.2
LENGTHS = range(5, 40)  # Pieces: 1 to 8 s

# The number of a hundred clients that disconnect early, and that stop reading.
LEAVE, STOP = 15, 5

# So much of the most there was is all streams.
FULL = 0.8
# Memory may grow by so much from the first fifth of the time to the last.
MAX_GROWTH = 0.05
SAMPLE_EVERY_S = 1.0
# A new process still makes what it makes once, and its allocator finds its size.
WARM_UP_S = 5.0
WARM_UP_SHARE = 0.1
# After the last client has left, so long until everything has to be given back.
GONE_WITHIN_S = 30.0

APP = """
import gc
from wsgi import app as service

def app(environ, start_response):
    if environ["PATH_INFO"] != "/greenlets":
        return service(environ, start_response)
    from greenlet import greenlet
    gc.collect()
    count = sum(isinstance(one, greenlet) and not one.dead for one in gc.get_objects())
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(count).encode()]
"""


@dataclass(slots=True)
class Look:
    """The worker at one moment."""

    at_s: float
    memory_bytes: int
    descriptors: int


@dataclass(slots=True)
class Outcome:
    """What a soak left behind."""

    looks: list[Look] = field(default_factory=list)
    streams: int = 0  # begun
    whole: int = 0  # of them, read to the end
    wrong: list[str] = field(default_factory=list)  # Pieces lost, doubled or cut
    greenlets: tuple[int, int] = (0, 0)  # before, after
    files: tuple[int, int] = (0, 0)
    still_open: float = 0.0  # by the service's own count, after

    @property
    def growth(self) -> float:
        """Memory of the last fifth of the looks against the first one's, as a share.

        Only of those with all streams open: where the clients get no processor, there are fewer.
        """
        most = max(look.descriptors for look in self.looks)
        full = [look for look in self.looks if look.descriptors > FULL * most]
        fifth = max(1, len(full) // 5)
        first, last = (mean(look.memory_bytes for look in part) for part in (full[:fifth], full[-fifth:]))
        return last / first - 1


@contextmanager
def soaked(folder: Path, *, streams: int) -> Iterator[servers.Service]:
    """One worker with a limit of this many streams, which reports its number of greenlets."""
    (folder / "soaked.py").write_text(APP)
    settings = {"FLUSHCHECK_MAX_STREAMS": str(streams + 200), "FLUSHCHECK_STALL_S": "5"}
    args = ["--worker-connections", str(streams + 400)]
    with servers.start_origin(env=settings, args=args, app="soaked:app", chdir=folder) as service:
        yield service


def soak(service: servers.Service, *, streams: int, seconds: float) -> Outcome:
    """Keep this many streams open for this time, and report what remains afterwards."""
    (worker,) = child_pids(service.pid)
    _count(service, "greenlets")
    outcome = Outcome()
    before = _count(service, "greenlets"), descriptors(worker)
    resuming.run(_load(service.port, worker, outcome, streams=streams, seconds=seconds))
    end_s = time.monotonic() + GONE_WITHIN_S
    while True:
        after = _count(service, "greenlets"), descriptors(worker)
        outcome.still_open = _open(service)
        gone = not outcome.still_open and after[0] <= before[0] + 2 and after[1] <= before[1] + 2
        if gone or time.monotonic() > end_s:
            break
        time.sleep(0.2)
    outcome.greenlets, outcome.files = zip(before, after, strict=True)
    assert {worker} == child_pids(service.pid), "the worker was replaced"
    return outcome


async def _load(port: int, worker: int, outcome: Outcome, *, streams: int, seconds: float) -> None:
    warm_up_s = max(WARM_UP_S, WARM_UP_SHARE * seconds)
    until_s = time.monotonic() + warm_up_s + seconds
    looks = asyncio.create_task(_look(worker, outcome, warm_up_s, until_s))
    async with asyncio.TaskGroup() as group:
        for place in range(streams):
            group.create_task(_place(port, random.Random(place), outcome, until_s))
    await looks


async def _place(port: int, draw: random.Random, outcome: Outcome, until_s: float) -> None:
    """One client after another, all their Pieces looked at."""
    await asyncio.sleep(draw.random() * WARM_UP_S)
    while (left_s := until_s - time.monotonic()) > 0:
        tale = resuming.Tale(draw.choice([Transport.CHUNKED, Transport.EVENTS, Transport.WEBSOCKET]))
        count = draw.choice(LENGTHS)
        query = f"count={count}&interval={INTERVAL_S}&format=delta&end=done"
        what = draw.randrange(100)
        outcome.streams += 1
        read = resuming.converse if tale.transport is Transport.WEBSOCKET else resuming.stream
        if what < STOP:
            await _stop_reading(port, min(left_s, count * INTERVAL_S))
        elif what < STOP + LEAVE:
            with suppress(TimeoutError):
                await asyncio.wait_for(read(port, tale, query), draw.random() * count * INTERVAL_S)
        else:
            with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
                await read(port, tale, query)
            if tale.end and len(tale.seqs) == count:
                outcome.whole += 1
            else:
                outcome.wrong.append(f"{tale}: expected {count} Pieces")
        if tale.seqs != list(range(len(tale.seqs))):
            outcome.wrong.append(f"{tale}: lost or doubled")


async def _stop_reading(port: int, seconds: float) -> None:
    """Ask for more than the kernel keeps, and read nothing."""
    with suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /stream/chunked?count=2000&interval=0&size=16000 HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(seconds)
        writer.close()


async def _look(worker: int, outcome: Outcome, warm_up_s: float, until_s: float) -> None:
    await asyncio.sleep(warm_up_s)
    began_s = time.monotonic()
    while time.monotonic() < until_s:
        at_s = time.monotonic() - began_s
        outcome.looks.append(Look(at_s, memory_bytes(worker), descriptors(worker)))
        await asyncio.sleep(SAMPLE_EVERY_S)


def _count(service: servers.Service, what: str) -> int:
    return int(requests.get(f"{service.url}/{what}", timeout=30, headers={"Connection": "close"}).text)


def _open(service: servers.Service) -> float:
    text = requests.get(f"{service.url}/metrics", timeout=30, headers={"Connection": "close"}).text
    lines = [line for line in text.splitlines() if line.startswith("flushcheck_streams_open{")]
    assert len(lines) == 3
    return sum(float(line.split()[-1]) for line in lines)
