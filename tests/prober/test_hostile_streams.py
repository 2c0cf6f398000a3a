"""Whatever a server sends, or does not send, is an outcome with a reason, within bounds of time and memory."""

import gzip
import tracemalloc

import brotli
import pytest
import zstandard

from flushcheck.model import Outcome, Probe, Transport
from flushcheck.prober import observe
from tests.prober.peers import (
    CHUNKED,
    OK,
    TO_CLOSE,
    Row,
    check_row,
    end,
    event,
    observe_rows,
    piece,
    scripted_server,
)
from tests.prober.scripts import broken, drip, forever, silent, then

STREAM = Probe(Transport.CHUNKED)
EVENTS = Probe(Transport.EVENTS)


def encoded(name: str) -> bytes:
    return OK + f"Content-Encoding: {name}\r\nConnection: close\r\n\r\n".encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def page(status: str) -> bytes:
    html = "<!doctype html>\n<title>Please log in</title>\n" + "<p>x</p>\n" * 500
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(html)}\r\n\r\n{html}".encode()
    )


REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: /stream/chunked?again\r\nContent-Length: 0\r\n\r\n"
REDIRECT_BOMB = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
SPACES = b" " * (64 * 1024 * 1024)
BOMB_GZIP = gzip.compress(SPACES, 6)
BOMB_BR = brotli.compress(SPACES, quality=1)
BOMB_ZSTD = zstandard.compress(SPACES)
del SPACES
TWO = piece(0) + piece(1)
OURS_WRONG = [
    b'{"seq": 0, "at_s": NaN, "delta": ""}\n',
    b'{"seq": 1e999, "at_s": 0, "delta": ""}\n',
    b'{"seq": ' + b"9" * 3000 + b', "at_s": 0, "delta": ""}\n',
    b'{"seq": 0, "at_s": 1e300, "delta": ""}\n',
    b'{"seq": {}, "at_s": [], "delta": ""}\n',
    b"[" * 50_000 + b"\n",
    b'{"end": "done", "count": -1e400, "at_s": 0, "request_at_app": {}}\n',
    b"{}\n",
]

U, R, C, T, S, OKAY = (
    Outcome.UNREACHABLE, Outcome.REFUSED, Outcome.CUT, Outcome.TIMEOUT, Outcome.STOPPED, Outcome.COMPLETE,
)  # fmt: skip

PEERS: list[Row] = [
    # Not HTTP, or not quite.
    ("hangs up at once",           then(),                                                U, "no HTTP response"),
    ("says nothing",               silent(),                                              T, "no response header"),
    ("another protocol",           then(b"SSH-2.0-OpenSSH_9.2\r\n"),                    U, "SSH-2.0-OpenSSH_9.2"),
    ("a TLS alert",                then(b"\x15\x03\x01\x00\x02\x02\x46\n"),       U, "no HTTP response"),
    ("HTTP/2 without asking",      then(b"HTTP/2 200\r\n\r\n"),                       U, "HTTP/2"),
    ("endless headers",            forever(OK, b"X-A: b\r\n" * 50),                     U, "a header of more than 64 KiB"),
    ("one endless header",         forever(OK + b"X-A: ", b"b" * 9999),                   U, "a header of more than 64 KiB"),
    ("slow headers",               drip(b"HTTP/1.1 200 OK\r\nX-Slow: "),                T, "no response header"),
    ("resets before the response",   broken(),                                              U, "no HTTP response"),
    # Not ours.
    ("a login page",               then(page("200 OK")),                                  R, "text/html, begins '<!doctype html> <title>"),
    ("a login page, 401",          then(page("401 No")),                                  R, "status 401, text/html"),
    ("a redirect",                 then(REDIRECT),                                        R, "redirected to /stream/chunked?again"),
    ("a redirect with a bomb",     then(REDIRECT_BOMB, BOMB_GZIP),                        R, "redirected to /x"),
    ("an error of ours",           lambda client: client.respond(400, b'{"error": "size=1: expected"}'), R, "status 400: size=1: expected"),
    ("no content",                 then(b"HTTP/1.1 204 No\r\n\r\n"),                  R, "status 204"),
    ("an error that drips",        drip(b"HTTP/1.1 500 X\r\n\r\n"),                   R, "status 500"),
    ("a page that stays open",     silent(TO_CLOSE, b"<html>"),                           R, "begins '<html>'"),
    ("bytes without sense",        then(TO_CLOSE, bytes(range(256))),                     R, r"\x00\x01"),
    ("an escape sequence",         then(TO_CLOSE, b"\x1b[2J\x1b]0;x\x07"),             R, r"\x1b[2J"),
    ("JSON of another kind",       then(TO_CLOSE, b'{"hello": 1}\n'),                    R, "not a flushcheck record"),
    *((f"a record with a lie, {i}", then(TO_CLOSE, wrong),                                R, "")
      for i, wrong in enumerate(OURS_WRONG)),
    # Chunks.
    ("a chunk size of letters",    then(CHUNKED, b"zz\r\nhello"),                       C, "broke off"),
    ("a chunk size beyond memory", then(CHUNKED, b"7fffffffffffffff\r\n", TWO),         C, "2 pieces arrived"),
    ("a negative chunk size",      then(CHUNKED, b"-5\r\n", TWO),                       C, "illegal chunk header"),
    ("an endless chunk size",      forever(CHUNKED, b"1" * 9999),                         C, "a line of more than 64 KiB"),
    ("chunks cut short",           then(CHUNKED, chunk(TWO), b"ff\r\nhalf"),            C, "2 pieces arrived"),
    ("chunks without the last",    then(CHUNKED, chunk(TWO)),                             C, "2 pieces arrived"),
    ("the end, but no last chunk", then(CHUNKED, chunk(TWO + end(2))),                    OKAY, "broke off"),
    ("the end, then silence",      silent(CHUNKED, chunk(TWO + end(2))),                  OKAY, ""),
    # Cut.
    ("cut by close",               then(TO_CLOSE, TWO),                                   C, "ended without an end record; 2 pieces"),
    ("cut by the last chunk",      then(CHUNKED, chunk(TWO), chunk(b"")),                 C, "ended without"),
    ("shorter than its length",    then(OK, b"Content-Length: 999\r\n\r\n", TWO),     C, "broke off"),
    ("cut by a reset",             broken(CHUNKED, chunk(TWO)),                           C, "2 pieces arrived"),
    ("nothing at all",             then(TO_CLOSE),                                        C, "0 pieces arrived"),
    ("an error page at the end",   then(TO_CLOSE, TWO, b"<h1>502</h1>\n"),               C, "then data that is not from flushcheck"),
    ("fewer than the end says",    then(TO_CLOSE, TWO, end(3)),                           C, "counts 3 pieces; 2 pieces"),
    ("a piece twice",              then(TO_CLOSE, TWO, piece(1), end(3)),                 C, "number 1 out of order"),
    # Endless.
    ("a stream that stops",        silent(CHUNKED, chunk(TWO)),                           T, "; 2 pieces arrived"),
    ("a byte now and then",        drip(TO_CLOSE + b'{"seq'),                             T, "0 pieces arrived"),
    # Compressed.
    ("a gzip bomb",                then(encoded("gzip"), BOMB_GZIP),                      R, "more than 8 MiB"),
    ("a brotli bomb",              then(encoded("br"), BOMB_BR),                          R, "more than 8 MiB"),
    ("a zstd bomb",                then(encoded("zstd"), BOMB_ZSTD),                      R, "more than 8 MiB"),
    ("a bomb in a bomb",           then(encoded("gzip, gzip"), gzip.compress(BOMB_GZIP)), R, "more than 8 MiB"),
    ("damaged gzip",               then(encoded("gzip"), b"\x1f\x8b\x08" + b"x" * 99), R, "damaged compressed bytes"),
    ("damaged brotli",             then(encoded("br"), b"\xff" * 99),                    R, "damaged compressed bytes"),
    ("damaged zstd",               then(encoded("zstd"), b"x" * 99),                      R, "damaged compressed bytes"),
    ("an encoding unheard of",     then(encoded("rot13"), b"x"),                          R, "rot13"),
    ("ten encodings",              then(encoded(", ".join(["gzip"] * 10)), b"x"),         R, "10 content encodings"),
]  # fmt: skip


