"""What a stream of a user's own app is said to consist of."""

from dataclasses import replace

import pytest

from flushcheck.measurement.own_streams import PLAIN
from flushcheck.measurement.own_wording import arriving, own_summary
from flushcheck.measurement.timing import Timing
from flushcheck.model import Arrival, Flow, Observation, Outcome, Transport
from tests.measurement.own import BLOCKS, ONCE, OWN, SINGLY, TICKS, observed

WORDS = [
    # transport             format         what arrives
    (Transport.EVENTS,      "",            "the events arrive"),
    (Transport.CHUNKED,     "",            "the records arrive"),
    (Transport.CHUNKED,     PLAIN,         "the bytes arrive"),
]  # fmt: skip


@pytest.mark.parametrize(("transport", "form", "words"), WORDS)
def test_what_arrives_has_a_name(transport, form, words):
    assert arriving(observed(SINGLY, replace(OWN, transport=transport), framing=form)) == words


CHUNKED = replace(OWN, transport=Transport.CHUNKED)
SUMMARIES = [
    (
        "nothing",
        observed([]),
        Timing(Flow.FAILED),
        "no stream: no data arrived",
    ),
    (
        "refused",
        observed([], detail="status 404", outcome=Outcome.REFUSED),
        Timing(Flow.FAILED),
        "no stream: status 404",
    ),
    (
        "one by one",
        observed(SINGLY, CHUNKED),
        Timing(Flow.FLOWING),
        "40 records in 40 deliveries, from 0.00 to 3.90 s",
    ),
    (
        "bytes, in groups",
        observed([(1.0, 3), (2.0, 1)], framing=PLAIN),
        Timing(Flow.UNKNOWN),
        "160 bytes in 2 deliveries, from 1.00 to 2.00 s",
    ),
    (
        "all at once",
        observed(ONCE),
        Timing(Flow.HELD, waited_s=7.7),
        "40 events, all at once after 8.2 s, up to 7.7 s later than elsewhere",
    ),
    (
        "later by less than a second",
        observed(SINGLY),
        Timing(Flow.FLOWING, waited_s=0.5),
        "40 events in 40 deliveries, from 0.00 to 3.90 s, up to 0.5 s later than elsewhere",
    ),
    (
        "blocks",
        observed(BLOCKS, mid_record=True),
        Timing(Flow.BLOCKS, waited_s=1.2),
        "50 events in 5 deliveries of 400 bytes each, from 0.80 to 6.00 s, up to 1.2 s later than elsewhere",
    ),
    (
        "ticks of its own",
        observed(TICKS),
        Timing(Flow.UNKNOWN),
        "54 events in 12 deliveries, one every 200 ms, from 0.00 to 2.20 s",
    ),
    (
        "ticks beside another stream",
        observed(SINGLY),
        Timing(Flow.TICKS, period_s=0.8),
        "40 events in 40 deliveries, one every 800 ms, from 0.00 to 3.90 s",
    ),
    (
        "cut",
        observed([(0.5, 2), (1.0, 1)], outcome=Outcome.CUT, detail="connection reset"),
        Timing(Flow.CUT),
        "cut after 1.0 s and 3 events: connection reset",
    ),
    (
        "cut behind the first member",
        observed([(1.0, 1)], unread_bytes=9),
        Timing(Flow.CUT),
        "1 event in 1 delivery, then compressed data that browsers do not read",
    ),
    (
        "cut behind two deliveries",
        observed([(1.0, 1), (2.0, 1)], unread_bytes=9),
        Timing(Flow.CUT),
        "2 events in 2 deliveries, then compressed data that browsers do not read",
    ),
]


@pytest.mark.parametrize(
    ("name", "observation", "timing", "sentence"), SUMMARIES, ids=[row[0] for row in SUMMARIES]
)
def test_each_way_to_arrive_has_one_sentence(name, observation, timing, sentence):
    assert own_summary(observation, timing) == sentence


def filled() -> Observation:
    """Whole records whenever 4096 bytes are full."""
    counts = ((552,) * 8, (492,) * 9, (552,) * 8, (492,) * 9, (552,) * 8)
    arrivals = [Arrival(0.5 * n, sum(sizes), sum(sizes), records=sizes) for n, sizes in enumerate(counts)]
    return observed([], arrivals=(*arrivals, Arrival(2.5, 50, 50, records=(50,))))


WITH_SIZES = [
    # observation,                   flow,           words
    (filled(),                       Flow.BLOCKS,    "43 events in 6 deliveries of 4096 bytes or a little more, from 0.00 to 2.50 s"),
    (observed(BLOCKS, mid_record=True), Flow.BLOCKS,    "50 events in 5 deliveries of 400 bytes each, from 0.80 to 6.00 s"),
    (observed([(0.02, 40)]),         Flow.REPLAYED,  "40 events, all at once after 0.0 s, before the app had sent them"),
]  # fmt: skip


@pytest.mark.parametrize(("observation", "flow", "words"), WITH_SIZES)
def test_how_it_arrived_is_said_with_numbers(observation, flow, words):
    assert own_summary(observation, Timing(flow)) == words
