"""Each pattern by itself, on deliveries made by hand: a row on each side of every threshold and guard."""

from __future__ import annotations

import itertools

import pytest

from flushcheck.measurement.patterns import (
    Delivery,
    at_the_end,
    block,
    deliveries,
    follows_next,
    mostly_late,
    opening_s,
    rate_bps,
    threshold,
    timer,
    waits_for_next,
)
from flushcheck.model import Arrival, Lag, ReceivedPiece, TimedPiece

# Builders: a row of a table is one call of these.


def sizes(*size_bytes: int, pieces: int) -> list[Delivery]:
    """Deliveries of these sizes, with so many Pieces in all; only sizes and the number of Pieces count."""
    first, *rest = size_bytes
    every = tuple(ReceivedPiece(seq, 0.0) for seq in range(pieces))
    return [Delivery(0.0, 0.0, first, every), *(Delivery(0.0, 0.0, size, ()) for size in rest)]


def records(*groups: tuple[int, ...], frame: int = 10) -> list[Delivery]:
    """Deliveries of whole records: each group holds the text sizes of its Pieces; a frame goes around each."""
    return [
        Delivery(
            0.0, 0.0, sum(group) + frame * len(group), tuple(ReceivedPiece(0, 0.0, size) for size in group)
        )
        for group in groups
    ]


def moments(*at_and_sent_s: tuple[float, float]) -> list[Delivery]:
    """Deliveries at these moments, each with one Piece, sent at that moment."""
    return [Delivery(at_s, at_s, 100, (ReceivedPiece(0, sent_s),)) for at_s, sent_s in at_and_sent_s]


def late_by(*lags_s: float, gap_s: float = 0.0) -> list[TimedPiece]:
    """Pieces sent `gap_s` apart, each late by so much."""
    return [TimedPiece(k * gap_s + lag_s, k, k * gap_s) for k, lag_s in enumerate(lags_s)]


# deliveries

GROUPS = [
    # name,                                       moments of reads,     how many in each delivery
    ("nothing",                                   [],                   []),
    ("one read",                                  [0.5],                [1]),
    ("as close as a delivery's reads may be",     [0.0, 0.012],         [2]),
    ("a little further apart",                    [0.0, 0.0121],        [1, 1]),
    ("each close to the one before",              [0.0, 0.01, 0.02],    [3]),
    ("two, then one",                             [0.0, 0.01, 0.5],     [2, 1]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "at_s", "counts"), GROUPS, ids=[row[0] for row in GROUPS])
def test_reads_close_together_are_one_delivery(name, at_s, counts):
    arrivals = [Arrival(moment_s, 7, 100 + k, (ReceivedPiece(k, 0.0),)) for k, moment_s in enumerate(at_s)]
    seen = deliveries(arrivals)
    assert [len(delivery.pieces) for delivery in seen] == counts
    assert [piece.seq for delivery in seen for piece in delivery.pieces] == list(range(len(at_s)))
    numbers = iter(range(len(at_s)))
    for delivery in seen:
        own = list(itertools.islice(numbers, len(delivery.pieces)))
        assert (delivery.at_s, delivery.until_s) == (at_s[own[0]], at_s[own[-1]])
        assert delivery.size_bytes == sum(100 + k for k in own), "text, not bytes on the wire"


# block

