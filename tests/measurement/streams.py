"""Observations by the line: one Probe, how its stream arrived, and what else was seen of it."""

from __future__ import annotations

from collections.abc import Mapping

from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Arrival,
    EndRecord,
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
from tests.measurement.arrivals import (
    Reads,
    after_silence,
    at_moments,
    at_rate,
    at_the_end,
    in_blocks,
    in_ticks,
    one_by_one,
    sent,
    with_the_next,
)

TOKEN = sent(20, 0.1, 0.04)
KILO = sent(40, 0.05, 0.02)
EVERY_8TH = [k / 8 for k in range(20)]

# One shape for each Flow.
FLOWING = one_by_one(TOKEN)
HELD = at_the_end(TOKEN)
BLOCKS = in_blocks(KILO, 4096)
TICKS = in_ticks(sent(40, 0.05, 0.04), 0.2)
LATE = after_silence(TOKEN, 1.45)
ONE_LATE = with_the_next(TOKEN)
THROTTLED = at_rate(KILO, 12_000)
REPLAYED: Reads = [(0.01, 900, list(enumerate(TOKEN)))]
NO_PATTERN = at_moments(EVERY_8TH, [*[0.75] * 7, *[1.125] * 3, *[2.0] * 7, *[2.25] * 2, 2.375])
NOTHING: Reads = []

APP = RequestAtApp(protocol="HTTP/1.1", server="gunicorn/27.0.1")


def blocks(size_bytes: int) -> Reads:
    """Blocks of so many bytes, of Pieces of about a kilobyte."""
    return in_blocks(KILO, size_bytes)


def saw(
    probe: Probe | Transport,
    reads: Reads = FLOWING,
    *,
    outcome: Outcome = Outcome.COMPLETE,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    request: RequestAtApp | None = APP,
    detail: str = "",
    stall_s: float = 0.0,
    requested_s: float = 0.0,
    ended_s: float | None = None,
) -> Observation:
    """What this Probe saw; a Transport stands for its baseline."""
    arrivals = tuple(
        Arrival(at_s, size, size, tuple(ReceivedPiece(seq, offset) for seq, offset in pieces))
        for at_s, size, pieces in reads
    )
    count = sum(len(arrival.pieces) for arrival in arrivals)
    return Observation(
        Probe(probe) if isinstance(probe, Transport) else probe,
        outcome,
        detail=detail,
        status=status,
        headers=tuple({"server": "something", **(headers or {})}.items()),
        requested_s=requested_s,
        ended_s=(arrivals[-1].at_s if arrivals else 0.0) if ended_s is None else ended_s,
        stall_s=stall_s,
        arrivals=arrivals,
        end=EndRecord(count) if outcome is Outcome.COMPLETE else None,
        request_at_app=request,
    )


def kilo(transport: Transport, variant: Variant = Variant.BASELINE) -> Probe:
    return Probe(transport, Scenario.KILO, variant)


def big(transport: Transport) -> Probe:
    return Probe(transport, Scenario.BIG)


def xab(transport: Transport) -> Probe:
    return Probe(transport, variant=Variant.XAB)


def loopback(transport: Transport) -> Probe:
    return Probe(transport, vantage=Vantage.LOOPBACK)


def direct(transport: Transport) -> Probe:
    return Probe(transport, vantage=Vantage.DIRECT)


def run(*observations: Observation) -> Observations:
    return Observations(observations)
