"""HTTP/2 peers that break the rules or flood: each ends in a clear word, in time, and in bounded memory."""

from __future__ import annotations

import time
import tracemalloc
from contextlib import suppress

import pytest

from flushcheck.model import Observation, Outcome, Probe, Transport
from flushcheck.prober import observe
from tests.prober.http2_peers import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    GOAWAY,
    HEADERS,
    PING,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Http2Peer,
    frame,
)
from tests.prober.peers import Row, Script, check_row, end, observe_row, piece, scripted_server

pytestmark = pytest.mark.usefixtures("trusted", "patient")

TIMEOUT_S = 1.5  # of the peers that only the clock ends
MAX_MEMORY = 40 * 1024 * 1024  # a connection and its peer, both in this process
CHUNKED = Probe(Transport.CHUNKED)
C, T, U, R = Outcome.CUT, Outcome.TIMEOUT, Outcome.UNREACHABLE, Outcome.REFUSED

# HPACK: ":status: 200" of the static table; a literal of 100 bytes that goes into the dynamic table; that entry.
STATUS = b"\x88"
LITERAL = b"\x40\x01a\x7f\xe1\x1e" + b"x" * 4_000
INDEXED = b"\xbe"


def after_piece(*parts: bytes, stays: bool = True):
    """Send one piece of a stream, then these frames; stay until the client has gone."""

    def script(peer: Http2Peer) -> None:
        request = peer.request()
        peer.head(request)
        peer.data(request, piece(0))
        for part in parts:
            peer.raw(part)
        if stays:
            wait_raw(peer)

    return script


def instead(*parts: bytes):
    """Send these frames in place of a response."""

    def script(peer: Http2Peer) -> None:
        peer.request()
        for part in parts:
            peer.raw(part)
        wait_raw(peer)

    return script


def flood(part: bytes):
    """Send the same again and again for as long as the client takes it, and never read."""

    def script(peer: Http2Peer) -> None:
        request = peer.request()
        peer.head(request)
        peer.data(request, piece(0))
        with suppress(OSError):
            while True:
                peer.raw(part * 100)

    return script


def wait_raw(peer: Http2Peer) -> None:
    with suppress(OSError):
        while peer.sock.recv(65536):
            pass


def slow(peer: Http2Peer) -> None:
    """A frame that arrives byte by byte."""
    request = peer.request()
    peer.head(request)
    with suppress(OSError):
        for byte in frame(DATA, 0, request.stream, piece(0) * 50):
            peer.raw(bytes([byte]))
            time.sleep(0.01)


def deaf(peer: Http2Peer) -> None:
    """Never reads, so that the client's answers fill every buffer."""
    with suppress(OSError):
        while True:
            peer.raw(frame(PING, 0, 0, b"12345678") * 100)


def last(code: int, stream: int = 1, debug: bytes = b"") -> bytes:
    return frame(GOAWAY, 0, 0, stream.to_bytes(4, "big") + code.to_bytes(4, "big") + debug)


def number(value: int) -> bytes:
    return value.to_bytes(4, "big")


