"""HTTP/2 peers that play with windows, resets, tables and headers, against one probe and against a whole run."""

from __future__ import annotations

import time
import tracemalloc
from contextlib import suppress

import pytest
from h2.exceptions import ProtocolError

from flushcheck import diagnose
from flushcheck.model import Outcome, Probe, Transport, Verdict
from flushcheck.prober import observe
from flushcheck.prober.target import ConnectionOptions, Protocol
from tests.prober.http2_peers import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Http2Peer,
    Http2Script,
    frame,
    settings,
)
from tests.prober.peers import PATIENCE_S, check_row, end, piece, scripted_server
from tests.prober.test_http2_hostile import (
    MAX_MEMORY,
    STATUS,
    TIMEOUT_S,
    after_piece,
    flood,
    instead,
    number,
    seen_of,
    wait_raw,
)

pytestmark = pytest.mark.usefixtures("trusted", "patient")

CHUNKED, WEBSOCKET = Probe(Transport.CHUNKED), Probe(Transport.WEBSOCKET)
C, T, U, R = Outcome.CUT, Outcome.TIMEOUT, Outcome.UNREACHABLE, Outcome.REFUSED
PRIORITY = 2
RULES, TOO_MANY = "broke the rules of HTTP/2", "more than 10000 HTTP/2 frames without data"

# HPACK (RFC 7541, section 6.3): the dynamic table gets another size.
NO_TABLE, HUGE_TABLE = b"\x20", b"\x3f\xe1\xff\xff\xff\x0f"


def setting(code: int, value: int) -> bytes:
    return frame(SETTINGS, 0, 0, code.to_bytes(2, "big") + number(value))


def many_settings() -> bytes:
    """As many settings as one frame holds, each with an unknown id."""
    return frame(SETTINGS, 0, 0, b"".join(code.to_bytes(2, "big") + bytes(4) for code in range(1_000, 3_700)))


def resets_each(peer: Http2Peer) -> None:
    """Reset every stream as soon as it is opened (RST storm), as not processed, so that a client may repeat it."""
    with suppress(OSError, ProtocolError):  # the control is asked for over HTTP/1.1
        while request := peer.request():
            peer.raw(frame(RST_STREAM, 0, request.stream, number(7)))


def goes_away(peer: Http2Peer) -> None:
    """Take no request of any connection: each is told to make a new one."""
    with suppress(OSError, ProtocolError):
        peer.request()
        peer.raw(frame(GOAWAY, 0, 0, number(0) + number(0)))
        wait_raw(peer)


def pings(peer: Http2Peer) -> None:
    """Send PINGs in place of responses."""
    with suppress(OSError, ProtocolError):
        peer.request()
        while True:
            peer.raw(frame(PING, 0, 0, b"12345678") * 100)


def one_byte_frames(peer: Http2Peer) -> None:
    """Send a stream in frames of one byte, with padding of 255."""
    request = peer.request()
    peer.head(request)
    body = b"".join(piece(seq) for seq in range(20)) + end(20)
    for byte in body:
        peer.raw(frame(DATA, 8, request.stream, b"\xff" + bytes([byte]) + bytes(255)))
    peer.raw(frame(DATA, END_STREAM, request.stream))
    wait_raw(peer)


