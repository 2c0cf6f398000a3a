"""A stream behind a pretended hold, with a clock that is ours: what goes out, when, and how it ends."""

from __future__ import annotations

import pytest

from flushcheck.model import EndRecord, Framing, RequestAtApp, Transport
from flushcheck.service.serving.frame_cache import frame_cache
from flushcheck.service.serving.frame_schedule import (
    EndReason,
    FrameSchedule,
    StreamProgress,
    iter_frames_blocking,
)
from flushcheck.service.serving.pretended_schedule import PretendedSchedule
from flushcheck.streaming.limits import Limits
from flushcheck.streaming.params import Params
from flushcheck.streaming.pretend import parse_pretend
from flushcheck.streaming.source import source
from flushcheck.streaming.transports import decoder
from tests.service.serving.test_frame_schedule import Client, Clock

PARAMS = Params(count=6, interval_s=0.1, end="done", framing=Framing.DELTA, size_bytes=300)


def run(rule: str, params: Params = PARAMS, *, drained_s: float = 1e9):
    """What goes out, with its moments; the schedule; its client."""
    clock, progress = Clock(), StreamProgress()
    client = Client(clock)
    cache = frame_cache(
        source(params, own_text="", limits=Limits()), Transport.CHUNKED, params.framing, params.end
    )
    frames = FrameSchedule(
        cache, progress, request_at_app=RequestAtApp, closing_frame=b"bye\n", pretended=rule
    )
    pretend = parse_pretend(rule)
    assert pretend
    held = PretendedSchedule(frames, pretend)
    out = [
        (round(clock.now_s - 100.0, 6), data)
        for data in iter_frames_blocking(
            held, client, draining=lambda: clock.now_s >= 100.0 + drained_s, clock=clock
        )
    ]
    return out, held, client


ENDS = [
    # rule, moments at which bytes go out, whether the end comes
    ("end", [0.5], True),
    ("blocks-1024", [0.3, 0.5], True),
    ("ticks-250", [0.25, 0.5], True),
    ("ticks-150", [0.15, 0.35, 0.5], True),
    ("cut-0.25", [0.0, 0.1, 0.2], False),
    ("cut-0.2", [0.0, 0.1], False),
    ("cut-9", [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.5], True),
]


@pytest.mark.parametrize(("rule", "moments", "ends"), ENDS)
def test_bytes_go_out_when_the_hold_lets_go(rule, moments, ends):
    out, held, _ = run(rule)
    assert [at_s for at_s, _ in out] == pytest.approx(moments)
    records = decoder(Transport.CHUNKED).feed(b"".join(data for _, data in out))
    assert [record.pretended for record in records if isinstance(record, EndRecord)] == [rule] * ends
    # Each record says when the app wrote it, not when the hold let go of it.
    pieces = [record for record in records if not isinstance(record, EndRecord)]
    assert [piece.at_s for piece in pieces] == pytest.approx([n * 0.1 for n in range(len(pieces))])
    assert (held.finished, held.is_cut) == (True, not ends)


def test_a_stream_without_an_end_record_is_whole_too():
    out, held, _ = run("end", Params(count=3, interval_s=0.1))
    assert [(at_s, data) for at_s, data in out] == [(pytest.approx(0.2), b"Water in a")]
    assert held.progress.ended is EndReason.DONE


def test_what_is_held_goes_out_with_the_closing_frame_when_the_process_stops():
    out, held, _ = run("end", Params(count=90, interval_s=0.1), drained_s=0.25)
    assert len(out) == 1
    assert out[0][1].startswith(b"Water in a")
    assert out[0][1].endswith(b"bye\n")
    assert held.progress.ended is EndReason.DRAINED


def test_an_unpaced_stream_that_is_held_lets_others_run():
    _, _, client = run("end", Params(count=100, interval_s=0.0))
    assert client.waits.count(0.0) >= 100 // 16


def test_what_a_stream_keeps_is_bounded():
    out, _, _ = run("end", Params(count=1000, interval_s=0.0, size_bytes=1000))
    assert max(len(data) for _, data in out) < 140_000
    assert sum(len(data) for _, data in out) == 1_000_000
