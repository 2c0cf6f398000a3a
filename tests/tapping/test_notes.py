"""Notes of an app that may say anything: read, or refused with a sentence; never more than the limits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flushcheck.tapping.notes import (
    MAX_BLOCKS,
    MAX_CHUNKS,
    MAX_PLACES,
    MAX_S,
    MAX_TEXT,
    Block,
    Chunk,
    Fault,
    NotesError,
    Place,
    TapNotes,
    notes_from_json,
)

VIEW = {"name": "view", "chunks": [[0.01, 31], [0.11, 31]]}


def test_notes_of_the_origin_protocol_are_read():
    notes = notes_from_json({"places": [VIEW, {"name": "GZipMiddleware", "chunks": [[0.0122, 10]]}]})
    assert notes == TapNotes(
        (
            Place("view", (Chunk(0.01, 31), Chunk(0.11, 31))),
            Place("GZipMiddleware", (Chunk(0.0122, 10),)),
        )
    )


def test_all_members_are_read_and_others_passed_over():
    place = VIEW | {
        "layer": "a.B",
        "version": "1.0",
        "content_encoding": "GZip",
        "content_length": "12",
        "body": "sync",
        "truncated": True,
        "colour": "blue",
    }
    notes = notes_from_json(
        {"places": [place], "protocol": "asgi", "server": "uvicorn", "loop_blocked": [[0.5, 0.2]], "x": 1}
    )
    assert notes == TapNotes(
        (Place("view", (Chunk(0.01, 31), Chunk(0.11, 31)), "a.B", "1.0", "gzip", "12", "sync", True),),
        "asgi",
        "uvicorn",
        (Block(0.5, 0.2),),
    )


def places(*items: Any, **members: Any) -> dict[str, Any]:
    return {"places": list(items), **members}


REFUSED = [
    # name,                      document,                                         among the sentence
    ("a list",                    [],                                               'a JSON object with "places"'),
    ("no places",                 {},                                               'a JSON object with "places"'),
    ("places that are none",      {"places": {}},                                   'a JSON object with "places"'),
    ("too many places",           places(*[VIEW] * (MAX_PLACES + 1)),               "51 places: expected at most 50"),
    ("a place that is none",      places("view"),                                   'places[0]: expected an object'),
    ("without a name",            places(VIEW, {"chunks": []}),                     'places[1]: expected an object'),
    ("a name that is none",       places({"name": 5, "chunks": []}),                'places[0]: expected an object'),
    ("without chunks",            places({"name": "view"}),                         'expected "chunks"'),
    ("too many chunks",           places(VIEW | {"chunks": [[1, 1]] * (MAX_CHUNKS + 1)}), "2001 items; expected at most 2000"),
    ("a chunk of one number",     places(VIEW | {"chunks": [[1]]}),                 "expected two numbers"),
    ("a chunk of text",           places(VIEW | {"chunks": [["1", 2]]}),            "expected two numbers"),
    ("a chunk of truth",          places(VIEW | {"chunks": [[True, 2]]}),           "expected two numbers"),
    ("a chunk of no list",        places(VIEW | {"chunks": [{"0": 1}]}),            "expected two numbers"),
    ("no number at all",          places(VIEW | {"chunks": [[float("nan"), 2]]}),   "expected two numbers"),
    ("without an end",            places(VIEW | {"chunks": [[float("inf"), 2]]}),   "expected two numbers"),
    ("before the request",        places(VIEW | {"chunks": [[-0.1, 2]]}),           "out of range"),
    ("after a day",               places(VIEW | {"chunks": [[MAX_S + 1, 2]]}),      "out of range"),
    ("less than nothing",         places(VIEW | {"chunks": [[1, -2]]}),             "out of range"),
    ("a huge number",             places(VIEW | {"chunks": [[1, 10**400]]}),        "out of range"),
    ("backwards",                 places(VIEW | {"chunks": [[1, 2], [0.5, 2]]}),    "0.5 s comes after 1 s"),
    ("too many blocks",           places(VIEW, loop_blocked=[[1, 1]] * (MAX_BLOCKS + 1)), "201 items"),
    ("a block that is none",      places(VIEW, loop_blocked=[5]),                   "expected two numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "expected"), [
    ({"name": "Log", "what": "raised ValueError", "escaped": True}, Fault("Log", "raised ValueError", escaped=True)),
    ({"name": "x" * 500, "what": 5, "escaped": 1}, Fault("x" * MAX_TEXT)),
    ({}, Fault()),
    (None, Fault()),
    ("Log", Fault()),
])  # fmt: skip
def test_a_fault_is_read_or_none(fault, expected):
    assert notes_from_json(places(VIEW, fault=fault)).fault == expected


@pytest.mark.parametrize(("name", "data", "words"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_is_no_notes_is_refused_with_a_sentence(name, data, words):
    with pytest.raises(NotesError) as error:
        notes_from_json(data)
    assert words in str(error.value)


def test_what_is_just_within_the_limits_is_read():
    notes = notes_from_json(
        places(*[VIEW | {"chunks": [[MAX_S, 0]] * 40}] * MAX_PLACES, loop_blocked=[[0, 0]] * MAX_BLOCKS)
    )
    assert (len(notes.places), len(notes.blocks)) == (MAX_PLACES, MAX_BLOCKS)
    assert (
        len(notes_from_json(places(VIEW | {"chunks": [[1, 1]] * MAX_CHUNKS})).places[0].chunks) == MAX_CHUNKS
    )


def test_texts_are_cut_and_other_types_are_no_text():
    (place,) = notes_from_json(places(VIEW | {"name": "x" * 500, "layer": 5, "truncated": 1})).places
    assert (len(place.name), place.layer, place.truncated) == (MAX_TEXT, "", False)
    assert notes_from_json(places(VIEW | {"name": ""})).places[0].name == "?"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
NEARLY = st.fixed_dictionaries(
    {"places": st.lists(st.fixed_dictionaries({"name": JSON | st.just("view"), "chunks": JSON | st.lists(st.lists(st.floats(0, 9), min_size=2, max_size=2))}))},
    optional={"loop_blocked": JSON, "protocol": JSON},
)  # fmt: skip


@given(JSON | NEARLY)
def test_anything_is_read_or_refused(data):
    why = ""
    try:
        places_read = notes_from_json(data).places
    except NotesError as error:
        places_read, why = (), str(error)
    assert bool(why) or all(place.name for place in places_read)
    assert len(why) < 200