BLOCKS = [
    # name,                                     deliveries,                                           size, spread
    ("nothing in the middle",                   sizes(1000, 1000, pieces=9),                          None),
    ("nothing at all",                          [],                                                   None),
    ("one in the middle, as large as the first", sizes(1000, 1000, 7, pieces=9),                      (1000, 0.0)),
    ("one in the middle, the first short by the header", sizes(940, 1000, 7, pieces=9),               (1000, 0.06)),
    ("one in the middle, the first too short",  sizes(939, 1000, 7, pieces=9),                        None),
    ("one in the middle, the first larger",     sizes(1060, 1000, 7, pieces=9),                       (1000, 0.06)),
    ("one in the middle, the first too large",  sizes(1061, 1000, 7, pieces=9),                       None),
    ("all alike, the last a remainder",         sizes(9, 1000, 1000, 1000, 7, pieces=9),              (1000, 0.0)),
    ("the last does not count",                 sizes(1000, 1000, 1000, 5000, pieces=30),             (1000, 0.0)),
    ("no bytes at all, as in a run from outside", sizes(0, 0, 0, pieces=9),                            None),
    ("no bytes in the middle",                  sizes(0, 0, 0, 0, pieces=9),                          None),
    ("a block of one byte",                     sizes(1, 1, 1, 1, pieces=6),                          (1, 0.0)),
    ("a record and a half to the block",        sizes(3, 3, 3, 3, pieces=6),                          (3, 0.0)),
    ("less than a record and a half",           sizes(3, 3, 3, 3, pieces=5),                          None),
    ("a little less than a record and a half",  sizes(*[3] * 20, pieces=29),                          None),
    ("ten single and eleven double",            sizes(9, *[1000] * 10, *[2000] * 11, 7, pieces=99),   None),
    ("no Pieces to compare with",               sizes(3, 3, 3, 3, pieces=0),                          None),
    ("as many double ones as single ones",      sizes(9, 1000, 1000, 2000, 2000, 7, pieces=30),       (1000, 0.0)),
    ("more double ones than single ones",       sizes(9, 1000, 1000, 2000, 2000, 2000, 7, pieces=60), None),
    ("one single and one double",               sizes(9, 1000, 2000, 7, pieces=30),                   (1000, 0.0)),
    ("one single and two double",               sizes(9, 1000, 2000, 2000, 7, pieces=30),             None),
    ("a triple one",                            sizes(9, 1000, 1000, 1000, 3000, 7, pieces=30),       (1000, 0.0)),
    ("a double one, as far from it as allowed", sizes(9, 1000, 1000, 1000, 2060, 7, pieces=30),       (1000, 0.0)),
    ("a double one, too far from it",           sizes(9, 1000, 1000, 1000, 2062, 7, pieces=30),       None),
    ("four in five fit",                        sizes(9, 1000, 1000, 1000, 1000, 1500, 7, pieces=30), (1000, 0.0)),
    ("three in four fit",                       sizes(9, 1000, 1000, 1000, 1500, 7, pieces=30),       None),
    ("one far below the block",                 sizes(9, 1000, 1000, 1000, 1000, 400, 7, pieces=30),  (1000, 0.0)),
    ("as different as sizes may be",            sizes(9, 1000, 1000, 1000, 1030, 1030, 1030, 7, pieces=40), (1015, 15 / 1015)),
    ("a little more different",                 sizes(9, 1000, 1000, 1000, 1031, 7, pieces=40),       None),
    ("short ones as different as they may be",  sizes(9, 970, 970, *[1000] * 7, 7, pieces=40), (1000, 0.0)),
    ("short ones a little more different",      sizes(9, 969, 969, *[1000] * 7, 7, pieces=40),        None),
    ("different by more, on both sides of most", sizes(9, 970, 1000, 1000, 1030, 7, pieces=40),       None),
    ("halves are rounded to a whole byte",      sizes(9, 1000, 1003, 7, pieces=30),                   (1002, 1.5 / 1001.5)),
    ("the spread leaves one in four out",       sizes(9, 1000, 1000, 1000, 1020, 7, pieces=30),       (1000, 0.0)),
    ("the spread of three is that of the worst", sizes(9, 1000, 1000, 1020, 7, pieces=30),            (1000, 0.02)),
    ("the spread leaves one in five out",       sizes(9, 1000, 1000, 1000, 1010, 1020, 7, pieces=30), (1000, 0.01)),
    ("the spread leaves two in eight out",      sizes(9, *[1000] * 5, 1010, 1020, 1020, 7, pieces=60), (1000, 0.01)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "expected"), BLOCKS, ids=[row[0] for row in BLOCKS])
def test_a_block_is_a_number_of_bytes_that_stays_the_same(name, seen, expected):
    fit = block(seen)
    assert (fit and (fit.value, fit.spread)) == (expected and pytest.approx(expected))


# threshold: the last group is the remainder

