"""Values to JSON and back: equal again, and foreign data is read, or refused with a reason."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flushcheck.model import (
    Arrival,
    EndRecord,
    Observation,
    Outcome,
    Probe,
    ReceivedPiece,
    RequestAtApp,
    Run,
    Scenario,
    Transport,
    UsageError,
    Variant,
)
from flushcheck.model.codec import MAX_ITEMS, MAX_TEXT, from_json, to_json

SEEN = Observation(
    Probe(Transport.EVENTS, Scenario.KILO, Variant.XAB, run=2),
    Outcome.CUT,
    detail="the response ended early",
    status=200,
    http_version="1.1",
    headers=(("server", "nginx"), ("via", "1.1 ä")),
    headers_s=0.25,
    arrivals=(Arrival(0.5, 30, 60, (ReceivedPiece(0, 0.0), ReceivedPiece(1, 0.125))), Arrival(0.75, 3, 3)),
    end=EndRecord(2, 0.5, RequestAtApp(protocol="HTTP/1.0", forwarded=("x-real-ip",), concurrent=3)),
)
RUN = Run("https://example.org", (SEEN, Observation(Probe(Transport.POLLING), Outcome.TIMEOUT)), "test")


def test_a_run_survives_the_way_through_json():
    assert from_json(Run, json.loads(json.dumps(to_json(RUN)))) == RUN


def test_what_is_not_said_is_as_in_the_model_and_more_is_passed_over():
    data = {"target": "x", "observations": [], "mood": "fine"}
    assert from_json(Run, data) == Run("x", ())


def test_seconds_are_written_to_the_microsecond():
    assert to_json(ReceivedPiece(1, 1 / 3)) == {"seq": 1, "sent_s": 0.333333, "size_bytes": 0}


def whole(**changes: object) -> Any:
    """The Run above as JSON, with its first Observation changed."""
    data = json.loads(json.dumps(to_json(RUN)))
    data["observations"][0].update(changes)
    return data


DEEP: list[Any] = []
for _ in range(50_000):
    DEEP = [DEEP]

BAD = [
    # name, document, what the message must hold
    ("not an object", [], "Run=a list: expected an object"),
    ("nothing", None, "Run='None': expected an object"),
    ("a field is missing", {"target": "x"}, "Run.observations is missing: expected a list"),
    ("an unknown choice", whole(outcome="fine"), "Run.observations[0].outcome='fine': expected one of"),
    ("a choice of another type", whole(outcome=3), "expected one of complete"),
    ("a text for a number", whole(status="200"), "status='200': expected a whole number"),
    ("a truth for a number", whole(status=True), "expected a whole number"),
    ("half a status", whole(status=200.5), "expected a whole number"),
    ("not a number", whole(headers_s=math.nan), "finite number"),
    ("for ever", whole(headers_s=math.inf), "finite number"),
    ("a number with 400 digits", whole(headers_s=10**400), "finite number"),
    ("its negative", whole(status=-(10**400)), "finite number"),
    ("a pair of three", whole(headers=[["a", "b", "c"]]), "headers[0] has 3 items: expected 2"),
    ("a header that is no pair", whole(headers=["ab"]), "headers[0]='ab': expected a list"),
    ("an object for a list", whole(arrivals={}), "arrivals=a dict: expected a list"),
    ("a list too long", whole(arrivals=[0] * (MAX_ITEMS + 1)), "expected at most"),
    ("a text too long", whole(detail="x" * (MAX_TEXT + 1)), "expected at most"),
    ("half a character", whole(detail="\ud800"), "without lone surrogates"),
    ("half a character in a header", whole(headers=[["a", "\udfff"]]), "without lone surrogates"),
    ("deep nesting", whole(detail=DEEP), "detail=a list: expected a string"),
]


@pytest.mark.parametrize(("name", "data", "words"), BAD, ids=[name for name, _, _ in BAD])
def test_a_strangers_document_is_refused_at_its_place(name, data, words):
    with pytest.raises(UsageError) as told:
        from_json(Run, data)
    assert words in str(told.value)
    assert len(str(told.value)) < 200
    str(told.value).encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["probe", "outcome", "detail", "status", "headers", "arrivals", "end", "request_at_app"]
)


@given(st.dictionaries(FIELDS, JSON, max_size=3))
def test_any_document_is_read_or_refused(changes):
    try:
        run = from_json(Run, whole(**changes))
    except UsageError:
        return
    assert from_json(Run, to_json(run)) == from_json(Run, json.loads(json.dumps(to_json(run))))
