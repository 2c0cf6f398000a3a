"""An app on a real server: which one, how it ends, and what a failure says."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Iterator
from typing import Any

import flask
import pytest
import requests
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

from flushcheck import UsageError
from flushcheck.model import Verdict
from flushcheck.testing import assert_served_streams, serving
from flushcheck.testing.serving import served
from tests.docs.pages import TEXTS, names

PIECES = 8


def pieces() -> Iterator[str]:
    for number in range(PIECES):
        yield f"data: {number}\n\n"
        time.sleep(0.06)


def wsgi_app() -> flask.Flask:
    app = flask.Flask("chat")
    app.add_url_rule("/chat", view_func=lambda: flask.Response(pieces(), mimetype="text/event-stream"))
    app.add_url_rule(
        "/whole", "whole", lambda: flask.Response("".join(pieces()), mimetype="text/event-stream")
    )
    app.add_url_rule("/", "root", lambda: flask.request.environ["SERVER_SOFTWARE"])
    return app


def asgi_app() -> Starlette:
    async def chat(_: Any) -> StreamingResponse:
        return StreamingResponse(pieces(), media_type="text/event-stream")

    return Starlette(routes=[Route("/chat", chat)])


SERVERS = [
    # app      server        as which it runs
    (wsgi_app, "werkzeug",   "Werkzeug/"),
    (wsgi_app, "wsgiref",    "WSGIServer/"),
    (wsgi_app, "waitress",   "waitress"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "server", "software"), SERVERS, ids=[row[1] for row in SERVERS])
def test_the_server_that_was_named_runs_the_app_and_ends(make, server, software):
    with served(make(), server=server) as url:
        assert requests.get(f"{url}/", timeout=60).text.startswith(software)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/", timeout=2)
    assert "flushcheck-served" not in [thread.name for thread in threading.enumerate()]


STREAMS = [
    # app                                server
    (wsgi_app,                           ""),
    (lambda: wsgi_app().test_client(),   "wsgiref"),
    (wsgi_app,                           "waitress"),
    (asgi_app,                           "uvicorn"),
]  # fmt: skip


@pytest.mark.slow  # real streams, one after the other
@pytest.mark.parametrize(("make", "server"), STREAMS, ids=[row[1] or "default" for row in STREAMS])
def test_an_app_that_streams_passes_on_each_server(make, server):
    report = assert_served_streams(make(), "/chat", server=server)
    assert report.verdict is Verdict.FLOWING
    assert report.stream is not None
    assert report.stream.records == PIECES
    assert "flushcheck-uvicorn" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.slow
def test_a_view_that_joins_fails_with_the_report():
    with pytest.raises(AssertionError, match=r"/whole does not stream:\nHELD  http://127\.0\.0\.1:\d+/whole"):
        assert_served_streams(wsgi_app(), "/whole", repeat=False)


async def fails(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "lifespan"
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})


def test_a_start_up_that_fails_is_told():
    with pytest.raises(RuntimeError, match="uvicorn did not start"), served(fails):
        pass


WRONG = [
    # what is wrong                          the error
    ({"app": "wsgi", "server": "uvicorn"},   "server='uvicorn': expected werkzeug or wsgiref or waitress for a WSGI app, for example server='werkzeug'"),
    ({"app": "asgi", "server": "gunicorn"},  "server='gunicorn': expected uvicorn for an ASGI app"),
    ({"app": "wsgi", "url": "chat"},         "url='chat': expected a path"),
    ({"app": "none"},                        "app is a str: expected a WSGI or ASGI app"),
]  # fmt: skip

APPS = {"wsgi": wsgi_app, "asgi": asgi_app, "none": lambda: "no app"}


@pytest.mark.parametrize(("arguments", "error"), WRONG)
def test_a_wrong_argument_is_told(arguments, error):
    with pytest.raises(UsageError) as raised:
        assert_served_streams(APPS[arguments["app"]](), **{k: v for k, v in arguments.items() if k != "app"})
    assert str(raised.value).startswith(error)


ABSENT = [
    # app      given         the error
    (asgi_app, "",           "server='': uvicorn is not installed; expected it, for example pip install uvicorn"),
    (wsgi_app, "waitress",   "server='waitress': waitress is not installed; expected it, for example pip install waitress"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "given", "error"), ABSENT)
def test_a_server_that_is_not_installed_is_told(make, given, error, monkeypatch):
    monkeypatch.setattr(serving, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=error), served(make(), server=given):
        pass


def test_pythons_own_server_runs_where_no_other_is_installed(monkeypatch):
    monkeypatch.setattr(serving, "find_spec", lambda name: True if name == "wsgiref" else None)
    with served(wsgi_app()) as url:
        assert requests.get(url, timeout=60).text.startswith("WSGIServer/")


def test_the_documentation_has_each_argument():
    section = TEXTS["docs/testing.md"].split("## On a real server")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    documented = {name for line in lines for name in names(line.split(" | ")[0])}
    assert documented == set(inspect.signature(assert_served_streams).parameters) - {"app"}
