"""Where each stream paces itself, a client that accepts no data is dropped as by the engine."""

from __future__ import annotations

import math
import socket
import threading
import time
from contextlib import closing

import pytest

from flushcheck.service.serving.frame_schedule import EndReason, StreamProgress
from flushcheck.service.serving.stall_watch import StallWatch
from tests.service.wire import WITHIN_S, wait_until

FRAME = b"x" * 65_536


def write_until_it_fails(watch: StallWatch, sock: socket.socket, progress: StreamProgress) -> None:
    """As a server does that serves a thread each."""
    with watch.watch(sock, progress) as watched:
        while True:
            watched.since_s = time.monotonic()
            try:
                sock.sendall(FRAME)
            except OSError:
                return
            watched.since_s = math.inf


def connected() -> tuple[socket.socket, socket.socket]:
    """The server's end and the client's, over TCP."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        client = socket.create_connection(listener.getsockname(), timeout=WITHIN_S)
        return listener.accept()[0], client


CLIENTS = [
    # name, stall time, longest time, whether the client reads, how it ends
    ("reads nothing", 0.3, 60.0, False, EndReason.STALLED),
    ("reads slowly, within the stall time", 5.0, 0.6, True, EndReason.STALLED),
]


@pytest.mark.parametrize(
    ("name", "stall_s", "max_s", "reads", "ended"), CLIENTS, ids=[row[0] for row in CLIENTS]
)
def test_a_client_that_does_not_keep_up_is_dropped(name, stall_s, max_s, reads, ended):
    watch = StallWatch(stall_s=stall_s, max_s=max_s, every_s=0.05)
    server, client = connected()
    progress = StreamProgress()
    with closing(server), closing(client):
        writer = threading.Thread(target=write_until_it_fails, args=(watch, server, progress), daemon=True)
        writer.start()
        while reads and writer.is_alive():
            client.recv(1000)
            time.sleep(0.01)
        writer.join(WITHIN_S)
        assert not writer.is_alive()
    assert progress.ended is ended


def test_a_stream_that_waits_for_its_next_frame_is_no_stall():
    watch = StallWatch(stall_s=0.05, max_s=0.05, every_s=0.01)
    server, client = connected()
    with closing(server), closing(client), watch.watch(server, StreamProgress()) as watched:
        time.sleep(0.3)
        assert not watched.stalled


def test_the_thread_ends_with_the_last_stream():
    watch = StallWatch(stall_s=1.0, max_s=1.0, every_s=0.01)
    server, client = connected()
    with closing(server), closing(client):
        for _ in range(2):
            with watch.watch(server, StreamProgress()):
                assert watch._runs
            wait_until(lambda: not watch._runs, lambda: "the thread runs on")
