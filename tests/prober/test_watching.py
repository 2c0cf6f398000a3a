"""Watching streams of other apps, on peers that keep no rule."""

from __future__ import annotations

import gzip
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.model import Client as AskedAs
from flushcheck.model import Observation, Outcome, Run, Transport, UsageError, Vantage, Variant
from flushcheck.model.run_schema import run_from_json, run_to_json
from flushcheck.prober import own_stream
from flushcheck.prober.own_stream import MAX_RECORDS, ReadEvent
from flushcheck.prober.target import ConnectionOptions
from flushcheck.prober.watch_request import MAX_BODY_BYTES, watch_request
from flushcheck.prober.watching import Repeating, watch
from tests.prober.peers import CHUNKED, PATIENCE_S, TO_CLOSE, Client, pace, scripted_server

pytestmark = pytest.mark.usefixtures("undisturbed")

SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"


def events(client: Client, count: int = 6, interval_s: float = 0.1) -> None:
    """Send events that stay apart on a busy machine too."""
    for seq, _ in client.paced(count, interval_s):
        client.chunk(b'data: {"delta": "w%d "}\n\n' % seq)


def chat(client: Client) -> None:
    client.send(SSE)
    events(client)
    client.chunk(b"data: [DONE]\n\n")
    client.send(LAST)


def follow(url: str, *, timeout_s: float = PATIENCE_S, **arguments: object) -> Observation:
    run = watch(watch_request(url, **arguments), timeout_s=timeout_s)  # type: ignore[arg-type]
    (seen,) = run.observations
    return seen


def test_a_chat_is_followed_live():
    events_seen: list[ReadEvent] = []
    with scripted_server(chat) as url:
        began = time.monotonic()
        run = watch(watch_request(f"{url}/chat?q=1"), timeout_s=PATIENCE_S, on_read=events_seen.append)
        took_s = time.monotonic() - began
    (seen,) = run.observations
    assert (seen.outcome, seen.framing, seen.done, seen.status, seen.delimited) == (
        Outcome.COMPLETE,
        "server-sent events",
        True,
        200,
        True,
    )
    assert (seen.probe.transport, seen.records, seen.pieces) == (Transport.EVENTS, 6, ())
    assert (run.method, run.target, run.direct) == ("GET", f"{url}/chat?q=1", "")
    assert [record.text for event in events_seen for record in event.records] == [
        f"w{n} " for n in range(6)
    ] + ["[DONE]"]
    moments = [arrival.at_s for arrival in seen.arrivals]
    assert moments == sorted(moments)
    assert 0.5 <= moments[-1] <= took_s


