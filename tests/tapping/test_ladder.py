"""What one layer did, and what the path did: a row on each side of each threshold."""

from __future__ import annotations

import pytest

from flushcheck.tapping.ladder import Step, groups, layer_step, path_step
from flushcheck.tapping.notes import Chunk, Place


def chunks(*pairs: tuple[float, int]) -> tuple[Chunk, ...]:
    return tuple(Chunk(at_s, size) for at_s, size in pairs)


def steady(count: int = 10, size: int = 50, gap_s: float = 0.1, late_s: float = 0.0) -> tuple[Chunk, ...]:
    return tuple(Chunk(gap_s * (number + 1) + late_s, size) for number in range(count))


GROUPS = [
    ("none", chunks(), chunks()),
    ("apart", chunks((0.1, 5), (0.2, 6)), chunks((0.1, 5), (0.2, 6))),
    ("parts of one event", chunks((0.1, 5), (0.1029, 6), (0.1058, 1)), chunks((0.1058, 12))),
    ("just too late", chunks((0.1, 5), (0.1031, 6)), chunks((0.1, 5), (0.1031, 6))),
    ("empty ones", chunks((0.1, 0), (0.2, 6), (0.202, 0)), chunks((0.202, 6))),
]


@pytest.mark.parametrize(("name", "given", "expected"), GROUPS, ids=[row[0] for row in GROUPS])
def test_chunks_that_pass_together_are_one_delivery(name, given, expected):
    assert tuple(groups(given)) == expected


IN = steady()
QUICK = (*chunks((0.02, 50), (0.04, 50), (0.06, 50)), *steady(count=10)[1:])
LAYERS = [
    # name,                               in,        out,                                          waited, holds
    ("passes each on",                     IN,        steady(late_s=0.0002),                         0.0,    False),
    ("joins all",                          IN,        chunks((1.0, 500)),                            0.9,    True),
    ("joins and compresses",               IN,        chunks((1.0, 60)),                             0.9,    True),
    ("compresses, its head at once",       IN,        chunks((0.1, 10), (1.0, 60)),                  0.8,    True),
    ("compresses and flushes",             IN,        steady(size=20, late_s=0.0002),                0.0,    False),
    ("joins two by two",                   IN,        steady(count=5, size=100, gap_s=0.2),          0.1,    True),
    ("joins some of them",                 IN,        (*steady(count=4), *chunks((0.6, 100), (0.7, 50), (0.8, 50), (1.0, 100))), 0.1, False),
    ("one piece late",                     IN,        (*steady(count=9, late_s=0.1), *chunks((1.001, 50))), 0.1, True),
    ("late by a third of the pace",        IN,        steady(late_s=0.03),                           0.03,   False),
    ("late by more than half of it",       IN,        steady(late_s=0.055),                          0.055,  True),
    ("two deliveries say nothing",         steady(2), chunks((0.2, 100)),                            0.1,    False),
    ("three do",                           steady(3), chunks((0.3, 150)),                            0.2,    True),
    ("a quick one, joined",                steady(gap_s=0.004), chunks((0.04, 500)),                 0.036,  True),
    ("nothing comes out",                  IN,        chunks(),                                      0.0,    False),
    ("nothing comes in",                   chunks(),  IN,                                            0.0,    False),
    ("adds a preamble",                    IN,        (*chunks((0.01, 5)), *steady(late_s=0.0002)),  0.0,    False),
    ("keeps the first three",              IN,        (*chunks((0.304, 150)), *steady(count=10)[3:]), 0.204,  True),
    ("... and passes on the third",        IN,        (*chunks((0.302, 150)), *steady(count=10)[3:]), 0.202,  False),
    ("keeps the first two",                IN,        (*chunks((0.21, 100)), *steady(count=10)[2:]), 0.11,   False),
    ("keeps the first three for 50 ms",    QUICK,     (*chunks((0.07, 150)), *QUICK[3:]),            0.05,   True),
    ("... for less",                       QUICK,     (*chunks((0.069, 150)), *QUICK[3:]),           0.049,  False),
    ("keeps and compresses the first three", IN,      (*chunks((0.304, 9)), *steady(count=10, size=9)[3:]), 0.204, True),
    ("keeps the last one only",            IN,        (*steady(count=9), *chunks((1.6, 50))),        0.6,    False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "entered", "left", "waited_s", "holds"), LAYERS, ids=[row[0] for row in LAYERS]
)
def test_what_a_layer_did(name, entered, left, waited_s, holds):
    step = layer_step(Place("view", entered), Place("Layer", left))
    assert step.waited_s == pytest.approx(waited_s, abs=0.001)
    assert step.holds is holds


PATHS = [
    # name,                          the reader's arrivals,                            before, waited, holds
    ("the beginning of it",           steady(count=6, late_s=0.02),                      0.02,   0.0,    False),
    ("blocks, and their beginning",   chunks((0.52, 250), (0.9, 100)),                   0.02,   0.4,    True),
    ("passes each on",                steady(late_s=0.02),                               0.02,   0.0,    False),
    ("far away",                      steady(late_s=0.3),                                0.3,    0.0,    False),
    ("a queue",                       steady(late_s=2.0),                                2.0,    0.0,    False),
    ("all at the end",                chunks((1.02, 500)),                               0.02,   0.9,    True),
    ("a queue, and all at the end",   chunks((3.02, 500)),                               2.02,   0.9,    True),
    ("compressed, all at the end",    chunks((1.02, 60)),                                0.02,   0.9,    True),
    ("compressed and flushed",        steady(size=20, late_s=0.02),                      0.02,   0.0,    False),
    ("two by two",                    steady(count=5, size=100, gap_s=0.2, late_s=0.02), 0.02,   0.1,    True),
    ("jitter of 40 ms",               tuple(Chunk(0.1 * n + (0.06 if n % 2 else 0.02), 50) for n in range(1, 11)), 0.02, 0.04, False),
    ("nothing",                       chunks(),                                          0.0,    0.0,    False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "reader", "before_s", "waited_s", "holds"), PATHS, ids=[row[0] for row in PATHS]
)
def test_what_the_path_did(name, reader, before_s, waited_s, holds):
    same = not name.startswith("compressed")
    step = path_step(Place("Outermost", IN), reader, same_bytes=same)
    assert step == Step(pytest.approx(waited_s, abs=0.001), holds, pytest.approx(before_s, abs=0.001))  # type: ignore[arg-type]