THRESHOLDS = [
    # name,                                         deliveries,                                          bytes, spread
    ("enough at 1034, short at 960",                records(*[(950, 64)] * 3, (1,)),                     (1024, 74 / 1034)),
    ("two whole deliveries",                        records(*[(950, 64)] * 2, (1,)),                     None),
    ("the last is not whole, however large",        records(*[(950, 64)] * 3, (5000,)),                  (1024, 74 / 1034)),
    ("a delivery without a Piece",                  records((), *[(950, 64)] * 3, (1,)),                 (1024, 74 / 1034)),
    ("deliveries without a Piece are not whole",    records((), *[(950, 64)] * 2, (1,)),                 None),
    ("an observer that does not tell sizes",        records(*[(950, 64)] * 3, (1014, 0), (1,)),          None),
    ("the last one's sizes do not matter",          records(*[(950, 64)] * 3, (0,)),                     (1024, 74 / 1034)),
    ("as far below as allowed",                     records(*[(870, 110)] * 3, (1,)),                    (1000, 0.12)),
    ("too far below",                               records(*[(869, 111)] * 3, (1,)),                    None),
    ("one byte below",                              records(*[(980, 500)] * 2, (979, 1), (1,)),          (1000, 0.01)),
    ("short in one delivery of what is enough in another", records(*[(990, 500)] * 2, (979, 1), (1,)),   None),
    ("just less than what is enough in another",    records(*[(989, 500)] * 2, (979, 1), (1,)),          (1000, 0.001)),
    ("the smallest is enough, the largest is short", records((950, 64), (960, 200), (900, 130), (1,)),   (1024, 64 / 1034)),
    ("six Pieces in four deliveries",               records(*[(950, 64)] * 2, *[(1034,)] * 2, (1,)),     (1024, 74 / 1034)),
    ("five Pieces in four deliveries",              records((950, 64), *[(1034,)] * 3, (1,)),            None),
    ("a power of two that was enough",              records(*[(990, 14)] * 3, (1,)),                     (1024, 24 / 1024)),
    ("a power of two that was too little",          records(*[(1014, 66)] * 3, (1,)),                    (1100, 76 / 1100)),
    ("256 is the first power of two",               records(*[(240, 10)] * 3, (1,)),                     (256, 20 / 270)),
    ("128 is none",                                 records(*[(115, 1)] * 3, (1,)),                      (136, 11 / 136)),
    ("2 to the 19th is the last",                   records(*[(519_990, 4_990)] * 3, (1,)),              (524_288, 5000 / 525_000)),
    ("2 to the 20th is none",                       records(*[(1_039_990, 9_990)] * 3, (1,)),            (1_050_000, 10_000 / 1_050_000)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "expected"), THRESHOLDS, ids=[row[0] for row in THRESHOLDS])
def test_a_threshold_lies_between_what_was_enough_and_what_was_short(name, seen, expected):
    fit = threshold(seen)
    assert (fit and (fit.value, fit.spread)) == (expected and pytest.approx(expected))


# timer: the last delivery does not count

END = (9.0, 9.0)
TIMERS = [
    # name,                                   deliveries (at_s, first Piece sent_s),                       stall, seconds, spread
    ("a tick",                                moments((0.2, 0.0), (0.4, 0.39), (0.6, 0.45), END),          0.0, (0.2, 0.0)),
    ("a tick, the last one out of time",      moments((0.2, 0.0), (0.4, 0.39), (0.6, 0.45), (0.61, 0.6)),  0.0, (0.2, 0.0)),
    ("started by the first byte",             moments((0.2, 0.0), (1.2, 1.0), (1.7, 1.5), END),            0.0, (0.2, 0.0)),
    ("started by the first byte, twice",      moments((0.2, 0.0), (1.2, 1.0), END),                        0.0, (0.2, 0.0)),
    ("one delivery",                          moments((0.2, 0.0), END),                                    0.0, None),
    ("two deliveries, one distance",          moments((0.2, 0.0), (0.4, 0.35), END),                       0.0, None),
    ("deliveries without a Piece are passed over",
     [*moments((0.2, 0.0), (0.4, 0.39)), Delivery(0.45, 0.45, 9, ()), *moments((0.6, 0.45), END)],         0.0, (0.2, 0.0)),
    ("no time at all",                        moments((0.0, 0.0), (1.0, 1.0), (1.5, 1.5), END),            0.0, None),
    ("the shortest timer",                    moments((0.04, 0.0), (0.04, 0.0), END),                      0.0, (0.04, 0.0)),
    ("too short a timer",                     moments((0.039, 0.0), (1.039, 1.0), END),                    0.0, None),
    ("as uneven as a timer may be",           moments((25, 0), (125, 100), (327, 300), END),               0.0, (25.0, 0.08)),
    ("a little more uneven",                  moments((25, 0), (125, 100), (327.01, 300), END),            0.0, None),
    ("too uneven",                            moments((0.0, 0.0), (0.91, 0.5), (1.91, 1.0), (2.91, 1.9), (4.0, 2.0), END), 0.0, None),
    ("uneven by as much as the observer was stalled", moments((0.0, 0.0), (0.91, 0.5), (1.91, 1.0), (2.91, 1.9), (4.0, 2.0), END), 0.02, (1.0, 0.09)),
    ("stalled by less than it is uneven",     moments((0.0, 0.0), (0.91, 0.5), (1.91, 1.0), (2.91, 1.9), (4.0, 2.0), END), 0.005, None),
    ("both: the better one",                  moments((0.2, 0.0), (0.42, 0.22), (0.6, 0.4), END),          0.0, (0.2, 0.0)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "stall_s", "expected"), TIMERS, ids=[row[0] for row in TIMERS])
