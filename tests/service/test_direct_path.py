"""A stream that is opened without gunicorn's request is the one that gunicorn serves, and nothing else is."""

from __future__ import annotations

import json
import os
import re
import runpy
import sys
from collections.abc import Callable
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.ggevent import GeventPyWSGIWorker, GeventWorker

from flushcheck.service.application import create_app
from flushcheck.service.direct_path import DirectPath, install
from flushcheck.service.fast_path import FastPath
from flushcheck.service.serving import internals
from flushcheck.streaming.limits import Limits
from tests.live.servers import ROOT
from tests.service.test_fast_path import HANDSHAKE, respond
from tests.service.wire import OriginServer, read_rest, read_until, request, unchunked, wait_until

SHIPPED = runpy.run_path(str(ROOT / "deploy" / "gunicorn.conf.py"))
HOOKS = (SHIPPED["pre_request"], SHIPPED["post_request"])


def config(**changed: object) -> Config:
    """gunicorn's settings as they ship, but for these."""
    settings = Config()
    for name, value in {**SHIPPED, **changed}.items():
        if name in settings.settings:
            settings.set(name, value)
    return settings


def worker(kind: Any = GeventWorker, **changed: object) -> Any:
    """A worker of gunicorn's with an app, that was not started."""
    made = kind.__new__(kind)
    made.cfg = config(**changed)
    made.log = Logger(made.cfg)
    made.nr, made.alive, made.max_requests = 0, True, made.cfg.max_requests or sys.maxsize
    made.wsgi = create_app(Limits())
    return made


WORKERS = [
    # name, worker, why it is left to gunicorn
    ("as it ships", worker, ()),
    ("another kind", lambda: worker(GeventPyWSGIWorker), ("the worker is not gunicorn's own for gevent",)),
    ("another hook", lambda: worker(pre_request=lambda worker, request: None), ("other functions run before or after a request",)),
    ("another hook behind", lambda: worker(post_request=lambda worker, request, environ, response: None), ("other functions run before or after a request",)),
    ("TLS", lambda: worker(certfile=__file__, keyfile=__file__), ("connections speak more than HTTP/1.1",)),
    ("PROXY protocol", lambda: worker(proxy_protocol="auto"), ("connections begin with the PROXY protocol",)),
    ("an access log", lambda: worker(accesslog="-"), ("gunicorn logs requests",)),
    ("max_requests", lambda: worker(max_requests=10), ("max_requests or keepalive is set",)),
    ("no keepalive", lambda: worker(keepalive=0), ("max_requests or keepalive is set",)),
    ("uwsgi", lambda: worker(protocol="uwsgi"), ("connections speak more than HTTP/1.1",)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "make", "expected"), WORKERS, ids=[row[0] for row in WORKERS])
def test_a_worker_whose_gunicorn_does_more_is_left_to_it(name, make, expected):
    assert tuple(internals.direct_misfits(make(), HOOKS)) == expected


def test_a_worker_with_a_path_below_the_host_is_left_to_gunicorn(monkeypatch):
    monkeypatch.setitem(os.environ, "SCRIPT_NAME", "/below")
    assert tuple(internals.direct_misfits(worker(), HOOKS)) == ("SCRIPT_NAME is set",)


def test_nothing_is_installed_without_the_engine():
    made = worker()
    assert not install(made, HOOKS)
    assert "handle" not in vars(made)


URL = "/stream/chunked?count=3&interval=0"


def opening(data: bytes, change: Callable[[Any], object] = lambda app: None) -> Any:
    """What is made of these bytes by a process that has served URL and that of events before."""
    made = worker()
    app = made.wsgi
    internals._Handover.worker = made
    try:
        for url in (URL, f"{URL}&nonce=1", URL.replace("chunked", "events"), "/stream/polling?count=3&cnt=1"):
            respond(app.wsgi_app, "GET", url, {"Host": "test"})
        change(app)
        front = app.wsgi_app if isinstance(app.wsgi_app, FastPath) else app.wsgi_app.inner
        return DirectPath(made, front)._opening(data, SimpleNamespace(), ("192.0.2.1", 4711))  # type: ignore[arg-type]
    finally:
        internals._Handover.worker = None


def wrapped(app: Any) -> None:
    """Put middleware around the app."""
    inner = app.wsgi_app

    class Middleware:
        def __init__(self) -> None:
            self.inner = inner

        def __call__(self, environ, start_response):
            return self.inner(environ, start_response)

    app.wsgi_app = Middleware()


def lines(headers: dict[str, str]) -> list[str]:
    """Each header as a line."""
    return [f"{name}: {value}" for name, value in headers.items()]


OPENINGS = [
    # name, bytes, what was done to the app, whether it is served without gunicorn's request
    ("chunked", request(URL), None, True),
    ("events", request(URL.replace("chunked", "events")), None, True),
    ("with a nonce", request(f"{URL}&nonce=7"), None, True),
    ("behind a proxy", request(URL, "X-Forwarded-For: ::1", "Via: 1.1 p"), None, True),
    ("another query", request(f"{URL}&pad=1"), None, False),
    ("another path", request("/healthz"), None, False),
    ("a poll", request("/stream/polling?count=3&cnt=1"), None, False),
    ("the number of a poll", request(f"{URL}&cnt=1"), None, False),
    ("resumed", request(URL, "Last-Event-ID: 1"), None, False),
    ("a handshake", request("/stream/ws?count=3", *lines(HANDSHAKE)), None, False),
    ("HTTP/1.0", request(URL, version="1.0"), None, False),
    ("HEAD", request(URL, method="HEAD"), None, False),
    ("another host", request(URL).replace(b"test", b"best"), None, False),
    ("with middleware", request(URL), wrapped, False),
    ("with a hook", request(URL), lambda app: app.after_request_funcs[None].append(print), False),
    ("with a teardown", request(URL), lambda app: app.teardown_request_funcs.setdefault(None, []).append(print), False),
    ("with a method replaced", request(URL), lambda app: setattr(app, "process_response", print), False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "change", "served"), OPENINGS, ids=[row[0] for row in OPENINGS])
