"""The routes of the streams: which headers and body each sends. Bytes and time on the wire are in test_wire."""

import json

import pytest

from flushcheck.measurement.plan import ROUTES
from flushcheck.model import EndRecord, Piece, Transport
from flushcheck.service.application import create_app
from flushcheck.streaming.limits import Limits
from flushcheck.streaming.transports import decoder, polling
from tests.service.wire import json_of

FAST = "interval=0&count=3"
RESPONSE_HEADERS = {
    "X-Accel-Buffering": "no",
    "Cache-Control": "no-cache, no-transform",
    "X-Content-Type-Options": "nosniff",
}
EVENT_STREAM = {"Accept": "text/event-stream"}
XHR_PREAMBLE = " " * 1024 + "\n\n"

BODIES = [
    # path, request headers, content type, body
    ("/stream/chunked", {}, "text/plain", "Water in a"),
    ("/xhr", {}, "text/plain", f"{XHR_PREAMBLE}Water in a"),
    (
        "/stream/events",
        {},
        "text/event-stream",
        "retry: 2000\n\nid: 0\ndata: Water\n\nid: 1\ndata:  in\n\nid: 2\ndata:  a\n\ndata: END\n\n",
    ),
    (
        "/",
        EVENT_STREAM,
        "text/event-stream",
        "retry: 2000\n\nid: 0\ndata: Water\n\nid: 1\ndata:  in\n\nid: 2\ndata:  a\n\nevent: imouttahere\ndata: 3\n\n",
    ),
    ("/stream/polling", {}, "application/json", '{"message": "Water", "cnt": 0, "count": 3}\n'),
]


@pytest.mark.parametrize(("path", "headers", "content_type", "body"), BODIES)
def test_a_stream_as_the_fields_pages_expect_it(client, path, headers, content_type, body):
    response = client.get(f"{path}?{FAST}", headers=headers)
    assert response.status_code == 200
    assert response.content_type == f"{content_type}; charset=utf-8"
    assert response.text == body
    assert {name: response.headers.get(name) for name in RESPONSE_HEADERS} == RESPONSE_HEADERS
    assert response.headers["Access-Control-Allow-Origin"] == "*"


STREAMS = [(path, headers) for path, headers, _, _ in BODIES]


@pytest.mark.parametrize(("path", "headers"), STREAMS)
def test_the_baseline_carries_none_of_these_headers(client, path, headers):
    response = client.get(f"{path}?{FAST}&xab=0&cache=0&nosniff=0", headers=headers)
    assert not RESPONSE_HEADERS.keys() & response.headers.keys()


@pytest.mark.parametrize(
    ("switch", "name"), [*zip(("xab", "cache", "nosniff"), RESPONSE_HEADERS, strict=True)]
)
@pytest.mark.parametrize(("path", "headers"), STREAMS)
def test_each_header_has_its_switch(client, path, headers, switch, name):
    response = client.get(f"{path}?{FAST}&{switch}=0", headers=headers)
    assert RESPONSE_HEADERS.keys() - response.headers.keys() == {name}


@pytest.mark.parametrize(("path", "headers"), STREAMS)
def test_another_content_type_can_be_asked_for(client, path, headers):
    response = client.get(f"{path}?{FAST}&type=application/octet-stream", headers=headers)
    assert response.content_type == "application/octet-stream; charset=utf-8"


@pytest.mark.parametrize(("path", "headers"), STREAMS)
def test_head_has_the_same_headers_and_no_body(client, path, headers):
    got, head = (method(f"{path}?{FAST}", headers=headers) for method in (client.get, client.head))
    assert head.status_code == 200
    assert head.data == b""
    assert dict(head.headers) == dict(got.headers)


@pytest.mark.parametrize(("path", "headers"), STREAMS)
def test_a_bad_parameter_is_answered_in_words(client, path, headers):
    response = client.get(f"{path}?count=-1", headers=headers)
    assert response.status_code == 400
    assert response.content_type == "application/json; charset=utf-8"
    assert "count=-1: expected a whole number from 1" in json_of(response)["error"]
    assert response.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    "path", [*ROUTES.values(), "/", "/xhr", "/diagnostics/judge", "/diagnostics/control"]
)
def test_a_page_on_another_host_may_use_it(client, path):
    method = "POST" if path.endswith("judge") else "GET"
    response = client.options(
        path,
        headers={
            "Origin": "https://elsewhere.example",
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "last-event-id, content-type",
        },
    )
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert method in response.headers["Access-Control-Allow-Methods"]
    assert {"Last-Event-ID", "Content-Type", "Cache-Control"} <= set(
        response.headers["Access-Control-Allow-Headers"].split(", ")
    )
    assert method in response.headers["Allow"]


