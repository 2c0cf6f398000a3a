"""Real frameworks: what streams passes, and what does not fails with the name of the layer."""

import asyncio
import inspect
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import flask
import pytest
from fastapi import FastAPI
from flask_compress import Compress
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import StreamingResponse
from werkzeug.middleware.proxy_fix import ProxyFix

from flushcheck import UsageError
from flushcheck.testing import assert_streams
from tests.docs.pages import example, names, rows
from tests.testing.apps import (
    PIECES,
    Later,
    add_header,
    async_pieces,
    flask_app,
    join_body,
    joiner,
    log_length,
    pass_request_on,
    passes_on,
    starlette_app,
)


def wrapped(*middlewares: Callable[[Any], Any]) -> flask.Flask:
    """A Flask app inside of these WSGI middlewares, the outermost first."""
    app = flask_app()
    for middleware in reversed(middlewares):
        app.wsgi_app = middleware(app.wsgi_app)  # type: ignore[method-assign]
    return app


def compressed(**config: object) -> flask.Flask:
    app = flask_app()
    app.config.update(config)
    Compress(app)
    return app


def fastapi_app() -> FastAPI:
    app = FastAPI()

    @app.post("/chat")
    async def chat(body: dict[str, int]) -> StreamingResponse:
        return StreamingResponse(async_pieces(), media_type="text/event-stream")

    return app


BASE = Middleware(BaseHTTPMiddleware, dispatch=pass_request_on)
JOIN = Middleware(BaseHTTPMiddleware, dispatch=join_body)

STREAMS = {
    "flask": lambda: flask_app(),
    "flask's test client": lambda: flask_app().test_client(),
    "flask, a function that adds a header": lambda: flask_app(add_header),
    "flask, ProxyFix and a generator": lambda: wrapped(ProxyFix, passes_on),
    "flask-compress, streams left alone": lambda: compressed(COMPRESS_STREAMS=False),
    "starlette": lambda: starlette_app(),
    "starlette, a synchronous generator": lambda: starlette_app(sync=True),
    "starlette, gzip that flushes": lambda: starlette_app(Middleware(GZipMiddleware, minimum_size=1)),
    "starlette, BaseHTTPMiddleware": lambda: starlette_app(BASE),
    "starlette, three of them": lambda: starlette_app(BASE, BASE, BASE),
    "a bare WSGI generator": lambda: passes_on(flask_app()),
}


@pytest.mark.parametrize("name", STREAMS)
def test_an_app_that_streams_passes(name: str) -> None:
    order = assert_streams(STREAMS[name](), "/chat")
    assert (order.pieces, order.waiting, order.order) == (PIECES, 0, "io" * PIECES)


def test_a_body_is_sent_as_json() -> None:
    assert assert_streams(fastapi_app(), "/chat", json={"a": 1}).pieces == PIECES
    with pytest.raises(
        AssertionError, match=r"^/chat: the app responded with status 422; expected a stream$"
    ):
        assert_streams(fastapi_app(), "/chat", json={"a": "b"})


HELD = {
    "flask, the logging recipe": (lambda: flask_app(log_length), "log_length"),
    "flask, the logging recipe inside of an innocent function": (
        lambda: flask_app(log_length, add_header),
        "log_length",
    ),
    "flask-compress": (lambda: compressed(), "Compress"),
    "a WSGI middleware that joins": (lambda: wrapped(passes_on, joiner, passes_on), "joiner"),
    "a WSGI middleware around the app": (lambda: joiner(flask_app()), "joiner"),
    "starlette, the logging recipe": (lambda: starlette_app(BASE, JOIN, BASE), "join_body"),
}


@pytest.mark.parametrize("name", HELD)
def test_a_layer_that_joins_is_named(name: str) -> None:
    make, layer = HELD[name]
    with pytest.raises(AssertionError, match=rf"^/chat does not stream: {layer} made 19 pieces wait\n"):
        assert_streams(make(), "/chat")


def test_a_piece_that_leaves_with_the_next_one_waits() -> None:
    with pytest.raises(AssertionError, match=r"^/chat does not stream: Later made 1 piece wait\n"):
        assert_streams(wrapped(Later), "/chat")
    assert assert_streams(wrapped(Later), "/chat", max_waiting=1).waiting == 1


def test_the_message_shows_each_layer_and_a_fix() -> None:
    with pytest.raises(AssertionError) as failure:
        assert_streams(compressed(), "/chat")
    assert str(failure.value) + "\n" == example("assert-streams", "text")


def test_the_documentation_has_each_argument() -> None:
    documented = {name for row in rows("argument") for name in names(row[0])}
    assert documented == set(inspect.signature(assert_streams).parameters) - {"app"}


def test_a_layer_without_a_known_fix_is_named_with_its_module() -> None:
    with pytest.raises(
        AssertionError, match=r"\n  fix: joiner \(tests\.testing\.apps\.joiner\) must pass on each"
    ):
        assert_streams(wrapped(joiner), "/chat")


def test_a_body_made_as_a_whole_is_no_stream() -> None:
    with pytest.raises(AssertionError, match=r"^/whole: the app made 1 piece; expected 3 at least\."):
        assert_streams(flask_app(), "/whole")


