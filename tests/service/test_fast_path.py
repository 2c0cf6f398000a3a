"""Each response without Flask is the one that Flask makes: byte for byte, logged, counted and refused alike."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import closing
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from flushcheck.model import Transport
from flushcheck.service.application import create_app
from flushcheck.service.fast_path import PIPELINE, SIGNALS, FastPath
from flushcheck.service.recipes import MAX_RECIPES, Key, Kind, Recipe, Recipes, kind
from flushcheck.streaming.limits import Limits
from flushcheck.streaming.params import Params
from flushcheck.streaming.source import source
from tests.service.wire import OriginServer, read_rest, read_until, wait_until

FAST = "count=3&interval=0"
HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}

REQUESTS = [
    # name, method, path and query, headers, whether the second one goes without Flask
    ("poll", "GET", "/stream/polling?count=9&cnt=2", {}, True),
    ("poll of Chinese", "GET", "/stream/polling?text=zh&cnt=4", {}, True),
    ("poll with padding", "GET", "/stream/polling?pad=70&cnt=4", {}, True),
    ("poll without headers of its own", "GET", "/stream/polling?xab=0&cache=0&nosniff=0&cnt=1", {}, True),
    ("poll of another type", "GET", "/stream/polling?type=text/plain&cnt=1", {}, True),
    ("poll with its number first", "GET", "/stream/polling?cnt=1&count=7", {}, True),
    ("poll between others", "GET", "/stream/polling?unit=word&cnt=1&count=7", {}, True),
    ("poll with a nonce", "GET", "/stream/polling?cnt=1&nonce=x%FF&t=1&_=2", {}, True),
    ("poll with zeros", "GET", "/stream/polling?count=9&cnt=002", {}, True),
    ("poll from the start", "GET", "/stream/polling?count=9", {}, False),
    ("poll behind the end", "GET", "/stream/polling?count=9&cnt=9", {}, False),
    ("poll of no number", "GET", "/stream/polling?count=9&cnt=x", {}, False),
    ("poll of two numbers", "GET", "/stream/polling?count=9&cnt=1&cnt=2", {}, False),
    ("poll of an encoded number", "GET", "/stream/polling?count=9&cnt=1&%63nt=2", {}, False),
    ("poll of other digits", "GET", "/stream/polling?count=9&cnt=%D9%A3", {}, False),
    ("poll with an unknown name", "GET", "/stream/polling?cout=9&cnt=1", {}, False),
    ("poll by HEAD", "HEAD", "/stream/polling?count=9&cnt=2", {}, False),
    ("poll by POST", "POST", "/stream/polling?count=9&cnt=2", {}, False),
    ("poll by OPTIONS", "OPTIONS", "/stream/polling?count=9&cnt=2", {}, False),
    ("poll with a handshake", "GET", "/stream/polling?count=9&cnt=2", HANDSHAKE, False),
    ("poll of no host", "GET", "/stream/polling?count=9&cnt=2", {"Host": ""}, False),
    ("poll of a strange host", "GET", "/stream/polling?count=9&cnt=2", {"Host": "a b"}, None),
    ("chunked", "GET", f"/stream/chunked?{FAST}", {}, True),
    ("chunked with padding", "GET", f"/stream/chunked?{FAST}&pad=40&type=text/event-stream", {}, True),
    ("chunked with a nonce", "GET", f"/stream/chunked?{FAST}&nonce=1", {}, True),
    ("chunked with a number", "GET", f"/stream/chunked?{FAST}&cnt=1", {}, False),
    ("chunked by HEAD", "HEAD", f"/stream/chunked?{FAST}", {}, False),
    ("events", "GET", f"/stream/events?{FAST}", {}, True),
    ("events with an end", "GET", f"/stream/events?{FAST}&end=END", {}, True),
    ("events resumed", "GET", f"/stream/events?{FAST}", {"Last-Event-ID": "1"}, False),
    ("events resumed behind the end", "GET", f"/stream/events?{FAST}&end=END", {"Last-Event-ID": "2"}, False),
    ("events resumed wrongly", "GET", f"/stream/events?{FAST}", {"Last-Event-ID": "x"}, False),
    ("two slashes", "GET", f"//stream/events?{FAST}", {}, False),
    ("given twice", "GET", f"/stream/chunked?{FAST}&count=4", {}, False),
    ("XHR", "GET", f"/xhr?{FAST}", {}, False),
    ("plain WebSocket", "GET", f"/stream/ws?{FAST}", {}, False),
]
IDS = [row[0] for row in REQUESTS]


def respond(
    app: Any, method: str, url: str, headers: dict[str, str]
) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status, headers in order, and body."""
    path, _, query = url.partition("?")
    environ = EnvironBuilder(
        method=method, path="/", query_string=query, headers=list(headers.items())
    ).get_environ()
    environ["PATH_INFO"] = path
    if "HTTP_HOST" in environ and not environ["HTTP_HOST"]:
        del environ["HTTP_HOST"]
    body, status, sent = run_wsgi_app(app, environ)
    data = b"".join(body)
    close = getattr(body, "close", None)
    if close:
        close()
    return status, sent.to_wsgi_list(), data


