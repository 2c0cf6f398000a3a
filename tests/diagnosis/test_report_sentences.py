"""What a Report says of each Transport, sentence by sentence: the summaries and the notes."""

from __future__ import annotations

import dataclasses

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.model import (
    Observation,
    Outcome,
    Probe,
    Run,
    Transport,
    Variant,
)
from tests.measurement.arrivals import at_moments, in_ticks, one_by_one, sent
from tests.measurement.streams import (
    BLOCKS,
    EVERY_8TH,
    FLOWING,
    HELD,
    LATE,
    NO_PATTERN,
    NOTHING,
    ONE_LATE,
    REPLAYED,
    THROTTLED,
    TICKS,
    TOKEN,
    blocks,
    direct,
    kilo,
    loopback,
    saw,
)

POLLING, CHUNKED, EVENTS, WEBSOCKET = Transport
CONTROL = saw(loopback(CHUNKED))
GZIP = {"content-encoding": "gzip"}
SLOW_START = at_moments(EVERY_8TH, [s + 4.0 for s in EVERY_8TH])
QUEUED = [saw(POLLING), saw(EVENTS, ended_s=4.0), saw(CHUNKED, SLOW_START)]
TOGETHER = [
    dataclasses.replace(saw(Probe(CHUNKED, variant=Variant.TOGETHER, run=run), reads), http_version="2")
    for run, reads in enumerate((FLOWING, *[at_moments(EVERY_8TH, [s + 1.9 for s in EVERY_8TH])] * 2))
]
IDENTITY, HTTP10 = Probe(CHUNKED, variant=Variant.IDENTITY), Probe(CHUNKED, variant=Variant.HTTP10)


def report(*observations: Observation):
    return judge(Run("http://test", observations))


SUMMARIES: list[tuple[str, list[Observation], str]] = [
    # name, Observations, the summary of chunked
    ("flowing", [saw(CHUNKED)],
     "20 pieces arrived one by one, at most 0 ms late"),
    ("flowing, a little late", [saw(CHUNKED, one_by_one(TOKEN, [*[0.005] * 19, 0.03548]))],
     "20 pieces arrived one by one, at most 30 ms late"),
    ("held", [saw(CHUNKED, HELD)],
     "all 20 pieces arrived together at the end, the first one 1.9 s after it was sent"),
    ("held, in blocks at a kilobyte", [saw(CHUNKED, HELD), saw(kilo(CHUNKED), blocks(4096))],
     "all 20 pieces arrived together at the end, the first one 1.9 s after it was sent; longer streams arrive in blocks of 4096 bytes"),
    ("flowing, in blocks at a kilobyte", [saw(CHUNKED), saw(kilo(CHUNKED), blocks(4096))],
     "20 pieces arrived one by one, at most 0 ms late; pieces of 1000 bytes: blocks of 4096 bytes, up to 0.3 s late"),
    ("flowing, held at a kilobyte", [saw(CHUNKED), saw(kilo(CHUNKED), HELD)],
     "20 pieces arrived one by one, at most 0 ms late; pieces of 1000 bytes: held, up to 1.9 s late"),
    ("flowing, queued at a kilobyte", [saw(CHUNKED), saw(EVENTS, ended_s=4.0), saw(kilo(EVENTS), SLOW_START), saw(kilo(CHUNKED), SLOW_START)],
     "20 pieces arrived one by one, at most 0 ms late; pieces of 1000 bytes: late, up to 4.0 s late"),
    ("flowing, slow to start at a kilobyte", [saw(CHUNKED), saw(kilo(CHUNKED), SLOW_START)],
     "20 pieces arrived one by one, at most 0 ms late; pieces of 1000 bytes: late, up to 4.0 s late"),
    ("in blocks", [saw(CHUNKED, BLOCKS)],
     "40 pieces arrived in 10 blocks, up to 0.3 s late; longer streams arrive in blocks of 4096 bytes"),
    ("in ticks", [saw(CHUNKED, TICKS)],
     "40 pieces arrived in ticks of 200 ms"),
    ("in ticks of nearly as much", [saw(CHUNKED, in_ticks(sent(40, 0.05, 0.04), 0.20035))],
     "40 pieces arrived in ticks of 200 ms"),
    ("late", [saw(CHUNKED, LATE)],
     "nothing arrived for 1.4 s, then everything held so far at once, then piece by piece"),
    ("late by exactly its largest lag", [saw(CHUNKED, at_moments(EVERY_8TH, [*[1.0] * 9, *EVERY_8TH[9:]]))],
     "nothing arrived for 1.0 s, then everything held so far at once, then piece by piece"),
    ("each with the next", [saw(CHUNKED, ONE_LATE)],
     "each of 20 pieces arrived only with the next one"),
    ("late by chance or queued", [saw(POLLING), saw(EVENTS, ended_s=4.0), saw(WEBSOCKET), saw(CHUNKED, SLOW_START)],
     "began 4.0 s after the quickest response, when another stream ended, then arrived piece by piece: a queue at the app or a busy machine"),
    ("queued", QUEUED,
     "began 4.0 s after others of this run, then arrived piece by piece"),
    ("slow to start", [saw(POLLING), saw(CHUNKED, SLOW_START)],
     "began 4.0 s after the quickest response, then arrived piece by piece"),
    ("at a rate", [saw(CHUNKED, THROTTLED)],
     "40 pieces arrived with a growing delay, at 12468 bytes a second"),
    ("old", [saw(CHUNKED, REPLAYED)],
     "an older stream was played back: 20 pieces arrived before they were sent"),
    ("cut", [saw(CHUNKED, outcome=Outcome.CUT, ended_s=2.0, detail="reset")],
     "cut after 20 pieces at 2.0 s: reset"),
    ("cut after one", [saw(CHUNKED, FLOWING[:1], outcome=Outcome.CUT, ended_s=2.0, detail="reset")],
     "cut after 1 piece at 2.0 s: reset"),
    ("refused", [saw(CHUNKED, NOTHING, outcome=Outcome.REFUSED, detail="status 404")],
     "did not open: status 404"),
    ("refused, no reason given", [saw(CHUNKED, NOTHING, outcome=Outcome.REFUSED)],
     "did not open: refused"),
    ("without a pattern", [saw(CHUNKED, NO_PATTERN)],
     "20 pieces arrived without a pattern, up to 0.8 s late"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "summary"), SUMMARIES, ids=[row[0] for row in SUMMARIES])
