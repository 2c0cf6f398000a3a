"""What streams of a user's own app would look like: data for the tests of measurement, diagnosis and reports."""

from __future__ import annotations

import dataclasses
import random

from flushcheck.model import (
    Arrival,
    Client,
    Observation,
    Outcome,
    Probe,
    Run,
    Scenario,
    Transport,
    Vantage,
    Variant,
)

RECORD_BYTES = 40

Groups = list[tuple[float, int]]  # moments, and how many records arrive at each

OWN = Probe(Transport.EVENTS, Scenario.OWN)
IDENTITY = dataclasses.replace(OWN, variant=Variant.IDENTITY)
HTTP10 = dataclasses.replace(OWN, variant=Variant.HTTP10)
HTTP1 = dataclasses.replace(OWN, client=Client.HTTP1)
EVENT_STREAM = dataclasses.replace(OWN, variant=Variant.EVENT_STREAM)
DIRECT = dataclasses.replace(OWN, vantage=Vantage.DIRECT)

EVENTS = ("content-type", "text/event-stream")
GZIP = ("content-encoding", "gzip")


def observed(
    groups: Groups,
    probe: Probe = OWN,
    *,
    mid_record: bool = False,
    headers: tuple[tuple[str, str], ...] = (),
    **changes: object,
) -> Observation:
    """Return an observation of so many records at these moments.

    Args:
        groups: what arrives.
        probe: in which way it was requested.
        mid_record: whether every arrival ends in the middle of a record.
        headers: of the response, behind its content type.
        changes: other fields of the observation.
    """
    arrivals = tuple(
        Arrival(
            at_s,
            count * RECORD_BYTES,
            count * RECORD_BYTES,
            records=(RECORD_BYTES,) * count,
            mid_record=mid_record,
        )
        for at_s, count in groups
    )
    base = Observation(
        probe,
        Outcome.COMPLETE,
        status=200,
        http_version="1.1",
        headers=(EVENTS, *headers),
        connect_s=0.01,
        headers_s=groups[0][0] if groups else 0.01,
        ended_s=groups[-1][0] if groups else 1.0,
        arrivals=arrivals,
        framing="server-sent events",
    )
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def own_run(*observations: Observation, **changes: object) -> Run:
    """Return a run of these."""
    run = Run("http://app/stream", observations, tool="flushcheck", method="GET")
    return dataclasses.replace(run, **changes)  # type: ignore[arg-type]


def evenly(count: int, gap_s: float, *, records: int = 1, start_s: float = 0.0) -> Groups:
    """Return groups of the same size, the same time apart."""
    return [(start_s + n * gap_s, records) for n in range(count)]


_draw = random.Random(3)

SINGLY = evenly(40, 0.1)
ONCE: Groups = [(8.2, 40)]
BLOCKS: Groups = [(0.8, 10), (2.0, 10), (2.4, 10), (4.0, 10), (6.0, 10)]
TICKS: Groups = [(0.2 * n, 3 + n % 4) for n in range(12)]
JITTER: Groups = [(0.1 * n + 0.3 * _draw.random(), 1 + (n % 5 == 0)) for n in range(0, 40, 2)]
