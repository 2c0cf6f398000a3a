"""What a shell posts, as Observations."""

from __future__ import annotations

import pytest

from flushcheck.measurement.curl_capture import read
from flushcheck.measurement.timing import measure
from flushcheck.model import EndRecord, Flow, Outcome, Piece, Probe, Transport, UsageError, Variant
from flushcheck.streaming.transports.records import dump_end, dump_piece

PROBES = (Probe(Transport.CHUNKED), Probe(Transport.CHUNKED, variant=Variant.XAB))
HEADER = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/plain\r\n\r\n"


def line(seq: int) -> bytes:
    return f"{dump_piece(Piece(seq, seq / 10, 'a' * (3 + seq)))}\n".encode()


def end(count: int) -> bytes:
    return f"{dump_end('done', EndRecord(count, count / 10))}\n".encode()


def stamped(*reads: tuple[float, bytes]) -> bytes:
    return b"".join(b"\n@%.4f %d\n%s" % (at_s, len(data), data) for at_s, data in reads)


def dripping(begun_s: float, count: int = 10) -> list[tuple[float, bytes]]:
    pieces = [(begun_s + k / 10, line(k)) for k in range(count)]
    return [(begun_s, HEADER), *pieces, (pieces[-1][0], end(count))]


def at_once(at_s: float, count: int = 10) -> list[tuple[float, bytes]]:
    return [(at_s, HEADER + b"".join(line(k) for k in range(count)) + end(count))]


def test_each_answer_becomes_the_probe_of_its_place():
    run = read(stamped(*at_once(0.95), *dripping(1.0)), probes=PROBES, target="http://here")
    held, flowing = run.observations
    assert (held.probe, flowing.probe) == PROBES
    assert [measure(seen).flow for seen in run.observations] == [Flow.HELD, Flow.FLOWING]
    assert (held.outcome, held.status, held.header("server")) == (Outcome.COMPLETE, 200, "nginx")


def test_a_seam_inside_a_read_is_found():
    (first,), (at_s, begin), *rest = at_once(0.95), *dripping(1.0)
    joined = [(first[0], first[1] + begin), *rest]
    run = read(stamped(*joined), probes=PROBES, target="http://here")
    assert [seen.outcome for seen in run.observations] == [Outcome.COMPLETE, Outcome.COMPLETE]
    assert at_s == 1.0


def test_pieces_cut_by_the_reads_are_put_together():
    whole = b"".join(data for _, data in dripping(0.0))
    reads = [(k / 100, whole[k : k + 7]) for k in range(0, len(whole), 7)]
    (seen,) = read(stamped(*reads), probes=PROBES, target="http://here").observations
    assert (seen.outcome, [piece.seq for piece in seen.pieces]) == (Outcome.COMPLETE, list(range(10)))


def test_an_answer_without_its_end_is_cut():
    (seen,) = read(stamped(*dripping(0.0)[:-1]), probes=PROBES, target="http://here").observations
    assert seen.outcome is Outcome.CUT


def test_a_page_that_is_not_ours_is_refused_with_what_came():
    page = b"HTTP/1.1 200 OK\r\n\r\n<html>Please log in</html>\n"
    (seen,) = read(stamped((0.1, page)), probes=PROBES, target="http://here").observations
    assert seen.outcome is Outcome.REFUSED
    assert "Please log in" in seen.detail


WRONG = [
    b"",
    b"hello",
    b"\n@0.1 5\nab",
    b"\n@x 5\nabcde",
    b"\n@0.1 99999999\nabcde",
    stamped(*at_once(0.1), *at_once(0.2), *at_once(0.3)),
]


@pytest.mark.parametrize("body", WRONG)
def test_anything_else_is_answered_with_an_example(body):
    with pytest.raises(UsageError, match="expected"):
        read(body, probes=PROBES, target="http://here")