def test_a_timer_is_a_time_that_stays_the_same(name, seen, stall_s, expected):
    fit = timer(seen, 0.0, stall_s)
    assert (fit and (fit.value, fit.spread)) == (expected and pytest.approx(expected))


def test_the_paths_own_latency_is_no_part_of_a_timer():
    fit = timer(moments((0.3, 0.0), (1.3, 1.0), END), latency_s=0.1)
    assert fit is not None
    assert fit.value == pytest.approx(0.2)


# rate

RATES = [
    # name,                                        lags of the Pieces,                                     a throttle?
    ("later with each Piece",                      (0.0, 0.1, 0.2, 0.5),                                   True),
    ("three Pieces",                               (0.1, 0.2, 0.3),                                        False),
    ("late enough at the end",                     (0.0, 0.1, 0.2, 0.3),                                True),
    ("not late enough at the end",                 (0.0, 0.1, 0.2, 0.2999),                                False),
    ("equally late twice",                         (0.0, 0.2, 0.2, 0.3),                                   False),
    ("earlier once",                               (0.0, 0.2, 0.1, 0.3),                                   False),
    ("in pairs: earlier within one",               (0.1, 0.0, 0.2, 0.1, 0.3, 0.2, 0.4, 0.3),               False),
    ("in pairs: the last nearly the latest",       (0.1, 0.0, 0.2, 0.1, 0.3, 0.2, 0.4, 0.33),              True),
    ("in pairs: only pairs are compared",          (0.0, 0.3, 0.05, 0.3, 0.1, 0.3, 0.2, 0.4),              True),
    ("the last at four fifths of the latest",      (0.0, 0.0, 0.1, 0.1, 0.2, 0.2, 0.5, 0.4),               True),
    ("the last below four fifths of the latest",   (0.0, 0.0, 0.1, 0.1, 0.2, 0.2, 0.5, 0.399),             False),
    ("a remainder of less than a quarter is not compared", (0.0, 0.0, 0.1, 0.1, 0.2, 0.2, 0.3, 0.5, 0.4),  True),
    ("a fifth part is compared",                   (0.0, 0.0, 0.1, 0.1, 0.2, 0.2, 0.5, 0.5, 0.5, 0.45),    False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "lags_s", "is_rate"), RATES, ids=[row[0] for row in RATES])
def test_a_rate_makes_each_piece_later(name, lags_s, is_rate):
    seen = [Delivery(1.0, 1.5, 300, ()), Delivery(4.0, 5.0, 100, ())]
    assert rate_bps(seen, late_by(*lags_s), 0.0) == (400 / 4.0 if is_rate else 0.0)


def test_the_paths_own_latency_is_no_part_of_a_rate():
    seen = [Delivery(1.0, 5.0, 400, ())]
    assert rate_bps(seen, late_by(7.0, 7.2, 7.3, 7.4, gap_s=1.0), 7.0) == 100
    assert rate_bps(seen, late_by(7.0, 7.1, 7.2, 7.25, gap_s=1.0), 7.0) == 0


def test_a_rate_over_no_time_at_all_is_finite():
    assert rate_bps([Delivery(1.0, 1.0, 300, ())], late_by(0.0, 0.1, 0.2, 0.3), 0.0) == 300_000


# opening


def opened(at_s: float, *others_s: float, pieces: int = 3, count: int = 3) -> list[Delivery]:
    """The first delivery of so many Pieces after so long, then others late by so much; so many deliveries in all."""
    first = Delivery(at_s, at_s, 300, tuple(ReceivedPiece(seq, 0.1 * seq) for seq in range(pieces)))
    late_s = [*others_s, *[0.0] * (count - 1 - len(others_s))]
    return [first, *moments(*((10.0 + k + lag_s, 10.0 + k) for k, lag_s in enumerate(late_s)))]


