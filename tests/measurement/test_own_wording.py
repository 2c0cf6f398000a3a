"""What a stream of a user's own app is said to consist of."""

from dataclasses import replace

import pytest

from flushcheck.measurement.own_streams import PLAIN
from flushcheck.measurement.own_wording import arriving
from flushcheck.model import Transport
from tests.measurement.own import OWN, SINGLY, observed

WORDS = [
    # transport             format         what arrives
    (Transport.EVENTS,      "",            "the events arrive"),
    (Transport.CHUNKED,     "",            "the records arrive"),
    (Transport.CHUNKED,     PLAIN,         "the bytes arrive"),
]  # fmt: skip


@pytest.mark.parametrize(("transport", "form", "words"), WORDS)
def test_what_arrives_has_a_name(transport, form, words):
    assert arriving(observed(SINGLY, replace(OWN, transport=transport), framing=form)) == words
