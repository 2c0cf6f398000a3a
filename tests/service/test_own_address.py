"""Where the service is: what it shows may come from the visitor, what it requests never does."""

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
from flushcheck.service.serving.drain import Drain
from flushcheck.service.serving.engine import Engine
from flushcheck.streaming.limits import Limits


def service(mount="", **limits):
    chosen, gate = Limits(**limits), ConcurrencyLimiter(9)
    engine = Engine(stall_s=1, most_s=1, draining=bool)
    return Service(chosen, "", mount, gate, Admission(chosen, gate), Drain(), engine)


SHOWN = [
    # what the environ says, the address shown
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
def test_an_address_to_paste_is_an_address_and_nothing_else(environ, expected):
    request = Request({**EnvironBuilder().get_environ(), **environ})
    assert visitor_url(service(), request) == expected


def test_the_configured_address_wins_over_what_the_visitor_says():
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
    # socket, SERVER_NAME, settings, the address; "" if there is none
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
def test_the_loopback_is_never_where_a_visitor_says(sockets, kind, name, settings, expected):
    environ = {**HOSTILE, "SERVER_NAME": name, "SERVER_PORT": "8000"}
    if kind:
        environ["gunicorn.socket"] = sockets[kind]
    found = loopback_address(service(**settings), environ)
    assert found.url == expected
    assert bool(found.reason) != bool(found.url)


def test_a_server_that_answers_one_at_a_time_cannot_ask_itself(sockets):
    environ = {"SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8000", "gunicorn.socket": sockets["tcp"]}
    assert "one request at a time" in loopback_address(service(), environ).reason
    assert loopback_address(service(), {**environ, "wsgi.multiprocess": True}).url
