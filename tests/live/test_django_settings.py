"""Taps by one line of a Django settings file, on gunicorn and on uvicorn: guilty layers and innocent twins."""

from __future__ import annotations

import http.client
import sys
from collections.abc import Iterator

import pytest

from tests.live import servers
from tests.live.test_taps import CODES, ENV, TOKEN, tap

pytestmark = pytest.mark.live

APP = "tests.taps.apps.django_settings_chat:"
GUNICORN = ("gunicorn", "--preload", "--threads", "4", "-b", "127.0.0.1:{port}", f"{APP}wsgi()")
UVICORN = ("uvicorn", "--factory", "--log-level", "warning", "--port", "{port}", f"{APP}asgi")


def start(words: tuple[str, ...]) -> Iterator[servers.Service]:
    port = servers.free_port()
    argv = [sys.executable, "-m", *(word.format(port=port) for word in words)]
    with servers.start_program(words[0], argv, port=port, cwd=servers.ROOT, env=ENV) as service:
        yield service


@pytest.fixture(scope="module")
def wsgi() -> Iterator[servers.Service]:
    yield from start(GUNICORN)


@pytest.fixture(scope="module")
def asgi() -> Iterator[servers.Service]:
    yield from start(UVICORN)


ROWS = [
    # server  path                     verdict    cause             layers
    ("wsgi", "django/sync",            "flowing", "",               []),
    ("wsgi", "django/gzip",            "held",    "layer",          ["GZipMiddleware"]),
    ("wsgi", "django/joined",          "held",    "layer",          ["join_body"]),
    ("wsgi", "django/async-in-sync",   "held",    "async-iterator", ["WSGIHandler"]),
    ("asgi", "django/async",           "flowing", "",               []),
    ("asgi", "django/sync",            "held",    "sync-iterator",  ["ASGIHandler"]),
    ("asgi", "django/async-gzip",      "broken",  "gzip-members",   ["GZipMiddleware"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("server", "path", "verdict", "cause", "layers"), ROWS, ids=[" ".join(row[:2]) for row in ROWS]
)
def test_the_layer_is_named(server, path, verdict, cause, layers, request, capsys):
    service = request.getfixturevalue(server)
    code, report = tap(f"{service.url}/{path}", capsys)
    said = report["verdict"], report["cause"], [layer["name"] for layer in report["layers"]]
    assert said == (verdict, cause, layers), report["headline"]
    assert code == CODES[verdict]


def test_a_middleware_that_leaves_streams_alone_passes_each_chunk_on(wsgi, capsys):
    _, report = tap(f"{wsgi.url}/django/sync", capsys)
    rungs = {rung["name"]: rung["deliveries"] for rung in report["rungs"]}
    assert list(rungs) == [
        *("view", "join_body", "ConditionalGetMiddleware", "GZipMiddleware", "SecurityMiddleware"),
        *("WSGIHandler", "reader"),
    ]
    assert rungs["ConditionalGetMiddleware"] == rungs["view"]


@pytest.mark.parametrize("token", [None, TOKEN[:-1] + "!"])
def test_others_get_the_projects_own_404(token, wsgi):
    connection = http.client.HTTPConnection("127.0.0.1", wsgi.port, timeout=60)
    headers = {"X-Flushcheck-Tap": "0" * 32} | ({"X-Flushcheck-Token": token} if token else {})
    connection.request("GET", f"/nowhere?fc=tap&id={'0' * 32}", headers=headers)
    response = connection.getresponse()
    assert response.status == 404
    assert b"flushcheck" not in response.read()