# Ended by a bound and not by the clock.
FLOODS: list[Row] = [
    ("endless 100 Continue",       forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 999), U, "a header of more than 64 KiB"),
    ("an endless line",            forever(TO_CLOSE, b"{" * 9999),                        R, "a line of more than"),
    ("an endless trailer",         forever(CHUNKED + b"0\r\n", b"X: y\r\n" * 999),    C, "a line of more than 64 KiB"),
    ("endless spaces",            forever(TO_CLOSE, b" " * 65536),                       R, "a line of more than"),
    ("endless blank lines",       forever(TO_CLOSE, b"\n" * 65536),                      R, "more than 8 MiB"),
    ("endless pieces",            forever(TO_CLOSE, piece(0)),                           C, "more than 1000 pieces"),
]  # fmt: skip

TIMEOUT_S = 1.5  # of the peers that only the clock ends


@pytest.fixture(scope="module")
def seen_all():
    return observe_rows(PEERS, STREAM, timeout_s=TIMEOUT_S)


@pytest.mark.parametrize("row", PEERS, ids=lambda row: row[0])
def test_each_thing_that_a_peer_does_is_an_outcome(row, seen_all):
    check_row(row, seen_all[row[0]])


@pytest.mark.parametrize("row", FLOODS, ids=lambda row: row[0])
def test_a_flood_ends_by_a_bound(row):
    (seen,) = observe_rows([row], STREAM, timeout_s=TIMEOUT_S).values()
    check_row(row, seen)


@pytest.mark.parametrize(
    "bomb", [("gzip", BOMB_GZIP), ("br", BOMB_BR), ("zstd", BOMB_ZSTD)], ids=lambda b: b[0]
)
def test_a_bomb_takes_little_memory(bomb):
    name, data = bomb
    tracemalloc.start()
    try:
        with scripted_server(then(encoded(name), data)) as url:
            observe(STREAM, url, timeout_s=5)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 32 * 1024 * 1024


EVENT_SIDES: list[tuple[str, bytes, Outcome, str]] = [
    ("ours",            event(piece(0)) + event(end(1), "done"),                    OKAY, ""),
    ("with a comment",  b":   \n\nretry: 1\n\n" + event(piece(0)) + event(end(1), "done"), OKAY, ""),
    ("with a BOM",      b"\xef\xbb\xbfdata: " + piece(0) + b"\n" + event(end(1), "done"), OKAY, ""),
    ("another's",       b"data: hello\n\n",                                       R, "not a flushcheck record"),
    ("a page",          b"<html>\n<body>",                                        R, "begins '<html> <body>'"),
    ("cut",             event(piece(0)),                                           C, "1 piece arrived"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "outcome", "words"), EVENT_SIDES)
def test_events_are_read_as_such(name, body, outcome, words):
    with scripted_server(then(TO_CLOSE, body)) as url:
        seen = observe(EVENTS, url, timeout_s=2)
    assert (seen.outcome, words in seen.detail) == (outcome, True), seen.detail
