"""What is read without gunicorn means the same to gunicorn; all else is left to it."""

from __future__ import annotations

import pytest
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser
from gunicorn.http.wsgi import create
from hypothesis import given
from hypothesis import strategies as st

from flushcheck.service.serving.internals import head_limits
from flushcheck.service.serving.request_head import HeadLimits, read_head

LIMITS = HeadLimits(max_bytes=4096, max_headers=100, scheme_headers=("X-FORWARDED-PROTO", "X-FORWARDED-SSL"))
LINE = "GET /stream/chunked?count=3 HTTP/1.1"


def head(*headers: str, line: str = LINE) -> bytes:
    """The bytes of a request."""
    return "\r\n".join([line, *headers, "", ""]).encode("latin-1")


ORDINARY = [
    # name, bytes
    ("one header", head("Host: a")),
    ("no query", head("Host: a", line="GET /stream/events HTTP/1.1")),
    ("empty query", head("Host: a", line="GET /stream/events? HTTP/1.1")),
    ("all signs", head("Host: a", line="GET /s?!\"$%&'()*+,-./0:;<=>?@A[\\]^_`a{|}~ HTTP/1.1")),
    ("a port", head("Host: [::1]:8000")),
    ("values with spaces", head("Host: a", "User-Agent: x (y;  z) : 1")),
    ("close", head("Host: a", "Connection: Close")),
    ("keep-alive", head("Connection: keep-alive", "Host: a")),
    ("behind a proxy", head("Host: a", "X-Forwarded-For: ::1, 10.0.0.1", "X-Forwarded-Proto: https")),
    ("as many headers as allowed", head("Host: a", *(f"X-{n}: 1" for n in range(99)))),
    ("as long as allowed", head("Host: a", "X: " + "a" * (4096 - len(head("Host: a", "X: "))))),
]

OTHERS = [
    # name, bytes
    ("nothing", b""),
    ("not whole", head("Host: a")[:-1]),
    ("no header", head()),
    ("more behind it", head("Host: a") + b"G"),
    ("another request behind it", 2 * head("Host: a")),
    ("an empty line before it", b"\r\n" + head("Host: a")),
    ("bare LF", head("Host: a").replace(b"\r\n", b"\n")),
    ("LF in a value", head("Host: a\nX: b")),
    ("CR in a value", head("Host: a\rb")),
    ("NUL", head("Host: a\0")),
    ("HEAD", head("Host: a", line="HEAD /stream/chunked HTTP/1.1")),
    ("POST", head("Host: a", line="POST /stream/chunked HTTP/1.1")),
    ("HTTP/1.0", head("Host: a", line="GET /stream/chunked HTTP/1.0")),
    ("HTTP/1.2", head("Host: a", line="GET /stream/chunked HTTP/1.2")),
    ("two spaces", head("Host: a", line="GET  /stream/chunked HTTP/1.1")),
    ("a tab", head("Host: a", line="GET\t/stream/chunked HTTP/1.1")),
    ("a fragment", head("Host: a", line="GET /stream/chunked?a#b HTTP/1.1")),
    ("an encoded path", head("Host: a", line="GET /stream/%63hunked HTTP/1.1")),
    ("a whole URL", head("Host: a", line="GET http://a/stream/chunked HTTP/1.1")),
    ("a byte above 127", head("Host: a", line="GET /stream/chunked?\xe4 HTTP/1.1")),
    ("a value above 127", head("Host: \xe4")),
    ("folded", head("Host: a", "X: b", " c")),
    ("space before the colon", head("Host : a")),
    ("no space behind it", head("Host:a")),
    ("two spaces behind it", head("Host:  a")),
    ("a tab behind it", head("Host:\ta")),
    ("space at the end", head("Host: a ")),
    ("no value", head("Host: a", "X: ")),
    ("no colon", head("Host: a", "X")),
    ("no name", head("Host: a", ": b")),
    ("underscore", head("Host: a", "X_Y: b")),
    ("two hosts", head("Host: a", "Host: b")),
    ("a header twice", head("Host: a", "X-Y: 1", "x-y: 2")),
    ("a length", head("Host: a", "Content-Length: 0")),
    ("chunks", head("Host: a", "Transfer-Encoding: chunked")),
    ("a type", head("Host: a", "Content-Type: text/plain")),
    ("expect", head("Host: a", "Expect: 100-continue")),
    ("upgrade", head("Host: a", "Upgrade: h2c")),
    ("another connection", head("Host: a", "Connection: Upgrade")),
    ("two for the connection", head("Host: a", "Connection: close, te")),
    ("two schemes", head("Host: a", "X-Forwarded-Proto: https", "X-Forwarded-Ssl: off")),
    ("one header too many", head("Host: a", *(f"X-{n}: 1" for n in range(100)))),
    ("one byte too many", head("Host: a", "X: " + "a" * (4097 - len(head("Host: a", "X: "))))),
]


