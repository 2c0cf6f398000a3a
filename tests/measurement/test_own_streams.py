"""How one stream of a user's own app arrived, and when one is held beside another: both sides of each threshold."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from flushcheck.measurement.own_streams import (
    MIN_HOLD_S,
    MIN_OPENING_S,
    MIN_PAUSED_S,
    MIN_SPAN_S,
    PLAIN,
    TIMED_GAPS,
    OwnShape,
    comparable,
    held_beside,
    is_jitter,
    is_joined,
    is_late_opening,
    is_replayed,
    is_timed,
    may_be_stream,
    shape,
    waited_s,
)
from flushcheck.measurement.patterns import HELD_SHARE, Delivery, deliveries, record_threshold
from flushcheck.model import Arrival, Flow, Observation, Outcome, Probe, Scenario, Transport
from tests.measurement.own import (
    BLOCKS,
    EVENT_STREAM,
    IDENTITY,
    JITTER,
    ONCE,
    SINGLY,
    TICKS,
    Groups,
    evenly,
    observed,
)

# Sizes that are not those of a block.
UNEVEN = (4, 7, 3, 9, 5, 8)


def ticking(*moments_s: float) -> Groups:
    return [(at_s, UNEVEN[n % len(UNEVEN)]) for n, at_s in enumerate(moments_s)]


# Without a hold to be seen alone: what it is when another stream shows that it is held.
SHAPES: list[tuple[str, Groups, Flow, Flow]] = [
    ("one record",                           [(1.0, 1)],                              Flow.UNKNOWN, Flow.HELD),
    ("many in one delivery",                 ONCE,                                    Flow.UNKNOWN, Flow.HELD),
    ("many within 11 ms",                    [(1.0, 20), (1.011, 20)],                Flow.UNKNOWN, Flow.HELD),
    ("two deliveries",                       [(1.0, 20), (1.013, 20)],                Flow.UNKNOWN, Flow.BLOCKS),
    ("uneven deliveries",                    ticking(1, 2, 5, 9),                     Flow.UNKNOWN, Flow.BLOCKS),
    ("one by one",                           SINGLY,                                  Flow.FLOWING, Flow.BLOCKS),
    ("four records one by one",              evenly(4, 0.1),                          Flow.FLOWING, Flow.BLOCKS),
    ("three records one by one",             evenly(3, 0.1),                          Flow.UNKNOWN, Flow.BLOCKS),
    # Of the gaps between records are within a delivery: 3 of 10, 4 of 13, 3 of 9.
    ("30 % share a delivery",                [*evenly(5, 0.1), *evenly(3, 0.1, records=2, start_s=1)], Flow.FLOWING, Flow.BLOCKS),
    ("31 % share a delivery",                [*evenly(6, 0.1), *evenly(4, 0.1, records=2, start_s=1)], Flow.UNKNOWN, Flow.TICKS),
    ("33 % share a delivery",                [*evenly(4, 0.1), *evenly(3, 0.1, records=2, start_s=1)], Flow.UNKNOWN, Flow.TICKS),
    ("jitter",                               JITTER,                                  Flow.FLOWING, Flow.BLOCKS),
    ("blocks between records",               BLOCKS,                                  Flow.UNKNOWN, Flow.BLOCKS),
    ("ticks",                                TICKS,                                   Flow.UNKNOWN, Flow.TICKS),
    ("four equal gaps, then the rest",       ticking(0, 0.5, 1.0, 1.5, 2.0, 2.1),     Flow.UNKNOWN, Flow.TICKS),
    ("three equal gaps, then the rest",      ticking(0, 0.5, 1.0, 1.5, 1.6),          Flow.UNKNOWN, Flow.BLOCKS),
    ("ticks of 41 ms",                       ticking(*(0.041 * n for n in range(7))), Flow.UNKNOWN, Flow.TICKS),
    ("ticks of 39 ms",                       ticking(*(0.039 * n for n in range(7))), Flow.UNKNOWN, Flow.BLOCKS),
]  # fmt: skip


@pytest.mark.parametrize(("name", "groups", "flow", "pattern"), SHAPES, ids=[row[0] for row in SHAPES])
def test_what_one_stream_shows_alone_and_what_it_is_if_it_is_held(name, groups, flow, pattern):
    own = shape(observed(groups))
    assert (own.flow, own.pattern) == (flow, pattern)
    assert (own.period_s > 0) is (pattern is Flow.TICKS)


ENDS = [
    # name,                      changes,                                        flow
    ("cut",                      {"outcome": Outcome.CUT},                       Flow.CUT),
    ("cut behind its end marker", {"outcome": Outcome.CUT, "done": True},        Flow.FLOWING),
    ("not followed to its end",  {"outcome": Outcome.STOPPED},                   Flow.FLOWING),
    ("refused",                  {"outcome": Outcome.REFUSED},                   Flow.FAILED),
    ("unreachable",              {"outcome": Outcome.UNREACHABLE},               Flow.FAILED),
    ("a second gzip member",     {"unread_bytes": 1},                            Flow.CUT),
    ("cut before any record",    {"outcome": Outcome.CUT, "arrivals": ()},       Flow.CUT),
    ("nothing arrived",          {"arrivals": ()},                               Flow.FAILED),
    ("only bytes arrived",       {"arrivals": (Arrival(0.1, 10, 0),)},           Flow.FAILED),
]  # fmt: skip


@pytest.mark.parametrize(("name", "changes", "flow"), ENDS, ids=[row[0] for row in ENDS])
def test_how_a_stream_ended_comes_before_its_pattern(name, changes, flow):
    assert shape(observed(SINGLY, **changes)).flow is flow


def test_the_numbers_of_a_stream():
    own = shape(observed([(1.0, 2), (1.5, 1), (4.0, 1)]))
    assert (own.records, own.deliveries) == (4, 3)
    assert (own.first_s, own.last_s, own.longest_gap_s) == (1.0, 4.0, 2.5)
    assert (own.hold_bytes, own.period_s) == (None, 0.0)
    assert shape(observed(BLOCKS)).hold_bytes is None
    assert shape(observed(BLOCKS, framing=PLAIN)).hold_bytes == 400
    assert shape(observed(BLOCKS, mid_record=True)).hold_bytes == 400
    assert own.most_records == 2
    assert own.whole_records is False
    assert shape(observed(TICKS)).period_s == pytest.approx(0.2)


def test_the_last_gap_counts_neither_as_the_shortest_nor_for_the_usual_one():
    own = shape(observed(ticking(0.0, 0.1, 0.3, 0.6, 1.0)))
    assert (own.shortest_gap_s, own.usual_gap_s) == pytest.approx((0.1, 0.2))


@pytest.mark.parametrize(("longest_s", "shortest_s"), [(0.39, 0.2), (0.41, 0.1)])
def test_one_short_gap_does_not_count_where_no_other_is_twice_as_long_as_another(longest_s, shortest_s):
    moments_s = itertools.accumulate((0.0, 0.1, 0.2, 0.2, 0.2, 0.2, longest_s, 0.3))
    assert shape(observed(ticking(*moments_s))).shortest_gap_s == pytest.approx(shortest_s)


ALIKE = [
    # name,                                          gaps between deliveries, the last one aside,  the shortest that counts
    ("the longest is twice the second",              (0.125, 0.25, 0.25, 0.25, 0.25, 0.5),         0.25),
    ("more than twice the second, not the third",    (0.1, 0.2, 0.25, 0.25, 0.25, 0.42),           0.1),
    ("the second is shorter than the third",         (0.1, 0.2, 0.25, 0.25, 0.25, 0.39),           0.2),
]  # fmt: skip


@pytest.mark.parametrize(("name", "gaps_s", "shortest_s"), ALIKE, ids=[row[0] for row in ALIKE])
def test_gaps_are_alike_up_to_twice_the_second_shortest(name, gaps_s, shortest_s):
    moments_s = itertools.accumulate((*gaps_s, 0.3), initial=0.0)
    assert shape(observed(ticking(*moments_s))).shortest_gap_s == pytest.approx(shortest_s)


def test_one_delivery_has_no_gaps():
    own = shape(observed(ONCE))
    assert (own.longest_gap_s, own.shortest_gap_s, own.usual_gap_s) == (0.0, 0.0, 0.0)


def test_a_cut_stream_has_no_ticks():
    own = shape(observed(TICKS, outcome=Outcome.CUT))
    assert (own.hold_bytes, own.period_s) == (None, 0.0)


def test_bytes_without_a_record_are_no_delivery_of_records():
    own = shape(observed([], arrivals=(Arrival(0.1, 10, 0), Arrival(2.0, 40, 40, records=(40,)))))
    assert (own.deliveries, own.first_s) == (1, 2.0)
    assert own.longest_gap_s == pytest.approx(1.9)


CUTS = [
    # name,                           format,     which of the five blocks end in a record,  alone
    ("all",                           "events",   (True,) * 5,                               Flow.BLOCKS),
    ("half of those before the last", "events",   (True, False, False, True, False),         Flow.BLOCKS),
    ("fewer than half",               "JSON lines", (True, False, False, False, True),       Flow.UNKNOWN),
    ("plain chunks have no records",  PLAIN,      (True,) * 5,                               Flow.UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize(("name", "framing", "mid_record", "flow"), CUTS, ids=[row[0] for row in CUTS])
def test_blocks_that_end_in_the_middle_of_records_are_no_apps(name, framing, mid_record, flow):
    base = observed(BLOCKS, framing=framing)
    arrivals = tuple(
        replace(arrival, mid_record=mid) for arrival, mid in zip(base.arrivals, mid_record, strict=True)
    )
    assert shape(replace(base, arrivals=arrivals)).flow is flow


@pytest.mark.parametrize(("in_records", "flow"), [(10, Flow.UNKNOWN), (11, Flow.BLOCKS)])
def test_half_of_the_blocks_have_to_end_in_the_middle_of_a_record(in_records, flow):
    base = observed(evenly(22, 0.5, records=10))
    arrivals = tuple(replace(arrival, mid_record=n < in_records) for n, arrival in enumerate(base.arrivals))
    assert shape(replace(base, arrivals=arrivals)).flow is flow


@pytest.mark.parametrize(("gap_s", "flow"), [(0.101, Flow.BLOCKS), (0.099, Flow.UNKNOWN)])
def test_a_fast_download_in_packets_is_not_held(gap_s, flow):
    assert shape(observed(evenly(8, gap_s, records=10), mid_record=True)).flow is flow


def test_a_pause_of_a_tenth_of_a_second_is_a_pause():
    groups = [(at_s, 10) for at_s in (0.0, 0.1, 0.15, 0.2, 0.25)]
    assert shape(observed(groups, mid_record=True)).flow is Flow.BLOCKS


def late(by_s: float) -> Groups:
    return evenly(40, 0.1, start_s=by_s)


CUT_BLOCKS = observed(evenly(8, 0.5, records=5), mid_record=True)

BESIDE: list[tuple[str, Groups, Groups | Observation, bool]] = [
    # name,                  here,                                       there,                  held
    ("held",                 [(3.9, 40)],                                SINGLY,                 True),
    ("blocks",               [(0.8 * n, 10) for n in range(1, 6)],       SINGLY,                 True),
    ("ticks of 200 ms",      [(0.2 * n, 2) for n in range(20)],          SINGLY,                 True),
    ("half of them",         ticking(*(0.8 * n + (0.7 if n % 2 else 0.0) for n in range(20))), SINGLY, True),
    ("half the deliveries",  evenly(20, 0.5, records=2),                 SINGLY,                 True),
    ("ticks, 60 % of them",  ticking(*(0.9 * n for n in range(24))),     SINGLY,                 True),
    ("ticks, more than 60 %", ticking(*(0.9 * n for n in range(25))),    SINGLY,                 False),
    ("more than half",       ticking(*(0.8 * n + (0.7 if n % 2 else 0.0) for n in range(21))), SINGLY, False),
    ("three there",          [(0.9, 3)],                                 evenly(3, 0.3),         False),
    ("0.8 s in all",         [(0.8, 8)],                                 evenly(8, 0.1),         True),
    ("0.3 s in all",         [(0.3, 4)],                                 evenly(4, 0.1),         True),
    ("0.29 s in all",        [(0.3, 4)],                                 evenly(4, 0.0966),      False),
    ("80 % of it late",      [(0.561, 8)],                               evenly(8, 0.1),         True),
    ("79 % of it late",      [(0.555, 8)],                               evenly(8, 0.1),         False),
    ("later than one that began later", [(1.6, 8)],              evenly(8, 0.1, start_s=1.0), True),
    ("soon after one that began later", [(1.2, 8)],              evenly(8, 0.1, start_s=1.0), False),
    ("played back",          [(0.01, 40)],                               SINGLY,                 False),
    ("a gap of 0.41 s",      [(0.0, 3), (0.435, 5)],                     evenly(8, 0.025),       True),
    ("a gap of 0.39 s",      [(0.0, 3), (0.414, 5)],                     evenly(8, 0.025),       False),
    ("beside blocks",        ONCE,                                       CUT_BLOCKS,             True),
    ("with the last block",  [(0.0, 2), (3.5, 38)],                      CUT_BLOCKS,             False),
    ("before most blocks",   [(2.7, 40)],                                CUT_BLOCKS,             False),
    ("both flow",            SINGLY,                                     SINGLY,                 False),
    ("later, one by one",    late(3),                                    SINGLY,                 False),
    ("both at once",         ONCE,                                       ONCE,                   False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "here", "there", "held"), BESIDE, ids=[row[0] for row in BESIDE])
def test_a_stream_is_held_where_the_same_one_arrives_one_by_one_elsewhere(name, here, there, held):
    beside = there if isinstance(there, Observation) else observed(there)
    assert held_beside(shape(observed(here)), shape(beside)) is held


REPLAYED = [
    # name,                        here,             there,             played back
    ("at once",                    [(0.0, 40)],      SINGLY,            True),
    ("after half of it",           [(1.95, 40)],     SINGLY,            True),
    ("after more than half of it", [(1.96, 40)],     SINGLY,            False),
    ("in two",                     [(0.0, 20), (0.1, 20)], SINGLY,      False),
    ("beside 1 s",                 [(0.0, 11)],      evenly(11, 0.1),   True),
    ("beside 0.97 s",              [(0.0, 11)],      evenly(11, 0.097), False),
    ("beside one that is held",    [(0.0, 40)],      ONCE,              False),
    ("beside 0.9 s, begun late",   [(1.0, 10)],      evenly(10, 0.1, start_s=1.0), False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "here", "there", "replayed"), REPLAYED, ids=[row[0] for row in REPLAYED])
def test_what_is_over_before_the_app_can_have_sent_it_was_played_back(name, here, there, replayed):
    assert is_replayed(shape(observed(here)), shape(observed(there))) is replayed


def whole(counts: Sequence[int], size: int, *, gap_s: float = 0.5, **changes: Any) -> Observation:
    """Deliveries of so many whole records of this size, 6 bytes of it framing, and a remainder."""
    arrivals = tuple(
        Arrival(gap_s * n, count * size, count * size, records=(size - 6,) * count)
        for n, count in enumerate((*counts, 1))
    )
    return observed([], arrivals=arrivals, **changes)


def filled(
    limit: int, sizes: Sequence[int], deliveries: int = 6, *, gap_s: float = 0.5, before: bool = False
) -> Observation:
    """What a buffer lets go that sends whole records as soon as it holds so many bytes, or before it does."""
    arrivals, held, number = list[Arrival](), list[int](), 0
    while len(arrivals) < deliveries:
        following = sizes[number % len(sizes)]
        number += 1
        if not before:
            held.append(following)
        if sum(held) + 6 * len(held) + (following + 6 if before else 1) > limit:
            size = sum(held) + 6 * len(held)
            arrivals.append(Arrival(gap_s * len(arrivals), size, size, records=tuple(held)))
            held = []
        if before:
            held.append(following)
    rest = Arrival(gap_s * deliveries, 50, 50, records=(44,))
    return observed([], arrivals=(*arrivals, rest))


LONG = (700, 1300, 1400, 750, 850, 1400)
ODD = (550, 1000, 1400, 1100, 1350, 950)
VARIED = (310, 95, 402, 188, 77, 260, 333, 121)
THRESHOLDS = [
    # name,                          observation,                                    bytes, alone
    ("4096 bytes",                   filled(4096, VARIED),                           4096,  Flow.BLOCKS),
    ("64 kB",                        filled(65_536, VARIED),                         65_536, Flow.BLOCKS),
    ("five deliveries",              filled(4096, VARIED, 5),                        4096,  Flow.BLOCKS),
    ("four deliveries",              filled(4096, VARIED, 4),                        None,  Flow.UNKNOWN),
    ("5000 bytes is none",           filled(5000, VARIED),                           None,  Flow.UNKNOWN),
    ("18,000, ten of them",          filled(18_000, VARIED, 10),                     18_001, Flow.BLOCKS),
    ("18,000, nine of them",         filled(18_000, VARIED, 9),                      None,  Flow.UNKNOWN),
    ("7000, 5.4 % from it",          filled(7000, ODD, 12),                       None,  Flow.UNKNOWN),
    ("before 4096 bytes",            filled(4096, VARIED, before=True),              4096,  Flow.BLOCKS),
    ("before 5000 bytes",            filled(5000, VARIED, before=True),              None,  Flow.UNKNOWN),
    ("before 4096, long records",    filled(4096, LONG, before=True),                None,  Flow.UNKNOWN),
    ("without a pause",              filled(4096, VARIED, gap_s=0.09),               None,  Flow.UNKNOWN),
    ("the same number each time",    whole([10] * 6, 420),                           None,  Flow.UNKNOWN),
    ("numbers that vary",            whole([4, 9, 2, 7, 5, 3], 420),                 None,  Flow.UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "size", "flow"), THRESHOLDS, ids=[row[0] for row in THRESHOLDS])
def test_whole_records_whenever_a_power_of_two_is_full_are_no_apps(name, seen, size, flow):
    own = shape(seen)
    assert own.flow is flow
    assert (own.hold_bytes if own.whole_records else None) == size
    assert not (own.whole_records and own.period_s)


def encrypted(gap_s: float, *, mid_record: bool = True) -> Observation:
    """Full TLS records of 8 kB, one in each of four deliveries that differ in what else they bring."""
    arrivals = tuple(
        Arrival(gap_s * n, size, size, records=(100,) * 80, record_bytes=(8209, *more), mid_record=mid_record)
        for n, (size, more) in enumerate(
            [(8192, ()), (9100, (925,)), (8192, ()), (8900, (725,)), (700, (717,))]
        )
    )
    return observed([], arrivals=arrivals, tls_version="TLSv1.3")


def at_moments(seen: Observation, moments_s: Sequence[float]) -> Observation:
    moved = zip(seen.arrivals, moments_s, strict=True)
    return replace(seen, arrivals=tuple(replace(arrival, at_s=at_s) for arrival, at_s in moved))


ENCRYPTED = [
    # name,                      observation,                      alone
    ("full TLS records",         encrypted(0.11),                  Flow.BLOCKS),
    ("half of the gaps are 0.1 s", at_moments(encrypted(0.11), (0.0, 0.1, 0.2, 0.25, 0.9)), Flow.BLOCKS),
    ("without pauses",           encrypted(0.09),                  Flow.UNKNOWN),
    ("whole records",            encrypted(0.11, mid_record=False), Flow.UNKNOWN),
    ("without TLS",              replace(encrypted(0.11), tls_version=""), Flow.UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "flow"), ENCRYPTED, ids=[row[0] for row in ENCRYPTED])
def test_full_tls_records_with_pauses_show_a_buffer(name, seen, flow):
    own = shape(seen)
    assert (own.whole_records, own.period_s) == (False, 0.0)
    own = shape(seen)
    assert own.flow is flow
    assert (own.hold_bytes == 8192) is (flow is Flow.BLOCKS)


def test_plain_chunks_and_cut_records_show_no_threshold():
    seen = filled(4096, VARIED)
    cut = replace(seen, arrivals=tuple(replace(arrival, mid_record=True) for arrival in seen.arrivals))
    assert not shape(replace(seen, framing=PLAIN)).whole_records
    assert not shape(cut).whole_records


def whole_of(*sizes: Sequence[int]) -> Sequence[Delivery]:
    """Deliveries of whole records of these sizes without any framing, and a remainder."""
    arrivals = [
        Arrival(0.5 * n, sum(each), sum(each), records=tuple(each)) for n, each in enumerate((*sizes, (9,)))
    ]
    return deliveries(arrivals)


def nearly(last: int) -> list[Sequence[int]]:
    """Ten deliveries of 20,000 bytes, every other one but for its last record short of it by so much."""
    return [(1000,) * 18 + (2000 - last, last) if n % 2 else (500,) * 37 + (1500,) for n in range(10)]


# Six deliveries that differ by more than their last records: no less than these, and no more than a limit.
def limited(largest: int, next_size: int) -> list[Sequence[int]]:
    small, first = largest - 300, next_size - largest + 300
    uneven = [(first, 100, small - first - 100), (first, largest - first - 50, 50)]
    return [uneven[n % 2] if n % 4 else (first, 60, 40, small - first - 100) for n in range(6)]


FITS = [
    # name,                                     deliveries,               the size that is full, what it is beside that
    ("5 % short of a size",                     nearly(1000),             (20_000, 0.05)),
    ("5.1 % short of it",                       nearly(1020),             None),
    ("the largest is the limit",                limited(4096, 4200),      (4096, 104 / 4096)),
    ("with the next record the limit",          limited(4000, 4096),      None),
    ("one byte over the limit with it",         limited(4000, 4097),      (4096, 97 / 4000)),
    ("12 % over the largest",                   limited(4000, 4480),      (4096, 0.12)),
    ("more than 12 %",                          limited(4000, 4481),      None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "sizes", "fit"), FITS, ids=[row[0] for row in FITS])
def test_how_near_deliveries_come_to_a_size(name, sizes, fit):
    found = record_threshold(whole_of(*sizes))
    assert (found and (found.value, pytest.approx(found.spread))) == fit


FLOWED = OwnShape(Flow.FLOWING, deliveries=40, first_s=0.0, last_s=1.0)
BOUNDS = [
    # name,                     here,                                                    there,                        held
    ("the least span",          OwnShape(Flow.UNKNOWN, deliveries=1, first_s=MIN_SPAN_S), replace(FLOWED, last_s=MIN_SPAN_S), True),
    ("the least of it late",    OwnShape(Flow.UNKNOWN, deliveries=1, first_s=HELD_SHARE), FLOWED,                       True),
    ("stalled for too much",    OwnShape(Flow.UNKNOWN, deliveries=1, first_s=1.0, stall_s=HELD_SHARE), FLOWED,          False),
    ("the least gap",           OwnShape(Flow.UNKNOWN, records=9, deliveries=2, first_s=MIN_HOLD_S), FLOWED,            True),
    ("the least pause",         OwnShape(Flow.UNKNOWN, deliveries=2, first_s=MIN_PAUSED_S), FLOWED,                     True),
    ("blocks without a wait",   OwnShape(Flow.UNKNOWN, deliveries=2, hold_bytes=400),    FLOWED,                        True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "here", "there", "held"), BOUNDS, ids=[row[0] for row in BOUNDS])
def test_the_bounds_of_a_hold_belong_to_it(name, here, there, held):
    assert held_beside(here, there) is held


# 20 records 25 ms apart: a pause joins some of them, and leaves the others as they were.
PAUSES = [
    # name,                                  here,                                                          held
    ("one pause of 0.97 s",                  [*evenly(5, 0.025), (1.1, 15)],                                 False),
    ("one pause of 1.07 s",                  [*evenly(5, 0.025), (1.2, 15)],                                 True),
    ("a delivery of 2 among 4 others",       [(0.0, 2), *evenly(2, 0.1, start_s=0.1), (0.3, 2), (1.2, 14)], False),
    ("three deliveries of 2 among 4 others", [(0.0, 2), (0.1, 2), (0.2, 2), (0.3, 1), (1.2, 13)],           True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "here", "held"), PAUSES, ids=[row[0] for row in PAUSES])
def test_one_pause_of_the_network_is_no_hold(name, here, held):
    assert held_beside(shape(observed(here)), shape(observed(evenly(20, 0.025)))) is held


# Jitter joins the records of a fast app for less time than a timer does.
UNEVEN_S = (0.0, 0.1, 0.2, 0.39, 0.5, 0.66, 0.81, 0.97)
APART = [
    # name,                        moments,                              timed
    ("a tenth of a second apart",  UNEVEN_S,                             True),
    ("less than that",             [0.99 * at_s for at_s in UNEVEN_S],   False),
    ("equally apart",              [0.06 * n for n in range(8)],         True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "moments_s", "timed"), APART, ids=[row[0] for row in APART])
def test_gaps_that_are_not_equal_are_a_timers_from_a_tenth_of_a_second_on(name, moments_s, timed):
    assert is_timed(shape(observed(ticking(*moments_s))), shape(observed(evenly(70, 0.012)))) is timed


def test_the_least_gap_of_a_timer_belongs_to_it():
    here = OwnShape(Flow.UNKNOWN, deliveries=6, shortest_gap_s=TIMED_GAPS * 0.5)
    assert is_timed(here, OwnShape(Flow.FLOWING, usual_gap_s=0.5))


FIVE_EVEN = OwnShape(Flow.UNKNOWN, deliveries=5, shortest_gap_s=3.0, longest_gap_s=3.0)
FEW_TICKS = [
    # name,                       here,                                          usual gap there,  by a timer
    ("a tenth apart",             replace(FIVE_EVEN, shortest_gap_s=1.0, longest_gap_s=1.1), 0.1,  True),
    ("three times the usual gap", FIVE_EVEN,                                     1.0,              True),
    ("no usual gap",              FIVE_EVEN,                                     0.0,              False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "here", "usual_s", "timed"), FEW_TICKS, ids=[row[0] for row in FEW_TICKS])
def test_the_bounds_of_few_equal_gaps_belong_to_a_timer(name, here, usual_s, timed):
    assert is_timed(here, OwnShape(Flow.FLOWING, usual_gap_s=usual_s)) is timed


def test_what_is_over_when_half_of_it_was_sent_was_played_back():
    here = OwnShape(Flow.UNKNOWN, deliveries=1, last_s=0.5)
    assert is_replayed(here, OwnShape(Flow.FLOWING, deliveries=9, last_s=1.0))


STALLS = [
    # name,                     here,                      stalled for, held
    ("less than it was late",   [(3.9, 40)],               3.0,         True),
    ("for most of it",          [(3.9, 40)],               3.2,         False),
    ("less than the gap",       [(0.0, 3), (0.635, 5)],    0.2,         True),
    ("for half of the gap",     [(0.0, 3), (0.635, 5)],    0.22,        False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "here", "stall_s", "held"), STALLS, ids=[row[0] for row in STALLS])
def test_what_a_stalled_observer_met_together_is_no_hold(name, here, stall_s, held):
    there = SINGLY if len(here) == 1 else evenly(8, 0.025)
    assert held_beside(shape(observed(here, stall_s=stall_s)), shape(observed(there))) is held


TIMED = [
    # name,                        gaps between deliveries here,               there,          by a timer
    ("200 ms beside 100",          [0.2, 0.29, 0.22, 0.25, 0.21, 0.2],         0.1,            True),
    ("151 ms beside 100",          [0.151, 0.29, 0.22, 0.25, 0.21, 0.2],        0.1,            True),
    ("149 ms beside 100",          [0.149, 0.29, 0.22, 0.25, 0.21, 0.2],       0.1,            False),
    ("one short gap of six",       [0.2, 0.29, 0.22, 0.05, 0.21, 0.2, 0.2],     0.1,            True),
    ("one short gap of five",      [0.2, 0.29, 0.22, 0.05, 0.21, 0.2],          0.1,            False),
    ("two short gaps",             [0.2, 0.29, 0.05, 0.05, 0.21, 0.2, 0.2],     0.1,            False),
    ("one, among uneven ones",     [0.2, 0.41, 0.22, 0.05, 0.21, 0.2, 0.2],     0.1,            False),
    ("the last gap is the end's",  [0.2, 0.29, 0.22, 0.25, 0.21, 0.01],        0.1,            True),
    ("six deliveries",             [0.2, 0.29, 0.22, 0.25, 0.21],              0.1,            True),
    ("five deliveries",            [0.2, 0.29, 0.22, 0.25],                    0.1,            False),
    ("six, even",                  [0.2, 0.2, 0.2, 0.2, 0.2, 0.2],              0.1,            True),
    ("five, and even",             [0.4, 0.4, 0.41, 0.4],                       0.1,            True),
    ("four, and even",             [0.4, 0.4, 0.4],                             0.1,            False),
    ("five, 9 % apart",            [0.4, 0.4, 0.436, 0.4],                      0.1,            True),
    ("five, 11 % apart",           [0.4, 0.4, 0.444, 0.4],                      0.1,            False),
    ("five, three times the gap",  [0.31, 0.31, 0.31, 0.31],                    0.1,            True),
    ("five, less than that",       [0.29, 0.29, 0.29, 0.29],                    0.1,            False),
    ("nothing to compare with",    [0.2, 0.29, 0.22, 0.25, 0.21, 0.2],         0.0,            False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "gaps_s", "usual_s", "timed"), TIMED, ids=[row[0] for row in TIMED])
def test_a_timer_lets_no_two_deliveries_come_close_together(name, gaps_s, usual_s, timed):
    moments = itertools.accumulate(gaps_s, initial=0.0)
    here = shape(observed([(at_s, UNEVEN[n % 6]) for n, at_s in enumerate(moments)]))
    assert is_timed(here, OwnShape(Flow.FLOWING, usual_gap_s=usual_s)) is timed


OPENED = [
    # name,                 here,                                                            stalled for, late
    ("kept for 0.7 s",      [(0.7, 6), *evenly(34, 0.1, start_s=0.8)],                       0.0,  True),
    ("kept for 0.65 s",     [(MIN_OPENING_S, 5), *evenly(35, 0.1, start_s=0.7)],             0.0,  True),
    ("kept for 0.64 s",     [(0.64, 5), *evenly(35, 0.1, start_s=0.7)],                      0.0,  False),
    ("three records",       [(0.7, 3), *evenly(34, 0.1, start_s=0.8)],                       0.0,  True),
    ("two records",         [(0.7, 2), *evenly(34, 0.1, start_s=0.8)],                       0.0,  False),
    ("less than the stall", [(0.7, 6), *evenly(34, 0.1, start_s=0.8)],                       0.06, False),
    ("half the deliveries", [(2.0, 21), *evenly(19, 0.1, start_s=2.1)],                      0.0,  False),
    ("more than half",      [(2.0, 20), *evenly(20, 0.1, start_s=2.1)],                      0.0,  True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "here", "stall_s", "late"), OPENED, ids=[row[0] for row in OPENED])
def test_a_first_delivery_alone_may_be_kept(name, here, stall_s, late):
    there = shape(observed(SINGLY))
    assert is_late_opening(shape(observed(here, stall_s=stall_s)), there) is late
    assert not is_late_opening(shape(observed(here, stall_s=stall_s)), replace(there, flow=Flow.UNKNOWN))


def test_an_opening_is_late_beside_the_first_record_there():
    here = shape(observed([(0.9, 6), *evenly(34, 0.1, start_s=1.0)]))
    assert is_late_opening(here, shape(observed(evenly(40, 0.1, start_s=0.2))))
    assert not is_late_opening(here, shape(observed(evenly(40, 0.1, start_s=0.3))))


JITTERY = [
    # name,                       deliveries, first, longest gap, more,                     jitter
    ("some joined",               61,         0.0,   0.1,         {},                       True),
    ("60 % of the deliveries",    60,         0.0,   0.1,         {},                       False),
    ("a gap of 0.39 s",           61,         0.0,   0.39,        {},                       True),
    ("a gap of 0.4 s",            61,         0.0,   0.4,         {},                       False),
    ("0.3 s later",               61,         0.3,   0.1,         {},                       False),
    ("in blocks",                 61,         0.0,   0.1,         {"hold_bytes": 400},      False),
    ("in ticks",                  61,         0.0,   0.1,         {"period_s": 0.2},        False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "deliveries", "first_s", "gap_s", "more", "jitter"), JITTERY, ids=[row[0] for row in JITTERY]
)
def test_a_stream_that_took_nearly_as_many_deliveries_flowed_with_jitter(
    name, deliveries, first_s, gap_s, more, jitter
):
    there = OwnShape(Flow.FLOWING, deliveries=100, longest_gap_s=0.1, usual_gap_s=0.1)
    here = OwnShape(Flow.UNKNOWN, deliveries=deliveries, first_s=first_s, longest_gap_s=gap_s, **more)
    assert is_jitter(here, there) is jitter
    assert not is_jitter(here, replace(there, flow=Flow.UNKNOWN))


def test_the_wait_is_that_for_the_first_record_or_the_longest_gap():
    there = OwnShape(Flow.FLOWING, first_s=1.0, longest_gap_s=0.5)
    assert waited_s(OwnShape(Flow.UNKNOWN, first_s=3.0, longest_gap_s=0.5), there) == 2.0
    assert waited_s(OwnShape(Flow.UNKNOWN, first_s=1.0, longest_gap_s=1.0), there) == 0.5


COMPARED = [
    # name,                     the other one,                                                    comparable
    ("the same",                observed(SINGLY, IDENTITY),                                       True),
    ("2.5 times the records",   observed(evenly(100, 0.1), IDENTITY),                             True),
    ("more than that",          observed(evenly(101, 0.1), IDENTITY),                             False),
    ("fewer",                   observed(evenly(15, 0.1), IDENTITY),                              False),
    ("plain chunks",            observed(evenly(3, 0.1), IDENTITY, framing=PLAIN),                 True),
    ("asked for events",        observed(SINGLY, EVENT_STREAM),                                   True),
    ("answered with another type", observed(SINGLY, EVENT_STREAM, headers=(("content-type", "x"),)), False),
    ("another type, asked alike", observed(SINGLY, IDENTITY, headers=(("content-type", "x"),)),   True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "other", "fits"), COMPARED, ids=[row[0] for row in COMPARED])
def test_two_responses_are_compared_where_they_are_the_same_stream(name, other, fits):
    first = observed(SINGLY)
    assert comparable(first, other) is fits
    assert comparable(other, first) is fits


LENGTH = ("content-length", "1600")
JOINED = [
    ("joined",                 ONCE,                 {"headers": (LENGTH,)},                     True),
    ("without a length",       ONCE,                 {},                                         False),
    ("not events",             ONCE,                 {"headers": (("content-type", "x"), LENGTH)}, False),
    ("one by one",             SINGLY,               {"headers": (LENGTH,)},                     False),
    ("one event",              [(8.2, 1)],           {"headers": (LENGTH,)},                     False),
    ("after 0.4 s",            [(0.4, 2)],           {"headers": (LENGTH,)},                     True),
    ("at once",                [(0.39, 2)],          {"headers": (LENGTH,)},                     False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "groups", "changes", "joined"), JOINED, ids=[row[0] for row in JOINED])
def test_events_with_a_length_were_joined(name, groups, changes, joined):
    observation = observed(groups, **changes)
    assert is_joined(observation, shape(observation)) is joined


def test_events_are_known_by_their_type_whatever_its_parameters():
    headers = (("content-type", "Text/event-stream ; charset=utf-8"), LENGTH)
    joined = replace(observed(ONCE), headers=headers)
    assert is_joined(joined, shape(joined))


def response(kind: str, *at_s: float, status: int = 200, length: str = "") -> Observation:
    headers = [("content-type", kind)] if kind else []
    headers += [("content-length", length)] if length else []
    arrivals = tuple(Arrival(moment, 10, 10) for moment in at_s)
    return Observation(
        Probe(Transport.CHUNKED, Scenario.OWN), Outcome.COMPLETE, status=status, headers=tuple(headers), arrivals=arrivals
    )  # fmt: skip


RESPONSES = [
    # name                          response                                                      may be a stream
    ("events",                      response("text/event-stream", 0.0),                           True),
    ("events, with a charset",      response("Text/Event-Stream ; charset=utf-8", 0.0),           True),
    ("JSON lines",                  response("application/x-ndjson", 0.0, length="10"),           True),
    ("text that takes long",        response("text/plain", 0.0, 0.5),                             True),
    ("of no type",                  response("", 0.5),                                            True),
    ("status 299",                  response("text/event-stream", 0.0, status=299),               True),
    ("status 300",                  response("text/event-stream", 0.0, status=300),               False),
    ("status 199",                  response("text/event-stream", 0.0, status=199),               False),
    ("status 200, without a body",  response("text/event-stream"),                                False),
    ("text that is quick",          response("text/plain", 0.0, 0.49),                            False),
    ("a file that takes long",      response("text/plain", 0.0, 9.0, length="20"),                False),
    ("a page in parts",             response("text/html; charset=utf-8", 0.0, 9.0),               False),
    ("another page",                response("application/xhtml+xml", 0.0, 9.0),                  False),
    ("one JSON document",           response("application/json", 0.0, 9.0),                       False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "expected"), RESPONSES, ids=[row[0] for row in RESPONSES])
def test_a_response_that_may_be_a_stream(name, seen, expected):
    assert may_be_stream(seen) is expected


def test_text_that_may_have_been_compressed_has_no_size_of_blocks():
    own = shape(observed(BLOCKS, mid_record=True, hidden_headers=True))
    assert (own.flow, own.hold_bytes, own.whole_records) == (Flow.BLOCKS, None, False)
    whole = filled(4096, VARIED)
    assert shape(whole).whole_records
    hidden = shape(replace(whole, hidden_headers=True))
    assert (hidden.flow, hidden.hold_bytes, hidden.whole_records) == (Flow.BLOCKS, None, False)