def test_the_request_arrives_as_it_was_given():
    received: list[tuple[str, bytes]] = []

    def script(client: Client) -> None:
        body = client.sock.recv(65536)
        received.append((client.request.decode("latin-1"), body))
        client.respond(200, b"ok")

    with scripted_server(script) as url:
        follow(
            f"{url}/a%20b?q=ü",
            options=ConnectionOptions(
                headers=(("X-Twice", "1"), ("X-Twice", "2"), ("Accept", "text/event-stream"))
            ),
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
    events(client, 3000, 0.05)


def endless_header(client: Client) -> None:
    client.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        client.send(b"X: y\r\n" * 1000)


def half(client: Client) -> None:
    client.send(SSE)
    events(client, 3)
    client.wait_until_read()  # a reset overtakes what lies unread
    client.reset()


def ends_without_last_chunk(client: Client) -> None:
    client.send(SSE)
    events(client, 3)


ROWS = [
    # name, peer, outcome, words in the detail, records at least
    ("compressed, and flushed", compressed, Outcome.COMPLETE, "", 4),
    ("a bomb", bomb, Outcome.CUT, "MiB of text", 0),
    ("a flood", flood, Outcome.STOPPED, "8 MiB", 1),
    ("never ends", forever, Outcome.STOPPED, "did not end within 1.5 s", 10),
    ("silence", lambda client: client.wait_for_close(), Outcome.TIMEOUT, "no response within 1.5 s", 0),
    ("an endless header", endless_header, Outcome.UNREACHABLE, "no HTTP response", 0),
    ("no HTTP", lambda client: client.send(b"SSH-2.0-x\r\n"), Outcome.UNREACHABLE, "no HTTP response", 0),
    ("hangs up", lambda client: client.reset(), Outcome.UNREACHABLE, "no HTTP response", 0),
    ("breaks off", half, Outcome.CUT, "", 3),
    ("ends too early", ends_without_last_chunk, Outcome.CUT, "", 3),
    ("wrong chunk sizes", lambda client: client.send(CHUNKED + b"zz\r\n"), Outcome.CUT, "", 0),
    ("not found", lambda client: client.respond(404, b'{"error": "no"}'), Outcome.REFUSED, "status 404", 0),
    ("a redirect", lambda client: client.respond(302, b"x", extra="Location: http://else/\r\n"), Outcome.REFUSED, "it redirects to another host, http://else/ (status 302)", 0),
    ("an unknown encoding", lambda client: client.respond(200, b"x", extra="Content-Encoding: lzma\r\n"), Outcome.CUT, "lzma", 0),
    ("ended by closing", lambda client: client.send(TO_CLOSE + b"data: x\n\n"), Outcome.COMPLETE, "", 1),
    ("a short response", lambda client: client.respond(200, b"da", "text/plain"), Outcome.COMPLETE, "", 1),
    ("nothing", lambda client: client.respond(204, b""), Outcome.COMPLETE, "", 0),
]  # fmt: skip


@pytest.fixture(scope="module")
def seen() -> dict[str, Observation]:
    def follow_row(row):
        with scripted_server(row[1]) as url:
            return follow(f"{url}/stream", timeout_s=1.5 if "within 1.5 s" in row[3] else PATIENCE_S)

    with ThreadPoolExecutor(6) as pool:
        return dict(zip((row[0] for row in ROWS), pool.map(follow_row, ROWS), strict=True))


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_whatever_a_peer_does_is_an_outcome_in_time(row, seen):
    name, _, ending, words, records = row
    capture = seen[name]
    assert (capture.outcome, words in capture.detail) == (ending, True), capture.detail
    assert capture.detail.isprintable()
    assert capture.ended_s < PATIENCE_S
    assert capture.records >= records
    run = Run("http://x/", (capture,))
    assert run_from_json(run_to_json(run)) == run
    judge(run)


def test_records_without_end_stop_at_their_limit():
    with scripted_server(lines_without_end) as url:
        capture = follow(f"{url}/stream", timeout_s=30)
    assert (capture.outcome, capture.detail) == (Outcome.STOPPED, "more records or reads than are kept")
    assert capture.records == MAX_RECORDS


def test_a_closed_port_is_unreachable():
    capture = follow("http://127.0.0.1:1/x", timeout_s=2)
    assert capture.outcome is Outcome.UNREACHABLE
    assert "nothing listens" in capture.detail


def test_two_addresses_are_asked_at_the_same_time():
    together = threading.Barrier(2, timeout=PATIENCE_S)

    def script(client: Client) -> None:
        together.wait()
        chat(client)

    events_seen: list[ReadEvent] = []
    with scripted_server(script) as first, scripted_server(script) as second:
        run = watch(
            watch_request(first), watch_request(second), timeout_s=PATIENCE_S, on_read=events_seen.append
        )
    assert [observation.done for observation in run.observations] == [True, True]
    assert {event.probe.vantage for event in events_seen} == {Vantage.PATH, Vantage.DIRECT}
    assert (run.target, run.direct) == (first, second)


def test_an_interrupt_stops_the_watching():
    def interrupt(_: ReadEvent) -> None:
        raise KeyboardInterrupt

    with scripted_server(forever) as url:
        began = time.monotonic()
        (capture,) = watch(watch_request(url), timeout_s=150, repeat=True, on_read=interrupt).observations
    assert time.monotonic() - began < PATIENCE_S
    assert (capture.outcome, "interrupted" in capture.detail) == (Outcome.STOPPED, True)
    assert capture.arrivals


def test_a_bug_is_raised(monkeypatch):
    def fault(_: object) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(own_stream, "RecordParser", fault)
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
        watch(watch_request("http://127.0.0.1:1/"), timeout_s=timeout_s)


def headers_of(requests: list[str], name: str) -> list[str]:
    """The values of one header, request by request; "" where it is missing."""
    found = []
    for request in requests:
        lines = [line.partition(": ") for line in request.split("\r\n")]
        found.append(next((value for key, _, value in lines if key.lower() == name), ""))
    return found


def test_the_request_is_repeated_with_one_difference_each():
    requests: list[str] = []
    announced: list[Repeating] = []
    live: list[ReadEvent] = []

    def script(client: Client) -> None:
        requests.append(client.request.decode())
        if "gzip" in requests[-1]:
            time.sleep(1.5)  # far longer than the others take on a busy machine
            client.send(SSE.replace(b"Transfer", b"Content-Encoding: gzip\r\nTransfer"))
            client.chunk(gzip.compress(b"".join(b"data: %d\n\n" % seq for seq in range(6))))
            client.send(LAST)
        else:
            client.send(SSE)
            events(client, 6, 0.12)
            client.send(LAST)

    with scripted_server(script) as url:
        run = watch(
            watch_request(url),
            timeout_s=PATIENCE_S,
            repeat=True,
            on_read=live.append,
            on_repeat=announced.append,
        )
    variants = [observation.probe.variant for observation in run.observations]
    alone = [Variant.DEFLATE, Variant.BR, Variant.ZSTD]
    assert variants == [Variant.BASELINE, Variant.IDENTITY, Variant.HTTP10, Variant.EVENT_STREAM, *alone]
    assert [len(repeating.probes) for repeating in announced] == [3, 3]
    assert {event.probe.variant for event in live} == {Variant.BASELINE}
    assert sum(" HTTP/1.0\r\n" in request for request in requests) == 1
    browser = "gzip, deflate, br, zstd"
    assert sorted(headers_of(requests, "accept-encoding")) == sorted(
        [browser] * 3 + ["identity", "deflate", "br", "zstd"]
    )
    assert sorted(headers_of(requests, "accept")) == ["*/*"] * 6 + ["text/event-stream"]


def test_a_stream_without_end_is_repeated_for_as_many_records():
    with scripted_server(forever) as url:
        run = watch(watch_request(url), timeout_s=1.0, repeat=True)
    first, *others = run.observations
    assert first.outcome is Outcome.STOPPED
    assert len(others) == 4
    assert all(other.records <= first.records for other in others)
    assert {other.outcome for other in others} == {Outcome.STOPPED}


def test_the_body_ends_without_a_length():
    with scripted_server(lambda client: client.send(TO_CLOSE + b"data: x\n\n")) as url:
        assert not follow(url).delimited


def test_a_client_that_chose_http_1_1_is_no_browser():
    from flushcheck.prober.target import Protocol

    with scripted_server(chat) as url:
        seen = follow(url, options=ConnectionOptions(protocol=Protocol.HTTP1))
    assert seen.probe.client is AskedAs.HTTP1


MEMBERS = [gzip.compress(b"data: %d\n\n" % seq) for seq in range(4)]


def members(client: Client) -> None:
    client.send(SSE.replace(b"Transfer", b"Content-Encoding: gzip\r\nTransfer"))
    for member in MEMBERS:
        client.chunk(member)
    client.send(LAST)


def test_a_member_of_gzip_for_each_piece_is_read_as_browsers_read_it():
    with scripted_server(members) as url:
        seen = follow(url)
    assert (seen.records, seen.unread_bytes) == (1, sum(map(len, MEMBERS[1:])))
    assert (seen.compressed_head[:6], seen.head_bytes) == ("1f8b08", 10)


SHOWN = [
    ("http://x/a?q=1&api_key=abcdef&n=2", "http://x/a?q=1&api_key=…&n=2"),
    ("http://x/a?access_token=abcdef",    "http://x/a?access_token=…"),
    ("http://x/a?token=&x",               "http://x/a?token=&x"),
    ("http://x/a",                        "http://x/a"),
]  # fmt: skip


@pytest.mark.parametrize(("url", "shown"), SHOWN)
def test_no_report_shows_what_looks_like_a_secret_in_the_query(url, shown):
    assert watch_request(url).shown_url == shown


SAFE = [({}, True), ({"method": "HEAD"}, True), ({"body": b"{}"}, False), ({"method": "PUT"}, False)]


@pytest.mark.parametrize(("arguments", "safe"), SAFE)
def test_only_requests_that_change_nothing_are_safe(arguments, safe):
    assert watch_request("http://x/", **arguments).is_safe is safe


def test_the_callers_headers_are_known_by_name():
    request = watch_request("http://x/", options=ConnectionOptions(headers=(("Accept-Encoding", "br"),)))
    assert request.own_headers == {"accept-encoding"}
