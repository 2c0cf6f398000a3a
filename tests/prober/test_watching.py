"""Watching streams of other apps, on peers that keep no rule."""

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
from flushcheck.prober.watch_request import MAX_BODY_BYTES, watch_request
from flushcheck.prober.watching import ReadEvent, watch
from flushcheck.watching.records import MAX_RECORDS, StreamFormat
from flushcheck.watching.stream_capture import StreamCapture, WatchOutcome
from flushcheck.watching.verdict import assess
from tests.prober.peers import CHUNKED, TO_CLOSE, Client, pace, scripted_server

SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"


def events(client: Client, count: int = 6, interval_s: float = 0.1) -> None:
    for seq, _ in pace(count, interval_s):
        client.chunk(b'data: {"delta": "w%d "}\n\n' % seq)


def chat(client: Client) -> None:
    client.send(SSE)
    events(client)
    client.chunk(b"data: [DONE]\n\n")
    client.send(LAST)


def follow(url: str, *, timeout_s: float = 5.0, **arguments: object) -> StreamCapture:
    (seen,) = watch([watch_request(url, **arguments)], timeout_s=timeout_s)  # type: ignore[arg-type]
    return seen


def test_a_chat_is_followed_live():
    events_seen: list[ReadEvent] = []
    with scripted_server(chat) as url:
        (seen,) = watch([watch_request(f"{url}/chat?q=1")], timeout_s=5, on_read=events_seen.append)
    assert (seen.outcome, seen.format, seen.done, seen.status) == (
        WatchOutcome.ENDED,
        StreamFormat.EVENTS,
        True,
        200,
    )
    assert [record.text for event in events_seen for record in event.records] == [
        f"w{n} " for n in range(6)
    ] + ["[DONE]"]
    moments = [arrival.at_s for arrival in seen.arrivals]
    assert moments == sorted(moments)
    assert 0.4 < moments[-1] < 3
    assert len(seen.arrivals) == len(seen.mid_record)


def test_the_request_arrives_as_it_was_given():
    received: list[tuple[str, bytes]] = []

    def script(client: Client) -> None:
        body = client.sock.recv(65536)
        received.append((client.request.decode("latin-1"), body))
        client.respond(200, b"ok")

    with scripted_server(script) as url:
        follow(
            f"{url}/a%20b?q=ü",
            headers=[("X-Twice", "1"), ("X-Twice", "2"), ("Accept", "text/event-stream")],
            body=b'{"stream": true}',
        )
    head, body = received[0]
    assert head.startswith("POST /a%20b?q=%C3%BC HTTP/1.1\r\n")
    assert body == b'{"stream": true}'
    assert head.count("X-Twice: ") == 2
    assert head.lower().count("accept: ") == 1
    for line in ("Accept: text/event-stream", "Content-Type: application/json", "Content-Length: 16", "User-Agent: flushcheck/", "Accept-Encoding: gzip, deflate, br, zstd"):  # fmt: skip
        assert line in head


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        ({}, "GET / "),
        ({"method": "DELETE"}, "DELETE / "),
        ({"body": b"a=1"}, "POST / "),
        ({"body": b"", "method": "PUT"}, "PUT / "),
    ],
)
def test_the_method_is_as_curl_has_it(arguments, begins):
    seen: list[str] = []

    def script(client: Client) -> None:
        seen.append(client.request.decode())
        client.respond(200, b"ok")

    with scripted_server(script) as url:
        follow(url, **arguments)
    assert seen[0].startswith(begins)


def compressed(client: Client) -> None:
    packer = zlib.compressobj(wbits=31)
    client.send(SSE.replace(b"Transfer", b"Content-Encoding: gzip\r\nTransfer"))
    for seq, _ in pace(4, 0.05):
        client.chunk(packer.compress(b"data: %d\n\n" % seq) + packer.flush(zlib.Z_SYNC_FLUSH))
    client.chunk(packer.flush())
    client.send(LAST)


BOMB = gzip.compress(bytes(50_000_000), 1)


def bomb(client: Client) -> None:
    client.send(CHUNKED.replace(b"Transfer", b"Content-Encoding: gzip\r\nTransfer"))
    client.chunk(BOMB)
    client.send(LAST)


def flood(client: Client) -> None:
    client.send(TO_CLOSE)
    while True:
        client.send(b"x" * 65536)


def lines_without_end(client: Client) -> None:
    client.send(TO_CLOSE.replace(b"text/plain", b"application/x-ndjson"))
    while True:
        client.send(b"1\n" * 30_000)


def forever(client: Client) -> None:
    client.send(SSE)
    events(client, 1000, 0.05)


def endless_header(client: Client) -> None:
    client.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        client.send(b"X: y\r\n" * 1000)


def half(client: Client) -> None:
    client.send(SSE)
    events(client, 3)
    client.reset()


def ends_without_last_chunk(client: Client) -> None:
    client.send(SSE)
    events(client, 3)