def front(app: Flask) -> FastPath:
    """What stands in front of Flask."""
    assert isinstance(app.wsgi_app, FastPath)
    return app.wsgi_app


def calls(app: Flask) -> list[str]:
    """The paths that Flask responds to, from now on."""
    paths = []
    inner = front(app)._app

    def counted(environ: Any, start_response: Any) -> Iterable[bytes]:
        paths.append(environ["PATH_INFO"])
        body: Iterable[bytes] = inner(environ, start_response)
        return body

    front(app)._app = counted
    return paths


@pytest.mark.parametrize("hosts", ["", "localhost"], ids=["any host", "trusted hosts"])
@pytest.mark.parametrize(("name", "method", "url", "headers", "fast"), REQUESTS, ids=IDS)
def test_the_second_response_is_the_one_that_flask_makes(hosts, name, method, url, headers, fast):
    app = create_app(Limits(trusted_hosts=hosts))
    flask = front(app)._app
    # Neighbours first: what they teach must not be taken for this request.
    for neighbour in ("/stream/polling?count=9&cnt=2", f"/stream/chunked?{FAST}", f"/stream/events?{FAST}"):
        respond(app.wsgi_app, "GET", neighbour, {})
    expected = respond(flask, method, url, headers)
    through_flask = calls(app)
    first, second = (respond(app.wsgi_app, method, url, headers) for _ in range(2))
    assert first == second == expected
    if fast is not None:
        assert (len(through_flask) < 2) is fast


@pytest.mark.parametrize("when", ["before_request", "after_request"])
def test_functions_of_another_package_are_called_for_each_response(when):
    app, calls = create_app(Limits()), []

    def other(response=None):
        calls.append(when)
        return response

    getattr(app, when)(other)
    for _ in range(2):
        response = app.test_client().get("/stream/polling?count=9&cnt=2")
        assert response.status_code == 200
    assert calls == [when, when]


@pytest.mark.parametrize("name", PIPELINE)
def test_a_method_of_flask_that_was_replaced_is_called_for_each_response(name):
    app, calls = create_app(Limits()), []
    original = getattr(app, name)

    def other(*args, **options):
        calls.append(name)
        return original(*args, **options)

    assert front(app).unaltered
    setattr(app, name, other)
    assert not front(app).unaltered
    for _ in range(2):
        assert app.test_client().get("/stream/polling?count=9&cnt=2").status_code == 200
    assert calls == [name, name]


@pytest.mark.parametrize("signal", SIGNALS, ids=[signal.name for signal in SIGNALS])
def test_a_signal_of_flask_is_sent_for_each_response(signal):
    app, calls = create_app(Limits()), []

    def listener(sender, **_values):
        calls.append(sender)

    with signal.connected_to(listener, app):
        for _ in range(2):
            app.test_client().get("/stream/polling?count=9&cnt=2")
    assert calls == [app, app]
    assert front(app).unaltered


def test_another_number_is_another_piece():
    app = create_app(Limits())
    for cnt in (0, 5, 8, 0):
        url = f"/stream/polling?count=9&cnt={cnt}"
        assert respond(app.wsgi_app, "GET", url, {}) == respond(front(app)._app, "GET", url, {})


def test_a_refusal_is_flasks_and_the_permit_comes_back():
    app = create_app(Limits(max_streams=1))
    url = "/stream/chunked?count=2&interval=0"
    respond(app.wsgi_app, "GET", url, {})
    environ = EnvironBuilder(path="/stream/chunked", query_string="count=2&interval=0").get_environ()
    held, status, _ = run_wsgi_app(app.wsgi_app, environ)
    assert status == "200 OK"
    assert respond(app.wsgi_app, "GET", url, {})[0] == "503 SERVICE UNAVAILABLE"
    list(held)
    close: Any = held
    close.close()
    assert respond(app.wsgi_app, "GET", url, {})[0] == "200 OK"