def test_all_that_an_observation_holds():
    begun_s = 2.0  # the first response has ended: moments count from there
    body = stamped(*at_once(begun_s), (2.25, HEADER), (2.5, line(0)), (2.75, line(1) + end(2))) + b"\n"
    run = read(body, probes=PROBES, target="http://here")
    assert (run.target, run.tool) == ("http://here", "curl")
    seen = run.observations[1]
    assert (seen.status, seen.http_version, seen.headers_s, seen.ended_s) == (200, "1.1", 0.25, 0.75)
    assert seen.headers == (("server", "nginx"), ("content-type", "text/plain"))
    assert [(arrival.at_s, arrival.size_bytes, arrival.text_bytes) for arrival in seen.arrivals] == [
        (0.5, len(line(0)), len(line(0))),
        (0.75, len(line(1) + end(2)), len(line(1) + end(2))),
    ]
    assert [(piece.seq, piece.sent_s, piece.size_bytes) for piece in seen.pieces] == [
        (0, 0.0, 3),
        (1, 0.1, 4),
    ]
    assert seen.end is not None
    assert (seen.end.count, seen.request_at_app, seen.detail) == (2, seen.end.request_at_app, "")


def test_moments_count_from_the_last_byte_of_the_response_before():
    body = stamped(*dripping(0.0), (1.0, HEADER), (1.25, line(0) + end(1)))
    first, second = read(body, probes=PROBES, target="x").observations
    assert first.ended_s == pytest.approx(0.9)
    assert (second.headers_s, second.ended_s) == pytest.approx((0.1, 0.35))


def test_content_that_comes_with_its_header_dates_both():
    (seen,) = read(stamped((0.5, HEADER + line(0)), (0.75, end(1))), probes=PROBES, target="x").observations
    assert (seen.headers_s, seen.arrivals[0].at_s) == (0.5, 0.5)
    assert seen.arrivals[0].size_bytes == len(line(0))


def test_what_comes_behind_the_end_does_not_undo_it():
    late = [(0.1, HEADER + line(0)), (0.2, end(1)), (0.3, b"\n")]
    (seen,) = read(stamped(*late), probes=PROBES, target="x").observations
    assert (seen.outcome, seen.end is not None) == (Outcome.COMPLETE, True)


def test_a_response_that_is_cut_says_so():
    (seen,) = read(stamped(*dripping(0.0)[:-1]), probes=PROBES, target="x").observations
    assert seen.detail == "the response ended before the stream did"
    assert (seen.end, seen.request_at_app) == (None, None)


def test_fewer_pieces_than_the_end_counts_are_a_cut():
    (seen,) = read(stamped((0.1, HEADER + line(0) + end(2))), probes=PROBES, target="x").observations
    assert seen.outcome is Outcome.CUT


def test_a_header_value_may_have_a_colon():
    header = b"HTTP/2 200\r\nLocation: http://x\r\nno colon\r\n\r\n"
    (seen,) = read(stamped((0.1, header + line(0))), probes=PROBES, target="x").observations
    assert (seen.http_version, seen.header("location"), len(seen.headers)) == ("2", "http://x", 1)


HEADERLESS = [
    # name,                      bytes,                                what is shown of them
    ("no blank line",            b"HTTP/1.1 200 OK\r\nServer: nginx",  "HTTP/1.1 200 OK\r\nServer: nginx"),
    ("no status line",           b"curl: (7) failed\n\n",              "curl: (7) failed\n\n"),
    ("eighty characters of it",  b"x" * 81,                            "x" * 80),
    ("bytes that are no text",   b"\xff",                              "\ufffd"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "shown"), HEADERLESS, ids=[row[0] for row in HEADERLESS])
def test_what_has_no_header_is_refused_with_its_first_bytes(name, data, shown):
    (seen,) = read(stamped((0.1, data)), probes=PROBES, target="x").observations
    assert (seen.probe, seen.outcome) == (PROBES[0], Outcome.REFUSED)
    assert seen.detail == f"no HTTP header arrived: {shown!r}"


ERRORS = [
    (b"", "the body has no HTTP response"),
    (
        b"\n@0.1 5\nabcdenot a stamp, and longer than is shown",
        "byte 13 of the body is b'not a stamp, and lon'",
    ),
    (b"\n@0.1 5\nab", "the body ends 3 bytes early"),
    (stamped(*at_once(0.1), *at_once(0.2), *at_once(0.3)), "the body has 3 responses: expected at most 2"),
]


@pytest.mark.parametrize(("body", "message"), ERRORS)
def test_an_error_says_where_and_what(body, message):
    with pytest.raises(UsageError) as error:
        read(body, probes=PROBES, target="x")
    assert message in str(error.value)


def test_the_first_line_may_come_without_a_newline_before_it():
    (seen,) = read(stamped(*at_once(0.5)).lstrip(b"\n"), probes=PROBES, target="x").observations
    assert seen.outcome is Outcome.COMPLETE