def gunicorns(data: bytes):
    """gunicorn's request, and the environ that it makes of it."""
    settings = Config()
    request = next(RequestParser(settings, iter([data]), ("127.0.0.1", 4711)))
    _, environ = create(request, None, ("127.0.0.1", 4711), ("127.0.0.1", 8000), settings)
    return request, environ


def compare(data: bytes) -> bool:
    """Whether these bytes are read; then gunicorn reads the same in them."""
    read = read_head(data, LIMITS)
    if read is None:
        return False
    request, environ = gunicorns(data)
    assert (request.method, request.version) == ("GET", (1, 1))
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == (read.path, read.query)
    assert dict(request.headers) == read.headers
    assert len(request.headers) == len(read.headers)
    assert request.should_close() is read.close
    assert request.unreader.take_buffered() == b""
    assert {f"HTTP_{name.replace('-', '_')}": value for name, value in read.headers.items()} == {
        key: value for key, value in environ.items() if key.startswith("HTTP_")
    }
    return True


@pytest.mark.parametrize(("name", "data"), ORDINARY, ids=[row[0] for row in ORDINARY])
def test_an_ordinary_request_is_read_as_gunicorn_reads_it(name, data):
    assert compare(data)


@pytest.mark.parametrize(("name", "data"), OTHERS, ids=[row[0] for row in OTHERS])
def test_any_other_is_left_to_gunicorn(name, data):
    assert read_head(data, LIMITS) is None


FRAGMENTS = (
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b":",
        b": ",
        b"\0",
        b"\xe4",
        b"#",
        b"?",
        b"//",
        b"%",
        b"_",
        b"\x7f",
    ),
    *(
        b"Host: b",
        b"Content-Length: 1",
        b"Transfer-Encoding: chunked",
        b"Connection: x",
        b"HTTP/1.1",
        b"~",
        b"0",
    ),
)


@given(st.integers(0, len(ORDINARY) - 1), st.floats(0, 1), st.integers(0, 3), st.sampled_from(FRAGMENTS))
def test_a_request_that_was_tampered_with_is_left_to_gunicorn_or_read_alike(row, where, cut, fragment):
    data = ORDINARY[row][1]
    at = round(where * len(data))
    compare(data[:at] + fragment + data[at + cut :])


SETTINGS = [
    # name, gunicorn's settings, (bytes, headers)
    ("its defaults", {}, (4094, 100)),
    ("no limits", {"limit_request_line": 0, "limit_request_field_size": 0}, (4096, 100)),
    ("a short line", {"limit_request_line": 300}, (300, 100)),
    ("short headers", {"limit_request_field_size": 200}, (200, 100)),
    ("few headers", {"limit_request_fields": 7}, (4094, 7)),
]


@pytest.mark.parametrize(("name", "settings", "expected"), SETTINGS, ids=[row[0] for row in SETTINGS])
def test_no_head_is_read_that_a_limit_of_gunicorn_may_refuse(name, settings, expected):
    config = Config()
    for key, value in settings.items():
        config.set(key, value)
    limits = head_limits(config, 4096)
    assert (limits.max_bytes, limits.max_headers) == expected
    assert "X-FORWARDED-PROTO" in limits.scheme_headers
