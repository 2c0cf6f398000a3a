"""The origin's side of the protocol: a request in, a response out, without a server."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flushcheck.model import EndRecord, Piece, Transport
from flushcheck.protocol.capabilities import read_capabilities
from flushcheck.protocol.origin import NAMES, OPTIONAL, Origin, Params, Request, Response
from flushcheck.streaming.transports import decoder

TOKEN = "0123456789abcdef"
TODAY = "2026-11-28"


def origin(**options: object) -> Origin:
    return Origin(**{"token": TOKEN, "until": "2026-12-05", **options})  # type: ignore[arg-type]


def asked(query: str, *, method: str = "GET", token: str = TOKEN, websocket: bool = False) -> Request:
    return Request(
        method, query, {"x-flushcheck-token": token} if token else {}, "HTTP/1.1", "test", websocket=websocket
    )


def response(query: str, **options: object) -> Response:
    found = origin(**options).respond(asked(query), TODAY)
    assert found is not None
    return found


def sent(found: Response) -> bytes:
    assert found.stream is not None
    return b"".join(write(due_s) for due_s, write in found.stream.writes())


SILENT = [
    # name                   request                                        today
    ("no token",             asked("fc=1", token=""),                       TODAY),
    ("a wrong token",        asked("fc=1", token="0123456789abcdeF"),       TODAY),
    ("a part of the token",  asked("fc=1", token=TOKEN[:-1]),               TODAY),
    ("another alphabet",     asked("fc=1", token="ü" * 16),                 TODAY),
    ("half a character",     asked("fc=1", token="\ud800" * 16),            TODAY),
    ("a wrong one in k",     asked("fc=1&k=x", token=""),                   TODAY),
    ("the header counts",    asked(f"fc=1&k={TOKEN}", token="x" * 16),      TODAY),
    ("after its last day",   asked("fc=1"),                                 "2026-12-06"),
    ("without fc",           asked("count=3"),                              TODAY),
    ("no query",             asked(""),                                     TODAY),
    ("a POST",               asked("fc=1", method="POST"),                  TODAY),
    ("a HEAD",               asked("fc=1", method="HEAD"),                  TODAY),
    ("too many fields",      asked("fc=1" + "&a=1" * 100),                  TODAY),
]  # fmt: skip


@pytest.mark.parametrize(("name", "request_", "today"), SILENT, ids=[row[0] for row in SILENT])
def test_what_is_not_for_the_origin_gets_nothing(name, request_, today):
    assert origin().respond(request_, today) is None


OPEN = [
    ("the header",         asked("fc=1"),                     TODAY),
    ("k in the query",     asked(f"fc=1&k={TOKEN}", token=""), TODAY),
    ("its last day",       asked("fc=1"),                     "2026-12-05"),
    ("a query of its own", asked("route=a&fc=1&nonce=3"),     TODAY),
]  # fmt: skip


@pytest.mark.parametrize(("name", "request_", "today"), OPEN, ids=[row[0] for row in OPEN])
def test_who_has_the_token_gets_the_capabilities(name, request_, today):
    found = origin().respond(request_, today)
    assert found is not None
    assert read_capabilities(found.body).until == "2026-12-05"
    assert ("Cache-Control", "no-store") in found.headers


@pytest.mark.parametrize(("token", "until"), [("short", "2026-12-05"), ("@@TOKEN@@@@TOKEN@@", "2026-12-05"), (TOKEN, ""), (TOKEN, "@@UNTIL@@"), (TOKEN, "soon")])  # fmt: skip
def test_a_mount_without_a_token_and_a_date_is_not_made(token, until):
    with pytest.raises(ValueError, match=r"token|date|isoformat"):
        Origin(token=token, until=until)


def test_a_mount_without_a_token_is_off():
    off = Origin(token="", until="")
    for token in ("", TOKEN):
        assert off.respond(asked("fc=1", token=token), TODAY) is None


def test_the_capabilities_are_those_of_the_mount():
    found = response(
        "fc=1", streams=3, duration_s=30, max_bytes=9999, transports=("events",), program="x", place="outer",
        layers=lambda: ("A", "B"), taps=lambda _: None,
    )  # fmt: skip
    read = read_capabilities(found.body)
    assert (read.max_streams, read.max_duration_s, read.max_bytes) == (3, 30.0, 9999)
    assert (read.transports, read.params) == ((Transport.EVENTS,), OPTIONAL)
    assert (read.origin, read.place, read.layers, read.taps) == ("x", "outer", ("A", "B"), True)


@pytest.mark.parametrize("transport", [Transport.CHUNKED, Transport.EVENTS])
def test_a_stream_is_read_by_the_client(transport):
    found = response(f"fc={transport}&count=5&interval=0.1&jitter=0.05&size=20&spread=10&pad=7")
    records = decoder(transport).feed(sent(found))
    whole = [record for record in records if isinstance(record, Piece)]
    end = records[-1]
    assert isinstance(end, EndRecord)
    assert [piece.seq for piece in whole] == [0, 1, 2, 3, 4]
    assert all(15 <= len(piece.text) <= 25 for piece in whole)
    assert (end.count, end.request_at_app.protocol, end.request_at_app.server) == (5, "HTTP/1.1", "test")


def test_a_websocket_is_asked_for_by_its_handshake_only():
    streams = origin(transports=("chunked", "websocket"))
    found = streams.respond(asked("fc=websocket&count=2", websocket=True), TODAY)
    assert found is not None
    assert found.stream is not None
    messages = [json.loads(write(0.0)) for _, write in found.stream.writes()]
    assert [message.get("seq") for message in messages] == [0, 1, None]
    for query, websocket in (("fc=websocket", False), ("fc=chunked", True)):
        refused = streams.respond(asked(query, websocket=websocket), TODAY)
        assert refused is not None
        assert refused.status == 400


@pytest.mark.parametrize(("jitter", "delay"), [(0.0, 0.0), (0.1, 0.0), (0.05, 2.0)])
def test_pieces_are_due_in_order_and_in_time(jitter, delay):
    found = response(f"fc=chunked&count=50&interval=0.1&jitter={jitter}&delay={delay}")
    assert found.stream is not None
    due = [due_s for due_s, _ in found.stream.writes()]
    assert due == sorted(due)
    for seq, due_s in enumerate(due[:-1]):
        assert delay + 0.1 * seq - 1e-9 <= due_s <= delay + 0.1 * seq + jitter + 1e-9
    assert due[-1] == due[-2], "the end comes with the last piece"


HEADERS = [
    ("plain",      "fc=chunked",                    {"Content-Type": "text/plain; charset=utf-8"}),
    ("events",     "fc=events",                     {"Content-Type": "text/event-stream; charset=utf-8"}),
    ("polling",    "fc=polling",                    {"Content-Type": "application/json"}),
    ("all hints",  "fc=chunked&xab=1&cache=1&nosniff=1",
                   {"Content-Type": "text/plain; charset=utf-8", "X-Accel-Buffering": "no",
                    "Cache-Control": "no-cache, no-transform", "X-Content-Type-Options": "nosniff"}),
    ("a type",     "fc=events&type=application/octet-stream", {"Content-Type": "application/octet-stream; charset=utf-8"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "query", "headers"), HEADERS, ids=[row[0] for row in HEADERS])
def test_the_headers_are_those_that_were_asked_for(name, query, headers):
    assert dict(response(query).headers) == headers


BOUNDS = [
    # query                                  error; "": it is served
    ("fc=chunked&count=1",                   ""),
    ("fc=chunked&count=0",                   "count: expected a whole number from 1 to 1000"),
    ("fc=chunked&count=1000&interval=0",     ""),
    ("fc=chunked&count=1001&interval=0",     "count: "),
    ("fc=chunked&count=1_0",                 "count: "),
    ("fc=chunked&count=%D9%A3",              "count: "),
    ("fc=chunked&count=2&count=2",           "count: expected it once"),
    ("fc=1&fc=1",                            "fc: expected it once"),
    ("fc=chunked&a=2&a=3&count=1",           ""),
    ("fc=chunked&interval=60&count=2",       ""),
    ("fc=chunked&interval=60.1&count=2",     "count and interval: expected at most 60 seconds"),
    ("fc=chunked&interval=300&count=1",      ""),
    ("fc=chunked&interval=300.1&count=1",    "interval: expected 0 to 300 seconds"),
    ("fc=chunked&interval=-1",               "interval: "),
    ("fc=chunked&interval=inf",              "interval: "),
    ("fc=chunked&interval=.5",               "interval: "),
    ("fc=chunked&interval=0.0000000000001",  "interval: "),
    ("fc=chunked&interval=0.1&jitter=0.1",   ""),
    ("fc=chunked&interval=0.1&jitter=0.11",  "jitter: "),
    ("fc=chunked&size=65536&count=1",        ""),
    ("fc=chunked&size=65537&count=1",        "size: "),
    ("fc=chunked&size=10&spread=18",         ""),
    ("fc=chunked&size=10&spread=19",         "spread: "),
    ("fc=chunked&size=65535&spread=2&count=1", ""),
    ("fc=chunked&size=65535&spread=3&count=1", "spread: "),
    ("fc=chunked&size=65536&count=16&interval=0", ""),
    ("fc=chunked&size=65536&count=17&interval=0", "count and size: expected at most 1048576 bytes"),
    ("fc=chunked&pad=65537",                 "pad: "),
    ("fc=chunked&delay=30",                  ""),
    ("fc=chunked&delay=31",                  "delay: "),
    ("fc=chunked&delay=30&interval=2&count=17", "count and interval: "),
    ("fc=chunked&xab=2",                     "xab: expected a whole number from 0 to 1"),
    ("fc=chunked&type=text/html",            "type: expected text/plain"),
    ("fc=polling&count=1000&interval=300&size=60000", ""),
    ("fc=polling&cnt=20",                    "cnt: expected 0 to 19"),
    ("fc=polling&cnt=-1",                    "cnt: "),
    ("fc=nothing",                           "fc: expected 1, polling, chunked, events"),
    ("fc=websocket",                         "fc: "),
    ("fc=2",                                 "fc: "),
    ("fc=tap&id=0123456789abcdef",           "fc: "),
]  # fmt: skip


@pytest.mark.parametrize(("query", "error"), BOUNDS, ids=[row[0] for row in BOUNDS])
def test_what_is_out_of_bounds_is_refused_without_an_echo(query, error):
    found = response(query)
    assert found.status == (400 if error else 200)
    if error:
        data = json.loads(found.body)
        assert data["error"].startswith(error)
        assert data["request_at_app"]["protocol"] == "HTTP/1.1"


def test_no_more_streams_than_said_and_a_place_is_free_before_the_end_is_sent():
    streams = origin(streams=2)
    opened = [streams.respond(asked("fc=chunked&count=1"), TODAY) for _ in range(3)]
    assert [found.status for found in opened if found] == [200, 200, 503]
    full = opened[2]
    assert full is not None
    assert ("Retry-After", "1") in full.headers
    first = opened[0]
    assert first is not None
    assert first.stream is not None
    assert b'"end"' in [write(0.0) for _, write in first.stream.writes()][-1]
    again = streams.respond(asked("fc=chunked"), TODAY)
    assert again is not None
    assert again.status == 200, "the end was made, and not sent yet"
    first.stream.close()  # once more changes nothing
    assert len(streams._open) == 2


def test_taps_are_asked_by_their_id():
    notes = {"0123456789abcdef": [{"name": "view", "chunks": [[0.1, 3]]}]}
    taps = origin(taps=notes.get)
    for query, status in (("fc=tap&id=0123456789abcdef", 200), ("fc=tap&id=0123456789abcdee", 404), ("fc=tap", 404), ("fc=tap&id=../x", 404)):  # fmt: skip
        found = taps.respond(asked(query), TODAY)
        assert found is not None
        assert found.status == status
        assert ("places" in json.loads(found.body)) is (status == 200)


@given(st.dictionaries(st.sampled_from(sorted(NAMES)), st.text(max_size=20)), st.text(max_size=30))
def test_whatever_is_asked_gets_a_response_that_repeats_nothing(pairs, marker):
    marked = f"echo{''.join(char for char in marker if char.isalnum())}7f3a"
    query = urlencode({"fc": "chunked", **pairs, "something": marked})
    found = origin().respond(asked(query), TODAY)
    assert found is not None
    assert found.status in (200, 400, 404)
    assert marked.encode() not in found.body
    assert "html" not in dict(found.headers)["Content-Type"]


def test_text_is_not_repetitive():
    import zlib

    text = "".join(Params(size=1000).text(seq) for seq in range(40)).encode()
    assert 0.4 < len(zlib.compress(text)) / len(text) < 0.8
