"""A deploy loses nothing: streams are ended by their protocol, and clients go on elsewhere behind the last Piece."""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from flushcheck.model import Transport
from flushcheck.streaming.limits import Limits
from flushcheck.streaming.params import Params
from flushcheck.streaming.source import source
from tests.live import servers
from tests.live.processes import child_pids
from tests.live.resuming import Tale, read_all, read_whole, run

INTERVAL_S = 0.1
CLIENTS = 200
# Pieces of a stream. On a busy machine the shortest may be over before the worker has begun to go; then a longer one is
# tried, since nothing would have been shown.
COUNTS = (35, 70, 140)

# 3 s are promised; a busy machine may add to it. gunicorn kills what has not ended after 8 s.
ENDED_WITHIN_S = 7.0

STREAMED = [Transport.CHUNKED, Transport.EVENTS, Transport.WEBSOCKET]
GOOD = servers.GOOD_SITE.read_text()


def lost_nothing(tales: list[Tale], count: int) -> None:
    """Each client has the whole text: no Piece lost, none doubled."""
    whole = [piece.text for piece in source(Params(count=count), own_text="", limits=Limits()).pieces()]
    for tale in tales:
        assert tale.seqs == list(range(count)), tale
        assert tale.texts == whole, tale


def renew(origin: servers.Service) -> None:
    """As a deploy does that keeps the listening socket: new workers, then the old ones go."""
    origin.process.send_signal(signal.SIGHUP)


def kill_one(origin: servers.Service) -> None:
    """As the kernel does when memory is short."""
    os.kill(min(child_pids(origin.pid)), signal.SIGKILL)


def nothing(origin: servers.Service) -> None:
    """The worker goes by itself: it has served as many requests as it may."""


async def while_reading(
    origin: servers.Service, port: int, count: int, happens: Callable[[servers.Service], None]
) -> list[Tale]:
    """Let 200 clients read, and in the first third something happen to the service."""
    reading = asyncio.create_task(read_all(port, count=count, clients=CLIENTS, interval_s=INTERVAL_S))
    await asyncio.sleep(count * INTERVAL_S / 3)
    happens(origin)
    return await reading


HAPPENS = [
    # name, what gunicorn is told, what happens, whether streams end by their protocol
    ("SIGHUP", (), renew, True),
    ("max_requests", ("--max-requests", "200"), nothing, True),
    ("kill -9", (), kill_one, False),
]


@pytest.mark.parametrize(("name", "args", "happens", "proper"), HAPPENS, ids=[one[0] for one in HAPPENS])
def test_each_of_200_streams_goes_on_behind_its_last_piece(name, args, happens, proper):
    with ExitStack() as stack:
        origin = stack.enter_context(servers.start_origin(args=["--workers", "2", *args]))
        nginx = stack.enter_context(servers.start_nginx(GOOD, upstreams={8000: origin.port}))
        for count in COUNTS:
            before = child_pids(origin.pid)
            tales = run(while_reading(origin, nginx.port, count, happens))
            lost_nothing(tales, count)
            if before - child_pids(origin.pid) and any(tale.streams > 1 for tale in tales):
                break
        else:
            pytest.fail("no stream was interrupted before its end")
    if proper:
        assert [tale for tale in tales if tale.cut] == []
        assert {code for tale in tales for code in tale.closes} <= {1000, 1012}
    assert "Traceback" not in origin.output()


def test_a_process_that_is_told_to_end_ends_each_stream_by_its_protocol():
    told_s = 0.0

    async def read() -> tuple[list[Tale], list[float]]:
        nonlocal told_s
        tales, ends_s = [Tale(kind) for kind in STREAMED * 5], []

        async def one(tale: Tale) -> None:
            from tests.live import resuming

            read = resuming.converse if tale.transport is Transport.WEBSOCKET else resuming.stream
            await read(origin.port, tale, "count=300&interval=0.1&format=delta&end=done")
            ends_s.append(time.monotonic())

        reading = asyncio.gather(*map(one, tales))
        while any(len(tale.seqs) < 3 for tale in tales):
            await asyncio.sleep(0.05)
        told_s = time.monotonic()
        origin.process.send_signal(signal.SIGTERM)
        await reading
        return tales, ends_s

    with servers.start_origin() as origin:
        tales, ends_s = run(read())
        assert origin.process.wait(servers.GONE_WITHIN_S) == 0
        gone_s = time.monotonic()
    assert max(ends_s) - told_s < ENDED_WITHIN_S
    assert gone_s - told_s < servers.GONE_WITHIN_S
    for tale in tales:
        assert tale.cut == 0, tale
        assert tale.end is None, tale
    assert {code for tale in tales for code in tale.closes} == {1012}
    # An event stream's last word is when to come back: soon, and not all in one moment.
    retries_ms = [tale.retries_ms[-1] for tale in tales if tale.transport is Transport.EVENTS]
    assert len(set(retries_ms)) > 1
    assert all(0 < retry_ms <= 2000 for retry_ms in retries_ms)
    ended = [line for line in origin.output().splitlines() if '"drained"' in line]
    assert len(ended) == len(tales)


def test_readiness_falls_with_the_first_word_of_the_end():
    ask = b"GET /stream/chunked?interval=30&count=9 HTTP/1.1\r\nHost: x\r\n\r\n"
    with ExitStack() as stack:
        origin = stack.enter_context(servers.start_origin())
        balancer = stack.enter_context(
            closing(http.client.HTTPConnection("127.0.0.1", origin.port, timeout=60))
        )
        assert ready(balancer) == (200, None)
        # A stream keeps the process from going before it is asked again.
        stream = stack.enter_context(socket.create_connection(("127.0.0.1", origin.port), timeout=60))
        stream.sendall(ask)
        assert stream.recv(1000)
        (worker,) = child_pids(origin.pid)
        os.kill(worker, signal.SIGTERM)
        status, retry_after = ready(balancer)
    assert status == 503
    assert retry_after


def ready(balancer: http.client.HTTPConnection) -> tuple[int, str | None]:
    """What /readyz says, and when to come back."""
    balancer.request("GET", "/readyz")
    response = balancer.getresponse()
    response.read()
    return response.status, response.headers["Retry-After"]


def test_streams_of_a_process_that_ends_go_on_at_another():
    async def read(count: int) -> Tale:
        reading = asyncio.create_task(
            read_whole(nginx.port, Transport.EVENTS, count=count, interval_s=INTERVAL_S)
        )
        await asyncio.sleep(1.0)
        first.process.send_signal(signal.SIGTERM)
        return await reading

    count = COUNTS[1]
    with ExitStack() as stack:
        first, second = (stack.enter_context(servers.start_origin()) for _ in range(2))
        both = f"upstream both {{ server 127.0.0.1:{first.port}; server 127.0.0.1:{second.port} backup; }}\n"
        site = both + GOOD.replace("proxy_pass http://127.0.0.1:8000", "proxy_pass http://both")
        nginx = stack.enter_context(servers.start_nginx(site))
        tale = run(read(count))
    lost_nothing([tale], count)
    assert tale.streams == 2
    assert Path(first.log).read_text().count('"drained"') == 1
