"""The engine on real sockets, in gevent's own loop: what arrives, which clients are dropped, what is not delayed."""

from __future__ import annotations

import gc
import os
import socket
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import gevent
import pytest

from flushcheck.model import EndRecord, Framing, Piece, RequestAtApp, Transport
from flushcheck.service.serving.disconnect import SocketClient
from flushcheck.service.serving.frame_cache import frame_cache
from flushcheck.service.serving.frame_schedule import EndReason, FrameSchedule, StreamProgress
from flushcheck.service.serving.http_connection import chunk
from flushcheck.service.serving.schedule import TICK_S
from flushcheck.service.serving.stream_writer import BATCH_BYTES, StreamWriter
from flushcheck.streaming.limits import Limits
from flushcheck.streaming.params import Params
from flushcheck.streaming.source import source
from flushcheck.streaming.transports import decoder
from tests.service.wire import AT_ONCE_S, WITHIN_S, unchunked

FAST = Params(count=50, interval_s=0.005, end="done")
SLOW = Params(count=9, interval_s=5.0)
UNPACED = Params(count=2_000, interval_s=0.0, size_bytes=1000, end="done")
ENDLESS = Params(count=100_000, interval_s=0.0, size_bytes=1000)
LIMITS = Limits(max_stream_bytes=10**9)
STALL_S = 0.6


class Client:
    """A client, and the stream that it reads. While it waits, gevent runs the engine."""

    def __init__(
        self,
        writer: StreamWriter,
        params: Params,
        *,
        closing_frame: bytes = b"",
        request_at_app=RequestAtApp,
        on_readable=None,
    ) -> None:
        self.theirs, self.ours = socket.socketpair()
        self.theirs.setblocking(False)
        self.ours.setblocking(False)
        self.progress = StreamProgress()
        self.ends: list[bool] = []
        self.data = bytearray()
        frames = FrameSchedule(
            frame_cache(
                source(params, own_text="", limits=LIMITS), Transport.CHUNKED, Framing.DELTA, params.end
            ),
            self.progress,
            request_at_app=request_at_app,
            closing_frame=closing_frame,
        )
        client = SocketClient(self.ours, chunked=True)
        self.stream = writer.attach(
            frames,
            self.ours,
            chunk,
            client=client,
            on_readable=on_readable,
            on_end=lambda: self.ends.append(True),
        )
        self.writer = writer

    def read(self) -> bool:
        """Read what is there; False if there is nothing."""
        try:
            data = self.theirs.recv(1024 * 1024)
        except BlockingIOError:
            return False
        self.data += data
        return bool(data)

    def read_until(self, done: Callable[[], object]) -> None:
        until(lambda: done() or (self.read() and False))

    def read_to_the_end(self) -> tuple[list[Piece], EndRecord]:
        """All that was sent, once the stream has ended."""
        self.read_until(lambda: self.stream.ended)
        while self.read():
            pass
        chunks, _ = unchunked(bytes(self.data) + b"0\r\n\r\n")
        records = decoder(Transport.CHUNKED)
        each = [records.feed(data) for data in chunks]
        assert [len(fed) for fed in each] == [1] * len(chunks)  # a chunk for each
        *pieces, end = [record for (record,) in each]
        assert isinstance(end, EndRecord)
        return [piece for piece in pieces if isinstance(piece, Piece)], end

    def close(self) -> None:
        self.writer.abandon(self.stream)
        self.theirs.close()
        self.ours.close()


def until(done: Callable[[], object]) -> None:
    end_s = time.monotonic() + WITHIN_S
    while not done():
        assert time.monotonic() < end_s, "it did not happen"
        gevent.sleep(0.001)


@contextmanager
def reading(writer: StreamWriter, params: Params, **more: object) -> Iterator[Client]:
    with closing(Client(writer, params, **more)) as client:  # type: ignore[arg-type]
        yield client


@pytest.fixture
def writer() -> StreamWriter:
    return StreamWriter(stall_s=STALL_S, max_s=60.0, draining=lambda: False)