WRONG = [
    # method, path, status, Allow
    ("GET", "/nothing", 404, None),
    ("GET", "/stream", 404, None),
    ("GET", "/stream/chunked/", 404, None),
    ("GET", "//stream/chunked", 404, None),
    ("GET", "/../etc/passwd", 404, None),
    ("GET", "/%00%ff%0d%0aX:y", 404, None),
    ("POST", "/stream/chunked", 405, {"GET", "HEAD", "OPTIONS"}),
    ("DELETE", "/", 405, {"GET", "HEAD", "OPTIONS"}),
    ("POST", "/stream/ws", 405, {"GET", "HEAD", "OPTIONS"}),
    ("BREW", "/stream/events", 405, {"GET", "HEAD", "OPTIONS"}),
    ("GET", "/diagnostics/judge", 405, {"POST", "OPTIONS"}),
]


@pytest.mark.parametrize(("method", "path", "status", "allow"), WRONG)
def test_a_wrong_address_or_method_is_answered_in_json(client, method, path, status, allow):
    response = client.open(path, method=method)
    assert response.status_code == status
    assert response.content_type == "application/json; charset=utf-8"
    assert str(status) in json_of(response)["error"]
    assert set(response.headers.get("Allow", "").split(", ")) == (allow or {""})


POLLS = [
    # cnt as asked, message; None: the end
    (None, "Water"),
    ("", "Water"),
    ("0", "Water"),
    ("1", " in"),
    ("002", " a"),
    ("3", None),
    ("-1", None),
    ("1e0", None),
    ("1.0", None),
    ("%201", None),
    ("%D9%A1", None),
    ("999999999999999999999999", None),
    ("x%0d%0ay", None),
    ("1&cnt=1", None),
]


@pytest.mark.parametrize(("cnt", "message"), POLLS)
def test_a_poll_gets_its_piece_or_the_end(client, cnt, message):
    response = client.get(f"/stream/polling?count=3{'' if cnt is None else f'&cnt={cnt}'}")
    if message is None:
        assert response.status_code == 400
        assert "expected 0 to 2, for example cnt=0" in json_of(response)["error"]
        end = polling.read_body(response.data)
        assert isinstance(end, EndRecord)
        assert end.count == 3
    else:
        assert response.status_code == 200
        assert json_of(response)["message"] == message


def test_polls_may_come_in_any_order_and_to_any_process():
    first, second = (create_app(Limits()).test_client() for _ in range(2))
    path = "/stream/polling?count=40&text=zh&unit=char&size=20&jitter=0.05&cnt="
    ahead = [json_of(first.get(f"{path}{cnt}"))["message"] for cnt in range(40)]
    back = [json_of(second.get(f"{path}{cnt}"))["message"] for cnt in reversed(range(40))]
    assert ahead == back[::-1]


@pytest.mark.parametrize("path", ["/stream/chunked", "/stream/events"])
def test_a_delta_stream_says_what_the_service_saw(client, path):
    response = client.get(
        f"{path}?{FAST}&format=delta&end=done",
        headers={
            "Via": "1.1 proxy " + "x" * 300,
            "Accept-Encoding": "br",
            "X-Forwarded-For": "10.1.2.3, 10.4.5.6",
            "X-Real-IP": "10.1.2.3",
        },
        environ_overrides={"GATEWAY_INTERFACE": "CGI/1.1", "SERVER_PROTOCOL": "HTTP/1.0"},
    )
    *pieces, end = decoder(Transport(path.rpartition("/")[2])).feed(response.data)
    assert [piece.text for piece in pieces if isinstance(piece, Piece)] == ["Water", " in", " a"]
    assert pieces[0].at_s == 0
    assert isinstance(end, EndRecord)
    assert end.count == 3
    assert end.at_s >= pieces[-1].at_s
    seen = end.request_at_app
    assert (seen.protocol, seen.gateway, seen.accept_encoding) == ("HTTP/1.0", "CGI/1.1", "br")
    assert seen.via.startswith("1.1 proxy x")
    assert len(seen.via) == 200
    assert seen.forwarded == ("x-forwarded-for", "x-real-ip")
    assert seen.forwarded_hops == 2
    assert seen.concurrent == 1
    assert b"10.1.2.3" not in response.data


RESUMED = [
    # query, Last-Event-ID, the numbers that come; None: 204
    ("", None, [0, 1, 2, 3]),
    ("", "", [0, 1, 2, 3]),
    ("", "0", [1, 2, 3]),
    ("", "2", [3]),
    ("", "3", None),
    ("", "77", None),
    ("start=2", None, [2, 3]),
    ("start=1", "2", [3]),
    ("start=3", "0", [1, 2, 3]),
    ("end=none", "1", [2, 3]),
    ("end=none", "3", [0, 1, 2, 3]),
    ("end=none&start=2", "3", [2, 3]),
    ("end=done", "3", None),
]


