"""The pattern of one stream's arrivals, with a row on each side of each threshold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.model import Arrival, ReceivedPiece
from flushcheck.watching.analysis import Pattern, analyze
from flushcheck.watching.records import StreamFormat
from tests.watching.captures import BLOCKS, JITTER, ONCE, SINGLY, TICKS, Groups, captured, evenly

# Sizes that are not those of a block.
UNEVEN = (4, 7, 3, 9, 5, 8)


def ticking(*moments_s: float) -> Groups:
    return [(at_s, UNEVEN[n % len(UNEVEN)]) for n, at_s in enumerate(moments_s)]


PATTERNS: list[tuple[str, Groups, Pattern]] = [
    ("nothing",                              [],                                           Pattern.NOTHING),
    ("one record",                           [(1.0, 1)],                                   Pattern.ONCE),
    ("many in one delivery",                 ONCE,                                         Pattern.ONCE),
    ("many within 11 ms",                    [(1.0, 20), (1.011, 20)],                     Pattern.ONCE),
    ("two deliveries",                       [(1.0, 20), (1.013, 20)],                     Pattern.FEW),
    ("three deliveries",                     ticking(1, 2, 5),                             Pattern.FEW),
    ("four deliveries",                      ticking(1, 2, 5, 9),                          Pattern.GROUPS),
    ("one by one",                           SINGLY,                                       Pattern.SINGLY),
    ("two records one by one",               [(1.0, 1), (5.0, 1)],                         Pattern.SINGLY),
    # 3 of 10 gaps between records are within a delivery, then 3 of 9.
    ("30 % share a delivery",                [*evenly(5, 0.1), *evenly(3, 0.1, records=2, start_s=1)], Pattern.SINGLY),
    ("33 % share a delivery",                [*evenly(4, 0.1), *evenly(3, 0.1, records=2, start_s=1)], Pattern.GROUPS),
    ("jitter",                               JITTER,                                       Pattern.SINGLY),
    ("blocks",                               BLOCKS,                                       Pattern.BLOCKS),
    ("ticks",                                TICKS,                                        Pattern.TICKS),
    ("four equal gaps, then the rest",       ticking(0, 0.5, 1.0, 1.5, 2.0, 2.1),          Pattern.TICKS),
    ("three equal gaps, then the rest",      ticking(0, 0.5, 1.0, 1.5, 1.6),               Pattern.GROUPS),
    ("a gap 9 % off",                        ticking(0, 0.5, 1.0, 1.545, 2.045, 2.1),      Pattern.TICKS),
    ("a gap 11 % off",                       ticking(0, 0.5, 1.0, 1.555, 2.055, 2.1),      Pattern.GROUPS),
    ("ticks of 41 ms",                       ticking(*(0.041 * n for n in range(7))),      Pattern.TICKS),
    ("ticks of 39 ms",                       ticking(*(0.039 * n for n in range(7))),      Pattern.GROUPS),
]  # fmt: skip


@pytest.mark.parametrize(("name", "groups", "pattern"), PATTERNS, ids=[row[0] for row in PATTERNS])
def test_the_pattern_of_arrivals(name, groups, pattern):
    stream = analyze(captured(groups))
    assert stream.pattern is pattern
    assert (stream.block_bytes > 0) is (pattern is Pattern.BLOCKS)
    assert (stream.period_s > 0) is (pattern is Pattern.TICKS)


def test_a_stream_without_records_has_zeros():
    stream = analyze(captured([]))
    assert (stream.first_s, stream.last_s, stream.longest_gap_s) == (0.0, 0.0, 0.0)


def test_the_numbers_of_a_stream():
    stream = analyze(captured([(1.0, 2), (1.5, 1), (4.0, 1)]))
    assert (stream.records, stream.deliveries) == (4, 3)
    assert (stream.first_s, stream.last_s, stream.longest_gap_s) == (1.0, 4.0, 2.5)
    assert (stream.block_bytes, stream.period_s) == (0, 0.0)


def test_a_block_has_a_size_and_a_tick_a_period():
    assert analyze(captured(BLOCKS)).block_bytes == 400
    assert analyze(captured(TICKS)).period_s == pytest.approx(0.2)


def test_bytes_without_a_record_are_no_delivery_of_records():
    arrivals = (Arrival(0.1, 10, 0), Arrival(2.0, 40, 40, (ReceivedPiece(0, 0.0, 40),)))
    stream = analyze(captured([], arrivals=arrivals))
    assert (stream.pattern, stream.deliveries, stream.first_s) == (Pattern.ONCE, 1, 2.0)
    assert stream.longest_gap_s == pytest.approx(1.9)


CUTS = [
    # name,                          format,              which of the five blocks end in the middle of a record
    ("all",                          StreamFormat.EVENTS, (True,) * 5,                        True),
    ("half of those before the last", StreamFormat.EVENTS, (True, False, False, True, False), True),
    ("fewer than half",              StreamFormat.LINES,  (True, False, False, False, True),  False),
    ("plain chunks have no records", StreamFormat.PLAIN,  (True,) * 5,                        False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "stream_format", "mid_record", "cuts"), CUTS, ids=[row[0] for row in CUTS])
def test_blocks_cut_records_where_most_of_them_end_in_the_middle_of_one(
    name, stream_format, mid_record, cuts
):
    capture = replace(captured(BLOCKS, format=stream_format), mid_record=mid_record)
    assert analyze(capture).cuts_records is cuts


def test_only_blocks_cut_records():
    assert not analyze(captured(TICKS, mid_record=True)).cuts_records
