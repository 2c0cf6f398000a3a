"""Watching streams that are not ours, on far sides that keep to no rule."""

from __future__ import annotations

import gzip
import json
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from flushcheck.model import UsageError
from flushcheck.prober import watching
from flushcheck.prober.watching import MAX_BODY_BYTES, Came, ask, watch
from flushcheck.watching.watch import Ending, Kind, Watched, judge
from tests.prober.farside import CHUNKED, TO_CLOSE, Peer, far_side, pace

SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"


def events(peer: Peer, count: int = 6, interval_s: float = 0.1) -> None:
    for seq, _ in pace(count, interval_s):
        peer.chunk(b'data: {"delta": "w%d "}\n\n' % seq)


def chat(peer: Peer) -> None:
    peer.send(SSE)
    events(peer)
    peer.chunk(b"data: [DONE]\n\n")
    peer.send(LAST)


def one(url: str, *, timeout_s: float = 5.0, **asked: object) -> Watched:
    (seen,) = watch([ask(url, **asked)], timeout_s=timeout_s)  # type: ignore[arg-type]
    return seen


def test_a_chat_is_followed_as_it_comes():
    came: list[Came] = []
    with far_side(chat) as url:
        (seen,) = watch([ask(f"{url}/chat?q=1")], timeout_s=5, on_came=came.append)
    assert (seen.ending, seen.kind, seen.done, seen.status) == (Ending.ENDED, Kind.EVENTS, True, 200)
    assert [record.text for one in came for record in one.records] == [f"w{n} " for n in range(6)] + [
        "[DONE]"
    ]
    moments = [arrival.at_s for arrival in seen.arrivals]
    assert moments == sorted(moments)
    assert 0.4 < moments[-1] < 3
    assert len(seen.arrivals) == len(seen.midst)


def test_what_is_asked_arrives_as_it_was_said():
    asked: list[tuple[str, bytes]] = []

    def script(peer: Peer) -> None:
        body = peer.sock.recv(65536)
        asked.append((peer.request.decode("latin-1"), body))
        peer.answer(200, b"ok")

    with far_side(script) as url:
        one(
            f"{url}/a%20b?q=ü",
            headers=[("X-Twice", "1"), ("X-Twice", "2"), ("Accept", "text/event-stream")],
            body=b'{"stream": true}',
        )
    head, body = asked[0]
    assert head.startswith("POST /a%20b?q=%C3%BC HTTP/1.1\r\n")
    assert body == b'{"stream": true}'
    assert head.count("X-Twice: ") == 2
    assert head.lower().count("accept: ") == 1
    for line in ("Accept: text/event-stream", "Content-Type: application/json", "Content-Length: 16", "User-Agent: flushcheck/", "Accept-Encoding: gzip, deflate, br, zstd"):  # fmt: skip
        assert line in head


@pytest.mark.parametrize(
    ("asked", "begins"),
    [
        ({}, "GET / "),
        ({"method": "DELETE"}, "DELETE / "),
        ({"body": b"a=1"}, "POST / "),
        ({"body": b"", "method": "PUT"}, "PUT / "),
    ],
)
def test_the_method_is_as_curl_has_it(asked, begins):
    seen: list[str] = []

    def script(peer: Peer) -> None:
        seen.append(peer.request.decode())
        peer.answer(200, b"ok")

    with far_side(script) as url:
        one(url, **asked)
    assert seen[0].startswith(begins)


def compressed(peer: Peer) -> None:
    packer = zlib.compressobj(wbits=31)
    peer.send(SSE.replace(b"Transfer", b"Content-Encoding: gzip\r\nTransfer"))
    for seq, _ in pace(4, 0.05):
        peer.chunk(packer.compress(b"data: %d\n\n" % seq) + packer.flush(zlib.Z_SYNC_FLUSH))
    peer.chunk(packer.flush())
    peer.send(LAST)


def bomb(peer: Peer) -> None:
    peer.send(CHUNKED.replace(b"Transfer", b"Content-Encoding: gzip\r\nTransfer"))
    peer.chunk(gzip.compress(bytes(50_000_000)))
    peer.send(LAST)


def flood(peer: Peer) -> None:
    peer.send(TO_CLOSE)
    while True:
        peer.send(b"x" * 65536)


def lines_without_end(peer: Peer) -> None:
    peer.send(TO_CLOSE.replace(b"text/plain", b"application/x-ndjson"))
    while True:
        peer.send(b"1\n" * 30_000)


def forever(peer: Peer) -> None:
    peer.send(SSE)
    events(peer, 1000, 0.05)