@pytest.mark.parametrize(("query", "last", "expected"), RESUMED)
def test_an_event_stream_goes_on_where_the_client_was(client, query, last, expected):
    headers = {} if last is None else {"Last-Event-ID": last}
    response = client.get(f"/stream/events?count=4&interval=0&{query}", headers=headers)
    if expected is None:
        assert (response.status_code, response.data) == (204, b"")
        assert "Content-Type" not in response.headers
        assert response.headers["Access-Control-Allow-Origin"] == "*"
    else:
        ids = [int(line[4:]) for line in response.text.split("\n") if line.startswith("id: ")]
        assert ids == expected


@pytest.mark.parametrize("last", ["x", "-1", "1.0", "1" * 13, "é", "1 2"])
def test_an_id_that_is_not_ours_is_refused(client, last):
    response = client.get("/stream/events", headers={"Last-Event-ID": last})
    assert response.status_code == 400
    assert "Last-Event-ID" in json_of(response)["error"]


ENDS = [
    # path, end, how the body ends
    ("/stream/events", "none", "data:  a\n\n"),
    ("/stream/events", "END", "data: END\n\n"),
    ("/stream/events", "[DONE]", "data: [DONE]\n\n"),
    ("/stream/events", "imouttahere", "event: imouttahere\ndata: 3\n\n"),
    ("/stream/chunked", "none", " in a"),
    ("/stream/chunked", "END", " in aEND"),
    ("/xhr", "done", " in adone"),
]


@pytest.mark.parametrize(("path", "end", "tail"), ENDS)
def test_a_stream_ends_as_it_was_asked_to(client, path, end, tail):
    response = client.get(path, query_string={"count": 3, "interval": 0, "end": end})
    assert response.text.endswith(tail)


def test_a_text_of_ones_own_is_streamed(client):
    own = "Grüße\r\n  an 世界 👩\u200d🚀"
    response = client.get("/stream/chunked", query_string={"say": own, "interval": 0, "unit": "char"})
    assert response.data.decode() == own


def test_a_text_given_at_start_is_streamed():
    client = create_app(Limits(), "Mein Text").test_client()
    assert client.get("/stream/chunked?text=file&interval=0").text == "Mein Text"
    assert json_of(client.get("/stream/polling?text=file&cnt=1"))["message"] == " Text"


def test_streams_over_the_limit_are_told_to_come_back(client, app):
    full = create_app(Limits(max_streams=1)).test_client()
    with full.get("/stream/chunked?count=3", buffered=False) as first:
        assert next(iter(first.iter_encoded())) == b"Water"
        for path in ("/stream/chunked", "/stream/events", "/readyz"):
            refused = full.get(path)
            assert refused.status_code == 503
            assert int(refused.headers["Retry-After"]) > 0
            assert "Limit reached: 1 concurrent streams" in json_of(refused)["error"]
        assert full.get("/healthz").status_code == 200
        assert full.get("/stream/polling").status_code == 200
        assert full.head("/stream/chunked").status_code == 200
    assert json_of(full.get("/readyz")) == {"status": "ready", "streams": 0}
    assert full.get("/stream/chunked?count=1&interval=0").status_code == 200


def test_nothing_that_was_refused_keeps_a_place(client):
    small = create_app(Limits(max_streams=1)).test_client()
    for path in ("/stream/chunked?count=x", "/stream/events?start=99", "/stream/ws"):
        assert small.get(path).status_code == 400
    small.head("/stream/chunked")
    small.get("/stream/events?count=2", headers={"Last-Event-ID": "9"})
    assert json_of(small.get("/readyz"))["streams"] == 0


def test_health_answers_say_so_in_json(client):
    assert json_of(client.get("/healthz")) == {"status": "alive"}
    assert json_of(client.get("/readyz")) == {"status": "ready", "streams": 0}


HOSTILE = [
    "say=%ff%fe%00",
    "say=%ED%A0%80",
    "%ff=%ff",
    "count=1&end=%0d%0aX-Injected:%20yes",
    "type=text/plain%0d%0aX-Injected:%20yes",
    "count=" + "9" * 4000,
    "&&&===;;;",
    "count[]=1",
    "say=" + "%F0%9F%91%A9" * 400,
]


@pytest.mark.parametrize("query", HOSTILE)
@pytest.mark.parametrize(
    "path", ["/stream/chunked", "/stream/events", "/stream/polling", "/stream/ws", "/xhr", "/"]
)
def test_whatever_is_asked_is_no_fault_of_ours(client, path, query):
    response = client.get(f"{path}?{query}&interval=0", headers=EVENT_STREAM)
    assert response.status_code in (200, 400)
    assert "X-Injected" not in response.headers
    if response.status_code == 400:
        assert json.loads(response.data)["error"]


def test_a_piece_decodes_to_itself(client):
    response = client.get("/stream/events?format=delta&end=done&text=zh&interval=0&count=2")
    *pieces, _ = decoder(Transport.EVENTS).feed(response.data)
    assert [(piece.seq, piece.text) for piece in pieces if isinstance(piece, Piece)] == [
        (0, "水在"),
        (1, "管子"),
    ]