ROWS = [
    # name                          what the peer does                                            outcome, words in the detail
    ("a SETTINGS flood",            flood(frame(SETTINGS, 0, 0)),                                  C, "more than 10000 HTTP/2 frames without data"),
    ("a PING flood",                flood(frame(PING, 0, 0, b"12345678")),                         C, "more than 10000 HTTP/2 frames without data"),
    ("a PING flood, never reading", deaf,                                                          U, "no HTTP response arrived"),
    ("empty DATA",                  flood(frame(DATA, 0, 1)),                                      C, "more than 10000 HTTP/2 frames without data"),
    ("WINDOW_UPDATE flood",         flood(frame(WINDOW_UPDATE, 0, 1, number(1))),                  C, "more than 10000 HTTP/2 frames without data"),
    ("unknown frames",              flood(frame(77, 0, 0, b"x")),                                  C, "more than 10000 HTTP/2 frames without data"),
    ("RST on unknown streams",      flood(frame(RST_STREAM, 0, 1, number(8))),                     C, "the server reset the stream: CANCEL"),
    ("RST of an idle stream",       after_piece(frame(RST_STREAM, 0, 99, number(8))),              T, "1 piece arrived"),
    ("endless CONTINUATION",        instead(frame(HEADERS, 0, 1, STATUS), frame(CONTINUATION, 0, 1, b"") * 5_000), U, "broke the rules of HTTP/2"),
    ("large CONTINUATION",          instead(frame(HEADERS, 0, 1, STATUS), frame(CONTINUATION, 0, 1, LITERAL) * 5_000), U, "broke the rules of HTTP/2"),
    ("a huge header list",          instead(frame(HEADERS, 0, 1, STATUS + LITERAL * 3), *[frame(CONTINUATION, 0, 1, LITERAL * 4)] * 40, frame(CONTINUATION, END_HEADERS, 1)), U, "broke the rules of HTTP/2"),
    ("an HPACK bomb",               instead(frame(HEADERS, END_HEADERS, 1, STATUS + LITERAL + INDEXED * 10_000)), U, "broke the rules of HTTP/2"),
    ("damaged HPACK",               instead(frame(HEADERS, END_HEADERS, 1, b"\xff" * 30)),         U, "broke the rules of HTTP/2"),
    ("too many headers",            instead(frame(HEADERS, END_HEADERS, 1, STATUS + b"\x00\x01a\x01b" * 101)), U, "more than 100 headers"),
    ("no status",                   instead(frame(HEADERS, END_HEADERS, 1, b"\x00\x01a\x01b")),    U, "broke the rules of HTTP/2"),
    ("a header in capitals",        instead(frame(HEADERS, END_HEADERS, 1, STATUS + b"\x00\x01A\x01b")), U, "broke the rules of HTTP/2"),
    ("interim responses",           instead(frame(HEADERS, END_HEADERS, 1, b"\x08\x03103") * 11_000), U, "more than 10000 HTTP/2 frames without data"),
    ("a window over the limit",     after_piece(frame(WINDOW_UPDATE, 0, 0, number(2**31 - 1))),    C, "broke the rules of HTTP/2"),
    ("a window of 0",               after_piece(frame(WINDOW_UPDATE, 0, 0, number(0))),            C, "broke the rules of HTTP/2"),
    ("an impossible setting",       after_piece(frame(SETTINGS, 0, 0, b"\0\4" + b"\xff" * 4)),     C, "broke the rules of HTTP/2"),
    ("half a setting",              after_piece(frame(SETTINGS, 0, 0, b"\0\4\xff")),               C, "broke the rules of HTTP/2"),
    ("GOAWAY in mid-stream",        after_piece(last(11, debug=b"calm\ndown")),                    C, "ended the connection with GOAWAY: ENHANCE_YOUR_CALM (calm down)"),
    ("GOAWAY before a response",    instead(last(2)),                                              U, "ended the connection with GOAWAY: INTERNAL_ERROR"),
    ("GOAWAY of no known code",     after_piece(last(4_000)),                                      C, "GOAWAY: error 4000"),
    ("a graceful GOAWAY, no end",   after_piece(last(0)),                                          T, "1 piece arrived"),
    ("a graceful GOAWAY, closed",   after_piece(last(0), stays=False),                             C, "ended the connection with GOAWAY: NO_ERROR"),
    ("a GOAWAY of 4 bytes",         after_piece(frame(GOAWAY, 0, 0, bytes(4))),                    C, "a GOAWAY frame of less than 8 bytes"),
    ("a reset before a response",   instead(frame(RST_STREAM, 0, 1, number(2))),                   U, "the server reset the stream: INTERNAL_ERROR"),
    ("a reset of no known code",    after_piece(frame(RST_STREAM, 0, 1, number(99))),              C, "the server reset the stream: error 99"),
    ("DATA on an unknown stream",   after_piece(frame(DATA, 0, 99, b"x" * 1_000)),                 C, "broke the rules of HTTP/2"),
    ("DATA on stream 0",            after_piece(frame(DATA, 0, 0, b"x")),                          C, "broke the rules of HTTP/2"),
    ("DATA before a header",        instead(frame(DATA, 0, 1, b"x")),                              U, "broke the rules of HTTP/2"),
    ("push promise",                after_piece(frame(PUSH_PROMISE, END_HEADERS, 1, number(2) + STATUS)), C, "broke the rules of HTTP/2"),
    ("a frame that is too long",    after_piece(b"\xff\xff\xff\0\0\0\0\0\1"),                      C, "an HTTP/2 frame of 16777215 bytes: at most 16384 allowed"),
    ("padding longer than a frame", after_piece(frame(DATA, 8, 1, b"\xff")),                       C, "broke the rules of HTTP/2"),
    ("more than its length",        instead(frame(HEADERS, END_HEADERS, 1, STATUS + b"\x0f\x0d\x012"), frame(DATA, 0, 1, b"long")), C, "broke the rules of HTTP/2"),
    ("the end without an end",      after_piece(frame(DATA, 1, 1)),                                C, "ended without an end record"),
    ("closed in mid-stream",        after_piece(stays=False),                                      C, "the body broke off"),
    ("closed in mid-frame",         after_piece(b"\0\0\x09\0", stays=False),                       C, "the body broke off"),
    ("closed before a response",    lambda peer: peer.request(),                                   U, "closed without a response"),
    ("silence",                     instead(),                                                     T, "no response header arrived"),
    ("slow bytes",                  slow,                                                          T, "0 pieces arrived"),
]  # fmt: skip