def endless_header(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        peer.send(b"X: y\r\n" * 1000)


def half(peer: Peer) -> None:
    peer.send(SSE)
    events(peer, 3)
    peer.reset()


def ends_without_last_chunk(peer: Peer) -> None:
    peer.send(SSE)
    events(peer, 3)


ROWS = [
    # name, far side, ending, words in the detail, records at least
    ("compressed, and flushed", compressed, Ending.ENDED, "", 4),
    ("a bomb", bomb, Ending.CUT, "MiB of text", 0),
    ("a flood", flood, Ending.STOPPED, "8 MiB", 1),
    ("records without end", lines_without_end, Ending.STOPPED, "100000 records", 100_000),
    ("never ends", forever, Ending.STOPPED, "not ended after 1.5 s", 10),
    ("silence", lambda peer: peer.stay(), Ending.UNREACHABLE, "no answer within 1.5 s", 0),
    ("an endless header", endless_header, Ending.UNREACHABLE, "no answer in HTTP", 0),
    ("no HTTP", lambda peer: peer.send(b"SSH-2.0-x\r\n"), Ending.UNREACHABLE, "no answer in HTTP", 0),
    ("hangs up", lambda peer: peer.reset(), Ending.UNREACHABLE, "no answer", 0),
    ("breaks off", half, Ending.CUT, "", 3),
    ("ends too early", ends_without_last_chunk, Ending.CUT, "", 3),
    ("wrong chunk sizes", lambda peer: peer.send(CHUNKED + b"zz\r\n"), Ending.CUT, "", 0),
    ("not found", lambda peer: peer.answer(404, b'{"error": "no"}'), Ending.REFUSED, "status 404", 0),
    ("a redirect", lambda peer: peer.answer(302, b"x", extra="Location: http://else/\r\n"), Ending.REFUSED, "redirected to http://else/", 0),
    ("an unknown encoding", lambda peer: peer.answer(200, b"x", extra="Content-Encoding: lzma\r\n"), Ending.CUT, "lzma", 0),
    ("ended by closing", lambda peer: peer.send(TO_CLOSE + b"data: x\n\n"), Ending.CLOSED, "", 1),
    ("a short answer", lambda peer: peer.answer(200, b"da", "text/plain"), Ending.ENDED, "", 1),
    ("nothing", lambda peer: peer.answer(204, b""), Ending.ENDED, "", 0),
]  # fmt: skip


@pytest.fixture(scope="module")
def seen() -> dict[str, Watched]:
    def look(row):
        with far_side(row[1]) as url:
            return one(f"{url}/stream", timeout_s=1.5)

    with ThreadPoolExecutor(6) as pool:
        return dict(zip((row[0] for row in ROWS), pool.map(look, ROWS), strict=True))


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_whatever_a_far_side_does_is_an_ending_in_time(row, seen):
    name, _, ending, words, records = row
    watched = seen[name]
    assert (watched.ending, words in watched.detail) == (ending, True), watched.detail
    assert watched.detail.isprintable()
    assert watched.ended_s < 5
    assert sum(len(arrival.pieces) for arrival in watched.arrivals) >= records
    assert len(watched.arrivals) == len(watched.midst)
    judge(watched)


def test_nobody_there_is_told():
    watched = one("http://127.0.0.1:1/x", timeout_s=2)
    assert watched.ending is Ending.UNREACHABLE
    assert "nothing listens" in watched.detail


def test_two_addresses_are_asked_at_the_same_time():
    together = threading.Barrier(2, timeout=5)

    def script(peer: Peer) -> None:
        together.wait()
        chat(peer)

    came: list[Came] = []
    with far_side(script) as first, far_side(script) as second:
        both = watch([ask(first), ask(second)], timeout_s=5, on_came=came.append)
    assert [watched.done for watched in both] == [True, True]
    assert {one.index for one in came} == {0, 1}
    assert [watched.url for watched in both] == [first, second]


def test_an_interrupt_means_enough():
    def interrupt(_: Came) -> None:
        raise KeyboardInterrupt

    with far_side(forever) as url:
        began = time.monotonic()
        (watched,) = watch([ask(url)], timeout_s=30, on_came=interrupt)
    assert time.monotonic() - began < 5
    assert (watched.ending, "by hand" in watched.detail) == (Ending.STOPPED, True)
    assert watched.arrivals


def test_a_fault_of_ours_is_raised(monkeypatch):
    def fault(_: object) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(watching, "Follower", fault)
    with far_side(chat) as url, pytest.raises(RuntimeError, match="ours"):
        one(url)


MISUSES = [
    ({"url": "localhost/x"},                                "expected an address"),
    ({"url": ""},                                           "expected an address"),
    ({"url": "ftp://x/"},                                   "expected http:// or https://"),
    ({"url": "http://x/#part"},                             "without spaces and #"),
    ({"url": "http://x/a b"},                               "without spaces"),
    ({"url": "http://user:pw@x/"},                          "without name and password"),
    ({"url": "http://[::1/"},                               "expected an address"),
    ({"url": "http://x:99999/"},                            "expected an address"),
    ({"url": "http://x/" + "a" * 9000},                     "expected an address"),
    ({"url": "http://x", "method": "GE T"},                 "expected a word"),
    ({"url": "http://x", "headers": [("A b", "c")]},        "header name 'A b'"),
    ({"url": "http://x", "headers": [("", "c")]},           "header name ''"),
    ({"url": "http://x", "headers": [("A", "b\r\nC: d")]},  "printable"),
    ({"url": "http://x", "headers": [("A", "世")]},          "printable"),
    ({"url": "http://x", "headers": [("Host", "y")]},       "does not set itself"),
    ({"url": "http://x", "body": b"x" * (MAX_BODY_BYTES + 1)}, "expected at most"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "says"), MISUSES, ids=lambda value: str(value)[:40])
def test_misuse_is_told_with_an_example_and_without_the_secret(wrong, says):
    with pytest.raises(UsageError) as told:
        ask(**wrong)
    assert says in str(told.value)
    assert "for example" in str(told.value)
    assert "pw" not in str(told.value).replace("example", "")


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan"), 601])
def test_a_time_out_is_bounded(timeout_s):
    with pytest.raises(UsageError, match="for example timeout="):
        watch([], timeout_s=timeout_s)


def test_json_is_what_a_script_gets():
    from flushcheck.reports.watch import watch_document

    with far_side(chat) as url:
        document = watch_document(judge(one(url)))
    assert json.loads(json.dumps(document))["streams"][0]["records"] == 6
