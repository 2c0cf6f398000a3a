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
