"""Moments and sizes in, Flow out: one table."""

from __future__ import annotations

import random

import pytest

from flushcheck.measurement.timing import measure
from flushcheck.model import Arrival, Flow, Observation, Outcome, Probe, ReceivedPiece, Scenario, Transport
from tests.measurement.arrivals import (
    RECORD,
    Reads,
    after_first,
    after_silence,
    at_rate,
    at_the_end,
    at_threshold,
    in_blocks,
    in_ticks,
    one_by_one,
    record_bytes,
    sent,
    with_the_next,
)


def observe(
    arrivals: Reads,
    *,
    outcome: Outcome = Outcome.COMPLETE,
    stall_s: float = 0.0,
) -> Observation:
    """An Observation from (at_s, bytes, [(seq, sent_s)])."""
    return Observation(
        Probe(Transport.CHUNKED, Scenario.KILO),
        outcome,
        status=200,
        stall_s=stall_s,
        arrivals=tuple(
            Arrival(
                at_s,
                size,
                size,
                tuple(ReceivedPiece(seq, offset, record_bytes(seq) - 40) for seq, offset in pieces),
            )
            for at_s, size, pieces in arrivals
        ),
    )


TOKEN = sent(20, 0.1)
KILO = sent(40, 0.05, 0.02)
BIG = sent(24, 0.08, 0.03)
JITTER = random.Random(3)
NOISE = random.Random(5)

FLOWS = [
    # name, arrivals, expected flow
    ("steady", one_by_one(TOKEN), Flow.FLOWING),
    ("steady with 200 ms more on the way", one_by_one(TOKEN, [0.2] * 20), Flow.FLOWING),
    ("jitter up to 300 ms", one_by_one(KILO, [JITTER.random() * 0.3 for _ in KILO]), Flow.FLOWING),
    (
        "one Piece in ten 150 ms late, as on a busy machine",
        one_by_one(TOKEN, [0.15 if NOISE.random() < 0.1 else 0.002 for _ in TOKEN]),
        Flow.FLOWING,
    ),
    ("all at the end", at_the_end(TOKEN), Flow.HELD),
    (
        "all at the end in many reads",
        [(1.95 + k / 1000, 1040, [(k, KILO[k])]) for k in range(40)],
        Flow.HELD,
    ),
    ("nginx's default at a kilobyte", in_blocks(KILO, 4096), Flow.BLOCKS),
    ("a block of 16 KiB", in_blocks(KILO, 16_384), Flow.BLOCKS),
    ("a block of 64 KiB", in_blocks(BIG, 65_536, record=16_040), Flow.BLOCKS),
    ("a timer of 200 ms", in_ticks(sent(40, 0.05, 0.04), 0.2), Flow.TICKS),
    ("a timer of 500 ms", in_ticks(sent(40, 0.05, 0.04), 0.5), Flow.TICKS),
    ("4096 bytes or more, in whole records", at_threshold(KILO, 4096), Flow.BLOCKS),
    ("200 ms after the first byte, at a kilobyte", after_first(KILO, 0.2), Flow.TICKS),
    ("200 ms after the first byte, at a token", after_first(TOKEN, 0.21), Flow.TICKS),
    ("ever later", at_rate(KILO, 12_000), Flow.THROTTLED),
    ("a link that is fast enough", at_rate(KILO, 60_000), Flow.FLOWING),
    ("each with the next", with_the_next(KILO), Flow.LATE),
    ("each with the next, at an even pace", with_the_next(TOKEN), Flow.LATE),
    ("nothing for 1.5 s", after_silence(TOKEN, 1.45), Flow.LATE),
    ("nothing for 0.5 s", after_silence(KILO, 0.5), Flow.LATE),
    ("an old stream again", [(0.01, 900, list(enumerate(TOKEN)))], Flow.REPLAYED),
]


@pytest.mark.parametrize(("name", "arrivals", "expected"), FLOWS, ids=[row[0] for row in FLOWS])
def test_flow(name, arrivals, expected):
    assert measure(observe(arrivals)).flow is expected


