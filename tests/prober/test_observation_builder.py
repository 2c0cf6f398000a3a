"""What a builder makes of what arrived, with a row on each side of each of its limits."""

from __future__ import annotations

import pytest

from flushcheck.model import EndRecord, Outcome, Piece, Probe, ReceivedPiece, RequestAtApp, Transport
from flushcheck.prober.capture import (
    MAX_ARRIVALS,
    MAX_HEADERS,
    MAX_NAME,
    MAX_SETTINGS,
    MAX_SIZES,
    MAX_VALUE,
    EndDetail,
    StopReason,
)
from flushcheck.prober.http_client import ProtocolError, Response, SentRequest
from flushcheck.prober.observation_builder import MAX_PIECES, ObservationBuilder
from flushcheck.prober.timed_socket import (
    ByteLimitExceeded,
    DeadlineExceeded,
    PeerDelay,
    SocketRead,
    Unreachable,
)
from flushcheck.streaming.transports import Malformed

CHUNKED, EVENTS, WEBSOCKET = (
    Probe(Transport.CHUNKED),
    Probe(Transport.EVENTS),
    Probe(Transport.WEBSOCKET),
)
R = StopReason


def builder(probe: Probe = CHUNKED) -> ObservationBuilder:
    return ObservationBuilder(probe, now=100.0, deadline=105.0)


def received(*seqs: int, end: int | None = None, text: bytes = b"{") -> ObservationBuilder:
    """Return a builder of a stream with these pieces, and an end record that counts `end`."""
    made = builder()
    made.responded(Response(100.5, 200, "1.1", (("content-type", "text/plain"),)))
    made.arrived(101.0, len(text), text)
    made.completed([Piece(seq, float(seq), "word") for seq in seqs])
    if end is not None:
        made.completed([EndRecord(end, 1.0)])
    return made


OUTCOMES = [
    # name,                       what arrived,                 why it stopped,                outcome,             the detail
    ("all of it",                 received(0, 1, end=2),        EndDetail(R.ENDED),            Outcome.COMPLETE,    ""),
    ("all, then broken off",      received(0, end=1),           EndDetail(R.BROKEN, "reset"),  Outcome.COMPLETE,    "reset"),
    ("none of none",              received(end=0),              EndDetail(R.ENDED),            Outcome.COMPLETE,    ""),
    ("fewer than counted",        received(0, end=2),           EndDetail(R.ENDED),            Outcome.CUT,         "the end record counts 2 pieces; 1 piece arrived"),
    ("more than counted",         received(0, 1, end=1),        EndDetail(R.ENDED),            Outcome.CUT,         "the end record counts 1 piece; 2 pieces arrived"),
    ("out of order",              received(1, 0, end=2),        EndDetail(R.ENDED),            Outcome.CUT,         "the end record counts 2 pieces; 2 pieces arrived, number 1 out of order"),
    ("no end record",             received(0, 1),               EndDetail(R.ENDED),            Outcome.CUT,         "the response ended without an end record; 2 pieces arrived"),
    ("broken off",                received(0),                  EndDetail(R.BROKEN, "reset"),  Outcome.CUT,         "the response broke off without an end record; 1 piece arrived; reset"),
    ("too late",                  received(0),                  EndDetail(R.DEADLINE),         Outcome.TIMEOUT,     "no end within 5.0 s; 1 piece arrived"),
    ("too much of it",            received(0),                  EndDetail(R.BYTE_LIMIT, "more"), Outcome.STOPPED,  "stopped, because the response did not end; 1 piece arrived; more"),
    ("too much before a piece",   received(),                   EndDetail(R.BYTE_LIMIT),       Outcome.REFUSED,     "stopped, because the response did not end; 0 pieces arrived"),
    ("other data after a piece",  received(0),                  EndDetail(R.UNRELATED, "why"), Outcome.CUT,         "1 piece arrived, then data that is not from flushcheck; why"),
    ("other data",                received(text=b"<html>"),     EndDetail(R.UNRELATED),        Outcome.REFUSED,     "not a flushcheck stream: status 200, text/plain, begins '<html>'"),
    ("other data, broken off",    received(text=b"<html>"),     EndDetail(R.BROKEN, "reset"),  Outcome.REFUSED,     "not a flushcheck stream: status 200, text/plain, begins '<html>'; reset"),
    ("refused",                   received(),                   EndDetail(R.REFUSED, "no"),    Outcome.REFUSED,     "no"),
    ("unreachable",               builder(),                    EndDetail(R.UNREACHABLE, "no"), Outcome.UNREACHABLE, "no"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "made", "end", "outcome", "detail"), OUTCOMES, ids=[row[0] for row in OUTCOMES]
)
def test_an_outcome_follows_from_what_arrived_and_why_it_stopped(name, made, end, outcome, detail):
    observation = made.close(end, now=102.0)
    assert (observation.outcome, observation.detail) == (outcome, detail)
    assert observation.ended_s == 2.0


