"""HTTP/3 peers that break the rules or flood: each ends in a clear word, in time, and in bounded memory."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress

import pytest
from aioquic.buffer import encode_uint_var
from aioquic.h3.connection import ErrorCode
from aioquic.tls import Epoch

from flushcheck.model import Client, Outcome, Probe, Transport
from flushcheck.prober import observe
from tests.prober.http3_peers import (
    CONTROL,
    DATA,
    DECODER,
    ENCODER,
    GOAWAY,
    HEADERS,
    SETTINGS,
    Http3Peer,
    frame,
    goaway,
    http3_server,
    udp_server,
)
from tests.prober.peers import PATIENCE_S, check_row, observe_row, piece

pytestmark = pytest.mark.usefixtures("trusted", "patient")

TIMEOUT_S = 1.5  # of the peers that only the clock ends
MAX_MEMORY = 40 * 1024 * 1024  # a connection and its peer, both in this process
CHUNKED = Probe(Transport.CHUNKED, client=Client.HTTP3)
C, T, U, R = Outcome.CUT, Outcome.TIMEOUT, Outcome.UNREACHABLE, Outcome.REFUSED

# QPACK (RFC 9204): no dynamic table; ":status: 200" of the static one; a literal of 4,000 bytes.
PREFIX = b"\0\0"
STATUS = b"\xd9"
LITERAL = b"\x21a\x7f\xa1\x1e" + b"x" * 4_000
CSP = b"\xff\x16"  # the longest entry of the static table, 76 bytes

Act = Callable[[Http3Peer, int], object]


def after_piece(*acts: Act):
    """Send one piece of a stream, then do this; stay until the client has gone."""

    def script(peer: Http3Peer) -> None:
        request = peer.request()
        peer.head(request)
        peer.data(request, piece(0))
        peer.read(seconds=0.05)
        for act in acts:
            act(peer, request.stream)

    return script


def instead(*acts: Act):
    """Do this in place of a response."""

    def script(peer: Http3Peer) -> None:
        request = peer.request()
        for act in acts:
            act(peer, request.stream)

    return script


def sends(data: bytes, *, on: int | None = None, ends: bool = False) -> Act:
    """Bytes on the request's stream, or on another one."""
    return lambda peer, stream: peer.raw(stream if on is None else on, data, ends=ends)


