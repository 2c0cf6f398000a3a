"""What a page read of a visitor's own stream, as the Observation that `flushcheck watch` would have made."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.measurement.own_streams import PLAIN
from flushcheck.model import (
    Flow,
    Outcome,
    Probe,
    Run,
    Scenario,
    Transport,
    UsageError,
    Vantage,
    Variant,
    Verdict,
)
from flushcheck.model.codec import from_json
from flushcheck.model.observation import Observation
from flushcheck.prober.capture import MAX_ARRIVALS, MAX_HEADERS
from flushcheck.prober.own_stream import MAX_RECORDS
from flushcheck.service.page_capture import (
    PageBounds,
    PageCapture,
    PageEnding,
    PageRead,
    observation_document,
    observation_of,
)
from flushcheck.watching.framing.frame import Framing

EVENTS = (("Content-Type", "text/event-stream"),)
CHUNKED = ("transfer-encoding", "chunked")
COUNT, GAP_S = 10, 0.2
SECOND = replace(Probe(Transport.EVENTS, Scenario.OWN), variant=Variant.TOGETHER, run=1)


def token(number: int) -> bytes:
    text = f'{{"object": "chat.completion.chunk", "choices": [{{"index": 0, "delta": {{"content": "w{number}"}}}}]}}'
    return f"data: {text}\n\n".encode()


def capture(
    *texts: bytes, gap_s: float = GAP_S, headers: tuple[tuple[str, str], ...] = EVENTS, **changes
) -> PageCapture:
    """A response that brought these texts, one a read."""
    body = base64.b64encode(b"".join(texts)).decode()
    reads = tuple(PageRead((number + 1) * gap_s, len(text)) for number, text in enumerate(texts))
    base = PageCapture(
        "http://app/chat?token=…",
        "POST",
        PageEnding.ENDED,
        status=200,
        http_version="1.1",
        headers=headers,
        headers_s=0.1,
        ended_s=len(texts) * gap_s,
        reads=reads,
        body=tuple(body[at : at + 16_000] for at in range(0, len(body), 16_000)),
    )
    return replace(base, **changes)


TOKENS = [*(token(number) for number in range(COUNT)), b"data: [DONE]\n\n"]


def test_records_tokens_and_times_are_those_of_the_command():
    observation = observation_of(capture(*TOKENS, connect_s=0.02, requested_s=1.5, stall_s=0.3, alpn="h2"))
    assert observation.probe == Probe(Transport.EVENTS, Scenario.OWN)
    assert (observation.framing, observation.format) == (Framing.EVENTS, "OpenAI chat completions")
    assert (observation.records, observation.done, observation.outcome) == (COUNT, True, Outcome.COMPLETE)
    assert [arrival.tokens for arrival in observation.arrivals] == [1] * COUNT + [0]
    assert [arrival.at_s for arrival in observation.arrivals[:2]] == [GAP_S, 2 * GAP_S]
    assert {arrival.size_bytes == arrival.text_bytes for arrival in observation.arrivals} == {True}
    times = (observation.connect_s, observation.requested_s, observation.stall_s, observation.headers_s)
    assert times == (0.02, 1.5, 0.3, 0.1)
    assert (observation.alpn, observation.ended_s) == ("h2", 11 * GAP_S)
    report = judge(Run("http://app/chat", (observation,), method="POST"))
    assert (report.verdict, report.stream and report.stream.tokens.tokens) == (Verdict.FLOWING, COUNT)


def test_an_observation_in_json_is_read_back_as_it_was():
    observation = observation_of(capture(*TOKENS))
    document = observation_document(observation)
    assert from_json(Observation, document) == observation
    assert document["arrivals"][-1] == {"at_s": 2.2, "size_bytes": 14, "text_bytes": 14}


def test_a_repeat_keeps_its_probe():
    assert observation_of(capture(*TOKENS, probe=SECOND)).probe == SECOND


def test_a_stream_that_is_no_event_stream_is_a_chunked_one():
    observation = observation_of(capture(b"some text", headers=(("content-type", "text/plain"),)))
    assert (observation.probe.transport, observation.framing) == (Transport.CHUNKED, PLAIN)


def test_a_body_is_not_decompressed_again():
    observation = observation_of(capture(*TOKENS, headers=(*EVENTS, ("content-encoding", "gzip"))))
    assert (observation.records, observation.outcome) == (COUNT, Outcome.COMPLETE)


NO_PERMISSION = "not permitted"
ENDINGS = [
    # name                     ending                   reason          outcome              the detail
    ("ended",                  PageEnding.ENDED,        "",             Outcome.COMPLETE,    ""),
    ("broken",                 PageEnding.BROKEN,       "network error", Outcome.CUT,        "network error"),
    ("broken, no reason",      PageEnding.BROKEN,       "",             Outcome.CUT,         "the browser reports that it broke off"),
    ("stopped",                PageEnding.STOPPED,      "",             Outcome.STOPPED,     "stopped"),
    ("at the time limit",      PageEnding.TIME_LIMIT,   "",             Outcome.STOPPED,     "the response did not end within 60.0 s"),
    ("more than is kept",      PageEnding.ENOUGH,       "",             Outcome.STOPPED,     "more bytes or reads than are kept"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "ending", "reason", "outcome", "detail"), ENDINGS, ids=[row[0] for row in ENDINGS]
)
def test_how_it_ended(name, ending, reason, outcome, detail):
    observation = observation_of(capture(*TOKENS, ending=ending, detail=reason))
    assert (observation.outcome, observation.detail) == (outcome, detail)


NOTHING = [
    # name                     ending                    reason          outcome                detail
    ("no permission",          PageEnding.UNREACHABLE,   NO_PERMISSION,  Outcome.UNREACHABLE,   NO_PERMISSION),
    ("no reason",              PageEnding.UNREACHABLE,   "",             Outcome.UNREACHABLE,   "the browser got no response"),
    ("at the time limit",      PageEnding.TIME_LIMIT,    "",             Outcome.TIMEOUT,       "no response within 60.0 s"),
    ("stopped",                PageEnding.STOPPED,       "",             Outcome.STOPPED,       "stopped"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "ending", "reason", "outcome", "detail"), NOTHING, ids=[row[0] for row in NOTHING]
)
def test_no_response(name, ending, reason, outcome, detail):
    seen = observation_of(PageCapture("http://app/", "GET", ending, reason))
    assert (seen.outcome, seen.detail, seen.status, seen.records) == (outcome, detail, 0, 0)
    report = judge(Run("http://app/", (seen,), method="GET"))
    assert (report.verdict, report.culprits) == (Verdict.UNKNOWN, ())


JSON_LINES = (("content-type", "application/x-ndjson"),)
JSON, PAGE = (("content-type", "application/json"),), (("Content-Type", "text/HTML; charset=utf-8"),)
REFUSALS = [
    # name                     status  headers  redirected   the detail
    ("a login",                401,    JSON,    False,       'it asks for a login (status 401). Pass its header under “The request”, or log in on that host in another tab. status 401, application/json, begins \'{"error": 1}\''),
    ("nothing there",          404,    JSON,    False,       'status 404, application/json, begins \'{"error": 1}\'. Check the path'),
    ("an error",               500,    JSON,    False,       "status 500, application/json, begins '{\"error\": 1}'"),
    ("below success",          199,    JSON,    False,       "status 199, application/json, begins '{\"error\": 1}'"),
    ("above success",          300,    JSON,    False,       "status 300, application/json, begins '{\"error\": 1}'"),
    ("redirected to a page",   200,    PAGE,    True,        "it redirects to a page (text/HTML; charset=utf-8), as to a login page. Pass its header under “The request”, or log in on that host in another tab"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "status", "headers", "redirected", "detail"), REFUSALS, ids=[row[0] for row in REFUSALS]
)
def test_a_response_that_is_no_stream_says_what_to_do(name, status, headers, redirected, detail):
    seen = observation_of(capture(b'{"error": 1}', headers=headers, status=status, redirected=redirected))
    assert (seen.outcome, seen.detail, seen.records) == (Outcome.REFUSED, detail, 0)


STREAMS = [
    # name                             headers  status  redirected
    ("the first status of success",    EVENTS,  200,    False),
    ("the last one",                   EVENTS,  299,    False),
    ("redirected to a stream",         EVENTS,  200,    True),
    ("a page that was asked for",      PAGE,    200,    False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "headers", "status", "redirected"), STREAMS, ids=[row[0] for row in STREAMS]
)
def test_a_response_that_may_be_a_stream_is_read(name, headers, status, redirected):
    seen = observation_of(capture(*TOKENS, headers=headers, status=status, redirected=redirected))
    assert seen.outcome is Outcome.COMPLETE
    assert seen.records


DELIMITED = [
    # name                        headers              version  hidden   is the end known by HTTP
    ("chunked",                   (*EVENTS, CHUNKED),  "1.1",   False,   True),
    ("with a length",             (*EVENTS, ("content-length", "9")), "1.1", False, True),
    ("neither",                   EVENTS,              "1.1",   False,   False),
    ("HTTP/2",                    EVENTS,              "2",     False,   True),
    ("headers hidden",            EVENTS,              "1.1",   True,    True),
    ("version not known",         EVENTS,              "",      False,   True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "headers", "version", "hidden", "expected"), DELIMITED, ids=[row[0] for row in DELIMITED]
)
def test_a_doubt_about_the_end_needs_a_reason(name, headers, version, hidden, expected):
    seen = observation_of(capture(*TOKENS, headers=headers, http_version=version, hidden_headers=hidden))
    assert (seen.delimited, seen.hidden_headers) == (expected, hidden)


WRONG = [
    # name                       what is changed                                                 the error
    ("no base64",                {"body": ("#",)},                                               "capture.body: "),
    ("a letter beyond ASCII",    {"body": ("ä",)},                                               "capture.body: "),
    ("fewer bytes than reads",   {"body": ("AAAA",)},                                            "capture.body has 3 bytes: expected the"),
    ("a read below nothing",     {"reads": (PageRead(0, -1), PageRead(0, 4)), "body": ("AAAA",)}, "capture.body has 3 bytes"),
    ("a probe of the service",   {"probe": Probe(Transport.EVENTS)},                             "capture.probe=events-token: expected a stream of your own"),
    ("another vantage",          {"probe": replace(SECOND, vantage=Vantage.DIRECT)},             "expected a stream of your own"),
    ("no time",                  {"time_limit_s": 0.0},                                          "capture.time_limit_s=0.0: expected 0 to 600 seconds"),
    ("too much time",            {"time_limit_s": 600.1},                                        "capture.time_limit_s=600.1"),
    ("too many reads",           {"reads": (PageRead(0, 0),) * (MAX_ARRIVALS + 1), "body": ()},  "expected at most 4000 reads"),
    ("too many headers",         {"headers": EVENTS * (MAX_HEADERS + 1)},                        "100 headers"),
    ("no address",               {"url": "chat"},                                                "begins with http"),
    ("no method",                {"method": "A B"},                                              "expected one word"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "changes", "words"), WRONG, ids=[row[0] for row in WRONG])
def test_what_no_page_sends_is_refused(name, changes, words):
    with pytest.raises(UsageError) as error:
        observation_of(capture(*TOKENS, **changes))
    assert words in str(error.value)


def test_as_much_as_is_kept_is_taken():
    texts = [b"x"] * MAX_ARRIVALS
    headers = EVENTS * MAX_HEADERS
    seen = observation_of(capture(*texts, headers=headers, time_limit_s=600.0, ending=PageEnding.TIME_LIMIT))
    assert (len(seen.arrivals), seen.detail) == (MAX_ARRIVALS, "the response did not end within 600.0 s")


@pytest.mark.parametrize("reads", [1, 7])
def test_no_more_records_are_taken_than_a_run_may_hold(reads):
    lines = b'{"a":1}\n' * (MAX_RECORDS + 7)
    seen = observation_of(capture(*[lines[: len(lines) // reads]] * reads, headers=JSON_LINES))
    assert (seen.records, seen.outcome) == (MAX_RECORDS, Outcome.STOPPED)
    assert from_json(Observation, observation_document(seen)) == seen


BODIES = [
    # the service's limit   reads    bytes
    (1024 * 1024,           2457,    663_570),
    (64 * 1024,             1,       1),
    (100_000_000,           4000,    74_830_848),
]  # fmt: skip


@pytest.mark.parametrize(("limit", "reads", "size"), BODIES)
def test_a_capture_fits_into_one_request(limit, reads, size):
    bounds = PageBounds.of_body(limit)
    assert (bounds.max_watch_reads, bounds.max_watch_bytes) == (reads, size)


def test_a_run_of_four_streams_fits_into_one_request():
    limit = 256 * 1024
    bounds = PageBounds.of_body(limit)
    texts = [token(number) for number in range(bounds.max_watch_reads)]
    seen = observation_document(observation_of(capture(*texts, gap_s=0.033333)))
    assert len(str(seen).replace(" ", "")) * 4 < limit


def test_a_flow_of_a_stream_without_a_content_type_is_told():
    seen = observation_of(capture(*TOKENS, headers=()))
    assert judge(Run("http://app/", (seen,))).transports[0].flow is Flow.FLOWING