ERRORS = [
    # what was raised,                 before a header,                                                   after it
    (Unreachable("no DNS"),            (R.UNREACHABLE, "no DNS"),                                         (R.UNREACHABLE, "no DNS")),
    (DeadlineExceeded("x"),            (R.DEADLINE, "no response header arrived"),                           (R.DEADLINE, "")),
    (ByteLimitExceeded("more"),        (R.BYTE_LIMIT, "more"),                                            (R.BYTE_LIMIT, "more")),
    (ProtocolError("bad\x1b"),         (R.UNREACHABLE, r"no HTTP response arrived: bad\x1b"),                (R.BROKEN, r"bad\x1b")),
    (ConnectionResetError(104, "reset"), (R.UNREACHABLE, "no HTTP response arrived: reset"),                 (R.BROKEN, "reset")),
    (OSError(),                        (R.UNREACHABLE, "no HTTP response arrived: OSError"),                 (R.BROKEN, "OSError")),
]  # fmt: skip


@pytest.mark.parametrize(("error", "before", "after"), ERRORS, ids=[type(row[0]).__name__ for row in ERRORS])
def test_an_error_of_the_peer_says_why_the_reading_stopped(error, before, after):
    assert builder().failed(error) == before
    assert received().failed(error) == after


def test_parts_of_one_read_are_one_arrival():
    made = builder()
    made.arrived(101.0, 10, b"{")
    made.arrived(101.0, 5, b"..")
    made.completed([Piece(0, 0.25, "word")])
    made.arrived(101.5, 1, b"")
    first, second = made.close(EndDetail(R.DEADLINE), now=102.0).arrivals
    assert (first.at_s, first.size_bytes, first.text_bytes) == (1.0, 15, 3)
    assert first.pieces == (ReceivedPiece(0, 0.25, 4),)
    assert (second.at_s, second.size_bytes, second.pieces) == (1.5, 1, ())


def test_moments_are_rounded_to_the_microsecond():
    made = builder()
    made.responded(Response(100.00000049, 200, "1.1", ()))
    made.arrived(100.1234567, 1, b"{")
    made.completed([Piece(0, 0.7654321, "")])
    observation = made.close(EndDetail(R.ENDED), now=100.2000004, requested_s=0.33333333, stall_s=0.00200049)
    assert observation.headers_s == 0.0
    assert observation.arrivals[0].at_s == 0.123457
    assert observation.arrivals[0].pieces[0].sent_s == 0.765432
    assert (observation.ended_s, observation.requested_s, observation.stall_s) == (0.2, 0.333333, 0.002)


def test_arrivals_and_pieces_are_limited():
    made = builder()
    for number in range(MAX_ARRIVALS):
        made.arrived(101.0 + number, 1, b"{")
    made.completed(Piece(seq, 0.0, "") for seq in range(MAX_PIECES))
    with pytest.raises(Malformed, match="more than 1000 pieces"):
        made.completed([Piece(MAX_PIECES, 0.0, "")])
    made.arrived(101.0 + MAX_ARRIVALS - 1, 1, b"")  # more of the last read
    with pytest.raises(Malformed, match="more than 4000 reads"):
        made.arrived(0.5, 1, b"")


@pytest.mark.parametrize(("seq", "at_s"), [(0, float("nan")), (0, float("inf")), (0, 1e12), (10**12, 0.0)])
def test_a_piece_has_ordinary_numbers(seq, at_s):
    made = received()
    with pytest.raises(Malformed, match="impossible number"):
        made.completed([Piece(seq, at_s, "")])