@pytest.mark.parametrize("params", [FAST, Params(count=1, end="done"), UNPACED])
def test_every_piece_comes_whole_in_a_chunk_of_its_own_at_its_moment(writer: StreamWriter, params):
    with reading(writer, params) as client:
        pieces, end = client.read_to_the_end()
        assert [piece.seq for piece in pieces] == list(range(params.count))
        assert all(piece.at_s >= piece.seq * params.interval_s - 1e-6 for piece in pieces)
        assert end.count == params.count
        assert (client.stream.ended, client.progress.pieces, client.ends) == (
            EndReason.DONE,
            params.count,
            [True],
        )


def test_frames_that_are_due_go_out_together(writer: StreamWriter, monkeypatch):
    sizes, os_write = [], os.write

    def write(fd: int, data: bytes) -> int:
        sizes.append(len(data))
        return os_write(fd, data)

    monkeypatch.setattr("flushcheck.service.serving.socket_writer.os.write", write)
    with reading(writer, UNPACED) as client:
        client.read_to_the_end()
    assert len(sizes) < UNPACED.count / 4  # of at most 8 in a batch
    assert max(sizes) < BATCH_BYTES + 1200


def test_a_client_that_pauses_loses_nothing_and_delays_no_other(writer: StreamWriter):
    with reading(writer, UNPACED) as slow, reading(writer, FAST) as other:
        until(lambda: slow.stream.unsent)  # all buffers on the way are full
        made = slow.progress.pieces
        pieces, _ = other.read_to_the_end()
        assert len(pieces) == FAST.count
        assert slow.progress.pieces == made  # nothing is made that cannot be sent
        assert len(slow.stream.unsent) < BATCH_BYTES + 1200
        pieces, _ = slow.read_to_the_end()
        assert [piece.seq for piece in pieces] == list(range(UNPACED.count))


def test_a_client_that_accepts_nothing_is_dropped(writer: StreamWriter):
    with reading(writer, ENDLESS) as dead:
        until(lambda: dead.stream.unsent)
        since_s = time.monotonic()
        until(lambda: dead.stream.ended)
        assert dead.stream.ended is EndReason.STALLED
        assert time.monotonic() - since_s > STALL_S / 2
        assert dead.ends == [True]
        assert dead.stream.unsent == b""


def test_a_client_that_accepts_little_is_dropped_in_the_end():
    writer = StreamWriter(stall_s=60.0, max_s=0.5, draining=lambda: False)
    with reading(writer, ENDLESS) as drip:
        while not drip.stream.ended:
            drip.theirs.setblocking(False)
            with suppress(BlockingIOError):
                drip.data += drip.theirs.recv(10)
            gevent.sleep(0.01)
        assert drip.stream.ended is EndReason.STALLED


def test_a_client_that_leaves_is_seen_at_once(writer: StreamWriter):
    with reading(writer, SLOW) as client:
        until(lambda: client.progress.pieces)
        gevent.sleep(TICK_S)
        client.theirs.close()
        left_s = time.monotonic()
        until(lambda: client.stream.ended)
        assert client.stream.ended is EndReason.GONE
        assert time.monotonic() - left_s < AT_ONCE_S


