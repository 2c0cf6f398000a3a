"""What a first look at short streams may decide: a row on each side of every threshold and guard."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.measurement import short_look
from flushcheck.measurement.plan import SHORT_SHAPES
from flushcheck.model import Client, Observation, Outcome, Probe, Scenario, Transport, Vantage, Variant
from tests.measurement.arrivals import (
    Reads,
    at_rate,
    at_the_end,
    at_threshold,
    in_blocks,
    in_ticks,
    one_by_one,
    sent,
    with_the_next,
)
from tests.measurement.streams import big, direct, kilo, loopback, saw, xab

POLLING, CHUNKED, EVENTS, WEBSOCKET = Transport
TOGETHER = Probe(CHUNKED, variant=Variant.TOGETHER)


def offsets(scenario: Scenario) -> list[float]:
    shape = SHORT_SHAPES[scenario]
    return sent(shape.count, shape.interval_s, shape.jitter_s)


TOKEN, KILO, BIG = map(offsets, SHORT_SHAPES)
FLOWING = one_by_one(TOKEN, record=50)
HELD = at_the_end(TOKEN, 50)
TICKS = in_ticks(TOKEN, 0.2, 50)
THROTTLED = at_rate(KILO, 12_000)
ONE_LATE = with_the_next(TOKEN, 50)
BLOCKS_4K = in_blocks(KILO, 4096)
FEW_BLOCKS = in_blocks(KILO, 9000)  # two: their size may be a chance
# All but the last one a little before the last one is sent: the response began late.
EARLY: Reads = [
    (TOKEN[-1] - 0.01, 1000, [*enumerate(TOKEN)][:-1]),
    (TOKEN[-1] + 0.005, 50, [(15, TOKEN[-1])]),
]
# The first one, and all others at the end: too few deliveries for a size.
ONE_AND_ALL: Reads = [(0.01, 8252, [(0, TOKEN[0])]), (0.76, 1090, [*enumerate(TOKEN)][1:])]
REPLAYED: Reads = [(0.01, 900, list(enumerate(TOKEN)))]
NOTHING: Reads = []
# Late by up to 0.2 s at random, half of them: as on a link with jitter.
JITTER = one_by_one(
    TOKEN, [0.005 + 0.2 * (k % 3 > 0) * (k * 7 % 11) / 11 for k in range(len(TOKEN))], record=50
)

POLLS = saw(POLLING, FLOWING)


def ticks(period_s: float) -> Reads:
    return in_ticks(KILO, period_s)


def over_tls(observation: Observation) -> Observation:
    return replace(observation, tls_version="TLSv1.3")


def late_by(seconds: float, reads: Reads = FLOWING) -> Reads:
    return [(at_s + seconds, size, pieces) for at_s, size, pieces in reads]


def polls(lag_s: float) -> Observation:
    """Ten polls, one of which took so much longer."""
    return saw(POLLING, one_by_one(TOKEN, [0.005] * 8 + [0.005 + lag_s] + [0.005] * 7, record=50))


GZIP = {"content-encoding": "gzip"}
STALL_S = short_look.MAX_STALL_S
KEPT_S = HELD[0][0] - TOKEN[0] - (HELD[0][0] - TOKEN[-1])  # the lag of the first Piece of a held stream

UNSETTLED = [
    # name,                                        the streams; the last one is looked at,                 is it open?
    ("flows",                                      [saw(CHUNKED, FLOWING)],                                False),
    ("flows with jitter",                          [saw(CHUNKED, JITTER)],                                 True),
    ("flows past a stall",                         [saw(CHUNKED, FLOWING, stall_s=STALL_S)],               False),
    ("flows past a longer stall",                  [saw(CHUNKED, FLOWING, stall_s=STALL_S + 0.001)],       True),
    ("held to the end",                            [saw(CHUNKED, HELD)],                                   False),
    ("larger pieces held to the end",              [saw(CHUNKED, HELD), saw(kilo(CHUNKED), at_the_end(KILO))], False),
    ("the same over TLS",                          [saw(CHUNKED, HELD), over_tls(saw(kilo(CHUNKED), at_the_end(KILO)))], True),
    ("small ones over TLS",                        [over_tls(saw(CHUNKED, HELD))],                         False),
    ("larger pieces in blocks over TLS",           [over_tls(saw(kilo(CHUNKED), BLOCKS_4K))],              False),
    ("held to the end past a longer stall",        [saw(CHUNKED, HELD, stall_s=STALL_S + 0.001)],          True),
    ("in ticks",                                   [saw(CHUNKED, TICKS)],                                  False),
    ("larger pieces alone in ticks",               [saw(EVENTS, FLOWING), saw(kilo(CHUNKED), ticks(0.2))], True),
    ("larger pieces in the ticks of small ones",   [saw(EVENTS, TICKS), saw(kilo(CHUNKED), ticks(0.222))], False),
    ("larger pieces in ticks of their own",        [saw(EVENTS, TICKS), saw(kilo(CHUNKED), ticks(0.235))], True),
    ("... in those of other larger ones",          [saw(kilo(EVENTS), ticks(0.2)), saw(kilo(CHUNKED), ticks(0.2))], True),
    ("in blocks of one size",                      [saw(kilo(CHUNKED), BLOCKS_4K)],                        False),
    ("in blocks of no size",                       [saw(CHUNKED, ONE_AND_ALL)],                            True),
    ("in blocks of no size, compressed",           [saw(CHUNKED, ONE_AND_ALL, headers=GZIP)],              False),
    ("in blocks of another size",                  [saw(kilo(CHUNKED), in_blocks(KILO, 3600))],            False),
    ("in four blocks of another size",             [saw(kilo(CHUNKED), in_blocks(KILO, 3750))],            True),
    ("in blocks of nearly a power of two",         [saw(kilo(CHUNKED), in_blocks(KILO, 3976))],            False),
    ("in blocks of less than that",                [saw(kilo(CHUNKED), in_blocks(KILO, 3970))],            True),
    ("in blocks of a little more",                 [saw(kilo(CHUNKED), in_blocks(KILO, 4218))],            False),
    ("in blocks of more than that",                [saw(kilo(CHUNKED), in_blocks(KILO, 4220))],            True),
    ("whole pieces from a size on",                [saw(kilo(CHUNKED), at_threshold(KILO, 4339))],         True),
    ("in two blocks",                              [saw(kilo(CHUNKED), FEW_BLOCKS)],                       True),
    ("in two blocks, compressed",                  [saw(kilo(CHUNKED), FEW_BLOCKS, headers=GZIP)],         True),
    ("large, in two blocks",                       [saw(big(CHUNKED), in_blocks(BIG, 90_000, 16_040))],    True),
    ("large, in two blocks, compressed",           [saw(big(CHUNKED), in_blocks(BIG, 90_000, 16_040), headers=GZIP)], False),
    ("in blocks of one size, compressed",          [saw(kilo(CHUNKED), BLOCKS_4K, headers=GZIP)],          False),
    ("each with the next",                         [saw(CHUNKED, ONE_LATE)],                               False),
    ("at a rate",                                  [saw(kilo(CHUNKED), THROTTLED)],                        True),
    ("played back",                                [saw(CHUNKED, REPLAYED)],                               False),
    ("refused",                                    [saw(CHUNKED, NOTHING, outcome=Outcome.REFUSED)],       False),
    ("unreachable",                                [saw(CHUNKED, NOTHING, outcome=Outcome.UNREACHABLE)],   False),
    ("cut",                                        [saw(CHUNKED, FLOWING, outcome=Outcome.CUT)],           True),
    ("without an end",                             [saw(CHUNKED, FLOWING, outcome=Outcome.TIMEOUT)],       True),
    # A stream that begins late may have waited for another one.
    ("begins late",                                [saw(EVENTS, FLOWING), saw(CHUNKED, late_by(0.41))],    True),
    ("begins a little late",                       [saw(EVENTS, FLOWING), saw(CHUNKED, late_by(0.39))],    False),
    ("held, and comes with the end",               [saw(EVENTS, FLOWING), saw(CHUNKED, late_by(0.09, HELD))], False),
    ("held, and comes after the end",              [saw(EVENTS, FLOWING), saw(CHUNKED, late_by(0.11, HELD))], True),
    ("held, and comes before the end",             [saw(EVENTS, FLOWING), saw(CHUNKED, EARLY)],            True),
    ("large, held, and comes before the end",      [saw(EVENTS, FLOWING), saw(big(CHUNKED), EARLY)],       True),
    ("the same, compressed",                       [saw(EVENTS, FLOWING), saw(big(CHUNKED), EARLY, headers=GZIP)], False),
    ("smaller, compressed, and before the end",    [saw(EVENTS, FLOWING), saw(kilo(CHUNKED), EARLY, headers=GZIP)], True),
    ("held, and nothing flows beside",             [saw(EVENTS, HELD), saw(CHUNKED, late_by(0.41, HELD))], False),
    ("held, and another vantage is quicker",       [saw(EVENTS, FLOWING), saw(direct(CHUNKED), late_by(0.41, HELD))], False),
    ("in ticks, after the end",                    [saw(EVENTS, FLOWING), saw(CHUNKED, late_by(0.11, TICKS))], False),
    ("begins late, as one that is held does not",  [saw(EVENTS, HELD), saw(CHUNKED, late_by(0.41))],       False),
    ("begins late at another vantage",             [saw(EVENTS, FLOWING), saw(direct(CHUNKED), late_by(0.41))], False),
    # Polls show whether the network stood still.
    ("held beside polls",                          [POLLS, saw(WEBSOCKET, HELD)],                          False),
    ("held beside a poll nearly as late",          [polls(0.26 * KEPT_S), saw(WEBSOCKET, HELD)],           True),
    ("held beside a poll less late",               [polls(0.24 * KEPT_S), saw(WEBSOCKET, HELD)],           False),
    ("a response, beside a poll nearly as late",   [polls(0.26 * KEPT_S), saw(CHUNKED, HELD)],             True),
    ("ticks beside such a poll",                   [polls(0.26 * KEPT_S), saw(CHUNKED, TICKS)],            False),
    ("at another vantage, beside such a poll",     [polls(0.26 * KEPT_S), saw(direct(CHUNKED), HELD)],     False),
    ("a WebSocket without polls",                  [saw(WEBSOCKET, HELD)],                                 True),
    ("a WebSocket beside polls that fail",         [saw(POLLING, NOTHING, outcome=Outcome.REFUSED), saw(WEBSOCKET, HELD)], True),
    ("a response beside polls that fail",          [saw(POLLING, NOTHING, outcome=Outcome.REFUSED), saw(CHUNKED, HELD)], False),
    ("polls of another client",                    [POLLS, saw(Probe(WEBSOCKET, client=Client.HTTP1), HELD)], True),
    # The control matters where something is held.
    ("an open control of a clean path",            [saw(CHUNKED, FLOWING), saw(loopback(CHUNKED), JITTER)], False),
    ("an open control of a held path",             [saw(CHUNKED, HELD), saw(loopback(CHUNKED), JITTER)],   True),
    ("an open control where another is held",      [saw(direct(CHUNKED), HELD), saw(loopback(CHUNKED), JITTER)], False),
    ("a control that flows",                       [saw(CHUNKED, HELD), saw(loopback(CHUNKED), FLOWING)],  False),
    ("a control that failed",                      [saw(CHUNKED, HELD), saw(loopback(CHUNKED), NOTHING)],  False),
    ("a control that was cut",                     [saw(CHUNKED, HELD), saw(loopback(CHUNKED), FLOWING, outcome=Outcome.CUT)], False),
    ("a counterpart that was cut",                 [saw(CHUNKED, HELD), saw(direct(CHUNKED), FLOWING, outcome=Outcome.CUT)], True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "streams", "is_open"), UNSETTLED, ids=[row[0] for row in UNSETTLED])
def test_a_short_look_leaves_open_what_more_pieces_would_tell(name, streams, is_open):
    assert (streams[-1].probe in short_look.unsettled(streams)) is is_open


def test_what_is_open_comes_in_the_order_of_the_streams():
    streams = [saw(EVENTS, JITTER), saw(POLLING, FLOWING), saw(CHUNKED, JITTER)]
    assert short_look.unsettled(streams) == (Probe(EVENTS), Probe(CHUNKED))
    assert short_look.unsettled(()) == ()


HELD_TOKEN = saw(CHUNKED, HELD)
OPEN_KILO = saw(kilo(CHUNKED), FEW_BLOCKS)
SEPARABLE = [
    # name,                            left open,                       all streams,                                                 alone?
    ("nothing",                        (),                              [HELD_TOKEN],                                                True),
    ("a baseline",                     (Probe(CHUNKED),),               [saw(CHUNKED, JITTER), saw(EVENTS, HELD)],                   False),
    ("an experiment",                  (xab(CHUNKED),),                 [HELD_TOKEN, saw(xab(CHUNKED), JITTER)],                     True),
    ("an experiment and a baseline",   (xab(CHUNKED), Probe(EVENTS)),   [HELD_TOKEN, saw(xab(CHUNKED), JITTER), saw(EVENTS, JITTER)], False),
    ("the size of a hold",             (kilo(CHUNKED),),                [HELD_TOKEN, OPEN_KILO],                                     True),
    ("the larger size of a hold",      (big(CHUNKED),),                 [HELD_TOKEN, saw(big(CHUNKED), JITTER)],                     True),
    ("a hold of larger pieces only",   (kilo(CHUNKED),),                [saw(CHUNKED, FLOWING), OPEN_KILO],                          False),
    ("a size, with an open hold",      (kilo(CHUNKED), Probe(CHUNKED)), [HELD_TOKEN, OPEN_KILO],                                     False),
    ("a size on another transport",    (kilo(EVENTS),),                 [HELD_TOKEN, saw(kilo(EVENTS), FEW_BLOCKS)],                 False),
    ("an experiment elsewhere",        (replace(xab(CHUNKED), vantage=Vantage.DIRECT),), [HELD_TOKEN],                               False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "left_open", "streams", "alone"), SEPARABLE, ids=[row[0] for row in SEPARABLE]
)
def test_only_what_the_verdict_does_not_rest_on_is_asked_for_alone(name, left_open, streams, alone):
    assert short_look.separable(left_open, streams) is alone


CLEAN = [saw(CHUNKED, FLOWING)]
HTTP10 = Probe(CHUNKED, variant=Variant.HTTP10)
CONFIRMS = [
    # name,                          the experiment,                                        does it?
    ("it flows",                     saw(TOGETHER, FLOWING),                                True),
    ("it flows past a longer stall", saw(TOGETHER, FLOWING, stall_s=STALL_S + 0.001),       False),
    ("it flows, compressed",         saw(TOGETHER, FLOWING, headers=GZIP),                  False),
    ("it is held",                   saw(TOGETHER, HELD),                                   False),
    ("it begins late",               saw(TOGETHER, late_by(0.41)),                          False),
    ("it begins a little late",      saw(TOGETHER, late_by(0.39)),                          True),
    ("it flows with jitter",         saw(TOGETHER, JITTER),                                 False),
    ("it is refused",                saw(HTTP10, NOTHING, outcome=Outcome.REFUSED),         True),
    ("it is cut",                    saw(HTTP10, FLOWING, outcome=Outcome.CUT),             False),
    ("larger pieces are held",       saw(big(CHUNKED), at_the_end(BIG, 16_040)),            True),
    ("larger pieces have no pattern", saw(big(CHUNKED), JITTER),                            False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "experiment", "expected"), CONFIRMS, ids=[row[0] for row in CONFIRMS])
def test_short_experiments_confirm_a_clean_path_only_if_they_flow(name, experiment, expected):
    assert short_look.confirms([experiment], CLEAN) is expected