def test_the_summary_of_a_transport(name, seen, summary):
    (chunked,) = [verdict for verdict in report(*seen).transports if verdict.transport is CHUNKED]
    assert chunked.summary == summary


NOTES: list[tuple[str, list[Observation], list[str]]] = [
    # name, Observations, notes
    ("flowing", [saw(CHUNKED)], []),
    ("held, no control", [saw(CHUNKED, HELD)],
     ["no control run: the service could not probe itself over loopback"]),
    ("held, with a control", [saw(CHUNKED, HELD), CONTROL], []),
    ("held, with the app's own port", [saw(CHUNKED, HELD), saw(direct(CHUNKED))], []),
    ("held, a control without Pieces", [saw(CHUNKED, HELD), saw(loopback(CHUNKED), NOTHING)],
     ["no control run: the service could not probe itself over loopback"]),
    ("held for clients that accept compression", [saw(CHUNKED, HELD, headers=GZIP), saw(IDENTITY), CONTROL],
     ["chunked: only clients that accept compression are affected"]),
    ("held for both", [saw(CHUNKED, HELD, headers=GZIP), saw(IDENTITY, HELD), CONTROL], []),
    ("held, not compressed", [saw(CHUNKED, HELD), saw(IDENTITY), CONTROL], []),
    ("an HTTP/1.0 client flows", [saw(CHUNKED, HELD), saw(HTTP10), CONTROL],
     ["chunked: HTTP/1.0 clients are not affected"]),
    ("an HTTP/1.0 client is held too", [saw(CHUNKED, HELD), saw(HTTP10, HELD), CONTROL], []),
    ("held for a client without compression alone", [saw(CHUNKED), saw(IDENTITY, HELD)],
     ["chunked: held for clients that accept no compression (held, held for up to 1.90 s)"]),
    ("held for an HTTP/1.0 client alone", [saw(CHUNKED), saw(HTTP10, HELD)],
     ["chunked: held for clients that speak HTTP/1.0 (held, held for up to 1.90 s)"]),
    ("one held, and another for some clients", [saw(CHUNKED, HELD), saw(HTTP10), CONTROL, saw(EVENTS), saw(Probe(EVENTS, variant=Variant.HTTP10), HELD)],
     ["chunked: HTTP/1.0 clients are not affected",
      "events: held for clients that speak HTTP/1.0 (held, held for up to 1.90 s)"]),
    ("streams of one connection wait", [saw(CHUNKED), *TOGETHER],
     ["chunked: of 3 streams at once on one HTTP/2 connection 1 were served, the others waited up to 1.9 s (see http2-stream-limit)"]),
    ("both flow", [saw(CHUNKED), saw(HTTP10), saw(IDENTITY)], []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "notes"), NOTES, ids=[row[0] for row in NOTES])
def test_notes_name_no_culprit(name, seen, notes):
    assert list(report(*seen).notes) == notes