def test_streams_without_an_interval_do_not_delay_one_with(writer: StreamWriter):
    with (
        reading(writer, UNPACED) as first,
        reading(writer, UNPACED) as second,
        reading(writer, FAST) as paced,
    ):
        began_s = time.monotonic()
        while not paced.stream.ended:
            for client in (first, second, paced):
                client.read()
            gevent.sleep(0)
        took_s = time.monotonic() - began_s
        pieces, _ = paced.read_to_the_end()
        # They are still at it, and share what the paced one leaves.
        assert not first.stream.ended
        assert not second.stream.ended
        assert min(first.progress.pieces, second.progress.pieces) > 100
        late_s = sorted(piece.at_s - piece.seq * FAST.interval_s for piece in pieces)
        # Behind streams that are always due, half of it would be late by half of the whole.
        assert late_s[len(late_s) // 2] < took_s / 4


@pytest.mark.parametrize("params", [SLOW, FAST, ENDLESS])
def test_a_process_that_stops_aborts_its_streams_with_their_closing_frame(params):
    drains: list[bool] = []
    writer = StreamWriter(stall_s=STALL_S, max_s=60.0, draining=lambda: bool(drains))
    with reading(writer, params, closing_frame=b"bye\n") as client:
        until(lambda: client.progress.pieces)
        drains.append(True)
        client.read_until(lambda: client.stream.ended)
        while client.read():
            pass
        assert client.stream.ended is EndReason.DRAINED
        assert client.data.endswith(b"4\r\nbye\n\r\n")
        assert b'"end"' not in client.data
        # A later stream gets one Piece, and the same closing frame.
        with reading(writer, SLOW, closing_frame=b"bye\n") as late:
            until(lambda: late.stream.ended)
            assert late.stream.ended is EndReason.DRAINED


def test_injected_data_lands_between_two_frames(writer: StreamWriter):
    with reading(writer, UNPACED) as client:
        until(lambda: client.stream.unsent)
        assert writer.inject(client.stream, chunk(b'{"seq":99999,"at_s":0,"delta":"aside"}\n'))
        pieces, _ = client.read_to_the_end()
        assert [piece.text for piece in pieces if piece.seq == 99_999] == ["aside"]
        assert len(pieces) == UNPACED.count + 1
        assert not writer.inject(client.stream, b"too late")


def test_a_stopped_stream_ends_with_a_whole_frame(writer: StreamWriter):
    with reading(writer, UNPACED) as client:
        until(lambda: client.stream.unsent)
        writer.stop(client.stream)
        client.read_until(lambda: client.stream.ended)
        while client.read():
            pass
        assert client.stream.ended is EndReason.STOPPED
        unchunked(bytes(client.data) + b"0\r\n\r\n")


def test_an_abandoned_stream_writes_no_more(writer: StreamWriter):
    with reading(writer, FAST) as client, reading(writer, FAST) as other:
        until(lambda: client.progress.pieces > 3)
        writer.abandon(client.stream)
        assert client.ends == [True]
        while client.read():
            pass
        size = len(client.data)
        other.read_to_the_end()
        client.read()
        assert len(client.data) == size
        # Its descriptor may be another stream's now.
        with reading(writer, FAST) as next_client:
            next_client.read_to_the_end()


def test_an_error_of_the_service_ends_its_stream_and_no_other(writer: StreamWriter):
    def broken() -> RequestAtApp:
        raise ZeroDivisionError("of the service")

    two = Params(count=2, interval_s=0.01, end="done")
    with reading(writer, FAST) as other, reading(writer, two, request_at_app=broken) as client:
        until(lambda: client.stream.ended)
        assert client.stream.ended is EndReason.GONE
        assert isinstance(client.stream.error, ZeroDivisionError)
        pieces, _ = other.read_to_the_end()
        assert len(pieces) == FAST.count


def test_bytes_of_the_client_are_reported_to_the_request_that_wants_them(writer: StreamWriter):
    reported: list[bool] = []
    with reading(writer, SLOW, on_readable=lambda: reported.append(True)) as client:
        until(lambda: client.progress.pieces)
        assert reported == []
        client.theirs.send(b"stop")
        until(lambda: reported)
        client.ours.recv(10)
        reported.clear()
        client.theirs.send(b"again")
        until(lambda: reported)


def test_hundreds_at_once_are_all_served(writer: StreamWriter):
    clients = [Client(writer, Params(count=20, interval_s=0.02, end="done")) for _ in range(300)]
    try:
        until(lambda: all(client.stream.ended for client in clients))
        for client in clients:
            pieces, end = client.read_to_the_end()
            assert (len(pieces), end.count) == (20, 20)
    finally:
        for client in clients:
            client.close()


def test_nothing_is_kept_of_a_stream_that_has_ended(writer: StreamWriter):
    kept: list[weakref.ref[object]] = []

    def opened_and_left() -> None:
        """A stream that is silent for minutes, and whose client leaves before."""

        def request_at_app() -> RequestAtApp:  # holds its whole request
            return RequestAtApp()

        kept.append(weakref.ref(request_at_app))
        silent = Params(count=2, interval_s=300.0)
        with reading(writer, silent, request_at_app=request_at_app) as client:
            until(lambda: client.progress.pieces)
            client.theirs.close()
            until(lambda: client.stream.ended)

    for _ in range(5):
        opened_and_left()
    gc.collect()
    assert [reference() for reference in kept] == [None] * 5
