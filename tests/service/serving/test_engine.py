"""The engine on real sockets, in gevent's own loop: what arrives whole, who is dropped, who is not held up."""

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
from flushcheck.service.serving.connection import chunk, message
from flushcheck.service.serving.disconnect import Watched
from flushcheck.service.serving.engine import BATCH_BYTES, TICK_S, Engine
from flushcheck.service.serving.frame_cache import script
from flushcheck.service.serving.frame_schedule import Ended, Pace, Progress
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


class Reader:
    """A client, and the stream that it reads. Its reading gives way to the engine like anything under gevent."""

    def __init__(self, engine: Engine, params: Params, *, farewell: bytes = b"", origin=RequestAtApp) -> None:
        self.theirs, self.ours = socket.socketpair()
        self.theirs.setblocking(False)
        self.ours.setblocking(False)
        self.progress = Progress()
        self.over: list[bool] = []
        self.data = bytearray()
        pace = Pace(
            script(source(params, own_text="", limits=LIMITS), Transport.CHUNKED, Framing.DELTA, params.end),
            self.progress,
            origin=origin,
            farewell=farewell,
        )
        watched = Watched(self.ours, chunked=True)
        self.ride = engine.carry(
            pace, self.ours, chunk, reader=watched, on_over=lambda: self.over.append(True)
        )

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
        """All that was sent, once the ride is over."""
        self.read_until(lambda: self.ride.ended)
        while self.read():
            pass
        chunks, _ = unchunked(bytes(self.data) + b"0\r\n\r\n")
        records = decoder(Transport.CHUNKED)
        each = [records.feed(one) for one in chunks]
        assert [len(one) for one in each] == [1] * len(chunks)  # a chunk for each
        *pieces, end = [one for (one,) in each]
        assert isinstance(end, EndRecord)
        return [piece for piece in pieces if isinstance(piece, Piece)], end

    def close(self) -> None:
        self.ride.drop()
        self.theirs.close()
        self.ours.close()


def until(done: Callable[[], object]) -> None:
    end_s = time.monotonic() + WITHIN_S
    while not done():
        assert time.monotonic() < end_s, "it did not happen"
        gevent.sleep(0.001)


@contextmanager
def reading(engine: Engine, params: Params, **more: object) -> Iterator[Reader]:
    with closing(Reader(engine, params, **more)) as reader:  # type: ignore[arg-type]
        yield reader


@pytest.fixture
def engine() -> Engine:
    return Engine(stall_s=STALL_S, most_s=60.0, draining=lambda: False)


@pytest.mark.parametrize("params", [FAST, Params(count=1, end="done"), UNPACED])
def test_every_piece_comes_whole_in_a_chunk_of_its_own_at_its_moment(engine: Engine, params):
    with reading(engine, params) as reader:
        pieces, end = reader.read_to_the_end()
        assert [piece.seq for piece in pieces] == list(range(params.count))
        assert all(piece.at_s >= piece.seq * params.interval_s - 1e-6 for piece in pieces)
        assert end.count == params.count
        assert (reader.ride.ended, reader.progress.pieces, reader.over) == (Ended.DONE, params.count, [True])


def test_frames_that_are_due_go_out_together(engine: Engine, monkeypatch):
    sizes = []

    def write(fd: int, data: bytes) -> int:
        sizes.append(len(data))
        return os_write(fd, data)

    os_write = os.write
    monkeypatch.setattr("flushcheck.service.serving.engine.os.write", write)
    with reading(engine, UNPACED) as reader:
        reader.read_to_the_end()
    assert len(sizes) < UNPACED.count / 4  # of at most 8 in a batch
    assert max(sizes) < BATCH_BYTES + 1200


def test_a_reader_that_pauses_loses_nothing_and_holds_up_nobody(engine: Engine):
    with reading(engine, UNPACED) as slow, reading(engine, FAST) as other:
        until(lambda: slow.ride.out)  # all buffers on the way are full
        made = slow.progress.pieces
        pieces, _ = other.read_to_the_end()
        assert len(pieces) == FAST.count
        assert slow.progress.pieces == made  # nothing is made that cannot be sent
        assert len(slow.ride.out) < BATCH_BYTES + 1200
        pieces, _ = slow.read_to_the_end()
        assert [piece.seq for piece in pieces] == list(range(UNPACED.count))


def test_a_reader_that_takes_nothing_is_dropped(engine: Engine):
    with reading(engine, ENDLESS) as dead:
        until(lambda: dead.ride.out)
        since_s = time.monotonic()
        until(lambda: dead.ride.ended)
        assert dead.ride.ended is Ended.STALLED
        assert time.monotonic() - since_s > STALL_S / 2
        assert dead.over == [True]
        assert dead.ride.out == b""


def test_a_reader_that_takes_little_is_dropped_in_the_end():
    engine = Engine(stall_s=60.0, most_s=0.5, draining=lambda: False)
    with reading(engine, ENDLESS) as drip:
        while not drip.ride.ended:
            drip.theirs.setblocking(False)
            with suppress(BlockingIOError):
                drip.data += drip.theirs.recv(10)
            gevent.sleep(0.01)
        assert drip.ride.ended is Ended.STALLED


def test_a_reader_that_leaves_is_seen_at_once(engine: Engine):
    with reading(engine, SLOW) as reader:
        until(lambda: reader.progress.pieces)
        gevent.sleep(TICK_S)
        reader.theirs.close()
        left_s = time.monotonic()
        until(lambda: reader.ride.ended)
        assert reader.ride.ended is Ended.GONE
        assert time.monotonic() - left_s < AT_ONCE_S


