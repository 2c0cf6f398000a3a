"""Which requests for a user's own stream are repeated, and in which way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.measurement.repeats import (
    MAX_REPEATS,
    SAFE_METHODS,
    accept,
    encodings,
    repeat_s,
    repeats,
    repeats_by_encoding,
    repeats_of_page,
)
from flushcheck.model import Client, Flow, Observation, Outcome, Variant
from tests.measurement.own import EVENT_STREAM, GZIP, HTTP10, IDENTITY, ONCE, OWN, SINGLY, Groups, observed

HELD, FLOWING = Flow.UNKNOWN, Flow.FLOWING


def over_http2(groups: Groups) -> Observation:
    return observed(groups, http_version="2")


REPEATS = [
    # name,                  the first one,                                  flow,     own headers,          repeats
    ("held",                 observed(ONCE),                                 HELD,     (),                   ["identity", "http/1.0", "event-stream"]),
    ("held over HTTP/2",     over_http2(ONCE),                           HELD,     (),                   ["identity", "http1", "event-stream"]),
    ("flowing",              observed(SINGLY),                               FLOWING,  (),                   ["identity", "http/1.0", "together", "together-1"]),
    ("flowing over HTTP/2",  over_http2(SINGLY),                         FLOWING,  (),                   ["identity", "http1", "together", "together-1"]),
    ("own encodings",        observed(ONCE),                                 HELD,     ("accept-encoding",), ["http/1.0", "event-stream"]),
    ("own Accept",           observed(ONCE),                                 HELD,     ("accept",),          ["identity", "http/1.0"]),
    ("cut",                  observed(ONCE, outcome=Outcome.CUT),            HELD,     (),                   ["identity", "http/1.0", "event-stream"]),
    ("refused",              observed(ONCE, outcome=Outcome.REFUSED),        HELD,     (),                   []),
    ("unreachable",          observed(ONCE, outcome=Outcome.UNREACHABLE),    HELD,     (),                   []),
    ("nothing arrived",      observed([]),                                   HELD,     (),                   []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "first", "flow", "own", "wanted"), REPEATS, ids=[row[0] for row in REPEATS])
def test_each_repeat_differs_in_one_thing(name, first, flow, own, wanted):
    probes = repeats(first, {first.probe: flow}, own)
    assert [probe.id.removeprefix("events-own-") for probe in probes] == wanted


BY_ENCODING = [
    # name,                  encoding,  first,    without,  own headers,           repeats
    ("gzip holds",           "gzip",    HELD,     FLOWING,  (),                    ["deflate", "br", "zstd"]),
    ("br holds",             "BR",      HELD,     FLOWING,  (),                    ["gzip", "deflate", "zstd"]),
    ("not compressed",       "",        HELD,     FLOWING,  (),                    []),
    ("held without too",     "gzip",    HELD,     HELD,     (),                    []),
    ("flows compressed",     "gzip",    FLOWING,  FLOWING,  (),                    []),
    ("own encodings",        "gzip",    HELD,     FLOWING,  ("accept-encoding",),  []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "encoding", "flow", "without", "own", "wanted"), BY_ENCODING, ids=[row[0] for row in BY_ENCODING]
)
def test_each_other_encoding_is_offered_alone(name, encoding, flow, without, own, wanted):
    first = observed(ONCE, headers=(("content-encoding", encoding),) if encoding else ())
    probes = repeats_by_encoding(first, {OWN: flow, IDENTITY: without}, own)
    assert [probe.variant for probe in probes] == wanted


@pytest.mark.parametrize(("encoding", "count"), [("gzip", MAX_REPEATS - 1), ("compress", MAX_REPEATS)])
def test_as_much_is_repeated_as_announced_where_no_offered_encoding_was_used(encoding, count):
    first = observed(ONCE, headers=(("content-encoding", encoding),))
    seen = {OWN: HELD, IDENTITY: FLOWING}
    assert len(repeats(first, seen, ())) + len(repeats_by_encoding(first, seen, ())) == count


BY_PAGE = [
    # name,                     the first one,                                       flow,     repeats
    ("held",                    observed(ONCE),                                      HELD,     ["event-stream"]),
    ("held compressed",         observed(ONCE, headers=(GZIP,)),                     HELD,     ["identity", "event-stream"]),
    ("flowing over HTTP/2",     over_http2(SINGLY),                                  FLOWING,  ["together", "together-1"]),
    ("flowing compressed",      observed(SINGLY, headers=(GZIP,)),                   FLOWING,  ["identity", "together", "together-1"]),
    ("refused",                 observed(ONCE, outcome=Outcome.REFUSED),             HELD,     []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "first", "flow", "wanted"), BY_PAGE, ids=[row[0] for row in BY_PAGE])
def test_a_page_repeats_what_a_browser_can_ask_for(name, first, flow, wanted):
    probes = repeats_of_page(first, {first.probe: flow})
    assert [probe.id.removeprefix("events-own-") for probe in probes] == wanted


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_method_that_changes_nothing_is_safe(method):
    assert method in SAFE_METHODS


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_method_that_may_change_data_is_not(method):
    assert method not in SAFE_METHODS


def test_without_the_repeat_the_encodings_are_not_tried():
    assert repeats_by_encoding(observed(ONCE, headers=(GZIP,)), {OWN: HELD}, ()) == ()


@pytest.mark.parametrize(("ended_s", "expected_s"), [(2.0, 6.0), (17.0, 28.5), (18.0, 30.0), (60.0, 30.0)])
def test_a_repeat_takes_little_longer_than_the_first(ended_s, expected_s):
    assert repeat_s(observed(SINGLY, ended_s=ended_s)) == expected_s


def test_what_a_repeat_sends():
    assert accept(OWN) == "*/*"
    assert accept(EVENT_STREAM) == "text/event-stream"
    assert encodings(OWN) == encodings(HTTP10) == "gzip, deflate, br, zstd"
    assert encodings(IDENTITY) == "identity"
    assert encodings(replace(OWN, variant=Variant.BR)) == "br"
    assert encodings(replace(OWN, client=Client.HTTP1)) == encodings(OWN)
