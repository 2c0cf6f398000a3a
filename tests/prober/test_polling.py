import gzip
import json
import time

import pytest

from flushcheck.measurement import plan
from flushcheck.measurement.timing import measure
from flushcheck.model import Flow, Outcome, Probe, Transport
from flushcheck.prober import observe
from tests.prober.peers import ORIGIN, Client, Row, Script, check_row, observe_rows, scripted_server

POLLS = Probe(Transport.POLLING)
U, R, C, T, OKAY = Outcome.UNREACHABLE, Outcome.REFUSED, Outcome.CUT, Outcome.TIMEOUT, Outcome.COMPLETE
LAST = plan.POLLS - 1


def body(seq: int) -> bytes:
    return json.dumps({"message": f"word{seq}", "cnt": seq, "count": plan.POLLS}).encode()


END = json.dumps({"error": "cnt=10", "count": plan.POLLS, "request_at_app": ORIGIN}).encode()


def good(client: Client) -> None:
    """Respond to the poll that was just read."""
    seq = int(client.query["cnt"])
    client.respond(200, body(seq)) if seq < plan.POLLS else client.respond(400, END)


def kept(handle: Script) -> Script:
    """Serve poll after poll on one connection."""

    def script(client: Client) -> None:
        handle(client)
        while client.read_request():
            handle(client)

    return script


def at(seq: int, handle: Script) -> Script:
    """A good far side, but for one poll."""
    return kept(lambda client: (handle if int(client.query["cnt"]) == seq else good)(client))


def test_each_piece_is_asked_for_at_its_moment_over_one_connection():
    received: list[tuple[Client, bytes]] = []

    def note(client: Client) -> None:
        received.append((client, client.request))
        good(client)

    with scripted_server(kept(note)) as url:
        seen = observe(POLLS, f"{url}/sub/", timeout_s=5)
    assert (seen.outcome, seen.detail) == (Outcome.COMPLETE, "")
    assert measure(seen).flow is Flow.FLOWING
    assert len({id(client) for client, _ in received}) == 1
    # An address of its own for each poll: no cache responds to one with another's piece.
    assert len({request.split()[1] for _, request in received}) == len(received) == plan.POLLS + 1
    interval_s = plan.params(POLLS).interval_s
    sent_s = [piece.sent_s for piece in seen.pieces]
    assert sent_s == sorted(sent_s)
    assert sent_s[0] == 0
    assert all(sent >= seq * interval_s for seq, sent in enumerate(sent_s))
    assert all(piece.at_s >= piece.sent_s for piece in seen.pieces)
    assert seen.end is not None
    assert seen.request_at_app is not None
    assert (seen.end.count, seen.request_at_app.protocol, seen.status) == (plan.POLLS, "HTTP/1.0", 200)


def test_a_late_answer_makes_the_next_poll_late_but_not_the_one_after():
    def slow(client: Client) -> None:
        time.sleep(0.25)
        good(client)

    with scripted_server(at(2, slow)) as url:
        seen = observe(POLLS, url, timeout_s=5)
    assert seen.outcome is Outcome.COMPLETE
    _, second, third, fourth, fifth, *_, last = seen.pieces
    assert second.at_s <= third.sent_s
    assert third.at_s - third.sent_s >= 0.24
    assert fourth.sent_s >= third.at_s  # right away, not at its own moment of 0.3 s
    assert fifth.sent_s >= 0.4
    assert last.sent_s >= 0.9


def chunked_gzip(client: Client) -> None:
    data = gzip.compress(body(int(client.query["cnt"])))
    client.send(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.chunk(data)
    client.chunk(b"")


def wrong(seq: int) -> Script:
    return lambda client: client.respond(200, body(seq))


def status(code: int, text: bytes = b"<h1>Bad gateway</h1>") -> Script:
    return lambda client: client.respond(code, text, "text/html")


PEERS: list[Row] = [
    ("closes after each",    good,                                    OKAY, ""),
    ("compresses",           at(3, chunked_gzip),                       OKAY, ""),
    ("not there",            kept(status(404)),                         R, "status 404, text/html"),
    ("a page, 200",          kept(status(200, b"<html>Log in")),        R, "status 200, text/html, begins '<html>Log in'"),
    ("a wrong piece",        at(0, wrong(7)),                           R, "asked for piece 0, got piece 7"),
    ("the same again",       at(4, wrong(3)),                           C, "asked for piece 4, got piece 3"),
    ("a page in between",    at(5, status(502)),                        C, "5 pieces arrived, then data that is not from flushcheck; status 502"),
    ("hangs up in between",  at(5, lambda client: client.reset()),          C, "5 pieces arrived"),
    ("says nothing more",    at(3, lambda client: client.wait_for_close()),           T, "3 pieces arrived"),
    ("ends too soon",        at(6, lambda client: client.respond(400, END)), C, "the end record counts 10 pieces; 6 pieces arrived"),
    ("a page for the end",   at(10, status(400)),                       C, "10 pieces arrived, then data that is not from flushcheck; status 400"),
    ("never ends",           at(10, wrong(10)),                         C, "piece 10 arrived, of a stream of 10"),
    ("an end with 200",      at(10, lambda client: client.respond(200, END)), C, "then data that is not from flushcheck"),
    ("an endless response",  at(2, lambda client: client.respond(200, b" " * 20_000_000)), C, "2 pieces arrived"),
    ("a bomb",               at(2, lambda client: client.respond(200, gzip.compress(b" " * 20_000_000), extra="Content-Encoding: gzip\r\n")), C, "more than 8 MiB"),
    ("a redirect",           kept(lambda client: client.respond(302, b"", extra="Location: /x\r\n")), R, "redirected to /x"),
]  # fmt: skip


TIMEOUT_S = 2.0  # of the peers that only the clock ends


@pytest.fixture(scope="module")
def seen_all():
    return observe_rows(PEERS, POLLS, timeout_s=TIMEOUT_S)


@pytest.mark.parametrize("row", PEERS, ids=lambda row: row[0])
def test_whatever_a_peer_does_is_an_outcome(row, seen_all):
    check_row(row, seen_all[row[0]])


def test_a_connection_closed_under_a_poll_is_opened_again():
    closed: list[Client] = []

    def script(client: Client) -> None:
        """Close the first connection as soon as its fourth poll has arrived, without a response."""
        good(client)
        while client.read_request():
            if client.query["cnt"] == "3" and not closed:
                closed.append(client)
                return
            good(client)

    with scripted_server(script) as url:
        seen = observe(POLLS, url, timeout_s=5)
    assert closed
    assert seen.outcome is Outcome.COMPLETE