def test_only_ordinary_requests_for_known_streams_are_served(name, data, change, served):
    made = opening(data, change or (lambda app: None))
    assert (made is not None) is served
    if served:
        assert made.environ["REMOTE_ADDR"] == "192.0.2.1"
        assert made.recipe.headers


def test_the_head_of_the_response_is_gunicorns():
    for close, word in ((False, b"keep-alive"), (True, b"close")):
        head = internals.response_head(config(), "200 OK", [("X-Test", "1")], close=close)
        assert re.sub(rb"Date: [^\r]*", b"Date:", head) == (
            b"HTTP/1.1 200 OK\r\nServer: gunicorn\r\nDate:\r\nConnection: " + word + b"\r\n"
            b"Transfer-Encoding: chunked\r\nX-Test: 1\r\n\r\n"
        )


# On the wire. gunicorn strips a second space before a value, and this path leaves such a request to it.
WIRE = [
    # name, path and query, headers
    ("chunked", "/stream/chunked?count=3&interval=0.01", ()),
    ("events", "/stream/events?count=3&interval=0.01&pad=30&end=END", ()),
    (
        "with records",
        "/stream/chunked?count=2&interval=0.01&end=done",
        ("Via: 1.1 p", "X-Forwarded-For: ::1"),
    ),
    ("unpaced", "/stream/events?count=2000&interval=0", ("Accept-Encoding: br",)),
    ("one piece", "/stream/chunked?count=1", ()),
    ("a silent stream", "/stream/events?count=2&interval=0.5&heartbeat=1", ()),
]


@pytest.mark.parametrize("close", [True, False], ids=["closed", "kept"])
@pytest.mark.parametrize(("name", "url", "headers"), WIRE, ids=[row[0] for row in WIRE])
def test_on_the_wire_a_stream_is_the_one_that_gunicorn_serves(
    origin: OriginServer, name, url, headers, close
):
    host = f"direct-{name.replace(' ', '-')}-{close}"
    own = [f"Connection: {'close' if close else 'keep-alive'}", *headers]
    responses = []
    for space in ("", " ", "", ""):
        with closing(origin.connect()) as sock:
            head = "".join(f"{line}\r\n" for line in (f"Host: {space}{host}", *own))
            sock.sendall(f"GET {url} HTTP/1.1\r\n{head}\r\n".encode())
            if not close:
                data = read_until(sock, b"\r\n0\r\n\r\n")
                sock.sendall(request("/healthz", "Connection: close"))
                assert read_rest(sock).startswith(b"HTTP/1.1 200 OK")
            else:
                data = read_rest(sock)
        head_bytes, _, body = data.partition(b"\r\n\r\n")
        text = re.sub(rb'"elapsed_s": ?[0-9.]+', b"", b"".join(unchunked(body)[0]))
        responses.append((re.sub(rb"Date: [^\r]*", b"", head_bytes), text))
    assert responses[0][1]
    assert all(response == responses[0] for response in responses), responses
    wait_until(lambda: _streams(origin) >= 4, lambda: str(origin.lines()))
    logged = [{**line, "time": "", "duration_s": 0} for line in origin.lines() if line["transport"]]
    assert all(line == logged[0] for line in logged), json.dumps(logged)


def _streams(origin: OriginServer) -> int:
    return sum(bool(line["transport"]) for line in origin.lines())


def test_a_second_request_behind_the_first_gets_its_response(origin: OriginServer):
    url = "/stream/chunked?count=2&interval=0.01"
    for _ in range(3):
        with closing(origin.connect()) as sock:
            sock.sendall(request(url) + request("/healthz", "Connection: close"))
            assert read_rest(sock).count(b"HTTP/1.1 200 OK") == 2


def test_a_request_that_arrives_in_parts_is_served(origin: OriginServer):
    url = "/stream/chunked?count=2&interval=0.01"
    data = request(url, "Connection: close")
    whole = []
    for cut in (0, 0, 30, len(data) - 2):
        with closing(origin.connect()) as sock:
            sock.sendall(data[:cut])
            origin.fetch("/healthz")  # by now the server has seen the first part
            sock.sendall(data[cut:])
            whole.append(read_rest(sock).partition(b"\r\n\r\n")[2])
    assert whole[0]
    assert whole.count(whole[0]) == len(whole)


def test_streams_beyond_the_limit_are_refused_and_permits_come_back(origin: OriginServer):
    url = "/stream/chunked?count=100&interval=0.1"
    origin.ask(url, "Connection: close").close()
    held = []
    for _ in range(3):
        held = [origin.ask(url) for _ in range(20)]
        for sock in held:
            read_until(sock, b"\r\n\r\n")
        # The first by Flask, the second without it, the third left to gunicorn: see WIRE.
        answers = [re.sub(rb"Date: [^\r]*", b"", origin.fetch(url, *more)) for more in ((), (), ("X:  y",))]
        assert answers[0].startswith(b"HTTP/1.1 503 ")
        assert b"\r\nConnection: close\r\n" in answers[0]
        assert answers[0] == answers[1] == answers[2]
        logged = [
            {**line, "time": "", "duration_s": 0}
            for line in origin.lines()
            if line["status"] == 503 and line["transport"]
        ]
        assert logged
        assert all(line == logged[0] for line in logged)
        for sock in held:
            sock.close()
        wait_until(lambda: b'"streams": 0' in origin.fetch("/readyz") or None, lambda: "permits are missing")
