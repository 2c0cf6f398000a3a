"""One HTTP/1.1 connection on peers that keep the rules, bend them, and break them."""

from __future__ import annotations

import time
from contextlib import closing

import pytest

from flushcheck.prober.address import parse
from flushcheck.prober.http1 import MAX_HEADER_BYTES, Http1Connection
from flushcheck.prober.http_client import PEER_ERRORS, ConnectionEnded, Response, default_headers
from flushcheck.prober.target import Target
from flushcheck.prober.timed_socket import Budget, DeadlineExceeded
from tests.prober.peers import PATIENCE_S, Client, pace, scripted_server

HEADERS = default_headers("*/*", "identity")
OK = b"HTTP/1.1 200 OK\r\n"
SIZED = b"Content-Length: 5\r\n\r\nhello"


def connect(url: str, *, within_s: float = 5.0) -> Http1Connection:
    return Http1Connection(Target(parse(url)), Budget(time.monotonic() + within_s))


def exchange(url: str, method: str = "GET") -> tuple[Response, bytes]:
    with closing(connect(url)) as connection:
        connection.request(method, "/x", HEADERS)
        response = connection.response()
        return response, b"".join(read.data for read in connection.body())


WHOLE: list[tuple[str, bytes, int, dict[str, str], bytes]] = [
    # name                      response                                                   status, some headers, body
    ("a length",                OK + SIZED,                                                200, {"content-length": "5"}, b"hello"),
    ("a length, and more",      OK + SIZED + b" world",                                    200, {}, b"hello"),
    ("two equal lengths",       OK + b"Content-Length: 5\r\n" + SIZED,                     200, {}, b"hello"),
    ("chunks",                  OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nT: 1\r\n\r\n", 200, {}, b"hello"),
    ("chunks beat a length",    OK + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, {}, b"hello"),
    ("ended by close",          OK + b"\r\nhello",                                         200, {}, b"hello"),
    ("HTTP/1.0 without length", b"HTTP/1.0 200 OK\r\n\r\nhello",                           200, {}, b"hello"),
    ("no reason phrase",        b"HTTP/1.1 200\r\n" + SIZED,                               200, {}, b"hello"),
    ("bare line feeds",         b"HTTP/1.1 200 OK\nX: y\nContent-Length: 5\n\nhello",      200, {"x": "y"}, b"hello"),
    ("no content",              b"HTTP/1.1 204 No\r\n\r\n",                                204, {}, b""),
    ("not modified",            b"HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n",           304, {}, b""),
    ("interim responses",       b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK + SIZED, 200, {"link": ""}, b"hello"),
    ("a folded header",         OK + b"X: a\r\n  b\r\n" + SIZED,                           200, {"x": "a b"}, b"hello"),
    ("a header twice",          OK + b"Via: a\r\nVia: b\r\n" + SIZED,                      200, {"via": "a, b"}, b"hello"),
    ("Latin-1",                 OK + b"X: \xfc\r\n" + SIZED,                               200, {"x": "ü"}, b"hello"),
    ("no colon",                OK + b"nonsense\r\nX: y\r\n" + SIZED,                      200, {"x": "y"}, b"hello"),
    ("a space in a name",       OK + b"A b: c\r\nX: y\r\n" + SIZED,                        200, {"x": "y"}, b"hello"),
    ("a NUL in a value",        OK + b"A: \0\r\nX: y\r\n" + SIZED,                         200, {"a": "", "x": "y"}, b"hello"),
    ("100 headers",             OK + b"X: y\r\n" * 99 + SIZED,                             200, {}, b"hello"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "status", "headers", "body"), WHOLE, ids=[row[0] for row in WHOLE])
def test_a_response_is_read_to_its_end(name, data, status, headers, body):
    with scripted_server(lambda client: client.send(data)) as url:
        response, received = exchange(url)
    assert (response.status, received) == (status, body)
    assert {key: response.header(key) for key in headers} == headers


@pytest.mark.parametrize(
    ("name", "data", "status", "headers", "body"), WHOLE[:4], ids=[row[0] for row in WHOLE[:4]]
)
def test_it_is_the_same_byte_by_byte(name, data, status, headers, body):
    def script(client: Client) -> None:
        for at in range(len(data)):
            client.send(data[at : at + 1])
            time.sleep(0.0005)

    with scripted_server(script) as url:
        response, received = exchange(url)
    assert (response.status, received) == (status, body)


def test_a_response_to_head_has_no_body():
    with scripted_server(lambda client: client.send(OK + b"Content-Length: 5\r\n\r\n")) as url:
        assert exchange(url, "HEAD")[1] == b""


LONG = b"X: " + b"y" * MAX_HEADER_BYTES + b"\r\n"
BROKEN: list[tuple[str, bytes, str, bytes]] = [
    # name                    response                                              says, the body that arrived before
    ("nothing",               b"",                                                  "closed without a response", b""),
    ("another protocol",      b"220 mail ESMTP\r\n",                                "220 mail ESMTP", b""),
    ("half a header",         OK + b"X: y",                                         "ended after 'HTTP/1.1 200 OK X: y'", b""),
    ("HTTP/2",                b"HTTP/2 200\r\n\r\n",                                "illegal status line", b""),
    ("a status of letters",   b"HTTP/1.1 OK\r\n\r\n",                               "illegal status line", b""),
    ("a switch not asked for", b"HTTP/1.1 101 Switching\r\n\r\n",                   "SWITCH", b""),
    ("101 headers",           OK + b"X: y\r\n" * 101 + SIZED,                       "more than 100 headers", b""),
    ("a long header",         OK + LONG + SIZED,                                    "a header of more than 64 KiB", b""),
    ("many interim responses", b"HTTP/1.1 100 Continue\r\n\r\n" * 3000 + OK + SIZED, "a header of more than 64 KiB", b""),
    ("two lengths",           OK + b"Content-Length: 6\r\n" + SIZED,                "conflicting Content-Length", b""),
    ("a length of letters",   OK + b"Content-Length: x\r\n\r\nhello",               "bad Content-Length", b""),
    ("a negative length",     OK + b"Content-Length: -5\r\n\r\nhello",              "bad Content-Length", b""),
    ("another coding",        OK + b"Transfer-Encoding: gzip\r\n\r\nhello",         "Transfer-Encoding", b""),
    ("shorter than it says",  OK + b"Content-Length: 9\r\n\r\nhello",               "the body broke off", b"hello"),
    ("no last chunk",         OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "the body broke off", b"hello"),
    ("half a chunk",          OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\nhello", "the body broke off", b"hello"),
    ("a chunk of letters",    OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n", "illegal chunk header", b"hello"),
    ("a long chunk line",     OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" + b"1" * 2 * MAX_HEADER_BYTES, "a line of more than 64 KiB", b"hello"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "says", "before"), BROKEN, ids=[row[0] for row in BROKEN])
def test_what_breaks_the_rules_is_an_error_of_the_peer_that_says_so(name, data, says, before):
    received = bytearray()

    def read(connection: Http1Connection) -> None:
        connection.request("GET", "/x", HEADERS)
        connection.response()
        for part in connection.body():
            received.extend(part.data)

    with (
        scripted_server(lambda client: client.send(data)) as url,
        closing(connect(url)) as connection,
        pytest.raises(PEER_ERRORS) as raised,
    ):
        read(connection)
    assert says in str(raised.value)
    assert received == before


def test_each_read_of_a_body_has_its_moment():
    def script(client: Client) -> None:
        client.send(OK + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in client.paced(4, 0.05):
            sent_at.append(time.monotonic())
            client.chunk(b"word ")
        client.chunk(b"")

    sent_at: list[float] = []

    with scripted_server(script) as url, closing(connect(url)) as connection:
        sent = connection.request("GET", "/x", HEADERS)
        response = connection.response()
        reads = list(connection.body())
    assert b"".join(read.data for read in reads) == b"word " * 4
    assert sent.moment <= response.moment <= reads[0].moment
    assert len(reads) >= 4
    assert all(at <= read.moment for at, read in zip(sent_at, reads, strict=False))


def test_a_connection_is_used_again_if_its_peer_keeps_it():
    def script(client: Client) -> None:
        client.respond(200, b"one")
        client.read_request()
        client.respond(200, b"two", extra="Connection: close\r\n")

    with scripted_server(script) as url, closing(connect(url)) as connection:
        connects_s, bodies = [], []
        for _ in range(3):
            connects_s.append(connection.request("GET", "/x", HEADERS).connect_s)
            connection.response()
            bodies.append(b"".join(read.data for read in connection.body()))
    assert bodies == [b"one", b"two", b"one"]
    assert connects_s[0] == connects_s[1]
    assert connects_s[1] != connects_s[2]


def test_a_connection_with_half_a_response_is_not_used_again():
    with (
        scripted_server(lambda client: client.respond(200, b"hello")) as url,
        closing(connect(url)) as connection,
    ):
        first = connection.request("GET", "/x", HEADERS)
        connection.response()
        assert not connection.reusable
        assert connection.request("GET", "/x", HEADERS).connect_s != first.connect_s


def test_a_peer_that_hangs_up_before_its_response_is_told_apart():
    with scripted_server(lambda client: None) as url, closing(connect(url)) as connection:
        connection.request("GET", "/x", HEADERS)
        with pytest.raises(ConnectionEnded):
            connection.response()


def test_the_deadline_holds_for_the_whole_and_not_for_each_read():
    def script(client: Client) -> None:
        client.send(OK + b"\r\n")
        for _ in pace(3000, 0.05):
            client.send(b"a")

    began = time.monotonic()
    with scripted_server(script) as url, closing(connect(url, within_s=0.3)) as connection:
        connection.request("GET", "/x", HEADERS)
        connection.response()
        with pytest.raises(DeadlineExceeded):
            list(connection.body())
    assert time.monotonic() - began < PATIENCE_S


@pytest.mark.parametrize("http_version", ["1.0", "1.1"])
def test_a_request_says_its_version(http_version):
    requests = []

    def script(client: Client) -> None:
        requests.append(client.request)
        client.respond(200, b"")

    with scripted_server(script) as url:
        connection = Http1Connection(
            Target(parse(url)), Budget(time.monotonic() + 5), http_version=http_version
        )
        with closing(connection):
            headers = default_headers("*/*", "identity", http_version=http_version)
            connection.request("GET", "/a%20b?c=HTTP/1.1", headers)
            connection.response()
    line, *rest = requests[0].split(b"\r\n")
    assert line == f"GET /a%20b?c=HTTP/1.1 HTTP/{http_version}".encode()
    assert (b"Connection: keep-alive" in rest) is (http_version == "1.1")
    assert rest[0].startswith(b"Host: 127.0.0.1:")
