"""What an origin says of itself: a value within bounds, or a clear sentence."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flushcheck.model import Capabilities, Transport, UsageError
from flushcheck.protocol.capabilities import NoOrigin, read_capabilities

MAX = {"streams": 8, "duration_s": 60, "bytes": 1_048_576}
LEAST = {"flushcheck": 1, "transports": ["chunked"], "max": MAX}


def said(**members: object) -> bytes:
    """The least that is valid, with these members in place of others."""
    return json.dumps({**LEAST, **members}).encode()


def limits(**members: object) -> bytes:
    return said(max={**MAX, **members})


def test_the_least_is_enough():
    assert read_capabilities(said()) == Capabilities((Transport.CHUNKED,), 8, 60.0, 1_048_576)


def test_all_members_are_read():
    body = said(
        origin="php/8.2", params=["pad", "xab"], until="2026-12-05", place="inner", layers=["Gzip", "Ünï"],
        flush=["never", "both"], taps=True, paths=True, transports=["events", "polling"],
    )  # fmt: skip
    assert read_capabilities(body) == Capabilities(
        (Transport.POLLING, Transport.EVENTS), 8, 60.0, 1_048_576, ("pad", "xab"), "php/8.2", "2026-12-05",
        "inner", ("Gzip", "Ünï"), ("never", "both"), taps=True, paths=True,
    )  # fmt: skip


GROWN = [
    ("a new member",     said(future={"x": [1]}),                 ),
    ("a new transport",  said(transports=["chunked", "webtransport"])),
    ("twice the same",   said(transports=["chunked", "chunked"])),
    ("a strange name",   said(transports=["chunked", "<b>"])),
    ("a new parameter",  said(params=["sparkle"])),
    ("in a float",       limits(streams=8.0)),
    ("a blank origin",   said(origin="")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body"), GROWN, ids=[row[0] for row in GROWN])
def test_what_is_not_known_is_passed_over(name, body):
    assert read_capabilities(body).transports == (Transport.CHUNKED,)


OTHERS = [
    b"",
    b"<html>",
    b"[1]",
    b"1",
    b"null",
    b'{"a": 1}',
    b"[" * 200_000,
    b'{"flushcheck": 1',
    b"\xff\xfe{",
]


@pytest.mark.parametrize("body", OTHERS, ids=lambda body: repr(body[:12]))
def test_what_is_no_origin_is_no_origin(body):
    with pytest.raises(NoOrigin):
        read_capabilities(body)


WRONG = [
    # name                  body                                       says
    ("another version",     said(flushcheck=2),                        "version 2 of the origin protocol: expected 1"),
    ("a version in words",  said(flushcheck="1"),                      "version '1'"),
    ("true is no version",  said(flushcheck=True),                     "version true"),
    ("no limits",           said(max=None),                            "max=null: expected an object"),
    ("limits in a list",    said(max=[1]),                             "max=a list"),
    ("no streams",          limits(streams=None),                      "max.streams=null: expected a number from 1 to 1000"),
    ("0 streams",           limits(streams=0),                         "max.streams=0"),
    ("1001 streams",        limits(streams=1001),                      "max.streams=1001"),
    ("1.5 streams",         limits(streams=1.5),                       "max.streams=1.5: expected a whole number"),
    ("true streams",        limits(streams=True),                      "max.streams=true"),
    ("streams in words",    limits(streams="8"),                       "max.streams='8'"),
    ("2 seconds",           limits(duration_s=2.9),                    "max.duration_s=2.9"),
    ("a day",               limits(duration_s=86400),                  "expected a number from 3 to 3600"),
    ("no time at all",      said().replace(b"60", b"NaN"),             "max.duration_s=nan"),
    ("all the time",        said().replace(b"60", b"Infinity"),        "max.duration_s=inf"),
    ("few bytes",           limits(bytes=8191),                        "max.bytes=8191: expected a number from 8192"),
    ("a number of digits",  said().replace(b"1048576", b"9" * 3000),   "max.bytes=a number of more than 12 digits"),
    ("no transports",       said(transports=None),                     "transports=null: expected a list"),
    ("none at all",         said(transports=[]),                       "expected chunked or events among them"),
    ("none that streams",   said(transports=["polling", "websocket"]), "expected chunked or events among them"),
    ("a text for a list",   said(transports="chunked"),                "transports='chunked'"),
    ("51 transports",       said(transports=["x"] * 51),               "a list of at most 50"),
    ("a number in a list",  said(params=["pad", 1]),                   "params[1]=1: expected a text"),
    ("a list in a list",    said(params=[["pad"]]),                    "params[0]=a list"),
    ("a long name",         said(origin="x" * 201),                    "at most 200 printable characters"),
    ("a terminal's escape", said(origin="\x1b[2J"),                    r"origin='\x1b[2J'"),
    ("half a character",    said(origin="\ud800"),                     r"origin='\ud800'"),
    ("a layer of 1 MB",     said(layers=["x" * 1_000_000]),            "layers[0]='xxx"),
    ("no date",             said(until="soon"),                        "until='soon': expected a date"),
    ("a place of its own",  said(place="middle"),                      "place='middle': expected inner or outer"),
    ("taps in a number",    said(taps=1),                              "taps=1: expected true or false"),
    ("null for a switch",   said(paths=None),                          "paths=null"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "says"), WRONG, ids=[row[0] for row in WRONG])
def test_what_is_wrong_is_told_in_a_short_sentence(name, body, says):
    with pytest.raises(UsageError) as raised:
        read_capabilities(body)
    assert says in str(raised.value)
    assert len(str(raised.value)) < 200
    assert str(raised.value).isprintable()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
MEMBERS = st.sampled_from([*LEAST, "params", "origin", "until", "place", "layers", "flush", "taps", "paths"])


@given(st.dictionaries(MEMBERS, JSON, max_size=4), st.dictionaries(st.sampled_from(list(MAX)), JSON))
def test_whatever_an_origin_says_is_a_value_or_a_sentence(members, bounds):
    sentence, read = "", None
    try:
        read = read_capabilities(json.dumps({**LEAST, "max": {**MAX, **bounds}, **members}).encode())
    except UsageError as error:
        sentence = str(error)
    assert sentence.isprintable()
    assert len(sentence) < 200
    assert sentence or (read and read.transports and 1 <= read.max_streams <= 1000)


@given(st.binary(max_size=200))
def test_whatever_bytes_come_are_read_or_told(body):
    with pytest.raises((NoOrigin, UsageError)):
        read_capabilities(body)
