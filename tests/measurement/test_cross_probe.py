"""What several Observations of one run say together: a row on each side of every threshold and guard."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from flushcheck.measurement.cross_probe import correct, timings
from flushcheck.measurement.timing import Timing
from flushcheck.model import (
    Arrival,
    Flow,
    Lag,
    Observation,
    Outcome,
    Probe,
    ReceivedPiece,
    RequestAtApp,
    Scenario,
    Transport,
    Vantage,
    Variant,
)

POLLING, CHUNKED, EVENTS, WEBSOCKET = Transport
TOKEN, KILO, BIG = Scenario.TOKEN, Scenario.KILO, Scenario.BIG
PATH, LOOPBACK, DIRECT = Vantage.PATH, Vantage.LOOPBACK, Vantage.DIRECT
FLOWING, BLOCKS, TICKS, HELD, LATE, UNKNOWN = (
    Flow.FLOWING, Flow.BLOCKS, Flow.TICKS, Flow.HELD, Flow.LATE, Flow.UNKNOWN,
)  # fmt: skip


@dataclass(frozen=True)
class Stream:
    """One stream of a run: when it was requested, what it measured by itself, when it ended."""

    transport: Transport
    timing: Timing
    scenario: Scenario = TOKEN
    vantage: Vantage = PATH
    variant: Variant = Variant.BASELINE
    requested_s: float = 0.0
    first_s: float = 0.0
    ended_s: float = 9.0
    outcome: Outcome = Outcome.COMPLETE
    empty: bool = False
    stall_s: float = 0.0
    http_version: str = ""
    concurrent: int = 0  # streams that the app counted

    @property
    def probe(self) -> Probe:
        return Probe(self.transport, self.scenario, self.variant, self.vantage)

    @property
    def observation(self) -> Observation:
        piece = Arrival(self.first_s, 9, 9, (ReceivedPiece(0, 0.0),))
        return Observation(
            self.probe,
            self.outcome,
            requested_s=self.requested_s,
            ended_s=self.ended_s,
            arrivals=() if self.empty else (piece,),
            stall_s=self.stall_s,
            http_version=self.http_version,
            request_at_app=RequestAtApp(concurrent=self.concurrent) if self.concurrent else None,
        )


def corrected(*streams: Stream) -> list[Timing]:
    seen = {stream.probe: stream.observation for stream in streams}
    return list(correct(seen, {stream.probe: stream.timing for stream in streams}).values())


# Queues: `begins` has the stream's first Piece that many seconds after its request, which is also its latency.


def begins(transport: Transport, at_s: float, **others) -> Stream:
    return Stream(transport, Timing(FLOWING, latency_s=at_s), first_s=at_s, **others)


QUEUES = [
    # name,                                          streams; the last one is looked at,                               flow, queued_s, late_s
    ("began as another ended",                       [begins(CHUNKED, 0.0, ended_s=2.0), begins(EVENTS, 2.0)],         LATE, 2.0, 0.0),
    ("half a second after another ended",            [begins(CHUNKED, 0.0, ended_s=1.25), begins(EVENTS, 1.75)],       LATE, 1.75, 0.0),
    ("later than that after another ended",          [begins(CHUNKED, 0.0, ended_s=1.24), begins(EVENTS, 1.75)],       FLOWING, 0.0, 0.0),
    ("a moment before another ended",                [begins(CHUNKED, 0.0, ended_s=1.875), begins(EVENTS, 1.75)],      LATE, 1.75, 0.0),
    ("earlier than that before another ended",       [begins(CHUNKED, 0.0, ended_s=1.88), begins(EVENTS, 1.75)],       FLOWING, 0.0, 0.0),
    ("earlier, as the other's end was read late",    [begins(CHUNKED, 0.0, ended_s=2.375, stall_s=0.5), begins(EVENTS, 1.75)], LATE, 1.75, 0.0),
    ("earlier, by more than that",                   [begins(CHUNKED, 0.0, ended_s=2.38, stall_s=0.5), begins(EVENTS, 1.75)], FLOWING, 0.0, 0.0),
    ("the observer ran for a second of the wait",    [begins(CHUNKED, 0.0, ended_s=1.75), begins(EVENTS, 1.75, stall_s=0.75)], UNKNOWN, 0.0, 1.75),
    ("the observer ran for more than that",          [begins(CHUNKED, 0.0, ended_s=1.75), begins(EVENTS, 1.75, stall_s=0.74)], LATE, 1.75, 0.0),
    ("others began a third as late",                 [begins(POLLING, 0.0), begins(CHUNKED, 0.5, ended_s=1.5), begins(EVENTS, 1.5)], LATE, 1.5, 0.0),
    ("others began later than that",                 [begins(POLLING, 0.0), begins(CHUNKED, 0.51, ended_s=1.5), begins(EVENTS, 1.5)], UNKNOWN, 0.0, 1.5),
    ("alone, where two were served at once",         [begins(CHUNKED, 0.0, ended_s=2.0), begins(WEBSOCKET, 0.0, ended_s=2.0), begins(EVENTS, 2.0)], UNKNOWN, 0.0, 2.0),
    ("alone and longer, where two were served",      [begins(CHUNKED, 0.0, ended_s=3.0), begins(WEBSOCKET, 0.0, ended_s=3.0), begins(EVENTS, 3.0)], UNKNOWN, 0.0, 3.0),
    ("alone, where the app counted two",             [begins(CHUNKED, 0.0, ended_s=2.0, concurrent=2), begins(EVENTS, 2.0)], UNKNOWN, 0.0, 2.0),
    ("alone, where the app counted one",             [begins(CHUNKED, 0.0, ended_s=2.0, concurrent=1), begins(EVENTS, 2.0)], LATE, 2.0, 0.0),
    ("two of four, where two were served at once",   [begins(CHUNKED, 0.0, ended_s=2.0), begins(WEBSOCKET, 0.0, ended_s=2.0),
                                                      begins(CHUNKED, 2.0, variant=Variant.XAB), begins(EVENTS, 2.0)],         LATE, 2.0, 0.0),
    ("two, where one more is served at once later",  [begins(CHUNKED, 0.0, ended_s=2.0), begins(WEBSOCKET, 2.0), begins(EVENTS, 2.0)], LATE, 2.0, 0.0),
    ("two, where two more are served at once later", [begins(CHUNKED, 0.0, ended_s=2.0), begins(WEBSOCKET, 2.0), begins(CHUNKED, 2.0, variant=Variant.XAB),
                                                      begins(EVENTS, 2.0)],                                            UNKNOWN, 0.0, 2.0),
    ("the same, and one may have been elsewhere",    [begins(CHUNKED, 0.0, ended_s=2.0), begins(CHUNKED, 0.0, vantage=LOOPBACK), begins(WEBSOCKET, 2.0),
                                                      begins(CHUNKED, 2.0, variant=Variant.XAB), begins(EVENTS, 2.0)],         LATE, 2.0, 0.0),
    ("the same, and nothing came from elsewhere",    [begins(CHUNKED, 0.0, ended_s=2.0), begins(CHUNKED, 0.0, vantage=LOOPBACK, empty=True),
                                                      begins(WEBSOCKET, 2.0), begins(CHUNKED, 2.0, variant=Variant.XAB), begins(EVENTS, 2.0)], UNKNOWN, 0.0, 2.0),
    ("what is served in the turn is not the wait",   [begins(CHUNKED, 0.0, ended_s=1.0), begins(WEBSOCKET, 1.2, ended_s=3.0), begins(CHUNKED, 1.2, variant=Variant.XAB, ended_s=3.0),
                                                      begins(EVENTS, 1.25)],                                           UNKNOWN, 0.0, 1.25),
    ("alone on a shared connection",                 [begins(CHUNKED, 0.0, ended_s=2.0), begins(EVENTS, 2.0, http_version="2")], UNKNOWN, 0.0, 2.0),
    ("two on a shared connection, of any number",    [begins(CHUNKED, 0.0, ended_s=2.0), begins(WEBSOCKET, 2.0), begins(CHUNKED, 2.0, variant=Variant.XAB),
                                                      begins(EVENTS, 2.0, http_version="2")],                          LATE, 2.0, 0.0),
    ("waited for a second",                          [begins(CHUNKED, 0.0, ended_s=1.0), begins(EVENTS, 1.0)],         FLOWING, 0.0, 0.0),
    ("waited for a little more",                     [begins(CHUNKED, 0.0, ended_s=1.0), begins(EVENTS, 1.01)],        LATE, 1.01, 0.0),
    ("a long way is no wait",                        [begins(CHUNKED, 1.0, ended_s=2.0), begins(EVENTS, 2.0)],         FLOWING, 0.0, 0.0),
    ("moments count from the start of the run",      [begins(CHUNKED, 0.0, ended_s=2.0, requested_s=4.0),
                                                      begins(EVENTS, 1.5, requested_s=4.5)],                           LATE, 1.5, 0.0),
    ("its own end is not another's",                 [begins(CHUNKED, 0.0), begins(EVENTS, 1.5, ended_s=1.5)],         FLOWING, 0.0, 0.0),
    ("the end of a stream without Pieces",           [begins(CHUNKED, 0.0, ended_s=2.0, empty=True), begins(EVENTS, 2.0),
                                                      begins(WEBSOCKET, 2.0)],                                         FLOWING, 0.0, 0.0),
    ("the end of a stream on another vantage",       [begins(CHUNKED, 0.0), begins(WEBSOCKET, 0.0, ended_s=2.0, vantage=LOOPBACK),
                                                      begins(EVENTS, 2.0)],                                            FLOWING, 0.0, 0.0),
    ("the end of the polling is no stream's",        [begins(POLLING, 0.0, ended_s=1.5), begins(EVENTS, 1.5)],         FLOWING, 0.0, 0.0),
    ("the quickest poll tells how long the way is",  [begins(POLLING, 0.0), begins(CHUNKED, 0.4, ended_s=1.25), begins(EVENTS, 1.25)], LATE, 1.25, 0.0),
    ("polling itself does not wait",                 [begins(CHUNKED, 0.0, ended_s=2.0), begins(POLLING, 2.0)],        FLOWING, 0.0, 0.0),
    ("a stream that is held is not the quickest",    [Stream(CHUNKED, Timing(HELD, latency_s=0.0), ended_s=2.0), begins(EVENTS, 2.0)], FLOWING, 0.0, 0.0),
    ("only a stream that flows is late",             [begins(CHUNKED, 0.0, ended_s=2.0), Stream(EVENTS, Timing(HELD, latency_s=2.0), first_s=2.0)], HELD, 0.0, 0.0),
    ("slow to start",                                [begins(CHUNKED, 0.0), begins(EVENTS, 2.01)],                     LATE, 0.0, 2.01),
    ("not so slow to start",                         [begins(CHUNKED, 0.0), begins(EVENTS, 2.0)],                      FLOWING, 0.0, 0.0),
    ("late at another vantage where the path queues",
     [begins(CHUNKED, 0.0, ended_s=2.0), begins(EVENTS, 2.0), begins(CHUNKED, 0.0, vantage=LOOPBACK), begins(EVENTS, 1.5, vantage=LOOPBACK)], LATE, 1.5, 0.0),
    ("late at a vantage two further where the path queues",
     [begins(CHUNKED, 0.0, ended_s=2.0), begins(EVENTS, 2.0), begins(CHUNKED, 0.0, vantage=LOOPBACK),
      begins(CHUNKED, 0.0, vantage=DIRECT), begins(EVENTS, 1.5, vantage=DIRECT)],                                      LATE, 1.5, 0.0),
    ("late at another vantage where the path does not queue",
     [begins(CHUNKED, 0.0), begins(EVENTS, 0.0), begins(CHUNKED, 0.0, vantage=LOOPBACK), begins(EVENTS, 1.5, vantage=LOOPBACK)], FLOWING, 0.0, 0.0),
    ("slow to start is no queue",
     [begins(CHUNKED, 0.0), begins(EVENTS, 3.0), begins(CHUNKED, 0.0, vantage=LOOPBACK), begins(EVENTS, 1.5, vantage=LOOPBACK)], FLOWING, 0.0, 0.0),
    ("every vantage has a clock of its own",         [begins(CHUNKED, 0.0), begins(EVENTS, 3.0, vantage=LOOPBACK)],    FLOWING, 0.0, 0.0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "streams", "flow", "queued_s", "late_s"), QUEUES, ids=[row[0] for row in QUEUES]
)
def test_a_stream_that_began_when_another_ended_was_queued(name, streams, flow, queued_s, late_s):
    timing = corrected(*streams)[-1]
    assert (timing.flow, timing.queued_s, timing.late_s) == (flow, queued_s, late_s)


# Blocks that are a timer's


def blocks(transport: Transport, hold_bytes: int | None, period_s: float = 0.0, **others) -> Stream:
    return Stream(transport, Timing(BLOCKS, hold_bytes=hold_bytes, period_s=period_s), **others)


def ticks(transport: Transport, period_s: float, **others) -> Stream:
    return Stream(transport, Timing(TICKS, period_s=period_s), **others)


def flows(transport: Transport, flow: Flow, period_s: float = 0.0, **others) -> Stream:
    return Stream(transport, Timing(flow, period_s=period_s), **others)


TIMERS = [
    # name,                                      streams; the first one is looked at,                               flow, bytes, period
    ("the same timer on another Probe",          [blocks(CHUNKED, 2000, 0.25), ticks(EVENTS, 0.25)],                TICKS, None, 0.25),
    ("as much shorter as one timer may be",      [blocks(CHUNKED, 2000, 22.0), ticks(EVENTS, 25.0)],                TICKS, None, 22.0),
    ("shorter by more",                          [blocks(CHUNKED, 2000, 21.9), ticks(EVENTS, 25.0)],                BLOCKS, 2000, 21.9),
    ("as much longer as one timer may be",       [blocks(CHUNKED, 2000, 28.0), ticks(EVENTS, 25.0)],                TICKS, None, 28.0),
    ("longer by more",                           [blocks(CHUNKED, 2000, 28.1), ticks(EVENTS, 25.0)],                BLOCKS, 2000, 28.1),
    ("one of two timers",                        [blocks(CHUNKED, 2000, 0.25), ticks(EVENTS, 0.5), ticks(WEBSOCKET, 0.25)], TICKS, None, 0.25),
    ("no timer would explain it",                [blocks(CHUNKED, 2000, 0.0), ticks(EVENTS, 0.25)],                 BLOCKS, 2000, 0.0),
    ("no Probe shows a timer",                   [blocks(CHUNKED, 2000, 0.25), blocks(EVENTS, 2000, 0.25)],         BLOCKS, 2000, 0.25),
    ("what is held is not settled",              [Stream(CHUNKED, Timing(HELD, hold_bytes=7, period_s=0.25)), ticks(EVENTS, 0.25)], HELD, 7, 0.25),
    # Blocks smaller than a Piece of a kilobyte
    ("small, and a kilobyte ticks",              [blocks(CHUNKED, 999), ticks(CHUNKED, 0.25, scenario=KILO)],       TICKS, None, 0.25),
    ("small, and a kilobyte has no pattern",     [blocks(CHUNKED, 999), flows(CHUNKED, UNKNOWN, 0.5, scenario=KILO)], UNKNOWN, None, 0.5),
    ("small, no pattern at a kilobyte, and another's timer", [blocks(CHUNKED, 999, 0.25), flows(CHUNKED, UNKNOWN, scenario=KILO), ticks(EVENTS, 0.25)], UNKNOWN, None, 0.0),
    ("small, and a kilobyte comes in blocks",    [blocks(CHUNKED, 999), blocks(CHUNKED, 4096, scenario=KILO)],      BLOCKS, 999, 0.0),
    ("small, and a kilobyte is held",            [blocks(CHUNKED, 999), flows(CHUNKED, HELD, scenario=KILO)],       BLOCKS, 999, 0.0),
    ("small, and a kilobyte flows",              [blocks(CHUNKED, 999), flows(CHUNKED, FLOWING, scenario=KILO)],    BLOCKS, 999, 0.0),
    ("small, and no kilobyte was tried",         [blocks(CHUNKED, 999), ticks(CHUNKED, 0.25, scenario=BIG)],        BLOCKS, 999, 0.0),
    ("a kilobyte itself",                        [blocks(CHUNKED, 1000), ticks(CHUNKED, 0.25, scenario=KILO)],      BLOCKS, 1000, 0.0),
    ("of no size",                               [blocks(CHUNKED, None), ticks(CHUNKED, 0.25, scenario=KILO)],      BLOCKS, None, 0.0),
    ("ticks of small Pieces stay what they are", [Stream(CHUNKED, Timing(TICKS, hold_bytes=9, period_s=0.5)), flows(CHUNKED, UNKNOWN, scenario=KILO)], TICKS, 9, 0.5),
    ("a WebSocket, and a kilobyte ticks on chunked", [blocks(WEBSOCKET, 999), ticks(CHUNKED, 0.25, scenario=KILO)], TICKS, None, 0.25),
    ("a WebSocket, and a kilobyte ticks on events", [blocks(WEBSOCKET, 999), ticks(EVENTS, 0.25, scenario=KILO)],   TICKS, None, 0.25),
    ("a WebSocket: chunked before events",       [blocks(WEBSOCKET, 999), flows(EVENTS, UNKNOWN, scenario=KILO), flows(CHUNKED, HELD, scenario=KILO)], BLOCKS, 999, 0.0),
    ("its own Transport before the others",      [blocks(EVENTS, 999), flows(CHUNKED, HELD, scenario=KILO), flows(EVENTS, UNKNOWN, scenario=KILO)], UNKNOWN, None, 0.0),
    ("a kilobyte at another vantage",            [blocks(CHUNKED, 999), ticks(CHUNKED, 0.25, scenario=KILO, vantage=DIRECT)], BLOCKS, 999, 0.0),
    ("a larger Piece in small blocks",           [blocks(CHUNKED, 999, scenario=BIG), flows(CHUNKED, UNKNOWN, scenario=KILO)], BLOCKS, 999, 0.0),
    ("small, then settled by the kilobyte's timer", [blocks(EVENTS, 3000, 0.25), blocks(CHUNKED, 999), ticks(CHUNKED, 0.25, scenario=KILO)], TICKS, None, 0.25),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "streams", "flow", "hold_bytes", "period_s"), TIMERS, ids=[row[0] for row in TIMERS]
)
def test_what_fills_a_block_by_chance_is_a_timer(name, streams, flow, hold_bytes, period_s):
    timing = corrected(*streams)[0]
    assert (timing.flow, timing.hold_bytes, timing.period_s) == (flow, hold_bytes, period_s)


def held_for(max_s: float, flow: Flow = HELD, **others) -> Stream:
    return Stream(CHUNKED, Timing(flow, Lag(0.0, max_s)), **others)


TICKING = ticks(CHUNKED, 1.0, scenario=KILO)
NO_TIMERS = [
    # name,                                      streams; the first one is looked at,                               flow
    ("small Pieces were held for longer",        [TICKING, held_for(1.51)],                                         BLOCKS),
    ("for no longer than a busy machine makes it", [TICKING, held_for(1.5)],                                        TICKS),
    ("small Pieces tick as well",                [TICKING, held_for(1.6, TICKS)],                                   TICKS),
    ("small Pieces were not tried",              [TICKING],                                                         TICKS),
    ("held at another vantage",                  [TICKING, held_for(1.6, vantage=DIRECT)],                          TICKS),
    ("the largest Pieces tick",                  [ticks(CHUNKED, 1.0, scenario=BIG), held_for(1.6)],                TICKS),
    ("the larger ones show no timer",            [flows(CHUNKED, UNKNOWN, 1.0, scenario=KILO), held_for(1.6)],      UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize(("name", "streams", "flow"), NO_TIMERS, ids=[row[0] for row in NO_TIMERS])
def test_a_timer_that_small_pieces_outlast_is_none(name, streams, flow):
    assert corrected(*streams)[0].flow is flow


SIZES = [
    # bytes of each delivery,      response headers,                  the block
    ((16_042, 16_286, 9063),       (),                                16_286),
    ((9000, 16_286, 9063),         (),                                None),
    ((16_042, 16_286, 9063),       (("content-encoding", "gzip"),),   None),
]  # fmt: skip


@pytest.mark.parametrize(("sizes", "headers", "hold_bytes"), SIZES)
def test_what_is_no_timer_has_the_size_that_its_deliveries_show(sizes, headers, hold_bytes):
    arrivals = tuple(
        Arrival(at_s, size, size, tuple(ReceivedPiece(9 * at_s + k, 0.0) for k in range(9)))
        for at_s, size in enumerate(sizes)
    )
    probe = Probe(CHUNKED, KILO)
    small = held_for(1.6)
    seen = {
        probe: Observation(probe, Outcome.COMPLETE, headers=headers, arrivals=arrivals),
        small.probe: small.observation,
    }
    timing = correct(seen, {probe: TICKING.timing, small.probe: small.timing})[probe]
    assert (timing.flow, timing.hold_bytes, timing.period_s) == (BLOCKS, hold_bytes, 0.0)


def test_each_probe_is_corrected_wherever_it_stands_among_the_others():
    *_, timing = corrected(ticks(CHUNKED, 0.25, scenario=KILO), flows(EVENTS, HELD), blocks(CHUNKED, 999))
    assert timing.flow is TICKS


# A hold that one stream alone met

XAB, NO_TRANSFORM, NOSNIFF, PADDED = Variant.XAB, Variant.NO_TRANSFORM, Variant.NOSNIFF, Variant.PADDED


def met(flow: Flow, transport: Transport = CHUNKED, *, stall_s: float = 0.0, **others) -> Stream:
    return Met(transport, Timing(flow, hold_bytes=7), stall_s=stall_s, **others)


@dataclass(frozen=True)
class Met(Stream):
    stall_s: float = 0.0

    @property
    def observation(self) -> Observation:
        return Observation(self.probe, Outcome.COMPLETE, stall_s=self.stall_s)


def tried(*flows: Flow, transport: Transport = CHUNKED, **others) -> list[Stream]:
    variants = zip((XAB, NO_TRANSFORM, NOSNIFF, PADDED), flows, strict=False)
    return [met(flow, transport, variant=variant, **others) for variant, flow in variants]


def near(*flows: Flow) -> list[Stream]:
    places = [(transport, scenario) for transport in (CHUNKED, EVENTS) for scenario in (TOKEN, KILO)]
    return [
        met(flow, transport, scenario=scenario)
        for (transport, scenario), flow in zip(places, flows, strict=False)
    ]


ALL_FLOW = [FLOWING] * 4
ALONE = [
    # name,                                            streams; the first one is looked at,                                    flow, bytes
    ("held, and no variant is",                        [met(HELD), *tried(*ALL_FLOW)],                                         UNKNOWN, None),
    ("late",                                           [met(LATE), *tried(*ALL_FLOW)],                                         UNKNOWN, None),
    ("at a kilobyte a Piece",                          [met(BLOCKS, scenario=KILO), *tried(*ALL_FLOW, scenario=KILO)],         UNKNOWN, None),
    ("of the variants one flows, three say nothing",   [met(TICKS), *tried(UNKNOWN, UNKNOWN, FLOWING, UNKNOWN)],               UNKNOWN, None),
    ("no variant says anything",                       [met(TICKS), *tried(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)],               TICKS, 7),
    ("X-Accel-Buffering frees, others do not",         [met(HELD), *tried(FLOWING, HELD, HELD, HELD)],                         HELD, 7),
    ("X-Accel-Buffering alone is held",                [met(HELD), *tried(HELD, FLOWING, FLOWING, FLOWING)],                   HELD, 7),
    ("no-transform alone is held",                     [met(HELD), *tried(FLOWING, HELD, FLOWING, FLOWING)],                   HELD, 7),
    ("padding alone is held",                          [met(HELD), *tried(FLOWING, FLOWING, FLOWING, HELD)],                   HELD, 7),
    ("a variant failed",                               [met(HELD), *tried(FLOWING, FLOWING, Flow.FAILED, FLOWING)],            HELD, 7),
    ("padding was not tried",                          [met(HELD), *tried(*ALL_FLOW[:3])],                                     HELD, 7),
    ("variants of other Pieces",                       [met(HELD), *tried(*ALL_FLOW, scenario=KILO)],                          HELD, 7),
    ("variants on another Transport",                  [met(HELD), *tried(*ALL_FLOW, transport=EVENTS)],                       HELD, 7),
    ("played back",                                    [met(Flow.REPLAYED), *tried(*ALL_FLOW)],                                Flow.REPLAYED, 7),
    ("broken",                                         [met(Flow.CUT), *tried(*ALL_FLOW)],                                     Flow.CUT, 7),
    ("a variant itself",                               [met(HELD, variant=Variant.IDENTITY), *tried(*ALL_FLOW)],               HELD, 7),
    # WebSockets have no variants.
    ("a late WebSocket, seen by a stalled observer",   [met(LATE, WEBSOCKET, stall_s=0.021), *near(*ALL_FLOW)],                UNKNOWN, None),
    ("a throttled one",                                [met(Flow.THROTTLED, WEBSOCKET, stall_s=0.021), *near(*ALL_FLOW)],      UNKNOWN, None),
    ("no stall",                                       [met(LATE, WEBSOCKET, stall_s=0.02), *near(*ALL_FLOW)],                 LATE, 7),
    ("its ticks are no chance",                        [met(TICKS, WEBSOCKET, stall_s=0.021), *near(*ALL_FLOW)],               TICKS, 7),
    ("a kilobyte has no pattern",                      [met(LATE, WEBSOCKET, stall_s=0.021), *near(FLOWING, UNKNOWN, FLOWING, UNKNOWN)], UNKNOWN, None),
    ("events are late, too",                           [met(LATE, WEBSOCKET, stall_s=0.021), *near(FLOWING, FLOWING, LATE, FLOWING)], LATE, 7),
    ("events at a kilobyte are held",                  [met(LATE, WEBSOCKET, stall_s=0.021), *near(FLOWING, FLOWING, FLOWING, HELD)], LATE, 7),
    ("no events beside it",                            [met(LATE, WEBSOCKET, stall_s=0.021), *near(FLOWING, FLOWING)],         LATE, 7),
]  # fmt: skip


@pytest.mark.parametrize(("name", "streams", "flow", "hold_bytes"), ALONE, ids=[row[0] for row in ALONE])
def test_a_hold_that_one_stream_alone_met_is_none(name, streams, flow, hold_bytes):
    timing = corrected(*streams)[0]
    assert (timing.flow, timing.hold_bytes) == (flow, hold_bytes)


def test_each_stream_is_looked_at_whatever_stands_before_it():
    streams = (met(FLOWING, EVENTS), met(HELD), *tried(*ALL_FLOW))
    assert corrected(*streams)[1].flow is UNKNOWN


# Jitter


def lag(transport: Transport, max_s: float, *, jittery: bool = False, **others) -> Stream:
    return Stream(transport, Timing(FLOWING, Lag(0.0, max_s), jittery=jittery), **others)


def slow(flow: Flow, transport: Transport = CHUNKED, scenario: Scenario = KILO) -> Stream:
    return Stream(transport, Timing(flow, Lag(0.0, 20.0), period_s=0.25), scenario)


JITTERY = lag(CHUNKED, 20.0, jittery=True)
QUIETEST = [
    # name,                                          streams; the first one is looked at,                            flow
    ("all have jitter",                              [JITTERY, lag(EVENTS, 15.0)],                                   FLOWING),
    ("another one has as little as jitter may be",   [JITTERY, lag(EVENTS, 3.0)],                                    FLOWING),
    ("another one has less",                         [JITTERY, lag(EVENTS, 2.9)],                                    UNKNOWN),
    ("what has no jitter is not doubted",            [lag(CHUNKED, 20.0), lag(EVENTS, 0.0)],                         FLOWING),
    ("another vantage is another path",              [JITTERY, lag(EVENTS, 0.0, vantage=LOOPBACK)],                  FLOWING),
    ("a stream that broke off tells nothing",        [JITTERY, lag(EVENTS, 0.0, outcome=Outcome.TIMEOUT)],           FLOWING),
    ("larger Pieces come by a timer",                [JITTERY, slow(TICKS)],                                         UNKNOWN),
    ("larger Pieces come in blocks",                 [JITTERY, slow(BLOCKS)],                                        FLOWING),
    ("another Transport's come by a timer",          [JITTERY, slow(TICKS, EVENTS)],                                 FLOWING),
    ("the largest Pieces come by a timer",           [JITTERY, slow(TICKS, scenario=BIG)],                           FLOWING),
    ("what has no jitter stays, too",                [lag(CHUNKED, 20.0), slow(TICKS)],                              FLOWING),
    ("nothing complete to compare with",             [lag(CHUNKED, 2.0, jittery=True, outcome=Outcome.TIMEOUT)],    UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize(("name", "streams", "flow"), QUIETEST, ids=[row[0] for row in QUIETEST])
def test_jitter_on_one_transport_alone_is_no_jitter(name, streams, flow):
    assert corrected(*streams)[0].flow is flow


def test_the_timings_of_a_run_are_measured_and_corrected():
    pieces = [Arrival(3.0 + 0.1 * k, 9, 9, (ReceivedPiece(k, 0.1 * k),)) for k in range(9)]
    slow = Observation(Probe(EVENTS), Outcome.COMPLETE, arrivals=tuple(pieces))
    seen = {Probe(CHUNKED): begins(CHUNKED, 0.0, ended_s=1.0).observation, Probe(EVENTS): slow}
    found = timings(seen)
    assert list(found) == [Probe(CHUNKED), Probe(EVENTS)]
    assert found[Probe(EVENTS)].flow is LATE
    assert found[Probe(EVENTS)].late_s == pytest.approx(3.0)
