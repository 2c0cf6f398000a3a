"""The shown address may come from the request; the requested address never does."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from flushcheck.service.limits.admission import Admission
from flushcheck.service.limits.concurrency import ConcurrencyLimiter
from flushcheck.service.own_address import loopback_address, visitor_url
from flushcheck.service.service import Service
from flushcheck.service.serving.serve import Serving
from flushcheck.streaming.limits import Limits


def service(mount="", **limits):
    chosen, limiter = Limits(**limits), ConcurrencyLimiter(9)
    return Service(chosen, "", mount, limiter, Admission(chosen, limiter), Serving(chosen))


SHOWN = [
    # environ, the shown address
    ({"HTTP_HOST": "example.org"}, "http://example.org"),
    ({"HTTP_HOST": "example.org:8000"}, "http://example.org:8000"),
    ({"HTTP_HOST": "[::1]:8000"}, "http://[::1]:8000"),
    ({"HTTP_HOST": "example.org", "wsgi.url_scheme": "https"}, "https://example.org"),
    ({"HTTP_HOST": "example.org", "HTTP_X_FORWARDED_PROTO": "https"}, "https://example.org"),
    ({"HTTP_HOST": "example.org", "HTTP_X_FORWARDED_PROTO": "javascript"}, "http://example.org"),
    ({"HTTP_HOST": "example.org", "SCRIPT_NAME": "/a/b"}, "http://example.org/a/b"),
    ({"HTTP_HOST": "example.org", "SCRIPT_NAME": "/a';rm -rf /;'"}, "http://example.org"),
    ({"HTTP_HOST": "$(reboot)"}, "http://localhost:8000"),
    ({"HTTP_HOST": "a';reboot;'"}, "http://localhost:8000"),
    ({"HTTP_HOST": "a b"}, "http://localhost:8000"),
    ({"HTTP_HOST": "<script>"}, "http://localhost:8000"),
    ({"HTTP_HOST": "a@b"}, "http://localhost:8000"),
    ({"HTTP_HOST": "a/b"}, "http://localhost:8000"),
    ({"HTTP_HOST": ""}, "http://localhost:8000"),
    ({"HTTP_HOST": "x" * 400}, "http://localhost:8000"),
    ({"HTTP_HOST": "é.org"}, "http://localhost:8000"),
]


@pytest.mark.parametrize(("environ", "expected"), SHOWN)
def test_a_shown_address_contains_nothing_but_an_address(environ, expected):
    request = Request({**EnvironBuilder().get_environ(), **environ})
    assert visitor_url(service(), request) == expected


def test_the_public_url_wins_over_the_host_header():
    request = Request({**EnvironBuilder().get_environ(), "HTTP_HOST": "evil.example"})
    assert visitor_url(service(public_url="https://good.example/"), request) == "https://good.example"


@pytest.fixture(scope="module")
def sockets() -> Iterator[dict[str, object]]:
    tcp, six, unix = socket.socket(), socket.socket(socket.AF_INET6), socket.socket(socket.AF_UNIX)
    with tcp, six, unix:
        yield {"tcp": tcp, "six": six, "unix": unix}


HOSTILE = {
    "HTTP_HOST": "evil.example:80",
    "HTTP_X_FORWARDED_HOST": "evil.example",
    "HTTP_FORWARDED": "host=evil.example",
    "SCRIPT_NAME": "/@evil.example",
    "wsgi.url_scheme": "https",
    "wsgi.multithread": True,
}

OWN = [
    # socket, SERVER_NAME, settings, the loopback address; "" if there is none
    ("tcp", "127.0.0.1", {}, "http://127.0.0.1:8000"),
    ("tcp", "0.0.0.0", {}, "http://127.0.0.1:8000"),
    ("tcp", "10.1.2.3", {}, "http://10.1.2.3:8000"),
    ("six", "::", {}, "http://[::1]:8000"),
    ("six", "::1", {}, "http://[::1]:8000"),
    ("tcp", "0.0.0.0", {"mount": "/sub"}, "http://127.0.0.1:8000/sub"),
    ("unix", "evil.example", {}, ""),
    (None, "evil.example", {}, ""),
    ("unix", "evil.example", {"loopback_url": "http://127.0.0.1:9/x"}, "http://127.0.0.1:9/x"),
    ("tcp", "0.0.0.0", {"loopback_url": "http://[::1]:9"}, "http://[::1]:9"),
]


@pytest.mark.parametrize(("kind", "name", "settings", "expected"), OWN)
def test_no_request_header_changes_the_loopback_address(sockets, kind, name, settings, expected):
    environ = {**HOSTILE, "SERVER_NAME": name, "SERVER_PORT": "8000"}
    if kind:
        environ["gunicorn.socket"] = sockets[kind]
    loopback = loopback_address(service(**settings), environ)
    assert loopback.url == expected
    assert bool(loopback.reason) != bool(loopback.url)


def test_a_server_with_one_request_at_a_time_cannot_request_itself(sockets):
    environ = {"SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8000", "gunicorn.socket": sockets["tcp"]}
    assert "one request at a time" in loopback_address(service(), environ).reason
    assert loopback_address(service(), {**environ, "wsgi.multiprocess": True}).url