def seen_of(row: Row, script: Script) -> tuple[Observation, float]:
    """What the prober sees of a peer over TLS, and how many seconds it took."""

    def observe_once(allowed_s: float) -> Observation:
        with scripted_server(script, read_first=False) as url:
            return observe(CHUNKED, url.replace("http:", "https:"), timeout_s=allowed_s)

    return observe_row(row, TIMEOUT_S, observe_once)


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_hostile_peer_ends_in_a_clear_word_in_time(row, speaks_http2):
    check_row(row, seen_of(row, speaks_http2(row[1])))


BEGINNINGS = [
    # name                        the server's first bytes                                    outcome, words in the detail
    ("HTTP/1.1",                  b"HTTP/1.1 400 Bad Request\r\n\r\n",                        U, "HTTP/2 was agreed on, but the server sent 'HTTP/1.1 400"),
    ("another protocol",          b"220 mail",                                                U, "but the server sent '220 mail'"),
    ("a PING first",              frame(PING, 0, 0, b"12345678"),                             U, "HTTP/2 was agreed on, but the server sent"),
    ("an acknowledgement first",  frame(SETTINGS, ACK, 0),                                    U, "HTTP/2 was agreed on, but the server sent"),
    ("nothing",                   b"",                                                        T, "the server sent no SETTINGS"),
    ("half a frame",              b"\0\0\6\4",                                                T, "the server sent no SETTINGS"),
    ("GOAWAY after SETTINGS",     frame(SETTINGS, 0, 0) + last(11, 0),                        U, "GOAWAY: ENHANCE_YOUR_CALM"),
]  # fmt: skip


@pytest.mark.parametrize("row", BEGINNINGS, ids=[row[0] for row in BEGINNINGS])
def test_what_is_no_http_2_is_told_by_what_it_sent(row, speaks_http2):
    def script(peer: Http2Peer) -> None:
        peer.raw(row[1])
        wait_raw(peer)

    check_row(row, seen_of(row, speaks_http2(script, begins=False)))


FLOODS = [row for row in ROWS if row[0] in ("a PING flood", "large CONTINUATION", "an HPACK bomb")]


@pytest.mark.parametrize("row", FLOODS, ids=[row[0] for row in FLOODS])
def test_a_flood_takes_bounded_memory(row, speaks_http2):
    tracemalloc.start()
    try:
        with scripted_server(speaks_http2(row[1]), read_first=False) as url:
            observe(CHUNKED, url.replace("http:", "https:"), timeout_s=TIMEOUT_S)
        assert tracemalloc.get_traced_memory()[1] < MAX_MEMORY
    finally:
        tracemalloc.stop()


def test_a_body_without_end_is_stopped_at_the_byte_limit(speaks_http2):
    row = ("", flood(frame(DATA, 0, 1, b"\n" * 16_384)), Outcome.STOPPED, "did not end; 1 piece arrived")
    tracemalloc.start()
    try:
        with scripted_server(speaks_http2(row[1]), read_first=False) as url:
            began = time.monotonic()
            seen = observe(CHUNKED, url.replace("http:", "https:"), timeout_s=90)
        assert tracemalloc.get_traced_memory()[1] < MAX_MEMORY
    finally:
        tracemalloc.stop()
    check_row(row, (seen, time.monotonic() - began))


def test_a_stream_that_ends_well_after_many_frames_is_no_flood(speaks_http2):
    def script(peer: Http2Peer) -> None:
        request = peer.request()
        peer.head(request)
        for _ in range(3_000):
            peer.raw(frame(PING, 0, 0, b"12345678"))
        peer.data(request, piece(0) + end(1), ends=True)
        wait_raw(peer)

    with scripted_server(speaks_http2(script), read_first=False) as url:
        seen = observe(CHUNKED, url.replace("http:", "https:"), timeout_s=10)
    assert (seen.outcome, seen.detail) == (Outcome.COMPLETE, "")