ROWS = [
    # name, peer, outcome, words in the detail, records at least
    ("compressed, and flushed", compressed, WatchOutcome.ENDED, "", 4),
    ("a bomb", bomb, WatchOutcome.CUT, "MiB of text", 0),
    ("a flood", flood, WatchOutcome.STOPPED, "8 MiB", 1),
    ("never ends", forever, WatchOutcome.STOPPED, "did not end within 1.5 s", 10),
    ("silence", lambda client: client.wait_for_close(), WatchOutcome.UNREACHABLE, "no response within 1.5 s", 0),
    ("an endless header", endless_header, WatchOutcome.UNREACHABLE, "no HTTP response", 0),
    ("no HTTP", lambda client: client.send(b"SSH-2.0-x\r\n"), WatchOutcome.UNREACHABLE, "no HTTP response", 0),
    ("hangs up", lambda client: client.reset(), WatchOutcome.UNREACHABLE, "no HTTP response", 0),
    ("breaks off", half, WatchOutcome.CUT, "", 3),
    ("ends too early", ends_without_last_chunk, WatchOutcome.CUT, "", 3),
    ("wrong chunk sizes", lambda client: client.send(CHUNKED + b"zz\r\n"), WatchOutcome.CUT, "", 0),
    ("not found", lambda client: client.respond(404, b'{"error": "no"}'), WatchOutcome.REFUSED, "status 404", 0),
    ("a redirect", lambda client: client.respond(302, b"x", extra="Location: http://else/\r\n"), WatchOutcome.REFUSED, "redirected to http://else/", 0),
    ("an unknown encoding", lambda client: client.respond(200, b"x", extra="Content-Encoding: lzma\r\n"), WatchOutcome.CUT, "lzma", 0),
    ("ended by closing", lambda client: client.send(TO_CLOSE + b"data: x\n\n"), WatchOutcome.CLOSED, "", 1),
    ("a short response", lambda client: client.respond(200, b"da", "text/plain"), WatchOutcome.ENDED, "", 1),
    ("nothing", lambda client: client.respond(204, b""), WatchOutcome.ENDED, "", 0),
]  # fmt: skip


@pytest.fixture(scope="module")
def seen() -> dict[str, StreamCapture]:
    def follow_row(row):
        with scripted_server(row[1]) as url:
            return follow(f"{url}/stream", timeout_s=1.5)

    with ThreadPoolExecutor(6) as pool:
        return dict(zip((row[0] for row in ROWS), pool.map(follow_row, ROWS), strict=True))


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_whatever_a_peer_does_is_an_outcome_in_time(row, seen):
    name, _, ending, words, records = row
    capture = seen[name]
    assert (capture.outcome, words in capture.detail) == (ending, True), capture.detail
    assert capture.detail.isprintable()
    assert capture.ended_s < 5
    assert sum(len(arrival.pieces) for arrival in capture.arrivals) >= records
    assert len(capture.arrivals) == len(capture.mid_record)
    assess(capture)


def test_records_without_end_stop_at_their_limit():
    with scripted_server(lines_without_end) as url:
        capture = follow(f"{url}/stream", timeout_s=30)
    assert (capture.outcome, capture.detail) == (WatchOutcome.STOPPED, "more records or reads than are kept")
    assert sum(len(arrival.pieces) for arrival in capture.arrivals) == MAX_RECORDS


def test_a_closed_port_is_unreachable():
    capture = follow("http://127.0.0.1:1/x", timeout_s=2)
    assert capture.outcome is WatchOutcome.UNREACHABLE
    assert "nothing listens" in capture.detail


def test_two_addresses_are_asked_at_the_same_time():
    together = threading.Barrier(2, timeout=5)

    def script(client: Client) -> None:
        together.wait()
        chat(client)

    events_seen: list[ReadEvent] = []
    with scripted_server(script) as first, scripted_server(script) as second:
        both = watch([watch_request(first), watch_request(second)], timeout_s=5, on_read=events_seen.append)
    assert [capture.done for capture in both] == [True, True]
    assert {event.index for event in events_seen} == {0, 1}
    assert [capture.url for capture in both] == [first, second]


def test_an_interrupt_stops_the_watching():
    def interrupt(_: ReadEvent) -> None:
        raise KeyboardInterrupt

    with scripted_server(forever) as url:
        began = time.monotonic()
        (capture,) = watch([watch_request(url)], timeout_s=30, on_read=interrupt)
    assert time.monotonic() - began < 5
    assert (capture.outcome, "interrupted" in capture.detail) == (WatchOutcome.STOPPED, True)
    assert capture.arrivals


def test_a_bug_is_raised(monkeypatch):
    def fault(_: object) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(watching, "RecordParser", fault)
    with scripted_server(chat) as url, pytest.raises(RuntimeError, match="ours"):
        follow(url)


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
    ({"url": "http://x", "method": "GE T"},                 "expected one word"),
    ({"url": "http://x", "headers": [("A b", "c")]},        "header name 'A b'"),
    ({"url": "http://x", "headers": [("", "c")]},           "header name ''"),
    ({"url": "http://x", "headers": [("A", "b\r\nC: d")]},  "printable"),
    ({"url": "http://x", "headers": [("A", "世")]},          "printable"),
    ({"url": "http://x", "headers": [("Host", "y")]},       "does not set itself"),
    ({"url": "http://x", "body": b"x" * (MAX_BODY_BYTES + 1)}, "expected at most"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "says"), MISUSES, ids=lambda value: str(value)[:40])
def test_misuse_gets_an_example_and_never_the_secret(wrong, says):
    with pytest.raises(UsageError) as raised:
        watch_request(**wrong)
    assert says in str(raised.value)
    assert "for example" in str(raised.value)
    assert "pw" not in str(raised.value).replace("example", "")


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan"), 601])
def test_a_time_out_is_bounded(timeout_s):
    with pytest.raises(UsageError, match="for example "):
        watch([], timeout_s=timeout_s)


def test_json_is_what_a_script_gets():
    from flushcheck.reports.watch import watch_document

    with scripted_server(chat) as url:
        document = watch_document(assess(follow(url)))
    assert json.loads(json.dumps(document))["streams"][0]["records"] == 6