OPENINGS = [
    # name,                                    deliveries,                           spare, seconds
    ("late by a second",                       opened(1.0),                          0.0,   1.0),
    ("as late as an opening is",               opened(0.4),                          0.0,   0.4),
    ("a little less",                          opened(0.399),                        0.0,   0.0),
    ("two deliveries",                         opened(1.0, count=2),                 0.0,   0.0),
    ("two Pieces in the first",                opened(1.0, pieces=2),                0.0,   0.0),
    ("a read without a Piece before it",       [Delivery(0.1, 0.1, 9, ()), *opened(1.0)], 0.0, 1.0),
    ("a read without a Piece does not count",  [Delivery(0.1, 0.1, 9, ()), *opened(1.0, count=2)], 0.0, 0.0),
    ("another one a quarter as late",          opened(1.0, 0.0, 0.25),               0.0,   1.0),
    ("another one a little later",             opened(1.0, 0.0, 0.2501),             0.0,   0.0),
    ("another one as late as the observer was stalled", opened(1.0, 0.5),            0.5,   1.0),
    ("another one later than that",            opened(1.0, 0.501),                   0.5,   0.0),
    ("late by 0.2 s more than the observer was stalled", opened(0.45),               0.25,  0.45),
    ("late by less than 0.2 s more",           opened(0.45),                         0.26,  0.0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "spare_s", "expected"), OPENINGS, ids=[row[0] for row in OPENINGS])
def test_an_opening_is_late_alone(name, seen, spare_s, expected):
    assert opening_s(seen, 0.0, spare_s) == pytest.approx(expected)


def test_an_opening_is_late_beyond_the_paths_latency():
    assert opening_s(opened(0.5, 0.2, 0.2), 0.2, 0.0) == 0.0
    assert opening_s(opened(0.7, 0.2, 0.2), 0.2, 0.0) == pytest.approx(0.5)


# waiting for the next Piece: `1.0` is "came with the next one", where Pieces are sent a second apart

NEXT = [
    # name,                                          lags of the Pieces,                 spare, does it wait?
    ("each with the next",                           (1.0, 1.0, 1.0, 1.0, 0.0),          0.02, True),
    ("too few to tell",                              (1.0, 1.0, 1.0, 0.0),               0.02, False),
    ("each at once",                                 (0.0, 0.0, 0.0, 0.0, 0.0),          0.02, False),
    ("late by half a gap: not with the next",        (0.5, 0.5, 0.5, 0.5, 0.0),          0.02, False),
    ("near the next by as much as is spare",         (0.875, 0.875, 1.0, 1.0, 0.0),      0.125, True),
    ("further from it than is spare",                (0.874, 0.874, 1.0, 1.0, 0.0),      0.125, False),
    ("after the next by more than is spare",         (1.126, 1.126, 1.0, 1.0, 0.0),      0.125, False),
    ("three in five with the next",                  (1.0, 1.0, 1.0, 0.5, 0.5, 0.0),     0.02, True),
    ("two in four with the next",                    (1.0, 1.0, 0.5, 0.5, 0.0),          0.02, False),
    ("four in seven with the next",                  (*[1.0] * 4, 0.5, 0.5, 0.5, 0.0),   0.02, False),
    ("a stall of just under half a gap, three in five", (1.0, 1.0, 1.0, 0.5, 0.5, 0.0),  0.499, True),
    ("a stall of half a gap, three in five",         (1.0, 1.0, 1.0, 0.5, 0.5, 0.0),     0.5,  False),
    ("a stall of half a gap, four in five",          (1.0, 1.0, 1.0, 1.0, 0.5, 0.0),     0.5,  True),
    ("a stall of half a gap, seven in nine",         (*[1.0] * 7, 0.5, 0.5, 0.0),        0.5,  False),
    ("a stall of half a gap, 0.15 from the next",    (0.855, 0.855, 1.145, 1.0, 0.0),    0.5,  True),
    ("a stall of half a gap, further from it",       (0.846, 0.846, 1.154, 1.0, 0.0),       0.5,  False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "lags_s", "spare_s", "waits"), NEXT, ids=[row[0] for row in NEXT])