ROWS = [
    # name                             what the peer does                                             outcome, words in the detail
    ("a window below 0",               after_piece(setting(4, 0), setting(4, 2**31 - 1), setting(4, 0)), T, "1 piece arrived"),
    ("windows that come and go",       flood(setting(4, 0) + setting(4, 2**31 - 1)),                   C, TOO_MANY),
    ("windows that add up too far",    after_piece(setting(4, 2**31 - 1), frame(WINDOW_UPDATE, 0, 1, number(2**31 - 1))), C, RULES),
    ("frames of an impossible size",   after_piece(setting(5, 1)),                                     C, RULES),
    ("acknowledgements of settings",   flood(frame(SETTINGS, ACK, 0)),                                 C, TOO_MANY),
    ("acknowledgements of pings",      flood(frame(PING, ACK, 0, b"12345678")),                        C, TOO_MANY),
    ("priorities",                     flood(frame(PRIORITY, 0, 1, number(0) + b"\x10")),              C, TOO_MANY),
    ("a stream that needs itself",     after_piece(frame(PRIORITY, 0, 1, number(1) + b"\x10")),        C, RULES),
    ("DATA on streams of its own",     flood(frame(DATA, 0, 2, b"x")),                                 C, RULES),
    ("a response on no stream",        after_piece(frame(HEADERS, END_HEADERS, 99, STATUS)),           C, RULES),
    ("a table that is too large",      instead(frame(HEADERS, END_HEADERS, 1, HUGE_TABLE + STATUS)),   U, RULES),
    ("a table emptied again and again", instead(frame(HEADERS, END_HEADERS, 1, NO_TABLE * 16_000 + STATUS)), T, "0 pieces arrived"),
    ("an index beyond the table",      instead(frame(HEADERS, END_HEADERS, 1, STATUS + b"\xff\x80\x01")), U, RULES),
    ("a second header in mid-stream",  after_piece(frame(HEADERS, END_HEADERS, 1, STATUS)),            C, RULES),
    ("endless trailers",               flood(frame(HEADERS, END_HEADERS, 1, b"\x00\x01a\x01b")),       C, RULES),
    ("DATA after the end",             after_piece(frame(DATA, END_STREAM, 1), frame(DATA, 0, 1, b"x")), C, "ended without an end record"),
    ("a reset and the rest all the same", after_piece(frame(RST_STREAM, 0, 1, number(2)), frame(DATA, 0, 1, piece(1))), C, "INTERNAL_ERROR"),
    ("every stream is reset",          resets_each,                                                    U, "the server reset the stream: REFUSED_STREAM"),
    ("GOAWAY to every connection",     goes_away,                                                      U, "ended the connection with GOAWAY: NO_ERROR"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_game_ends_in_a_clear_word_in_time(row, speaks_http2):
    check_row(row, seen_of(row, speaks_http2(row[1])))


HEAVY = [
    # name                             what the peer does
    ("many settings in one frame",     flood(many_settings())),
    ("acknowledgements of settings",   flood(frame(SETTINGS, ACK, 0))),
    ("priorities",                     flood(frame(PRIORITY, 0, 1, number(0) + b"\x10"))),
    ("windows that come and go",       flood(setting(4, 0) + setting(4, 2**31 - 1))),
    ("endless trailers",               flood(frame(HEADERS, END_HEADERS, 1, b"\x00\x01a\x01b"))),
    ("a table emptied again and again", instead(frame(HEADERS, END_HEADERS, 1, NO_TABLE * 16_000 + STATUS))),
]  # fmt: skip


@pytest.mark.parametrize(("name", "script"), HEAVY, ids=[row[0] for row in HEAVY])
def test_a_flood_takes_bounded_memory_and_no_more_than_the_time_allowed(name, script, speaks_http2):
    tracemalloc.start()  # which makes everything slow: the word may be that the time was over
    try:
        began = time.monotonic()
        with scripted_server(speaks_http2(script), read_first=False) as url:
            observe(CHUNKED, url.replace("http:", "https:"), timeout_s=TIMEOUT_S)
        assert time.monotonic() - began < TIMEOUT_S + PATIENCE_S
        assert tracemalloc.get_traced_memory()[1] < MAX_MEMORY
    finally:
        tracemalloc.stop()


def test_frames_of_one_byte_are_a_stream_all_the_same(speaks_http2):
    with scripted_server(speaks_http2(one_byte_frames), read_first=False) as url:
        seen = observe(CHUNKED, url.replace("http:", "https:"), timeout_s=10)
    assert (seen.outcome, seen.detail, len(seen.pieces)) == (Outcome.COMPLETE, "", 20)


OFFERS = [
    # name, the first SETTINGS, outcome, words in the detail
    ("no stream at all",        {"max_concurrent_streams": 0},          T, "stream not opened: MAX_CONCURRENT_STREAMS=0"),
    ("a table of 4 GiB",        {"header_table_size": 2**32 - 1},       T, "no response header arrived"),
    ("the smallest everything", {"header_table_size": 0, "initial_window_size": 0, "max_header_list_size": 0}, T, "no response header arrived"),
    ("the largest everything",  {"max_concurrent_streams": 2**32 - 1, "initial_window_size": 2**31 - 1, "max_frame_size": 2**24 - 1}, T, "no response header arrived"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "offered", "outcome", "says"), OFFERS, ids=[row[0] for row in OFFERS])
def test_any_first_settings_are_taken(name, offered, outcome, says, speaks_http2):
    with scripted_server(speaks_http2(wait_raw, settings(**offered)), read_first=False) as url:
        seen = observe(CHUNKED, url.replace("http:", "https:"), timeout_s=TIMEOUT_S)
    assert (seen.outcome, says in seen.detail) == (outcome, True), seen.detail


def test_a_websocket_that_may_send_nothing_ends_in_time(speaks_http2):
    """Its answer to a ping waits for a window that never opens."""

    def script(peer: Http2Peer) -> None:
        request = peer.request()
        peer.head(request)
        peer.data(request, b"\x89\x00" * 10)
        wait_raw(peer)

    offered = settings(enable_connect_protocol=1, initial_window_size=0)
    began = time.monotonic()
    with scripted_server(speaks_http2(script, offered), read_first=False) as url:
        seen = observe(WEBSOCKET, url.replace("http:", "https:"), timeout_s=TIMEOUT_S)
    assert (seen.outcome, "window stays at 0" in seen.detail) == (Outcome.TIMEOUT, True), seen.detail
    assert time.monotonic() - began < TIMEOUT_S + PATIENCE_S


RUNS: list[tuple[str, Http2Script, str]] = [
    # name, what the peer does, in the headline
    ("every stream is reset", resets_each, "the server reset the stream: REFUSED_STREAM"),
    ("GOAWAY to every connection", goes_away, "GOAWAY: NO_ERROR"),
    ("a PING flood", pings, "more than 10000 HTTP/2 frames without data"),
    ("silence", lambda peer: wait_raw(peer), "no response header arrived"),
]


@pytest.mark.parametrize(("name", "script", "says"), RUNS, ids=[row[0] for row in RUNS])
def test_a_whole_run_against_it_names_no_culprit_and_ends_in_time(name, script, says, speaks_http2):
    began = time.monotonic()
    with scripted_server(speaks_http2(script), read_first=False) as url:
        options = ConnectionOptions(protocol=Protocol.HTTP2)
        # Silence ends by the clock; until the others are ended a busy machine takes longer.
        timeout_s = 4.0 if name == "silence" else PATIENCE_S / 2
        report = diagnose(url.replace("http:", "https:"), quick=True, timeout_s=timeout_s, options=options)
    assert (report.verdict, report.culprits) == (Verdict.UNKNOWN, ()), report.headline
    assert says in report.headline, report.headline
    assert time.monotonic() - began < PATIENCE_S
