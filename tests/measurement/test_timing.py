"""Moments and sizes in, Flow out: one table."""

from __future__ import annotations

import dataclasses
import random

import pytest

from flushcheck.measurement.patterns import Delivery
from flushcheck.measurement.timing import flow, kept_share, measure, unclear
from flushcheck.model import Arrival, Flow, Observation, Outcome, Probe, ReceivedPiece, Scenario, Transport
from tests.measurement.arrivals import (
    RECORD,
    Reads,
    after_first,
    after_silence,
    at_moments,
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
    sizes: bool = True,
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
                tuple(
                    ReceivedPiece(seq, offset, record_bytes(seq) - 40 if sizes else 0)
                    for seq, offset in pieces
                ),
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
    ("with a growing delay", at_rate(KILO, 12_000), Flow.THROTTLED),
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


def test_what_a_compressor_lets_go_is_no_block():
    plain = observe(in_blocks(KILO, 4096))
    for headers, size in (((), 4096), ((("content-encoding", "gzip"),), None)):
        timing = measure(dataclasses.replace(plain, headers=headers))
        assert timing.flow is Flow.BLOCKS
        assert timing.hold_bytes == size


def test_the_size_of_a_threshold_is_measured():
    assert measure(observe(at_threshold(KILO, 4096))).hold_bytes == 4096


def test_blocks_that_come_two_at_a_time_are_still_blocks():
    arrivals = in_blocks(KILO, 4096)
    late = [(max(at_s, 0.7) if 0.5 < at_s < 0.7 else at_s, size, pieces) for at_s, size, pieces in arrivals]
    timing = measure(observe(late))
    assert (timing.flow, timing.hold_bytes) == (Flow.BLOCKS, 4096)


def test_an_observer_that_was_kept_from_running_finds_no_hold():
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


# A row on each side of every threshold. Pieces go every eighth of a second, which a float holds exactly.

EVERY_8TH = [k / 8 for k in range(32)]
SECONDS = [float(k) for k in range(8)]


def in_groups(*groups: tuple[float, int], sizes: list[int] | None = None) -> Reads:
    """Groups of so many Pieces, each at its moment."""
    at_s = [moment_s for moment_s, count in groups for _ in range(count)]
    return at_moments(EVERY_8TH, at_s, sizes)


def pairs(count: int, of: int = 21) -> Reads:
    """So many times a Piece waits for the next one; all others come when they are sent."""
    at_s = [EVERY_8TH[k + 1 if k % 2 == 0 and k < 2 * count else k] for k in range(of)]
    return at_moments(EVERY_8TH, at_s)


def overtaken(count: int, of: int = 21) -> Reads:
    """So many Pieces come 0.2 s late, and the one after each with it."""
    late_s = [0.2 - 0.125 * (k % 3) if k < 3 * count and k % 3 < 2 else 0.0 for k in range(of)]
    return at_moments(
        EVERY_8TH, [EVERY_8TH[k - k % 3] + 0.2 if late_s[k] else EVERY_8TH[k] for k in range(of)]
    )


UNEVEN = ((0.375, 4), (1.0, 4), (1.375, 4), (2.0, 4), (2.375, 4))  # no timer: 0.375 and 0.5 s late
UNEVEN_SIZES = [100, 200, 330, 470, 100]  # no block
LATER = ((1.0, 4), (1.375, 4), (2.0, 4), (2.375, 4))

# One Piece with the next, then two together with the next: 2 in 3 go as if each waited for the next one.
WITH_NEXT = [(0.125, 1), (0.375, 2), (0.5, 1), (0.75, 2), (0.875, 1), (1.125, 2), (1.25, 1), (1.5, 3)]
FEW_WITH_NEXT = [*WITH_NEXT[:3], (0.75, 3)]

EDGES = [
    # name,                                              arrivals,                                                      stall, flow,       the field that tells it
    ("a quarter of a second early",                      at_moments(EVERY_8TH, [s - 0.25 for s in EVERY_8TH]),          0.0,   Flow.FLOWING, {}),
    ("earlier than that",                                at_moments(EVERY_8TH, [s - 0.26 for s in EVERY_8TH]),          0.0,   Flow.REPLAYED, {}),
    ("blocks to half a percent, the observer stalled",   in_groups(*[(k / 2 + 0.375, 4) for k in range(5)], sizes=[10_000, 10_000, 10_000, 10_050, 3000]), 0.5, Flow.BLOCKS, {"hold_bytes": 10_000}),
    ("blocks a little more uneven, the observer stalled", in_groups(*[(k / 2 + 0.375, 4) for k in range(5)], sizes=[10_000, 10_000, 10_000, 10_051, 3000]), 0.5, Flow.UNKNOWN, {}),
    ("four equal blocks, the observer stalled",          in_groups(*[(k / 2 + 0.375, 4) for k in range(4)], sizes=[1000, 1000, 1000, 300]), 0.5, Flow.UNKNOWN, {}),
    ("three in ten overtaken",                           overtaken(6),                                                  0.0,   Flow.FLOWING, {"jittery": True}),
    ("two in seven overtaken",                           overtaken(4, of=15),                                           0.0,   Flow.FLOWING, {"jittery": False}),
    ("one in four overtaken",                            overtaken(5),                                                  0.0,   Flow.FLOWING, {"jittery": False}),
    ("most late by 0.8 of the gap, the observer stalled", at_moments(SECONDS, [0.0, *(s + 0.8125 for s in SECONDS[1:])]), 0.021, Flow.UNKNOWN, {}),
    ("most late by 0.8 of the gap, no stall to speak of", at_moments(SECONDS, [0.0, *(s + 0.8125 for s in SECONDS[1:])]), 0.02, Flow.FLOWING, {}),
    ("nine in twenty overtaken, but for the stall",      pairs(9),                                                      0.15,  Flow.UNKNOWN, {}),
    ("three in seven overtaken, but for the stall",      pairs(6, of=15),                                               0.15,  Flow.FLOWING, {"jittery": False}),
    ("eight in twenty overtaken, but for the stall",     pairs(8),                                                      0.15,  Flow.FLOWING, {"jittery": False}),
    ("at the end, begun before the last was sent, the observer stalled", in_groups((0.9375, 8), (1.0, 1)),              0.021, Flow.UNKNOWN, {}),
    ("at the end, begun before the last was sent",       in_groups((0.9375, 8), (1.0, 1)),                              0.02,  Flow.HELD, {}),
    ("at the end, the first alone before the last was sent, the observer stalled", in_groups((0.9375, 1), (1.0, 8)),    0.021, Flow.UNKNOWN, {}),
    ("at the end, begun as the last was sent, the observer stalled", in_groups((1.0, 9)),                               0.021, Flow.HELD, {}),
    ("all at the end, the observer stalled for most of it", at_the_end(TOKEN),                                           1.5,   Flow.HELD, {}),
    ("at the end, and in blocks",                        in_groups((0.85, 4), (0.95, 4), (1.0, 1), sizes=[1000, 1000, 100]), 0.0, Flow.BLOCKS, {"hold_bytes": 1000}),
    ("as even in bytes as in time: a timer",             in_groups(*[(k / 2 + 0.5, 4) for k in range(4)], sizes=[1000] * 4), 0.0, Flow.TICKS, {"period_s": 0.375}),
    ("more even in bytes than in time: a buffer",        in_groups((0.5, 4), (1.0, 4), (1.51, 4), (2.0, 4), (2.5, 4), (3.0, 4), sizes=[1000] * 6), 0.5, Flow.BLOCKS, {"hold_bytes": 1000}),
    ("three deliveries without a pattern",               in_groups((0.75, 7), (1.125, 3), (2.0, 7)),                    0.0,   Flow.BLOCKS, {"hold_bytes": None}),
    ("four deliveries without a pattern",                in_groups((0.75, 7), (1.125, 3), (2.0, 7), (2.25, 2)),         0.0,   Flow.UNKNOWN, {"jittery": False}),
    ("three deliveries, no later than jitter makes",     in_groups((0.6, 5), (1.125, 5), (1.5, 3), sizes=[500, 100, 300]),                     0.0,   Flow.UNKNOWN, {}),
    ("three deliveries, later than jitter makes",        in_groups((0.61, 5), (1.125, 5), (1.5, 3), sizes=[500, 100, 300]),                    0.0,   Flow.BLOCKS, {"hold_bytes": None}),
    ("a delivery for every four Pieces",                 in_groups(*UNEVEN, sizes=UNEVEN_SIZES),                               0.0,   Flow.FLOWING, {"jittery": True}),
    ("fewer deliveries",                                 in_groups(*UNEVEN[:4], (2.5, 5), sizes=UNEVEN_SIZES),                 0.0,   Flow.UNKNOWN, {}),
    ("uneven by no more than the observer was stalled",  in_groups(*UNEVEN, sizes=UNEVEN_SIZES),                               0.05,  Flow.UNKNOWN, {}),
    ("as late as jitter makes",                          in_groups((0.6, 4), *LATER, sizes=UNEVEN_SIZES),                      0.0,   Flow.FLOWING, {"jittery": True}),
    ("later than jitter makes",                          in_groups((0.61, 4), *LATER, sizes=UNEVEN_SIZES),                     0.0,   Flow.UNKNOWN, {"jittery": False}),
    ("nothing for 1.45 s",                               after_silence(TOKEN, 1.45),                                    0.0,   Flow.LATE, {"late_s": 1.448, "waits_for_next": False}),
    ("each with the next",                               with_the_next(TOKEN),                                          0.0,   Flow.LATE, {"late_s": 0.1, "waits_for_next": True}),
    ("most with the next, in blocks of the same size",   in_groups(*WITH_NEXT, sizes=[*[1000] * 7, 300]),               0.0,   Flow.BLOCKS, {"hold_bytes": 1000, "waits_for_next": False}),
    ("most with the next, in blocks of about that size", in_groups(*WITH_NEXT, sizes=[*[1000, 1012] * 3, 1000, 300]),   0.0,   Flow.LATE, {"late_s": 0.125, "waits_for_next": True}),
    ("most with the next, in four blocks",               in_groups(*FEW_WITH_NEXT, sizes=[1000, 1000, 1000, 300]),        0.0,   Flow.LATE, {"waits_for_next": True}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arrivals", "stall_s", "expected", "fields"), EDGES, ids=[row[0] for row in EDGES]
)
def test_each_side_of_a_threshold(name, arrivals, stall_s, expected, fields):
    timing = measure(observe(arrivals, stall_s=stall_s, sizes=False))
    assert timing.flow is expected
    for field, value in fields.items():
        assert getattr(timing, field) == (value if value is None else pytest.approx(value))


TICKS_OF_400_MS = in_ticks(KILO, 0.4)
ENCRYPTED = [
    # name                              scenario        arrivals                    record   flow,          hold
    ("a buffer in every record",        Scenario.KILO,  TICKS_OF_400_MS,            8_209,   Flow.BLOCKS,   8_192),
    ("blocks to the byte",              Scenario.KILO,  in_blocks(KILO, 4_000),     4_113,   Flow.BLOCKS,   4_000),
    ("few blocks, of another size",     Scenario.KILO,  in_blocks(KILO, 20_000),    4_113,   Flow.BLOCKS,   20_000),
    ("no known buffer",                 Scenario.KILO,  TICKS_OF_400_MS,            8_210,   Flow.TICKS,    None),
    ("large Pieces fill records",       Scenario.BIG,   TICKS_OF_400_MS,            16_401,  Flow.TICKS,    None),
    ("a record for each Piece",         Scenario.KILO,  one_by_one(KILO),           4_113,   Flow.FLOWING,  None),
    ("all at the end",                  Scenario.KILO,  at_the_end(KILO),           16_401,  Flow.HELD,     None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "scenario", "arrivals", "record", "expected", "hold_bytes"),
    ENCRYPTED,
    ids=[row[0] for row in ENCRYPTED],
)
def test_a_full_buffer_in_each_tls_record_is_a_block(name, scenario, arrivals, record, expected, hold_bytes):
    plain = observe(arrivals)
    seen = dataclasses.replace(
        plain,
        probe=Probe(Transport.CHUNKED, scenario),
        tls_version="TLSv1.3",
        arrivals=tuple(dataclasses.replace(arrival, record_bytes=(record,)) for arrival in plain.arrivals),
    )
    timing = measure(seen)
    assert (timing.flow, timing.hold_bytes) == (expected, hold_bytes)


def test_the_numbers_of_an_observation():
    timing = measure(observe([(0.9, 7, []), *at_moments(EVERY_8TH, [1.125, 1.125, 1.5, 1.625, 1.625])]))
    assert timing.latency_s == 1.0  # the second Piece's: sent at 0.125
    assert (timing.lag_s.p50, timing.lag_s.max) == (0.125, 0.25)
    assert timing.deliveries == 3, "a read that completes no Piece is no delivery of one"


UNCLEAR = [
    # name,                                    arrivals,                            stall, worth a second look?
    ("no pattern, the observer stalled",       in_groups(*UNEVEN, sizes=UNEVEN_SIZES),     0.05,  True),
    ("no pattern, no stall to speak of",       in_groups((0.61, 4), *LATER, sizes=UNEVEN_SIZES), 0.02, False),
    ("flowing, the observer stalled",          one_by_one(TOKEN),                   0.05,  False),
    ("flowing",                                one_by_one(TOKEN),                   0.0,   False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arrivals", "stall_s", "expected"), UNCLEAR, ids=[row[0] for row in UNCLEAR]
)
def test_only_what_a_stall_may_have_hidden_is_worth_a_second_look(name, arrivals, stall_s, expected):
    seen = observe(arrivals, stall_s=stall_s, sizes=False)
    assert unclear(seen) is expected
    assert flow(seen) is measure(seen).flow


def delivered(at_s: float, *sent_s: float) -> Delivery:
    return Delivery(at_s, at_s, 100, tuple(ReceivedPiece(0, moment_s) for moment_s in sent_s))


SHARES = [
    # name,                                        deliveries,                                             spare, share
    ("nothing",                                    [],                                                     0.0,   0.0),
    ("one Piece",                                  [delivered(9, 0)],                                      0.0,   0.0),
    ("two together",                               [delivered(1, 0, 1)],                                   0.0,   1.0),
    ("two together, as near as is spare",          [delivered(1, 0, 1)],                                   1.0,   0.0),
    ("after the next was sent",                    [delivered(1.5, 0), delivered(2.5, 1)],                 0.0,   1.0),
    ("as the next was sent",                       [delivered(1, 0), delivered(2, 1)],                     0.0,   0.0),
    ("after the next was sent, by what is spare",  [delivered(1.5, 0), delivered(2.5, 1)],                 0.5,   0.0),
    ("before the next was sent",                   [delivered(0.5, 0), delivered(1.5, 1)],                 0.0,   0.0),
    ("one of two",                                 [delivered(0, 0), delivered(2, 1, 2)],                  0.0,   0.5),
    ("one of three",                               [delivered(0, 0), delivered(2, 1, 2), delivered(3, 3)], 0.0,   1 / 3),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "spare_s", "share"), SHARES, ids=[row[0] for row in SHARES])
def test_the_share_of_pieces_that_a_later_one_overtook(name, seen, spare_s, share):
    assert kept_share(seen, 0.0, spare_s) == pytest.approx(share)


def test_the_paths_own_latency_overtakes_nothing():
    assert kept_share([delivered(8, 0), delivered(9, 1)], 8.0, 0.0) == 0.0