def test_few_pieces_are_enough_where_few_are_expected() -> None:
    app = flask.Flask("few")
    app.add_url_rule("/", view_func=lambda: flask.Response(iter(["a", "b"])))
    assert assert_streams(app, min_pieces=2).pieces == 2
    with pytest.raises(AssertionError, match="the app made 2 pieces; expected 3 at least"):
        assert_streams(app)


def test_an_endless_stream_is_closed_after_max_pieces() -> None:
    closed = []

    def endless() -> Any:
        try:
            while True:
                yield "piece"
        finally:
            closed.append(True)

    app = flask.Flask("endless")
    app.add_url_rule("/", view_func=lambda: flask.Response(endless()))
    assert assert_streams(app, max_pieces=7).pieces == 7
    assert closed == [True]


def test_an_endless_asgi_stream_is_closed_after_max_pieces() -> None:
    closed = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"piece", "more_body": True})
        finally:
            closed.append(True)

    assert assert_streams(app, max_pieces=7).pieces >= 7
    assert closed == [True]


def test_an_asgi_app_that_waits_is_ended_by_the_timeout() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    with pytest.raises(AssertionError, match=r"^/: not at its end after 0\.05 s; max_pieces ends it sooner$"):
        assert_streams(app, timeout_s=0.05)


def test_the_lifespan_of_an_asgi_app_runs() -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for _ in range(2):
                message = (await receive())["type"]
                seen.append(message)
                scope["state"]["ready"] = True
                await send({"type": f"{message}.complete"})
            return
        assert scope["state"]["ready"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(3):
            await send({"type": "http.response.body", "body": b"piece", "more_body": number < 2})

    assert assert_streams(app).pieces == 3
    assert seen == ["lifespan.startup", "lifespan.shutdown"]


def test_a_start_up_that_fails_is_told() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await send({"type": "lifespan.startup.failed", "message": "no database"})

    with pytest.raises(RuntimeError, match="the app's start-up failed: no database"):
        assert_streams(app)


def test_a_shut_down_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flushcheck.testing.calling.SHUTDOWN_S", 0.05)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await asyncio.Event().wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(3):
            await send({"type": "http.response.body", "body": b"piece", "more_body": number < 2})

    assert assert_streams(app).pieces == 3


def test_what_the_app_raises_is_raised() -> None:
    app = flask_app()
    app.testing = True
    app.add_url_rule("/fails", "fails", lambda: str(1 / 0))
    with pytest.raises(ZeroDivisionError):
        assert_streams(app, "/fails")


@pytest.mark.parametrize(
    "make",
    [
        lambda: flask_app(log_length, add_header),
        lambda: wrapped(ProxyFix, joiner),
        lambda: starlette_app(BASE),
    ],
)
def test_the_app_is_afterwards_what_it_was_before(make) -> None:
    app = make()
    before = snapshot(app)
    with suppress(AssertionError):
        assert_streams(app, "/chat")
    assert snapshot(app) == before


def test_an_override_of_the_apps_own_stays() -> None:
    app = flask_app()
    own = app.process_response
    app.process_response = own  # type: ignore[method-assign]
    assert_streams(app, "/chat")
    assert vars(app)["process_response"] is own


def snapshot(app: Any) -> Any:
    functions = getattr(app, "after_request_funcs", {})
    chain = vars(app).get("wsgi_app")
    inner = vars(chain).get("app") if chain is not None else None
    return (
        {key: list(value) for key, value in functions.items()},
        chain,
        inner,
        "process_response" in vars(app),
    )


USAGE = [
    ({"url": "chat"}, r"url='chat': expected a path, for example '/chat\?stream=1'"),
    ({"min_pieces": 1}, "min_pieces=1, max_pieces=100: expected 2"),
    ({"max_pieces": 1001}, "max_pieces=1001: expected 2 .* to 1000"),
    ({"min_pieces": 5, "max_pieces": 4}, "the first not above the second"),
    ({"max_waiting": 2}, "expected 4"),
]


@pytest.mark.parametrize(("arguments", "message"), USAGE)
def test_a_wrong_argument_is_told(arguments, message) -> None:
    with pytest.raises(UsageError, match=message):
        assert_streams(flask_app(), **arguments)


def test_what_is_no_app_is_told() -> None:
    with pytest.raises(UsageError, match=r"app is a str: expected a WSGI or ASGI app"):
        assert_streams("app")


def test_it_runs_where_an_event_loop_runs_already() -> None:
    async def test() -> int:
        with pytest.raises(AssertionError, match="join_body made 19 pieces wait"):
            assert_streams(starlette_app(JOIN), "/chat")
        return assert_streams(starlette_app(), "/chat").pieces

    assert asyncio.run(test()) == PIECES


pytest_plugins = ["pytester"]


def test_pytest_finds_the_fixture(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import flask

        def test_chat(assert_streams):
            app = flask.Flask("chat")
            app.add_url_rule("/", view_func=lambda: flask.Response(iter("abc")))
            app.after_request(lambda response: response if response.get_data() else response)
            assert_streams(app)
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:xdist")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*/ does not stream: <lambda> made 2 pieces wait*"])