def flood(data: bytes, *, on: int | None = None) -> Act:
    """The same bytes again and again, for as long as the client takes it."""

    def act(peer: Http3Peer, stream: int) -> None:
        with suppress(OSError, RuntimeError):  # aioquic: the stream was reset
            while True:
                peer.raw(stream if on is None else on, data * max(1, 1_000 // len(data)))
                peer.read(seconds=0.001)

    return act


def garbage(size: int) -> Act:
    """Datagrams of this size that are no packets."""

    def act(peer: Http3Peer, _: int) -> None:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and not peer.over:
            for _ in range(50):
                peer.datagram(b"\x7f" * size)
            with suppress(OSError):
                peer.read(seconds=0.001)

    return act


def pings(peer: Http3Peer, _: int) -> None:
    with suppress(OSError):
        while True:
            peer.quic.send_ping(1)
            peer.flush()
            peer.read(seconds=0.0001)


def crypto(peer: Http3Peer, _: int) -> None:
    """Endless CRYPTO frames of the handshake's last phase: a ticket that is announced and never complete."""
    sender = peer.quic._crypto_streams[Epoch.ONE_RTT].sender
    sender.write(b"\x04\xff\xff\xff")
    with suppress(OSError):
        while True:
            sender.write(b"x" * 10_000)
            peer.flush()
            peer.read(seconds=0.001)


def tickets(peer: Http3Peer, _: int) -> None:
    """Session tickets without end."""
    sender = peer.quic._crypto_streams[Epoch.ONE_RTT].sender
    ticket = b"\x04\0\0\x0e" + b"\0\0\0\1" + b"\0\0\0\1" + b"\x01x" + b"\0\x01t" + b"\0\0"[:1]
    with suppress(OSError):
        while True:
            sender.write(ticket)
            peer.flush()
            peer.read(seconds=0.0001)


def resets(code: int) -> Act:
    def act(peer: Http3Peer, stream: int) -> None:
        peer.quic.reset_stream(stream, code)
        peer.flush()

    return act


def reset_storm(peer: Http3Peer, _: int) -> None:
    """Streams of its own, opened and reset, as many as are allowed, again and again."""
    with suppress(OSError, ValueError):
        while True:
            number = peer.quic.get_next_available_stream_id(is_unidirectional=True)
            peer.quic.send_stream_data(number, b"\x21xx")
            peer.quic.reset_stream(number, 7)
            peer.flush()
            peer.read(seconds=0.0005)


def stops(peer: Http3Peer, stream: int) -> None:
    peer.quic.stop_stream(stream, 9)
    peer.flush()


def closes(code: int, reason: str = "") -> Act:
    return lambda peer, _: peer.close(code, reason)


def close_quic(code: int, reason: str = "") -> Act:
    """End the connection with an error of QUIC."""

    def act(peer: Http3Peer, _: int) -> None:
        peer.quic.close(code, frame_type=6, reason_phrase=reason)
        peer.flush()

    return act


def vanishes(peer: Http3Peer, _: int) -> None:
    """Say nothing more, not even an acknowledgement."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and not peer.over:
        time.sleep(0.05)


def number(value: int) -> bytes:
    return encode_uint_var(value)


def headers(*blocks: bytes) -> bytes:
    return frame(HEADERS, PREFIX + b"".join(blocks))


ROWS = [
    # name                          what the peer does                                      outcome, words in the detail
    ("garbage datagrams",           after_piece(garbage(1000)),                             C, "more than 300 QUIC datagrams without data"),
    ("garbage of one byte",         after_piece(garbage(1)),                                C, "more than 300 QUIC datagrams without data"),
    ("a PING flood",                after_piece(pings),                                     C, "more than 300 QUIC datagrams without data"),
    ("endless CRYPTO",              after_piece(crypto),                                    C, "more than 300 QUIC datagrams without data"),
    ("damaged tickets",             after_piece(tickets),                                   C, "broke the rules of HTTP/3"),
    ("a reset storm",               after_piece(reset_storm),                               C, "more than 300 QUIC datagrams without data"),
    ("a reset",                     after_piece(resets(ErrorCode.H3_INTERNAL_ERROR)),       C, "the server reset the stream: H3_INTERNAL_ERROR"),
    ("a reset of no known code",    after_piece(resets(99)),                                C, "the server reset the stream: error 99"),
    ("a reset before a response",   instead(resets(ErrorCode.H3_INTERNAL_ERROR)),           U, "the server reset the stream: H3_INTERNAL_ERROR"),
    ("STOP_SENDING",                after_piece(stops),                                     T, "1 piece arrived"),
    ("silence",                     after_piece(vanishes),                                  T, "1 piece arrived"),
    ("silence before a response",   instead(vanishes),                                      T, "no response header arrived"),
    ("GOAWAY in mid-stream",        after_piece(sends(goaway(0), on=CONTROL)),              C, "the server ended the connection with GOAWAY"),
    ("a graceful GOAWAY, no end",   after_piece(sends(goaway(4), on=CONTROL)),              T, "1 piece arrived"),
    ("a GOAWAY of 9 bytes",         after_piece(sends(frame(GOAWAY, bytes(9)), on=CONTROL)), C, "a GOAWAY frame of 9 bytes"),
    ("half a number in a GOAWAY",   after_piece(sends(frame(GOAWAY, b"\xc0"), on=CONTROL)), C, "a GOAWAY frame with half a number"),
    ("closed in mid-stream",        after_piece(closes(ErrorCode.H3_NO_ERROR)),             C, "the server ended the connection: H3_NO_ERROR"),
    ("closed with a reason",        after_piece(closes(ErrorCode.H3_EXCESSIVE_LOAD, "calm\ndown")), C, "the server ended the connection: H3_EXCESSIVE_LOAD (calm down)"),
    ("closed by QUIC",              after_piece(close_quic(10, "no")),                      C, "the server ended the connection: PROTOCOL_VIOLATION (no)"),
    ("closed by TLS",               after_piece(close_quic(0x100 + 80)),                    C, "the server ended the connection: TLS alert internal_error"),
    ("closed before a response",    instead(closes(ErrorCode.H3_INTERNAL_ERROR)),           U, "no HTTP response arrived: the server ended the connection: H3_INTERNAL_ERROR"),
    ("huge headers, never whole",   instead(sends(number(HEADERS) + number(5_000_000)), flood(b"x" * 1000)), U, "a header of more than 16 KiB"),
    ("many large headers",          instead(sends(headers(STATUS, *[LITERAL] * 3))),       T, ""),
    ("too many headers",            instead(sends(headers(STATUS, *[b"\x21a\x01b"] * 101))), U, "more than 100 headers"),
    ("a static bomb",               instead(sends(headers(STATUS, CSP * 7_000))),          U, "more than 100 headers"),
    ("a dynamic bomb",              instead(sends(b"\x3f\xe1\x1f" + LITERAL, on=ENCODER)), U, "broke the rules of HTTP/3: QPACK_ENCODER_STREAM_ERROR"),
    ("a dynamic reference",         instead(sends(frame(HEADERS, b"\x02\x00\x80"))),        U, "broke the rules of HTTP/3"),
    ("damaged QPACK",               instead(sends(frame(HEADERS, b"\xff" * 30))),           U, "broke the rules of HTTP/3: QPACK_DECOMPRESSION_FAILED"),
    ("a damaged decoder stream",    instead(sends(b"\xff" * 30, on=DECODER)),               U, "broke the rules of HTTP/3: QPACK_DECODER_STREAM_ERROR"),
    ("no status",                   instead(sends(headers(b"\x21a\x01b"))),                 U, "broke the rules of HTTP/3"),
    ("a header in capitals",        instead(sends(headers(STATUS, b"\x21A\x01b"))),         U, "broke the rules of HTTP/3"),
    ("status 101",                  instead(sends(headers(b"\x5f\x09\x03101"))),            U, "broke the rules of HTTP/3"),
    ("interim responses",           instead(flood(headers(b"\x5f\x09\x03103"))),            U, "a header of more than 16 KiB"),
    ("a second SETTINGS",           after_piece(sends(frame(SETTINGS), on=CONTROL)),        C, "broke the rules of HTTP/3: SETTINGS have already been received"),
    ("endless unknown frames",      after_piece(flood(frame(0x21, b"x" * 1000))),           C, "more than 20 KiB of HTTP/3 that is no body"),
    ("endless control frames",      after_piece(flood(frame(0x21, b"x" * 1000), on=CONTROL)), C, "more than 20 KiB of HTTP/3 that is no body"),
    ("empty DATA",                  after_piece(flood(frame(DATA) * 200)),                  C, "more than 20 KiB of HTTP/3 that is no body"),
    ("the control stream ends",     after_piece(sends(b"", on=CONTROL, ends=True)),         C, "broke the rules of HTTP/3"),
    ("DATA before a header",        instead(sends(frame(DATA, b"x"))),                      U, "broke the rules of HTTP/3"),
    ("DATA on the control stream",  instead(sends(frame(DATA, b"x"), on=CONTROL)),          U, "broke the rules of HTTP/3"),
    ("an HTTP/2 frame",             instead(sends(frame(6, b"12345678"))),                  U, "broke the rules of HTTP/3"),
    ("half a frame",                after_piece(sends(number(DATA) + number(9) + b"x", ends=True)), C, "broke the rules of HTTP/3"),
    ("more than its length",        instead(sends(headers(STATUS, b"\x54\x012") + frame(DATA, b"long"), ends=True)), U, "content-length does not match data size"),
    ("the end without an end",      after_piece(sends(b"", ends=True)),                     C, "ended without an end record"),
    ("the end before a response",   instead(sends(b"", ends=True)),                         U, "a body without a header"),
    ("an endless body",             instead(sends(headers(STATUS)), flood(frame(DATA, b"\n" * 10_000))), T, ""),
]  # fmt: skip


def seen_of(row, certificate):
    def observe_once(allowed_s):
        with http3_server(certificate, row[1]) as url:
            return observe(CHUNKED, url, timeout_s=allowed_s)

    return observe_row(row, TIMEOUT_S, observe_once)


@pytest.fixture
def small_limits(monkeypatch):
    """Limits that a peer in this process reaches in time, while the memory is watched."""
    monkeypatch.setattr("flushcheck.prober.http3_state.MAX_DATAGRAMS_WITHOUT_DATA", 300)
    monkeypatch.setattr("flushcheck.prober.http3_state.MAX_OVERHEAD_BYTES", 20 * 1024)
    monkeypatch.setattr("flushcheck.prober.http3_state.MAX_HEADER_BYTES", 16 * 1024)


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_hostile_peer_ends_in_a_clear_word(row, certificate, small_limits):
    tracemalloc.start()
    try:
        seen = seen_of(row, certificate)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    check_row(row, seen)
    assert peak < MAX_MEMORY


def echo(sock, data, address):
    sock.sendto(data, address)


def noise(sock, data, address):
    for size in (0, 1, 20, 1200, 60_000):
        sock.sendto(b"\xc0" * size, address)


def versions(sock, data, address):
    """Offer only a version of QUIC that does not exist (RFC 8999, section 6)."""
    destination, source = data[6 : 6 + data[5]], data[7 + data[5] : 7 + data[5] + data[6 + data[5]]]
    sock.sendto(
        b"\x80\0\0\0\0"
        + bytes([len(source)])
        + source
        + bytes([len(destination)])
        + destination
        + b"\x1a\x2a\x3a\x4a",
        address,
    )


NO_QUIC = [
    # name                what the port does   words
    ("an echo",           echo,                "no HTTP/3 handshake over UDP port "),
    ("noise",             noise,               "no HTTP/3 handshake over UDP port "),
    ("another version",   versions,            "no HTTP/3 over UDP port "),
]  # fmt: skip


@pytest.mark.parametrize(("name", "take", "words"), NO_QUIC, ids=[row[0] for row in NO_QUIC])
def test_a_port_that_speaks_no_quic_is_told(name, take, words, monkeypatch):
    monkeypatch.setattr("flushcheck.prober.http3_connecting.MAX_OPENING_S", 1.0)
    with udp_server(take) as url:
        seen = observe(CHUNKED, url, timeout_s=2 * PATIENCE_S)
    assert (seen.outcome, words in seen.detail) == (Outcome.UNREACHABLE, True), seen.detail
    assert seen.ended_s < PATIENCE_S


def test_a_peer_of_another_protocol_is_told(certificate):
    with http3_server(certificate, lambda peer: None, alpn="doq") as url:
        seen = observe(CHUNKED, url, timeout_s=PATIENCE_S)
    assert (seen.outcome, "TLS alert" in seen.detail or "ALPN" in seen.detail) == (
        Outcome.UNREACHABLE,
        True,
    ), seen.detail


def test_no_settings_is_told(certificate, monkeypatch):
    monkeypatch.setattr("flushcheck.prober.http3_connecting.MAX_OPENING_S", 1.0)
    monkeypatch.setattr(Http3Peer, "begins", False)
    with http3_server(certificate, lambda peer: None) as url:
        seen = observe(CHUNKED, url, timeout_s=PATIENCE_S)
    assert (seen.outcome, "no HTTP/3 handshake over UDP port " in seen.detail) == (Outcome.UNREACHABLE, True)