def test_waiting_for_the_next_piece(name, lags_s, spare_s, waits):
    assert waits_for_next(late_by(*lags_s, gap_s=1.0), 0.0, spare_s) is waits
    assert waits_for_next(late_by(*(lag_s + 8.0 for lag_s in lags_s), gap_s=1.0), 8.0, spare_s) is waits


def timed(*at_and_sent_s: tuple[float, float]) -> list[TimedPiece]:
    return [TimedPiece(at_s, seq, sent_s) for seq, (at_s, sent_s) in enumerate(at_and_sent_s)]


# Near enough to the next one's moment, two of them in one delivery each time.
TWO_BY_TWO = [((k + 1) * 0.21 + (-0.099 if k % 2 else 0.1), k * 0.21) for k in range(7)]
PAIRED = [
    # name,                                        Pieces (at_s, sent_s),                                                            spare, does it wait?
    ("the last two come with the end",             timed((1.0, 0.0), (2.0, 1.0), (3.0, 2.0), (4.0, 3.0), (4.0, 4.0)),                0.02, True),
    ("two in five apart, one may be with the end",   timed(*TWO_BY_TWO[:6]),                                                         0.1,  False),
    ("three in six apart, one may be with the end",  timed(*TWO_BY_TWO[:7]),                                                         0.1,  True),
    ("as close as the reads of one delivery",        timed((0, -1), (0.012, 0), (1, 0.012), (1, 1), (1, 1.005)),                     0.02, False),
    ("a little further apart",                       timed((0, -1), (0.0121, 0), (1, 0.0121), (1, 1), (1, 1.005)),                   0.02, True),
    ("late by half a gap in the median",             timed((0.5, 0), (1, 0.5), (2, 1), (2, 2), (3, 3), (4, 4)),                      0.02, True),
    ("late by a little less than half a gap",        timed((0.48, 0), (0.96, 0.48), (1.96, 0.96), (1.96, 1.96), (2.96, 2.96), (3.96, 3.96)), 0.02, False),
    ("late by less: short gaps alone are waited for", timed((0.1, 0), (0.2, 0.1), (1.2, 0.2), (1.2, 1.2), (2.2, 2.2), (3.2, 3.2)),   0.02, False),
    ("three sent at once, then one with the end",  timed((0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.1, 0.0), (0.2, 0.1)),                0.02, False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "pieces", "spare_s", "waits"), PAIRED, ids=[row[0] for row in PAIRED])
def test_pieces_at_an_uneven_pace_wait_for_each_other(name, pieces, spare_s, waits):
    assert waits_for_next(pieces, 0.0, spare_s) is waits


def test_the_paths_own_latency_is_no_part_of_the_wait():
    seen = timed((8.1, 0), (8.2, 0.1), (9.2, 0.2), (9.2, 1.2), (10.2, 2.2), (11.2, 3.2))
    assert not waits_for_next(seen, 8.0, 0.02)


# mostly late, and at the end: Pieces (at_s, sent_s); the lags come with them

MOSTLY_LATE = [
    # name,                             Pieces sent,         lag in the median,  is it?
    ("by four fifths of the gap",       (0, 1.25, 2.5),      1.0,                True),
    ("by less",                         (0, 1.25, 2.5),      0.99,               False),
    ("one short gap",                   (0, 0.5, 2.5, 4.5),  1.5,                False),
    ("the stream began late",           (3, 4.25, 5.5),      1.0,                True),
    ("small gaps",                      (0, 0.125, 0.25),    0.125,              True),
    ("all sent at once",                (1, 1, 1),           1.0,                False),
    ("all sent at once, and on time",   (1, 1, 1),           0.0,                False),
    ("a single Piece",                  (1,),                1.0,                False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "sent_s", "p50_s", "expected"), MOSTLY_LATE, ids=[row[0] for row in MOSTLY_LATE]
)
def test_most_pieces_are_late_or_some(name, sent_s, p50_s, expected):
    assert mostly_late(timed(*((0.0, moment_s) for moment_s in sent_s)), Lag(p50_s, 9.0)) is expected