SIZES = [
    # block, record, offsets
    (4096, RECORD, KILO),
    (4064, RECORD, KILO),
    (8192, RECORD, KILO),
    (16_384, RECORD, KILO),
    (65_536, 16_040, BIG),
    (90_000, 16_040, BIG),
]


@pytest.mark.parametrize(("block", "record", "offsets"), SIZES)
def test_a_block_is_measured_to_the_byte(block, record, offsets):
    assert measure(observe(in_blocks(offsets, block, record))).hold_bytes == block


@pytest.mark.parametrize("period_s", [0.15, 0.2, 0.3])
def test_a_period_is_measured(period_s):
    timing = measure(observe(in_ticks(sent(40, 0.05, 0.04), period_s)))
    assert timing.period_s == pytest.approx(period_s, rel=0.02)


def test_a_timer_that_the_first_byte_starts_is_measured():
    timing = measure(observe(after_first(KILO, 0.2)))
    assert timing.period_s == pytest.approx(0.2, abs=0.02)


def test_a_rate_is_measured():
    assert measure(observe(at_rate(KILO, 12_000))).rate_bps == pytest.approx(12_000, rel=0.05)


def test_the_size_of_a_threshold_is_measured():
    assert measure(observe(at_threshold(KILO, 4096))).hold_bytes == 4096


def test_blocks_that_come_two_at_a_time_are_still_blocks():
    arrivals = in_blocks(KILO, 4096)
    late = [(max(at_s, 0.7) if 0.5 < at_s < 0.7 else at_s, size, pieces) for at_s, size, pieces in arrivals]
    timing = measure(observe(late))
    assert (timing.flow, timing.hold_bytes) == (Flow.BLOCKS, 4096)


def test_an_observer_that_was_kept_from_running_accuses_nobody():
    # Every fourth read comes 250 ms late, with all that had come meanwhile.
    stalled = [
        (round(at_s + 0.25 - at_s % 0.25, 3), size, pieces) for at_s, size, pieces in one_by_one(TOKEN)
    ]
    assert measure(observe(stalled)).flow is not Flow.FLOWING
    assert measure(observe(stalled, stall_s=0.26)).flow is Flow.UNKNOWN


def test_a_stall_does_not_hide_a_stream_that_is_one_piece_late():
    timing = measure(observe(with_the_next(TOKEN), stall_s=0.15))
    assert timing.flow is Flow.LATE
    assert timing.waits_for_next


def test_a_stall_as_long_as_a_timer_could_err_leaves_the_timer_open():
    # 400 ms apart, give or take 60, and nearly as many bytes each time.
    reads = one_by_one(sent(24, 0.1))
    ticks = [
        (0.4 * (i // 4 + 1) + 0.06 * (i // 4 % 2), 100 + i // 4 % 3, pieces)
        for i, (_, _, pieces) in enumerate(reads)
    ]
    assert measure(observe(ticks)).period_s == 0
    stalled = measure(observe(ticks, stall_s=0.06))
    assert stalled.flow is Flow.BLOCKS
    assert stalled.period_s == pytest.approx(0.4, rel=0.2)


def test_blocks_to_the_byte_are_blocks_however_busy_the_observer_was():
    timing = measure(observe(in_blocks(KILO, 4096), stall_s=0.5))
    assert (timing.flow, timing.hold_bytes) == (Flow.BLOCKS, 4096)


OUTCOMES = [
    (Outcome.REFUSED, [], Flow.FAILED),
    (Outcome.UNREACHABLE, [], Flow.FAILED),
    (Outcome.TIMEOUT, [], Flow.FAILED),
    (Outcome.CUT, [], Flow.CUT),
    (Outcome.CUT, one_by_one(TOKEN[:7]), Flow.CUT),
    (Outcome.TIMEOUT, one_by_one(TOKEN[:7]), Flow.FLOWING),
]


@pytest.mark.parametrize(("outcome", "arrivals", "expected"), OUTCOMES)
def test_an_ending_that_is_not_the_streams_own(outcome, arrivals, expected):
    assert measure(observe(arrivals, outcome=outcome)).flow is expected