def test_headers_are_limited():
    made = builder()
    made.responded(Response(100.0, 200, "1.1", (("n" * 200, "v" * 600), *(("x", "y"),) * 200)))
    assert len(made.headers) == MAX_HEADERS
    assert made.headers[0] == ("n" * MAX_NAME, "v" * MAX_VALUE)


BEGINNINGS = [
    # probe,    how the text begins,          is it certainly not a flushcheck stream
    (CHUNKED,   b"",                          False),
    (CHUNKED,   b" \n ",                      False),
    (CHUNKED,   b" \n {",                     False),
    (CHUNKED,   b"\xef\xbb\xbf{",             False),
    (CHUNKED,   b"data: {",                   True),
    (CHUNKED,   b"<",                         True),
    (EVENTS,    b"da",                        False),
    (EVENTS,    b": comment",                 False),
    (EVENTS,    b"event: x",                  False),
    (EVENTS,    b"dx",                        True),
    (EVENTS,    b"{",                         True),
    (WEBSOCKET, b"<",                         False),
]  # fmt: skip


@pytest.mark.parametrize(("probe", "text", "expected"), BEGINNINGS)
def test_a_body_is_unrelated_once_it_cannot_be_a_flushcheck_stream(probe, text, expected):
    made = builder(probe)
    made.arrived(101.0, len(text), text)
    assert made.is_unrelated_body() is expected


def test_a_body_with_a_record_is_related():
    made = received(0, text=b"<html>")
    assert not made.is_unrelated_body()


AT_APP = {"protocol": "HTTP/1.0", "server": "test"}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"request_at_app": AT_APP}, RequestAtApp("HTTP/1.0", server="test")),
        ({"request_at_app": {"protocol": 1}}, None),
        ({"error": "x"}, None),
        (["request_at_app"], None),
        (None, None),
    ],
)
def test_an_error_of_the_service_says_what_the_app_saw(data, expected):
    made = builder()
    made.learn_request_at_app(data)
    assert made.request_at_app == expected


def test_a_probe_that_is_abandoned_is_unreachable_until_it_is_connected():
    made = builder()
    assert made.on_deadline() == (R.UNREACHABLE, "no connection within 5.0 s")
    made.connect_s = 0.1
    assert made.on_deadline() == (R.DEADLINE, "")


def test_the_sizes_of_frames_and_records_go_to_the_read_they_came_in():
    made = received()
    made.took(SocketRead(102.0, b"ab", (26, 30), 2), b"ab")
    made.took(SocketRead(102.0, b"c", (), 1), b"c")
    made.took(SocketRead(103.0, b"d", (27,)), b"d")
    arrivals = made.close(EndDetail(R.ENDED), now=104.0).arrivals[1:]
    assert [arrival.size_bytes for arrival in arrivals] == [3, 1]
    assert [arrival.frame_bytes for arrival in arrivals] == [(2, 1), ()]
    assert [arrival.record_bytes for arrival in arrivals] == [(26, 30), (27,)]


def test_no_more_sizes_are_kept_than_allowed():
    made = received()
    for number in range(2):
        made.arrived(102.0 + number, 1, b"x", frame_bytes=[9] * (MAX_SIZES - 1), record_bytes=[5] * MAX_SIZES)
    seen = made.close(EndDetail(R.ENDED), now=104.0)
    assert [len(arrival.frame_bytes) for arrival in seen.arrivals] == [0, MAX_SIZES - 1, 1]
    assert [len(arrival.record_bytes) for arrival in seen.arrivals] == [0, MAX_SIZES, 0]


def test_what_a_connection_settled_is_kept_within_limits():
    made = builder()
    made.requested(SentRequest(101.0, 0.5, "h2\n" + "x" * 500, "TLSv1.3", ((3, 1),) * (MAX_SETTINGS + 1)))
    seen = made.close(EndDetail(R.ENDED), now=104.0)
    assert (seen.alpn[:4], len(seen.alpn) <= MAX_NAME + 1, seen.alpn.isprintable()) == ("h2 x", True, True)
    assert (seen.tls_version, len(seen.settings), seen.connect_s) == ("TLSv1.3", MAX_SETTINGS, 0.5)


def test_what_the_peer_owed_at_the_deadline_is_told():
    end = builder().failed(PeerDelay("stream not opened: MAX_CONCURRENT_STREAMS=1"))
    assert end == EndDetail(R.DEADLINE, "stream not opened: MAX_CONCURRENT_STREAMS=1")