A_FIFTH = 1 - 0.8
ENDINGS = [
    # name,                                       Pieces,                                         largest lag, at the end?
    ("all together, as late as it has to be",     timed((9, 0), (9, 1)),                          0.8,         True),
    ("not late enough",                           timed((9, 0), (9, 1)),                          0.79,        False),
    ("spread over a fifth of the stream",         timed((0, 0), (A_FIFTH, 1)),                    0.8,         True),
    ("spread over a little more",                 timed((0, 0), (A_FIFTH + 0.01, 1)),             0.8,         False),
    ("neither late nor together",                 timed((0, 0), (1, 1)),                          0.0,         False),
    ("a stream that began late",                  timed((9, 5), (9, 6)),                          0.8,         True),
    ("twice as long: as late as it has to be",    timed((9, 0), (9, 2)),                          1.6,         True),
    ("twice as long: not late enough",            timed((9, 0), (9, 2)),                          1.59,        False),
    ("twice as long: spread over a fifth",        timed((0, 0), (2 * A_FIFTH, 2)),                1.6,         True),
    ("the first Piece came alone",                timed((0, 0), (1, 0.5), (1, 0.9), (1, 1)),      1.0,         False),
    ("the last Piece came alone",                 timed((1, 0), (1, 0.5), (1, 0.9), (2, 1)),      1.0,         False),
    ("from the first Piece sent",                 timed((1, 0), (1, 0.5), (1, 0.9), (1, 1)),      0.75,        False),
    ("to the last Piece sent",                    timed((1, 0), (1, 0.1), (1, 0.5), (1, 1)),      0.75,        False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "pieces", "max_s", "expected"), ENDINGS, ids=[row[0] for row in ENDINGS])
def test_what_was_held_to_the_end_comes_together(name, pieces, max_s, expected):
    assert at_the_end(pieces, Lag(0.0, max_s)) is expected


# Uneven gaps, as the plan's streams have them: the moments at which Pieces were sent.
SENT_S = (0.0, 0.07, 0.2, 0.27, 0.37, 0.48, 0.6)
GAPS_S = [after - before for before, after in itertools.pairwise(SENT_S)]


def sent_at(*lags_s: float) -> list[TimedPiece]:
    return timed(*((sent_s + lag_s, sent_s) for sent_s, lag_s in zip(SENT_S, lags_s, strict=False)))


def with_next(late_s: float, *, end_s: float = 0.1, shaken_s: float = 0.0) -> list[TimedPiece]:
    """Each Piece so long after the next one was sent, every second one later still; the last with the end."""
    lags_s = [gap_s + late_s + shaken_s * (seq % 2) for seq, gap_s in enumerate(GAPS_S)]
    return sent_at(*lags_s, end_s)


def uneven_by(more_s: float) -> list[TimedPiece]:
    """Each Piece with the next one, where every second gap is so much longer."""
    gaps_s = [1.0 + more_s * (seq % 2) for seq in range(8)]
    sent_s = [0.0, *itertools.accumulate(gaps_s)]
    return timed(*zip(sent_s[1:], sent_s, strict=False), (sent_s[-1] + 1.0, sent_s[-1]))


FOLLOWS = [
    # name                                        pieces                                    do they follow
    ("each with the next one, the end late",      with_next(0.0),                           True),
    ("the same on a slow path",                   with_next(0.25),                          True),
    ("before the next one",                       with_next(-0.001),                        False),
    ("each at its own pace",                      sent_at(*[0.01] * 7),                     False),
    ("each at its own pace, by a gap later",      sent_at(*[0.1] * 7),                      False),
    ("as near to the next one as counts",         with_next(0.0, shaken_s=0.035),           True),
    ("farther from the next one",                 with_next(0.0, shaken_s=0.045),           False),
    ("gaps that are even",                        late_by(*[1.0] * 9, gap_s=1.0),           False),
    ("gaps that are just uneven enough",          uneven_by(0.011),                         True),
    ("gaps that are less uneven",                 uneven_by(0.008),                         False),
    ("as few as show a pattern",                  with_next(0.0)[:5],                       True),
    ("fewer",                                     with_next(0.0)[:4],                       False),
    ("half of them together",                     timed((0.2, 0.0), (0.2, 0.07), (0.37, 0.2), (0.37, 0.27), (0.6, 0.37), (0.6, 0.48), (0.7, 0.6)), False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "pieces", "follows"), FOLLOWS, ids=[row[0] for row in FOLLOWS])
def test_pieces_that_come_with_the_next_one_show_it_by_uneven_gaps(name, pieces, follows):
    assert follows_next(pieces) is follows
