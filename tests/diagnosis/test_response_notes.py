"""What the headers of the user's own stream mean for its readers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.diagnosis.response_notes import response_notes
from flushcheck.measurement.observations import Observations
from flushcheck.model import Observation, Transport
from tests.measurement.own import GZIP, HTTP10, IDENTITY, OWN, RECORD_BYTES, evenly, observed, own_run

CHUNKED = replace(OWN, transport=Transport.CHUNKED)
NOSNIFF = ("x-content-type-options", "NoSniff")
LENGTH = ("content-length", "1600")
# Records of 40 bytes: the 26th completes the 1,024 bytes that Chromium looks at.
LOOKED_AT = 26


def typed(
    kind: str, groups, *headers: tuple[str, str], framing: str = "JSON lines", **changes
) -> Observation:
    """A stream of this content type; "" for none."""
    own = (("content-type", kind),) if kind else ()
    return replace(observed(groups, CHUNKED, framing=framing, **changes), headers=(*own, *headers))


def notes(*observations: Observation, method: str = "GET") -> str:
    return "; ".join(judge(own_run(*observations, method=method)).notes)


PLAIN, JSON = "text/plain; charset=utf-8", "application/json"
WAITS = "Chromium's XMLHttpRequest would show the first text"
LONG, SHORT = evenly(40, 0.1), evenly(40, 0.01)
ASIDE = "EventSource opens nothing but text/event-stream"
TYPES = [
    # name,                            the stream,                                                words,        are they there
    ("plain text, slowly",             typed(PLAIN, LONG),                                        f"{WAITS} 2.5 s later than it arrived, after 1024 bytes", True),
    ("plain text, by its name alone",  typed("Text/Plain", LONG),                                 f"{WAITS} 2.5 s", True),
    ("no type",                        typed("", LONG),                                           "it looks for the type of a body without one", True),
    ("plain text, with nosniff",       typed(PLAIN, LONG, NOSNIFF),                               WAITS,        False),
    ("plain text, with headers hidden", typed(PLAIN, LONG, hidden_headers=True),                  WAITS,        False),
    ("another type",                   typed(JSON, LONG),                                         WAITS,        False),
    ("plain text, quickly",            typed(PLAIN, SHORT),                                       WAITS,        False),
    ("less than is looked at",         typed(PLAIN, evenly(LOOKED_AT - 1, 0.1)),                  f"{WAITS} 2.4 s", True),
    ("a large first read",             typed(PLAIN, [(0.1, LOOKED_AT), *evenly(20, 0.2, start_s=0.3)]), WAITS,  False),
    ("as long as is told",             typed(PLAIN, [(0.0, 1), (0.5, LOOKED_AT - 1), *evenly(9, 0.1, start_s=0.6)]), f"{WAITS} 0.5 s", True),
    ("shorter than is told",           typed(PLAIN, [(0.0, 1), (0.49, LOOKED_AT - 1), *evenly(9, 0.1, start_s=0.6)]), WAITS, False),
    ("one byte less than looked at",   typed(PLAIN, [(0.0, LOOKED_AT - 1), *evenly(9, 0.6, start_s=0.6)]), f"{WAITS} 0.6 s", True),
    ("nothing",                        typed(PLAIN, []),                                          WAITS,        False),
    ("events of another type",         typed(PLAIN, LONG, framing="server-sent events"),          f"the response has Content-Type: text/plain: {ASIDE}", True),
    ("events without a type",          typed("", LONG, framing="server-sent events"),             f"the response has no Content-Type: {ASIDE}", True),
    ("events",                         typed("text/event-stream;charset=utf-8", LONG, framing="server-sent events"), ASIDE, False),
    ("lines",                          typed(PLAIN, LONG),                                        ASIDE,        False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "stream", "words", "expected"), TYPES, ids=[row[0] for row in TYPES])
def test_a_content_type_that_readers_wait_for_or_refuse_is_noted(name, stream, words, expected):
    assert (words in notes(stream)) is expected
    assert RECORD_BYTES * (LOOKED_AT - 1) < 1024 <= RECORD_BYTES * LOOKED_AT


def test_each_note_is_a_whole_sentence():
    late = typed(PLAIN, evenly(40, 0.1, start_s=3.0), ("cache-control", "max-age=60"))
    first = typed(f"{JSON}; charset=utf-8", AT_ONCE, LENGTH, GZIP)
    repeat = replace(typed(JSON, LONG), probe=replace(CHUNKED, variant=IDENTITY.variant))
    assert response_notes(Observations([late]), late, "GET") == (
        (
            "Chromium's XMLHttpRequest would show the first text 2.5 s later than it arrived, after 1024 bytes: it looks "
            "for the type of text/plain; X-Content-Type-Options: nosniff prevents that, and fetch() never waits"
        ),
        (
            "the response has Cache-Control: max-age=60: a cache may store the stream and play it back to the next reader, "
            "all at once; the app can send no-store"
        ),
    )
    assert response_notes(Observations([first, repeat]), first, "GET") == (
        (
            "the response has a Content-Length of 1600, and none for a client that accepts no compression: what makes the "
            "difference joins the whole response before it sends it on"
        ),
    )


def test_the_end_counts_from_the_first_byte():
    short = typed(PLAIN, evenly(LOOKED_AT - 1, 0.1, start_s=3.0))
    assert f"{WAITS} {short.ended_s - 3.0:.1f} s later" in notes(short)


SIZES = [
    # bytes of the two arrivals, whether Chromium waits for the second
    (1022, 1, True),
    (1023, 1, True),
    (1024, 1, False),
    (1, 1023, True),
]


@pytest.mark.parametrize(("first", "second", "waits"), SIZES)
def test_chromium_waits_for_1024_bytes(first, second, waits):
    stream = typed(PLAIN, [(0.0, 1), (0.6, 1), *evenly(9, 0.2, start_s=0.8)])
    sizes = (first, second, *[0] * 9)
    arrivals = tuple(
        replace(each, text_bytes=size) for each, size in zip(stream.arrivals, sizes, strict=True)
    )
    assert (WAITS in notes(replace(stream, arrivals=arrivals))) is waits
    if (first, second) == (1023, 1):
        assert f"{WAITS} 0.6 s" in notes(replace(stream, arrivals=arrivals))


STORED = "a cache may store the stream and play it back"
CACHES = [
    # Cache-Control                        method  is it noted
    ("max-age=60",                         "GET",  True),
    ("public, MAX-AGE=60",                 "GET",  True),
    ("public,s-maxage=010",                "GET",  True),
    ('max-age="5"',                        "GET",  True),
    ("max-age=0",                          "GET",  False),
    ("max-age=00",                         "GET",  False),
    ("public",                             "GET",  False),
    ("no-cache, max-age=60",               "GET",  False),
    ("max-age=60,no-store",                "GET",  False),
    ("x-max-age=60",                       "GET",  False),
    ("",                                   "GET",  False),
    ("max-age=60",                         "POST", False),
]  # fmt: skip


@pytest.mark.parametrize(("value", "method", "expected"), CACHES)
def test_a_stream_that_caches_may_store_is_noted(value, method, expected):
    stream = typed(JSON, LONG, ("cache-control", value))
    assert (STORED in notes(stream, method=method)) is expected


def test_a_long_value_is_cut():
    stream = typed(JSON, LONG, ("cache-control", f"max-age=60, {'x' * 100}"))
    assert f"Cache-Control: max-age=60, {'x' * 48}: a cache" in notes(stream)


JOINS = "what makes the difference joins the whole response"
AT_ONCE = [(0.3, 40)]
LENGTHS = [
    # name,                           the first look,                                     a repeat,                                                     is it noted
    ("a length with compression",     typed(JSON, AT_ONCE, LENGTH, GZIP),                 replace(typed(JSON, LONG), probe=replace(CHUNKED, variant=IDENTITY.variant)), True),
    ("a length without it too",       typed(JSON, AT_ONCE, LENGTH, GZIP),                 replace(typed(JSON, LONG, LENGTH), probe=replace(CHUNKED, variant=IDENTITY.variant)), False),
    ("no length",                     typed(JSON, AT_ONCE, GZIP),                         replace(typed(JSON, LONG), probe=replace(CHUNKED, variant=IDENTITY.variant)), False),
    ("no length over HTTP/1.0",       typed(JSON, AT_ONCE, LENGTH, GZIP),                 replace(typed(JSON, LONG), probe=replace(CHUNKED, variant=HTTP10.variant)), False),
    ("ended by its connection",       typed(JSON, AT_ONCE, LENGTH, GZIP),                 replace(typed(JSON, LONG, delimited=False), probe=replace(CHUNKED, variant=IDENTITY.variant)), False),
    ("a repeat without a stream",     typed(JSON, AT_ONCE, LENGTH, GZIP),                 replace(typed(JSON, []), probe=replace(CHUNKED, variant=IDENTITY.variant)), False),
    ("one record",                    typed(JSON, [(0.3, 1)], LENGTH, GZIP),              replace(typed(JSON, LONG), probe=replace(CHUNKED, variant=IDENTITY.variant)), False),
    ("two records",                   typed(JSON, [(0.3, 2)], LENGTH, GZIP),              replace(typed(JSON, LONG), probe=replace(CHUNKED, variant=IDENTITY.variant)), True),
    ("an event stream",               typed("text/event-stream", AT_ONCE, LENGTH, GZIP),  replace(typed(JSON, LONG), probe=replace(CHUNKED, variant=IDENTITY.variant)), False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "first", "repeat", "expected"), LENGTHS, ids=[row[0] for row in LENGTHS])
def test_a_length_that_only_one_encoding_has_is_noted(name, first, repeat, expected):
    seen = notes(first, repeat)
    assert (JOINS in seen) is expected
    assert ("Content-Length of 1600, and none for a client that accepts no compression" in seen) is expected
