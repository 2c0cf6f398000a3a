"""`flushcheck tap` on real servers: guilty layers and innocent twins of Flask, Django, Starlette, WSGI and ASGI."""

from __future__ import annotations

import json
import sys
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from flushcheck.cli import main
from tests.live import nginxconf, servers

pytestmark = pytest.mark.live

TOKEN = "0123456789abcdef"
ENV = {"FLUSHCHECK_TAP_TOKEN": TOKEN}


@pytest.fixture(scope="module")
def wsgi() -> Iterator[servers.Service]:
    """gunicorn with two processes: the notes are often asked of another one."""
    port = servers.free_port()
    argv = [
        sys.executable,
        "-m",
        "gunicorn",
        "--preload",
        "-w",
        "2",
        "--threads",
        "4",
        "-b",
        f"127.0.0.1:{port}",
    ]
    argv.append("tests.taps.apps.wsgi_apps:app")
    with servers.start_program("gunicorn", argv, port=port, cwd=servers.ROOT, env=ENV) as service:
        yield service


@pytest.fixture(scope="module")
def asgi() -> Iterator[servers.Service]:
    port = servers.free_port()
    argv = [sys.executable, "-m", "uvicorn", "--port", str(port), "--log-level", "warning"]
    argv.append("tests.taps.apps.asgi_apps:app")
    with servers.start_program("uvicorn", argv, port=port, cwd=servers.ROOT, env=ENV) as service:
        yield service


def tap(url: str, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = main(["tap", url, "--token", TOKEN, "--json", *options])
    return code, json.loads(capsys.readouterr().out)


WSGI = [
    # path,                   verdict,   place,  cause,            layers
    ("flask/chat",             "flowing", "",     "",               []),
    ("flask-compress/chat",    "held",    "app",  "layer",          ["Compress"]),
    ("flask-logging/chat",     "held",    "app",  "layer",          ["log_length"]),
    ("flask-joiner/chat",      "held",    "app",  "layer",          ["joiner"]),
    ("flask/whole",            "held",    "view", "view",           []),
    ("plain/",                 "flowing", "",     "",               []),
    ("plain-joiner/",          "held",    "app",  "layer",          ["joiner"]),
    ("django/sync",            "flowing", "",     "",               []),
    ("django/async-in-sync",   "held",    "app",  "async-iterator", ["WSGIHandler"]),
    ("django/gzip",            "held",    "app",  "layer",          ["GZipMiddleware"]),
    ("django/joined",          "held",    "app",  "layer",          ["join_body"]),
]  # fmt: skip

ASGI = [
    ("starlette/chat",         "flowing", "",     "",               []),
    ("starlette/sync",         "flowing", "",     "",               []),
    ("starlette/blocked",      "held",    "app",  "event-loop",     []),
    ("starlette-logging/chat", "held",    "app",  "layer",          ["join_body"]),
    ("starlette-joiner/chat",  "held",    "app",  "layer",          ["Joiner"]),
    ("starlette-slow/chat",    "held",    "app",  "layer",          ["Slow"]),
    ("untapped/chat",          "unknown", "",     "",               []),
    ("django/async",           "flowing", "",     "",               []),
    ("django/sync",            "held",    "app",  "sync-iterator",  ["ASGIHandler"]),
    ("django/async-gzip",      "broken",  "app",  "gzip-members",   ["GZipMiddleware"]),
]  # fmt: skip

CODES = {"flowing": 0, "held": 1, "broken": 1, "unknown": 3}


@pytest.mark.parametrize(
    ("server", "path", "verdict", "place", "cause", "layers"),
    [*(("wsgi", *row) for row in WSGI), *(("asgi", *row) for row in ASGI)],
)
def test_the_layer_is_named(server, path, verdict, place, cause, layers, request, capsys):
    service = request.getfixturevalue(server)
    code, report = tap(f"{service.url}/{path}", capsys)
    said = report["verdict"], report["place"], report["cause"], [layer["name"] for layer in report["layers"]]
    assert said == (verdict, place, cause, layers), report["headline"]
    assert code == CODES[verdict]


def test_the_path_is_told_from_the_app(wsgi, nginx, capsys):
    front = nginx(nginxconf.site("proxy_pass http://127.0.0.1:8000;"), upstreams={8000: wsgi.port})
    code, report = tap(f"{front.url}/flask/chat", capsys, "--once")
    assert (code, report["place"], report["cause"]) == (1, "path", "path"), report["headline"]
    assert report["rungs"][-2]["deliveries"] == 8
    front.apply_fix("proxy_buffering off;")
    code, report = tap(f"{front.url}/flask/chat", capsys, "--once")
    assert (code, report["place"]) == (0, ""), report["headline"]


def test_a_queue_before_the_worker_is_told(capsys):
    port = servers.free_port()
    argv = [sys.executable, "-m", "gunicorn", "--preload", "-w", "1", "-b", f"127.0.0.1:{port}"]
    argv.append("tests.taps.apps.flask_chat:slow()")
    with (
        servers.start_program("gunicorn", argv, port=port, cwd=servers.ROOT, env=ENV) as service,
        urllib.request.urlopen(f"{service.url}/busy") as busy,
    ):
        busy.read(1)  # the only worker has it
        reading = threading.Thread(target=busy.read)
        reading.start()
        code, report = tap(f"{service.url}/chat", capsys)
        reading.join()
    assert (code, report["place"], report["cause"]) == (1, "server", "queue"), report["headline"]
    assert report["queued_s"] > 1