def test_streams_without_an_interval_do_not_hold_up_one_with(engine: Engine):
    with (
        reading(engine, UNPACED) as first,
        reading(engine, UNPACED) as second,
        reading(engine, FAST) as paced,
    ):
        while not paced.ride.ended:
            for reader in (first, second, paced):
                reader.read()
            gevent.sleep(0)
        pieces, _ = paced.read_to_the_end()
        # They are still at it, and share what the paced one leaves.
        assert not first.ride.ended
        assert not second.ride.ended
        assert min(first.progress.pieces, second.progress.pieces) > 100
        late_s = sorted(piece.at_s - piece.seq * FAST.interval_s for piece in pieces)
        assert late_s[len(late_s) // 2] < 10 * TICK_S


@pytest.mark.parametrize("params", [SLOW, FAST, ENDLESS])
def test_a_process_that_ends_breaks_its_streams_off_with_their_last_words(params):
    drains: list[bool] = []
    engine = Engine(stall_s=STALL_S, most_s=60.0, draining=lambda: bool(drains))
    with reading(engine, params, farewell=b"bye\n") as reader:
        until(lambda: reader.progress.pieces)
        drains.append(True)
        reader.read_until(lambda: reader.ride.ended)
        while reader.read():
            pass
        assert reader.ride.ended is Ended.DRAINED
        assert reader.data.endswith(b"4\r\nbye\n\r\n")
        assert b'"end"' not in reader.data
        # Whoever comes later gets one Piece, and the same words.
        with reading(engine, SLOW, farewell=b"bye\n") as late:
            until(lambda: late.ride.ended)
            assert late.ride.ended is Ended.DRAINED


def test_what_is_said_in_between_lands_between_two_frames(engine: Engine):
    with reading(engine, UNPACED) as reader:
        until(lambda: reader.ride.out)
        assert reader.ride.say(chunk(b'{"seq":99999,"at_s":0,"delta":"aside"}\n'))
        pieces, _ = reader.read_to_the_end()
        assert [piece.text for piece in pieces if piece.seq == 99_999] == ["aside"]
        assert len(pieces) == UNPACED.count + 1
        assert not reader.ride.say(b"too late")


def test_a_ride_that_is_stopped_ends_with_a_whole_frame(engine: Engine):
    with reading(engine, UNPACED) as reader:
        until(lambda: reader.ride.out)
        reader.ride.stop()
        reader.read_until(lambda: reader.ride.ended)
        while reader.read():
            pass
        assert reader.ride.ended is Ended.STOPPED
        unchunked(bytes(reader.data) + b"0\r\n\r\n")


def test_a_ride_that_was_dropped_writes_no_more(engine: Engine):
    with reading(engine, FAST) as reader, reading(engine, FAST) as other:
        until(lambda: reader.progress.pieces > 3)
        reader.ride.drop()
        assert reader.over == [True]
        while reader.read():
            pass
        size = len(reader.data)
        other.read_to_the_end()
        reader.read()
        assert len(reader.data) == size
        # Its descriptor may be somebody else's now.
        with reading(engine, FAST) as next_one:
            next_one.read_to_the_end()


def test_an_error_of_ours_is_raised_where_the_stream_was_asked_for(engine: Engine):
    def broken() -> RequestAtApp:
        raise ZeroDivisionError("ours")

    with reading(engine, FAST) as other:
        theirs, ours = socket.socketpair()
        with theirs, ours:
            ours.setblocking(False)
            progress = Progress()
            pace = Pace(
                script(
                    source(Params(count=2, interval_s=0.01), own_text="", limits=LIMITS),
                    Transport.CHUNKED,
                    Framing.DELTA,
                    "done",
                ),
                progress,
                origin=broken,
            )
            with pytest.raises(ZeroDivisionError, match="ours"):
                engine.carry_out(pace, chunk, progress, reader=Watched(ours, chunked=True))
            assert progress.ended is Ended.GONE
        pieces, _ = other.read_to_the_end()
        assert len(pieces) == FAST.count


def test_hundreds_at_once_are_all_served(engine: Engine):
    readers = [Reader(engine, Params(count=20, interval_s=0.02, end="done")) for _ in range(300)]
    try:
        until(lambda: all(reader.ride.ended for reader in readers))
        for reader in readers:
            pieces, end = reader.read_to_the_end()
            assert (len(pieces), end.count) == (20, 20)
    finally:
        for reader in readers:
            reader.close()


def test_nothing_is_kept_of_a_ride_that_is_over(engine: Engine):
    kept: list[weakref.ref[object]] = []

    def opened_and_left() -> None:
        """A stream that is silent for minutes, and whose reader does not stay for that."""

        def origin() -> RequestAtApp:  # holds its whole request
            return RequestAtApp()

        kept.append(weakref.ref(origin))
        silent = Params(count=2, interval_s=300.0)
        with reading(engine, silent, origin=origin) as reader:
            until(lambda: reader.progress.pieces)
            reader.theirs.close()
            until(lambda: reader.ride.ended)

    for _ in range(5):
        opened_and_left()
    gc.collect()
    assert [one() for one in kept] == [None] * 5


SIZES = [
    # bytes of the text, the frame's head: RFC 6455, section 5.2
    (0, b"\x81\x00"),
    (125, b"\x81\x7d"),
    (126, b"\x81\x7e\x00\x7e"),
    (65_535, b"\x81\x7e\xff\xff"),
    (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
]


@pytest.mark.parametrize(("size", "head"), SIZES)
def test_a_message_is_one_frame(size, head):
    assert message(b"x" * size) == head + b"x" * size
