"""A network with jitter makes the verdict on a user's own stream open, not wrong: simulated apps, holds and networks.

Each seed is one app, with a pace and sizes of its own, one network, and a run as `watch` makes it: a first look and
repeats, or a first look and the app's own port. What the rules compare is drawn independently.
"""

from __future__ import annotations

import itertools
import os
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.model import Arrival, Observation, Probe, Report, Run, Verdict
from tests.measurement.own import DIRECT, EVENT_STREAM, HTTP10, IDENTITY, OWN, observed, own_run

SEEDS = 2000 if os.environ.get("LONG") else 60
FRAMING_BYTES = 6  # of an event without a name

Records = list[tuple[float, int]]  # when each was sent or arrived, in seconds, and its bytes of text


def app(draw: random.Random) -> Records:
    """What an app sends: evenly, at random, in bursts, fast, like a model, or slowly at first."""
    pace = draw.choice(("even", "random", "bursts", "fast", "model", "slow start"))
    gap_s = draw.choice((0.02, 0.05, 0.1, 0.3))
    at_s = draw.uniform(0.01, 1.0)
    sent = []
    for number in range(draw.choice((8, 12, 20, 40, 100))):
        sent.append((at_s, draw.randint(20, 60) if draw.random() < 0.7 else draw.randint(60, 1500)))
        at_s += {
            "even": gap_s,
            "random": draw.expovariate(1 / gap_s),
            "bursts": gap_s * (1 if draw.random() < 0.8 else 5),
            "fast": 0.012,
            "model": draw.choice((0.01, gap_s, gap_s, 2 * gap_s)),
            "slow start": gap_s * (3 if number < 3 else 0.7),
        }[pace]
    return sent


def in_slots(moments_s: Sequence[float], draw: random.Random) -> list[float]:
    """Wi-Fi: what waits is sent together when the air is free."""
    slot_s, arrived = 0.0, []
    for at_s in moments_s:
        while slot_s < at_s:
            slot_s += draw.uniform(0.005, 0.12)
        arrived.append(slot_s)
    return arrived


def with_pauses(moments_s: Sequence[float], draw: random.Random) -> list[float]:
    """A pause a second, 80 ms long in the mean."""
    pauses, at_s = [], 0.0
    while at_s < moments_s[-1]:
        at_s += draw.expovariate(1.0)
        pauses.append((at_s, at_s + min(0.6, draw.expovariate(1 / 0.08))))
    return [next((end for begin, end in pauses if begin <= at_s < end), at_s) for at_s in moments_s]


def each_later(
    delay_s: Callable[[random.Random], float],
) -> Callable[[Sequence[float], random.Random], list[float]]:
    return lambda moments_s, draw: [at_s + delay_s(draw) for at_s in moments_s]


NETWORKS = {
    "quiet": each_later(lambda _draw: 0.0),
    "up to 30 ms": each_later(lambda draw: draw.uniform(0, 0.03)),
    "up to 100 ms": each_later(lambda draw: draw.uniform(0, 0.1)),
    "60 ms in the mean": each_later(lambda draw: draw.expovariate(1 / 0.06)),
    "lost packets": each_later(lambda draw: 0.2 if draw.random() < 0.03 else 0.0),
    "Wi-Fi": in_slots,
    "pauses": with_pauses,
}


def at_the_end(sent: Records) -> Records:
    return [(sent[-1][0], size) for _, size in sent]


def in_ticks(sent: Records) -> Records:
    """A timer of 200 ms, which the first record starts."""
    free_s, passed = 0.0, []
    for at_s, size in sent:
        free_s = at_s + 0.2 if at_s > free_s else free_s
        passed.append((free_s, size))
    return passed


HOLDS: dict[str, Callable[[Records], Records]] = {
    "none": lambda sent: sent,
    "to the end": at_the_end,
    "ticks": in_ticks,
}


def arrived(sent: Records, hold: str, network: str, draw: random.Random, probe: Probe) -> Observation:
    """A stream of whole records behind this hold and this network."""
    passed = HOLDS[hold](sent)
    moments_s = NETWORKS[network]([at_s for at_s, _ in passed], draw)
    in_order_s = itertools.accumulate(moments_s, max)
    pairs = zip(in_order_s, (size for _, size in passed), strict=True)
    arrivals = []
    for at_s, group in itertools.groupby(pairs, key=lambda pair: round(pair[0], 4)):
        sizes = tuple(size for _, size in group)
        total = sum(sizes) + FRAMING_BYTES * len(sizes)
        arrivals.append(Arrival(at_s, total, total, records=sizes))
    return replace(
        observed([], probe), arrivals=tuple(arrivals), headers_s=arrivals[0].at_s, ended_s=arrivals[-1].at_s
    )


def again(sent: Records, draw: random.Random) -> Records:
    """The same app asked once more: another text now and then, a little faster or slower."""
    pace = draw.choice((1.0, draw.uniform(0.9, 1.1)))
    return [(at_s * pace, max(20, round(size * pace))) for at_s, size in sent]


def run(seed: int, hold: str, freed_by: Probe | None) -> Run:
    """A run on one app; `freed_by` is the request that meets no hold."""
    draw = random.Random(seed)
    sent, network = app(draw), draw.choice(list(NETWORKS))
    if freed_by == DIRECT:
        seen = [arrived(sent, hold, network, draw, OWN), arrived(sent, "none", "quiet", draw, DIRECT)]
        return own_run(*seen)
    seen = [arrived(sent, hold, network, draw, OWN)]
    for probe in (IDENTITY, HTTP10, EVENT_STREAM):
        seen.append(arrived(again(sent, draw), "none" if probe == freed_by else hold, network, draw, probe))
    return own_run(*seen)


def reports(hold: str, freed_by: Probe | None) -> list[Report]:
    return [judge(run(seed, hold, freed_by)) for seed in range(SEEDS)]


@pytest.mark.parametrize("freed_by", [None, DIRECT], ids=["repeats", "own port"])
def test_no_jitter_is_called_a_hold(freed_by):
    verdicts = Counter(report.verdict for report in reports("none", freed_by))
    assert set(verdicts) == {Verdict.FLOWING, Verdict.UNKNOWN}
    assert verdicts[Verdict.FLOWING] > SEEDS / 2


@pytest.mark.parametrize("hold", ["to the end", "ticks"])
@pytest.mark.parametrize("freed_by", [None, IDENTITY, DIRECT], ids=["nothing frees", "identity", "own port"])
def test_jitter_on_top_of_a_hold_names_no_wrong_culprit(hold, freed_by):
    named = {culprit.id for report in reports(hold, freed_by) for culprit in report.culprits}
    assert named <= {"buffering-hop", *(("haproxy-http-delay",) if hold == "ticks" else ())}


@pytest.mark.parametrize("freed_by", [IDENTITY, DIRECT], ids=["identity", "own port"])
def test_what_is_held_to_the_end_is_called_so_whatever_the_network_does(freed_by):
    verdicts = Counter(report.verdict for report in reports("to the end", freed_by))
    assert Verdict.FLOWING not in verdicts
    assert verdicts[Verdict.HELD] > SEEDS / 3
