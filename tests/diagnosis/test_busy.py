"""A busy machine makes a verdict open, not wrong: recorded runs again, as stalls would have shown them.

Two cores that have something else to do keep each program from running now and then, for tens or hundreds of
milliseconds: the service sends late, the proxy passes on late, the observer looks late, and knows only of the last.
What was recorded on a quiet machine is put through such stalls, and judged.
"""

from __future__ import annotations

import itertools
import json
import os
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.model import Arrival, Observation, ReceivedPiece, Run
from flushcheck.model.codec import from_json
from tests.diagnosis.test_recordings import RECORDED, path_of
from tests.lab.case import Case
from tests.lab.verdicts import Mark as Word
from tests.lab.verdicts import assess_run

pytestmark = pytest.mark.slow

Stalls = Sequence[tuple[float, float]]  # (when it began, how long it was), in seconds

WHO = (("observer",), ("observer", "service"), ("observer", "proxy"))
READ_BYTES = 65_536

# How often a second, and how long in the mean: as on two cores with a browser's tests beside, and far worse.
USUAL = tuple(itertools.product((0.3, 1.0), (0.03, 0.08)))
WORST = tuple(itertools.product((0.3, 1.0, 3.0), (0.03, 0.08, 0.15)))
LONGEST_S = 0.6

ROUNDS = 30 if os.environ.get("LONG") else 2


def stalls(draw: random.Random, until_s: float, often: float, mean_s: float) -> Stalls:
    """Stalls at random moments of so long a stream."""
    found: list[tuple[float, float]] = []
    at_s = draw.expovariate(often)
    while at_s < until_s:
        found.append((at_s, min(LONGEST_S, draw.expovariate(1 / mean_s))))
        at_s += found[-1][1] + draw.expovariate(often)
    return found


def after(at_s: float, kept: Stalls) -> float:
    """When that happens which was to happen at this moment."""
    return next((begun + lasts for begun, lasts in kept if begun <= at_s < begun + lasts), at_s)


def stalled(seen: Observation, who: Sequence[str], draw: random.Random, often: float, mean_s: float):
    """The Observation as it had been, had these three been kept from running now and then."""
    if not seen.pieces:
        return seen
    until_s = seen.ended_s + 0.1
    latency_s = min(piece.at_s - piece.sent_s for piece in seen.pieces)
    kept = {one: stalls(draw, until_s, often, mean_s) for one in WHO[1] + WHO[2]}
    arrivals: list[Arrival] = []
    for one in seen.arrivals:
        at_s, own = one.at_s, one.pieces
        if "service" in who:
            own = tuple(
                replace(
                    piece,
                    sent_s=max(piece.sent_s, after(piece.sent_s + latency_s, kept["service"]) - latency_s),
                )
                for piece in own
            )
            at_s = max([at_s, *(piece.sent_s + latency_s for piece in own)])
        if "proxy" in who:
            at_s = after(at_s, kept["proxy"])
        at_s = after(at_s, kept["observer"])
        arrivals.append(replace(one, at_s=at_s, pieces=own))
    stall_s = max((lasts for _, lasts in kept["observer"]), default=0.0)
    return replace(
        seen,
        arrivals=in_reads(arrivals),
        stall_s=max(seen.stall_s, stall_s),
        ended_s=max(seen.ended_s, *(one.at_s for one in arrivals)),
    )


def in_reads(arrivals: Sequence[Arrival]) -> tuple[Arrival, ...]:
    """In the order of TCP, and what waited together is read together."""
    reads: list[Arrival] = []
    for one in arrivals:
        before = reads[-1] if reads else None
        at_s = max(one.at_s, before.at_s) if before else one.at_s
        if before and at_s == before.at_s and before.size_bytes + one.size_bytes <= READ_BYTES:
            reads[-1] = Arrival(
                at_s,
                before.size_bytes + one.size_bytes,
                before.text_bytes + one.text_bytes,
                (*before.pieces, *one.pieces),
                (*before.frame_bytes, *one.frame_bytes),
                (*before.record_bytes, *one.record_bytes),
            )
        else:
            reads.append(replace(one, at_s=at_s))
    return tuple(reads)


def outcomes(case: Case, noises: Sequence[tuple[float, float]]) -> list[tuple[Word, str]]:
    run = from_json(Run, json.loads(path_of(case).read_text()))
    found = []
    for number in range(ROUNDS):
        draw = random.Random(f"{case.name} {number}")
        (often, mean_s), who = draw.choice(noises), draw.choice(WHO)
        noisy = replace(
            run, observations=tuple(stalled(one, who, draw, often, mean_s) for one in run.observations)
        )
        result = assess_run(case, {}, judge(noisy), 0.0)
        found.append((result.mark, f"{case.name} {number}: {result.why}"))
    return found


@pytest.mark.parametrize(
    ("noises", "wrong", "open_"), [(USUAL, 0.003, 0.03), (WORST, 0.01, 0.1)], ids=["usual", "worst"]
)
def test_a_busy_machine_leaves_verdicts_open_and_makes_none_up(noises, wrong, open_):
    found = [one for case in RECORDED for one in outcomes(case, noises)]
    words = Counter(word for word, _ in found)
    faults = [why for word, why in found if word is Word.WRONG]
    assert len(faults) <= wrong * len(found), faults
    assert words[Word.UNDECIDED] <= open_ * len(found)


def test_the_stalls_are_real():
    # Without this the test above could pass by moving nothing.
    reads = tuple(Arrival(0.1 * k, 20, 20, (ReceivedPiece(k, 0.1 * k),)) for k in range(20))
    (case, *_) = RECORDED
    run = from_json(Run, json.loads(path_of(case).read_text()))
    seen = replace(run.observations[0], arrivals=reads, ended_s=2.0, stall_s=0.0)
    moved = [stalled(seen, who, random.Random(7), 3.0, 0.4) for who in WHO]
    for one in moved:
        assert len(one.arrivals) < len(reads)
        assert [piece.seq for piece in one.pieces] == list(range(20))
        assert one.stall_s > 0.1
    assert [piece.sent_s for piece in moved[0].pieces] == [piece.sent_s for piece in seen.pieces]
    assert [piece.sent_s for piece in moved[1].pieces] != [piece.sent_s for piece in seen.pieces]
