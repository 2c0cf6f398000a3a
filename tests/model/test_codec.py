"""Values to JSON and back: equal again, and foreign data is read, or refused with a reason."""

import json
import math
from dataclasses import replace
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
from flushcheck.model.codec import from_json, to_json

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

OUTCOMES = "one of complete, cut, timeout, refused, unreachable, stopped"
AT = "Run.observations[0]"
DIGITS = "1" + "0" * 399

BAD = [
    # name, document, message
    ("not an object", [], "Run=a list: expected an object"),
    ("nothing", None, "Run='None': expected an object"),
    ("a list is missing", {"target": "x"}, "Run.observations is missing: expected a list"),
    ("a text is missing", {"observations": []}, "Run.target is missing: expected a string"),
    ("an object is missing", {"target": "x", "observations": [{}]}, f"{AT}.probe is missing: expected an object"),
    ("a choice is missing", {"target": "x", "observations": [{"probe": {"transport": "events"}}]}, f"{AT}.outcome is missing: expected {OUTCOMES}"),
    ("an unknown choice", whole(outcome="fine"), f"{AT}.outcome='fine': expected {OUTCOMES}"),
    ("a choice of another type", whole(outcome=3), f"{AT}.outcome='3': expected {OUTCOMES}"),
    ("a text for a number", whole(status="200"), f"{AT}.status='200': expected a whole number"),
    ("a truth for a number", whole(status=True), f"{AT}.status='True': expected a whole number"),
    ("half a status", whole(status=200.5), f"{AT}.status='200.5': expected a whole number"),
    ("a text for seconds", whole(headers_s="1"), f"{AT}.headers_s='1': expected a number"),
    ("a number for a truth", whole(request_at_app={"websocket_key": 1}), f"{AT}.request_at_app.websocket_key='1': expected true or false"),
    ("not a number", whole(headers_s=math.nan), f"{AT}.headers_s='nan': expected a finite number of ordinary size"),
    ("infinite", whole(headers_s=math.inf), f"{AT}.headers_s='inf': expected a finite number of ordinary size"),
    ("a number above the limit", whole(status=1_000_000_000_001), f"{AT}.status='1000000000001': expected a finite number of ordinary size"),
    ("a number below the limit", whole(status=-1_000_000_000_001), f"{AT}.status='-1000000000001': expected a finite number of ordinary size"),
    ("a number with 400 digits", whole(headers_s=10**399), f"{AT}.headers_s='{DIGITS[:40]}': expected a finite number of ordinary size"),
    ("a pair of three", whole(headers=[["a", "b", "c"]]), f"{AT}.headers[0] has 3 items: expected 2"),
    ("a header that is no pair", whole(headers=["ab"]), f"{AT}.headers[0]='ab': expected a list"),
    ("a value that is no text", whole(headers=[["a", "b"], ["a", 5]]), f"{AT}.headers[1][1]='5': expected a string"),
    ("an object for a list", whole(arrivals={}), f"{AT}.arrivals=a dict: expected a list"),
    ("a list too long", whole(arrivals=[0] * 20_001), f"{AT}.arrivals has 20001 items: expected at most 20000"),
    ("a text too long", whole(detail="x" * 20_001), f"{AT}.detail has 20001 characters: expected at most 20000"),
    ("the first surrogate", whole(detail="\ud800"), f"{AT}.detail={chr(0xD800)!r}: expected text without lone surrogates"),
    ("the last surrogate", whole(headers=[["a", "\udfff"]]), f"{AT}.headers[0][1]={chr(0xDFFF)!r}: expected text without lone surrogates"),
    ("deep nesting", whole(detail=DEEP), f"{AT}.detail=a list: expected a string"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "message"), BAD, ids=[name for name, _, _ in BAD])
def test_a_document_that_is_no_run_is_refused_at_its_place(name, data, message):
    with pytest.raises(UsageError) as refused:
        from_json(Run, data)
    assert str(refused.value) == message
    message.encode()


AT_THE_LIMIT = [
    # name                     changes
    ("a list",                 {"headers": [["a", "b"]] * 20_000}),
    ("a text",                 {"detail": "x" * 20_000}),
    ("a number",               {"status": 1_000_000_000_000}),
    ("a negative number",      {"status": -1_000_000_000_000}),
    ("before the surrogates",  {"detail": "\ud7ff"}),
    ("behind the surrogates",  {"detail": "\ue000"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "changes"), AT_THE_LIMIT, ids=[name for name, _ in AT_THE_LIMIT])
def test_a_value_at_its_limit_is_read(name, changes):
    run = from_json(Run, whole(**changes))
    assert to_json(run) == whole(**changes)


def test_an_optional_value_is_refused_at_its_place():
    with pytest.raises(UsageError, match=r"^Run\.observations\[0\]\.end=a list: expected an object$"):
        from_json(Run, whole(end=[]))


def test_a_place_may_have_another_name():
    with pytest.raises(UsageError, match=r"^run='5': expected an object$"):
        from_json(Run, 5, "run")


def test_a_header_that_came_twice_is_one_value():
    assert replace(SEEN, headers=(("via", "a"), ("server", "x"), ("via", "b"))).header("via") == "a, b"
    assert SEEN.header("vary") == ""


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
