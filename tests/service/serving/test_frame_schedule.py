"""When each frame goes out, with a clock and a reader that are ours: no sleeping, no socket."""

from __future__ import annotations

from collections.abc import Callable, Generator

import pytest

from flushcheck.model import EndRecord, Framing, Piece, RequestAtApp, Transport
from flushcheck.service.serving.drain import CHECK_EVERY_S
from flushcheck.service.serving.frame_cache import frame_cache
from flushcheck.service.serving.frame_schedule import (
    MAX_FRAMES_IN_A_ROW,
    EndReason,
    FrameSchedule,
    Heartbeat,
    StreamProgress,
    iter_frames_blocking,
)
from flushcheck.streaming.limits import Limits
from flushcheck.streaming.params import Params
from flushcheck.streaming.source import source
from flushcheck.streaming.transports import decoder


class Clock:
    """Time that passes only while a stream waits or a read takes long."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Client:
    """Waits by the clock; leaves in its own way at a moment of its own."""

    def __init__(self, clock: Clock, *, until_s: float = 1e9, how: EndReason = EndReason.GONE) -> None:
        self.clock = clock
        self.until_s = clock.now_s + until_s
        self.how = how
        self.waits: list[float] = []

    def wait(self, seconds: float) -> EndReason | None:
        self.waits.append(seconds)
        self.clock.now_s = min(self.clock.now_s + seconds, max(self.until_s, self.clock.now_s))
        return self.how if self.clock.now_s >= self.until_s else None


def run(
    params: Params,
    *,
    make_client: Callable[[Clock], Client] = Client,
    heartbeat: Heartbeat | None = None,
    preamble: bytes = b"",
    reads_in_s: float = 0.0,
    drained_s: float = 1e9,
) -> tuple[list[tuple[float, bytes]], StreamProgress, Client]:
    """The frames with the moments they went out at, counted from the first."""
    clock = Clock()
    client, progress = make_client(clock), StreamProgress()
    out = []
    frames = FrameSchedule(
        frame_cache(
            source(params, own_text="", limits=Limits()), Transport.CHUNKED, Framing.DELTA, params.end
        ),
        progress,
        request_at_app=lambda: RequestAtApp(concurrent=3),
        preamble=preamble,
        closing_frame=b"bye\n",
        heartbeat=heartbeat,
    )
    for frame in iter_frames_blocking(
        frames, client, draining=lambda: clock.now_s >= 100.0 + drained_s, clock=clock
    ):
        out.append((round(clock.now_s - 100.0, 6), frame))
        clock.now_s += reads_in_s
    return out, progress, client


def pieces(out: list[tuple[float, bytes]]) -> list[tuple[float, Piece | EndRecord]]:
    records = decoder(Transport.CHUNKED)
    return [(at_s, one) for at_s, frame in out for one in records.feed(frame)]


PACES = [
    # name, parameters, moments at which the Pieces go out
    ("one", Params(count=1), [0.0]),
    ("steady", Params(count=4, interval_s=0.5), [0.0, 0.5, 1.0, 1.5]),
    ("from the middle", Params(count=4, start=2, interval_s=0.5), [0.0, 0.5]),
    ("all at once", Params(count=4, interval_s=0.0), [0.0, 0.0, 0.0, 0.0]),
]


@pytest.mark.parametrize(("name", "params", "moments"), PACES)
def test_pieces_go_out_at_their_moments_and_say_so(name, params, moments):
    out, progress, _ = run(params)
    sent = pieces(out)
    assert [at_s for at_s, _ in sent] == moments
    assert [piece.at_s for _, piece in sent] == moments
    assert (progress.pieces, progress.ended) == (len(moments), EndReason.DONE)


def test_jitter_is_kept():
    params = Params(count=9, interval_s=0.5, jitter_s=0.4)
    planned = [piece.at_s for piece in source(params, own_text="", limits=Limits()).pieces()]
    out, *_ = run(params)
    assert [at_s for at_s, _ in pieces(out)] == pytest.approx(planned, abs=1e-5)


def test_a_slow_reader_gets_late_pieces_and_then_the_schedule_again():
    out, *_ = run(Params(count=5, interval_s=0.5), reads_in_s=0.7)
    assert [at_s for at_s, _ in out] == [0.0, 0.7, 1.4, 2.1, 2.8]
    assert [piece.at_s for _, piece in pieces(out)] == pytest.approx([0.0, 0.7, 1.4, 2.1, 2.8])


def test_the_end_comes_with_the_last_piece_and_says_what_was_seen():
    out, *_ = run(Params(count=3, start=1, interval_s=0.5, end="done"))
    assert pieces(out)[-1] == (0.5, EndRecord(3, 0.5, RequestAtApp(concurrent=3)))


def test_what_goes_out_first_is_not_on_the_clock():
    out, *_ = run(Params(count=2, interval_s=0.5), preamble=b"\n", reads_in_s=0.2)
    assert [at_s for at_s, _ in out] == [0.0, 0.2, 0.7]
    assert [piece.at_s for _, piece in pieces(out)] == pytest.approx([0.0, 0.5])


LEAVING = [
    # how the reader ends it, when, Pieces sent by then
    (EndReason.GONE, 0.7, 2),
    (EndReason.STOPPED, 0.7, 2),
    (EndReason.REFUSED, 0.1, 1),
    (EndReason.GONE, 1.4, 3),
]


@pytest.mark.parametrize(("how", "when_s", "sent"), LEAVING)
def test_a_stream_ends_when_its_reader_says_so(how, when_s, sent):
    out, progress, client = run(
        Params(count=9, interval_s=0.5, end="done"),
        make_client=lambda clock: Client(clock, until_s=when_s, how=how),
    )
    assert (len(out), progress.pieces, progress.ended) == (sent, sent, how)
    assert client.clock.now_s == pytest.approx(100.0 + when_s)


def test_a_stream_without_a_client_is_gone():
    clock, progress = Clock(), StreamProgress()
    frames = FrameSchedule(
        frame_cache(
            source(Params(count=9), own_text="", limits=Limits()), Transport.CHUNKED, Framing.PLAIN, "none"
        ),
        progress,
        request_at_app=RequestAtApp,
    )
    stream = iter_frames_blocking(frames, Client(clock), draining=lambda: False, clock=clock)
    next(stream)
    next(stream)
    assert isinstance(stream, Generator)
    stream.close()
    assert (progress.pieces, progress.ended) == (2, EndReason.GONE)


def test_a_process_that_ends_breaks_off_its_streams_with_their_last_words():
    out, progress, client = run(Params(count=9, interval_s=0.5, end="done"), drained_s=1.1)
    assert [frame for _, frame in out[3:]] == [b"bye\n"]
    assert (progress.pieces, progress.ended) == (3, EndReason.DRAINED)
    assert client.clock.now_s < 100.0 + 1.1 + 2 * CHECK_EVERY_S


AROUND = [
    # name, preamble, whether it is broken off, all bytes
    ("no preamble", b"", False, b"HEAD<0>< 1 >TAIL"),
    ("a preamble", b"\n", False, b"HEAD<\n><0>< 1 >TAIL"),
    ("broken off", b"", True, b"HEAD<0><bye\n>TAIL"),
]


@pytest.mark.parametrize(("name", "preamble", "aborted", "expected"), AROUND, ids=[row[0] for row in AROUND])
def test_head_and_tail_go_out_as_they_are_around_all_frames(name, preamble, aborted, expected):
    frames = FrameSchedule(
        frame_cache(
            source(Params(count=2, interval_s=0.0, text="file"), own_text="0 1 ", limits=Limits()),
            Transport.CHUNKED,
            Framing.PLAIN,
            "none",
        ),
        StreamProgress(),
        request_at_app=RequestAtApp,
        preamble=preamble,
        closing_frame=b"bye\n",
    )
    frames.set_framer(lambda frame: b"<%b>" % frame, head=b"HEAD", tail=b"TAIL")
    data = b""
    while not frames.finished:
        data += frames.abort() if aborted and b"0" in data else frames.next_frame(100.0)
    assert data == expected


def test_unpaced_frames_give_others_a_turn():
    count = 4 * MAX_FRAMES_IN_A_ROW
    out, _, client = run(Params(count=count, interval_s=0.0))
    assert len(out) == count
    assert client.waits == [0.0] * 4


BEATS = [
    # interval, heartbeat, moments of the Pieces, moments of the heartbeats
    (1.0, 0.4, [0.0, 1.0, 2.0], [0.4, 0.8, 1.4, 1.8]),
    (1.0, 1.0, [0.0, 1.0, 2.0], []),
    (0.5, 15.0, [0.0, 0.5, 1.0], []),
]


@pytest.mark.parametrize(("interval", "every", "moments", "beats"), BEATS)
def test_a_long_silence_has_heartbeats(interval, every, moments, beats):
    out, *_ = run(Params(count=3, interval_s=interval), heartbeat=Heartbeat(every, b"\n"))
    assert [at_s for at_s, frame in out if frame != b"\n"] == pytest.approx(moments)
    assert [at_s for at_s, frame in out if frame == b"\n"] == pytest.approx(beats)
