"""What a stream of a user's own app is said to consist of."""

from dataclasses import replace

import pytest

from flushcheck.measurement.own_streams import PLAIN
from flushcheck.measurement.own_wording import arriving, own_summary
from flushcheck.measurement.timing import Timing
from flushcheck.model import Arrival, Flow, Observation, Transport
from tests.measurement.own import BLOCKS, OWN, SINGLY, observed

WORDS = [
    # transport             format         what arrives
    (Transport.EVENTS,      "",            "the events arrive"),
    (Transport.CHUNKED,     "",            "the records arrive"),
    (Transport.CHUNKED,     PLAIN,         "the bytes arrive"),
]  # fmt: skip


@pytest.mark.parametrize(("transport", "form", "words"), WORDS)
def test_what_arrives_has_a_name(transport, form, words):
    assert arriving(observed(SINGLY, replace(OWN, transport=transport), format=form)) == words


def filled() -> Observation:
    """Whole records whenever 4096 bytes are full."""
    counts = ((552,) * 8, (492,) * 9, (552,) * 8, (492,) * 9, (552,) * 8)
    arrivals = [Arrival(0.5 * n, sum(sizes), sum(sizes), records=sizes) for n, sizes in enumerate(counts)]
    return observed([], arrivals=(*arrivals, Arrival(2.5, 50, 50, records=(50,))))


SUMMARIES = [
    # observation,                   flow,           words
    (filled(),                       Flow.BLOCKS,    "43 events in 6 deliveries of 4096 bytes or a little more, from 0.00 to 2.50 s"),
    (observed(BLOCKS),               Flow.BLOCKS,    "50 events in 5 deliveries of 400 bytes each, from 0.80 to 6.00 s"),
    (observed([(0.02, 40)]),         Flow.REPLAYED,  "40 events, all at once after 0.0 s, before the app had sent them"),
]  # fmt: skip


@pytest.mark.parametrize(("observation", "flow", "words"), SUMMARIES)
def test_how_it_arrived_is_said_with_numbers(observation, flow, words):
    assert own_summary(observation, Timing(flow)) == words