KINDS = [
    # name, environ, the kind
    ("a number", {"QUERY_STRING": "a=1&cnt=12"}, Kind(Key("/p", "h", "a=1&"), 12)),
    ("none", {"QUERY_STRING": "a=1"}, Kind(Key("/p", "h", "a=1"), -1)),
    ("no query", {}, Kind(Key("/p", "h", ""), -1)),
    ("a longer name", {"QUERY_STRING": "cnts=1&xt=2"}, Kind(Key("/p", "h", "cnts=1&xt=2"), -1)),
    ("12 digits", {"QUERY_STRING": "cnt=123456789012"}, Kind(Key("/p", "h", "&"), 123456789012)),
    ("13 digits", {"QUERY_STRING": "cnt=1234567890123"}, Kind(Key("/p", "h", "cnt=1234567890123"), -1)),
    ("two numbers", {"QUERY_STRING": "cnt=1&cnt=1"}, None),
    ("POST", {"REQUEST_METHOD": "POST"}, None),
    ("resumed", {"HTTP_LAST_EVENT_ID": ""}, None),
    ("no host", {"HTTP_HOST": ""}, None),
]


@pytest.mark.parametrize(("name", "environ", "expected"), KINDS, ids=[row[0] for row in KINDS])
def test_the_kind_of_a_request(name, environ, expected):
    whole = {"REQUEST_METHOD": "GET", "HTTP_HOST": "h", "PATH_INFO": "/p", **environ}
    assert kind(whole) == expected


def test_the_oldest_recipe_is_forgotten_first():
    recipes = Recipes()
    recipe = Recipe(Transport.POLLING, Params(), source(Params(), own_text="", limits=Limits()))
    keys = [Key("/p", "h", str(number)) for number in range(MAX_RECIPES + 1)]
    for key in keys[:-1]:
        recipes.learn(key, recipe)
    recipes.learn(keys[1], recipe)
    assert recipes.get(keys[0]) is recipe
    recipes.learn(keys[-1], recipe)
    assert recipes.get(keys[0]) is None
    assert all(recipes.get(key) is recipe for key in keys[1:])


# On the wire: the first time through Flask, then without.
CLOSED, REJECTED = b"\x88\x02\x03\xe8", b"}\n"
EXTENSIONS = {**HANDSHAKE, "Sec-WebSocket-Extensions": "permessage-deflate"}
OTHER_PAGE = {**HANDSHAKE, "Origin": "https://other.example"}
OLD = {**HANDSHAKE, "Sec-WebSocket-Version": "12"}
OTHER_KEY = {**HANDSHAKE, "Sec-WebSocket-Key": "A" * 22 + "=="}
WIRE = [
    # name, path and query, version, headers, how the response ends; b"": with the connection
    ("poll", "/stream/polling?count=9&cnt=2", "1.1", {}, b""),
    ("poll over HTTP/1.0", "/stream/polling?count=9&cnt=2", "1.0", {}, b""),
    ("chunked", f"/stream/chunked?{FAST}", "1.1", {}, b""),
    ("chunked over HTTP/1.0", f"/stream/chunked?{FAST}", "1.0", {}, b""),
    ("events", f"/stream/events?{FAST}&pad=30&end=END", "1.1", {}, b""),
    ("WebSocket", f"/stream/ws?{FAST}", "1.1", HANDSHAKE, CLOSED),
    ("WebSocket with extensions", f"/stream/ws?{FAST}", "1.1", EXTENSIONS, CLOSED),
    ("WebSocket of another page", f"/stream/ws?{FAST}", "1.1", OTHER_PAGE, REJECTED),
    ("WebSocket of an old version", f"/stream/ws?{FAST}", "1.1", OLD, REJECTED),
    ("WebSocket with another key", f"/stream/ws?{FAST}", "1.1", OTHER_KEY, CLOSED),
]


@pytest.mark.parametrize(
    ("name", "url", "version", "headers", "ends_with"), WIRE, ids=[row[0] for row in WIRE]
)
def test_on_the_wire_every_response_is_the_same(origin: OriginServer, name, url, version, headers, ends_with):
    host = f"host-{name.replace(' ', '-').replace('/', '-').lower()}"  # unknown so far
    lines = {"Host": host, **({} if "Connection" in headers else {"Connection": "close"}), **headers}
    head = "".join(f"{key}: {value}\r\n" for key, value in lines.items())
    responses = []
    for _ in range(3):
        with closing(origin.connect()) as sock:
            sock.sendall(f"GET {url} HTTP/{version}\r\n{head}\r\n".encode())
            data = read_until(sock, ends_with) if ends_with else read_rest(sock)
        responses.append(re.sub(rb"\r\nDate: [^\r]*", b"", data))
    assert responses[0] == responses[1] == responses[2]
    assert responses[0].startswith(b"HTTP/1.")
    wait_until(lambda: len(origin.lines()) >= 3, lambda: str(origin.lines()))
    logged = [{**line, "time": "", "duration_s": 0} for line in origin.lines()[-3:]]
    assert logged[0] == logged[1] == logged[2], json.dumps(logged)
