import gzip
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import brotli
import pytest
import zstandard

from flushcheck.measurement import plan
from flushcheck.measurement.timing import measure
from flushcheck.model import Flow, Observation, Outcome, Probe, Transport, UsageError, Variant
from flushcheck.prober import observe, observe_all
from flushcheck.prober.observe import PROBERS
from tests.prober.peers import (
    CHUNKED,
    OK,
    TO_CLOSE,
    Client,
    Row,
    Script,
    check_row,
    end,
    event,
    observe_rows,
    pace,
    piece,
    scripted_server,
)

ROOT = Path(__file__).resolve().parents[2]

STREAM = Probe(Transport.CHUNKED)
EVENTS = Probe(Transport.EVENTS)


# --- Pieces on time, in every framing and every encoding.

COUNT, INTERVAL_S = 8, 0.05


class Deflate:
    """zlib's three formats, flushed after each write."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.compressobj(wbits=wbits)

    def __call__(self, data: bytes) -> bytes:
        return self._inner.compress(data) + self._inner.flush(zlib.Z_SYNC_FLUSH)


def flushing_brotli() -> Callable[[bytes], bytes]:
    inner = brotli.Compressor()
    return lambda data: bytes(inner.process(data) + inner.flush())


def flushing_zstd() -> Callable[[bytes], bytes]:
    inner = zstandard.ZstdCompressor().compressobj()
    return lambda data: inner.compress(data) + inner.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)


def both() -> Callable[[bytes], bytes]:
    first, second = Deflate(31), flushing_brotli()
    return lambda data: second(first(data))


ENCODINGS: dict[str, Callable[[], Callable[[bytes], bytes]]] = {
    "identity": lambda: lambda data: data,
    "gzip": lambda: Deflate(31),
    "deflate": lambda: Deflate(15),
    "deflate, bare": lambda: Deflate(-15),
    "gzip, a member each": lambda: gzip.compress,
    "br": flushing_brotli,
    "zstd": flushing_zstd,
    "gzip and br": both,
}
HEADER = {"deflate, bare": "deflate", "gzip, a member each": "gzip", "gzip and br": "gzip, br"}
FRAMINGS = ("chunked", "length", "close")


def paced(framing: str, encoding: str) -> Script:
    """A stream on time."""
    # The length must be known before: so the texts are, and the offsets are those planned.
    encode = ENCODINGS[encoding]()
    parts = [encode(piece(seq, seq * INTERVAL_S)) for seq in range(COUNT)]
    parts[-1] += encode(end(COUNT))
    size = sum(map(len, parts))
    extra = {"chunked": "Transfer-Encoding: chunked", "length": f"Content-Length: {size}", "close": "X: y"}

    def script(client: Client) -> None:
        head = f"Content-Encoding: {HEADER.get(encoding, encoding)}\r\n{extra[framing]}\r\n\r\n"
        client.send(OK + head.encode())
        for seq, _ in pace(COUNT, INTERVAL_S):
            (client.chunk if framing == "chunked" else client.send)(parts[seq])
        if framing == "chunked":
            client.chunk(b"")

    return script


@pytest.mark.parametrize("framing", FRAMINGS)
def test_pieces_are_seen_on_time_in_every_encoding(framing):
    def observe_encoding(encoding: str) -> Observation:
        with scripted_server(paced(framing, encoding)) as url:
            return observe(STREAM, url, timeout_s=5)

    with ThreadPoolExecutor(len(ENCODINGS)) as pool:
        seen = dict(zip(ENCODINGS, pool.map(observe_encoding, ENCODINGS), strict=True))
    assert {
        name: (observation.outcome, observation.detail) for name, observation in seen.items()
    } == dict.fromkeys(ENCODINGS, (Outcome.COMPLETE, ""))
    assert {name: measure(observation).flow for name, observation in seen.items()} == dict.fromkeys(
        ENCODINGS, Flow.FLOWING
    )
    text_bytes = sum(len(piece(seq, seq * INTERVAL_S)) for seq in range(COUNT)) + len(end(COUNT))
    for observation in seen.values():
        # Each Piece in a read of its own; a busy machine may join some.
        assert sum(1 for arrival in observation.arrivals if arrival.pieces) >= COUNT / 2
        assert sum(arrival.text_bytes for arrival in observation.arrivals) == text_bytes


def test_a_burst_is_one_arrival_and_the_moment_is_that_of_its_read():
    def script(client: Client) -> None:
        client.send(CHUNKED)
        burst = b"".join(b"%x\r\n%b\r\n" % (len(line), line) for line in map(piece, range(20)))
        client.send(burst)
        time.sleep(0.05)
        client.chunk(end(20))
        client.chunk(b"")

    with scripted_server(script) as url:
        seen = observe(STREAM, url, timeout_s=5)
    assert seen.outcome is Outcome.COMPLETE
    assert [len(arrival.pieces) for arrival in seen.arrivals if arrival.pieces] == [20]
    assert seen.arrivals[-1].at_s - seen.arrivals[0].at_s >= 0.04


# --- What the request says.


def test_the_request_is_a_plain_one():
    received: list[Client] = []

    def script(client: Client) -> None:
        received.append(client)
        client.respond(404, b"")

    probes = [
        STREAM,
        EVENTS,
        replace(STREAM, variant=Variant.IDENTITY),
        replace(STREAM, variant=Variant.HTTP10),
    ]
    with scripted_server(script) as url:
        for probe in probes:
            observe(probe, f"{url}/sub/", timeout_s=5)
        # A fresh connection and an address of its own for each.
        assert len({client.query["nonce"] for client in received}) == len(received) == len(probes)
        assert {client.header("host") for client in received} == {url.removeprefix("http://")}
    plain, events, identity, old = received
    assert plain.path == "/sub/stream/chunked"
    assert events.path == "/sub/stream/events"
    assert [client.request.split(b"\r\n")[0].split()[-1] for client in received] == [b"HTTP/1.1"] * 3 + [
        b"HTTP/1.0"
    ]
    assert plain.header("accept-encoding") == plan.BROWSER_ENCODINGS == old.header("accept-encoding")
    assert identity.header("accept-encoding") == "identity"
    assert events.header("accept") == "text/event-stream"
    assert plain.header("user-agent").startswith("flushcheck/")


def test_the_environment_does_not_choose_another_path(monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    received = []

    def script(client: Client) -> None:
        received.append(client.request)
        client.respond(404, b"")

    with scripted_server(script) as url:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv("NETRC", str(netrc))
        seen = observe(STREAM, url, timeout_s=5)
    assert seen.status == 404
    assert b"authorization" not in received[0].lower()


def test_seconds_count_from_the_request_and_connecting_is_apart():
    def script(client: Client) -> None:
        client.send(TO_CLOSE)
        time.sleep(0.1)
        client.send(piece(0) + end(1))

    with scripted_server(script) as url:
        seen = observe(STREAM, url, timeout_s=5)
    assert seen.outcome is Outcome.COMPLETE
    assert 0 < seen.connect_s < 1
    assert 0 < seen.headers_s < seen.arrivals[0].at_s <= seen.ended_s
    assert seen.arrivals[0].at_s - seen.headers_s >= 0.09
    assert seen.request_at_app is not None
    assert seen.request_at_app.protocol == "HTTP/1.0"
    assert seen.http_version == "1.1"
    assert seen.header("content-type") == "text/plain"


# --- Hostile and strange peers.


def forever(first: bytes, again: bytes) -> Script:
    def script(client: Client) -> None:
        client.send(first)
        while True:
            client.send(again)

    return script


def drip(data: bytes) -> Script:
    def script(client: Client) -> None:
        client.send(data)
        while True:
            time.sleep(0.02)
            client.send(b"a")

    return script


def then(*parts: bytes) -> Script:
    return lambda client: client.send(b"".join(parts))


def broken(*parts: bytes) -> Script:
    def script(client: Client) -> None:
        client.send(b"".join(parts))
        # The client must have read it: a reset overtakes what lies unread.
        time.sleep(0.1)
        client.reset()

    return script


def silent(*parts: bytes) -> Script:
    def script(client: Client) -> None:
        client.send(b"".join(parts))
        client.wait_for_close()

    return script


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
    ("resets before the response", broken(),                                              U, "no HTTP response"),
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
    ("a stream that stops",        silent(CHUNKED, chunk(TWO)),                           T, "no end within 0.6 s; 2 pieces arrived"),
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


# Ended by a bound and not by the clock: a busy machine takes its time to get there.
FLOODS: list[Row] = [
    ("endless 100 Continue",       forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 999), U, "a header of more than 64 KiB"),
    ("an endless line",            forever(TO_CLOSE, b"{" * 9999),                        R, "a line of more than"),
    ("an endless trailer",         forever(CHUNKED + b"0\r\n", b"X: y\r\n" * 999),    C, "a line of more than 64 KiB"),
    ("spaces for ever",            forever(TO_CLOSE, b" " * 65536),                       R, "a line of more than"),
    ("blank lines for ever",       forever(TO_CLOSE, b"\n" * 65536),                      R, "more than 8 MiB"),
    ("pieces for ever",            forever(TO_CLOSE, piece(0)),                           C, "more than 1000 pieces"),
]  # fmt: skip

TIMEOUT_S, FLOOD_TIMEOUT_S = 0.6, 20.0


@pytest.fixture(scope="module")
def seen_all():
    return observe_rows(PEERS, STREAM, timeout_s=TIMEOUT_S)


@pytest.mark.parametrize("row", PEERS, ids=lambda row: row[0])
def test_whatever_a_peer_does_is_an_outcome(row, seen_all):
    check_row(row, seen_all[row[0]], timeout_s=TIMEOUT_S)


@pytest.mark.parametrize("row", FLOODS, ids=lambda row: row[0])
def test_a_flood_ends_by_a_bound(row):
    (seen,) = observe_rows([row], STREAM, timeout_s=FLOOD_TIMEOUT_S).values()
    check_row(row, seen, timeout_s=FLOOD_TIMEOUT_S)


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


# --- No connection.


def test_a_closed_port_is_unreachable():
    with scripted_server(then()) as url:
        pass
    for transport in Transport:
        seen = observe(Probe(transport), url, timeout_s=2)
        assert seen.outcome is Outcome.UNREACHABLE
        assert "connection refused" in seen.detail


@pytest.mark.parametrize("transport", Transport)
def test_a_plain_port_does_not_speak_tls(transport):
    with scripted_server(then(b"HTTP/1.1 400 Bad Request\r\n\r\n"), read_first=False) as url:
        seen = observe(Probe(transport), url.replace("http:", "https:"), timeout_s=2)
    assert (seen.outcome, "http://" in seen.detail) == (Outcome.UNREACHABLE, True), seen.detail


@pytest.mark.parametrize("transport", Transport)
def test_a_tls_handshake_that_never_answers_ends_in_time(transport):
    with scripted_server(silent(), read_first=False) as url:
        began = time.monotonic()
        seen = observe(Probe(transport), url.replace("http:", "https:"), timeout_s=0.3)
    assert seen.outcome is Outcome.UNREACHABLE
    assert time.monotonic() - began < 2


def test_a_name_without_an_address_is_unreachable():
    seen = observe(STREAM, "http://no-such-host.invalid", timeout_s=5)
    assert seen.outcome is Outcome.UNREACHABLE
    assert "no-such-host.invalid" in seen.detail


def test_a_lookup_that_hangs_is_abandoned(monkeypatch):
    over = threading.Event()

    def hang(*_: Any, **__: Any) -> Any:
        over.wait(20)
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    began = time.monotonic()
    seen = observe(STREAM, "http://localhost:1", timeout_s=0.2)
    over.set()
    assert (seen.outcome, seen.detail) == (Outcome.UNREACHABLE, "no connection within 0.2 s")
    assert time.monotonic() - began < 5


# --- Side by side.


def test_many_are_made_side_by_side_and_come_back_in_order():
    def script(client: Client) -> None:
        client.send(TO_CLOSE)
        time.sleep(0.3)
        client.send(piece(0) + end(1))

    probes = [Probe(Transport.CHUNKED, run=run) for run in range(8)]
    finished: list[Observation] = []
    with scripted_server(script) as url:
        began = time.monotonic()
        seen = observe_all(probes, url, timeout_s=5, on_done=finished.append)
    assert [observation.probe for observation in seen] == probes
    assert {observation.outcome for observation in seen} == {Outcome.COMPLETE}
    assert sorted(observation.probe.run for observation in finished) == list(range(8))
    assert time.monotonic() - began < 8 * 0.3


def test_one_that_hangs_does_not_spoil_the_others():
    def script(client: Client) -> None:
        client.send(TO_CLOSE)
        if "events" in client.path:
            client.wait_for_close()
        client.send(piece(0) + end(1))

    with scripted_server(script) as url:
        good, bad = observe_all([STREAM, EVENTS], url, timeout_s=0.5)
    assert (good.outcome, bad.outcome) == (Outcome.COMPLETE, Outcome.TIMEOUT)
    assert good.ended_s < 0.4


def test_a_bug_is_not_hidden(monkeypatch):
    monkeypatch.setitem(PROBERS, Transport.CHUNKED, lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        observe(STREAM, "http://localhost:1", timeout_s=1)


def test_an_invalid_address_is_a_usage_error():
    with pytest.raises(UsageError):
        observe(STREAM, "localhost:8000", timeout_s=1)


GEVENT = """
from gevent import monkey
monkey.patch_all()
import sys
from flushcheck.model import Probe, Transport
from flushcheck.prober import observe_all
seen = observe_all([Probe(Transport.CHUNKED, run=run) for run in range(4)], sys.argv[1], timeout_s=10)
print([item.outcome.value for item in seen], sum(len(item.pieces) for item in seen))
"""


def test_it_works_under_gevent_as_the_service_runs_it():
    with scripted_server(paced("chunked", "gzip")) as url:
        command = [sys.executable, "-c", GEVENT, url]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.stdout == f"{['complete'] * 4} {4 * COUNT}\n"
