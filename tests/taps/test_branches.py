"""Layers beside the straight chain: mounts, routes, functions of one request, classes that override Flask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import flask
import litestar
import pytest
import quart
from fastapi import FastAPI
from litestar.response import Stream
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import StreamingResponse
from starlette.routing import Mount, Route
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from flushcheck.taps import install
from flushcheck.taps.apps import apps_in
from flushcheck.testing import NotStreaming, assert_streams
from tests.taps.test_live import ID, TOKEN, asking
from tests.taps.web import AsgiWeb
from tests.testing.apps import (
    PIECES,
    async_pieces,
    flask_app,
    join_body,
    joiner,
    log_length,
    passes_on,
    starlette_app,
)


def mounted_flask(*after_request: Any) -> Any:
    return DispatcherMiddleware(passes_on(flask_app()), {"/api": flask_app(*after_request)})


def of_this_request() -> flask.Flask:
    app = flask_app(lambda response: response)

    @app.before_request
    def ask() -> None:
        flask.after_this_request(log_length)

    return app


class Signing(flask.Flask):
    def process_response(self, response: Any) -> Any:
        return log_length(super().process_response(response))


class Early(flask.Flask):
    def process_response(self, response: Any) -> Any:
        return super().process_response(log_length(response))


def of_class(kind: type[flask.Flask], *after_request: Any) -> flask.Flask:
    app = kind("chat")
    app.view_functions.update(flask_app().view_functions)
    app.add_url_rule("/chat", "chat", flask_app().view_functions["<lambda>"])
    for function in after_request:
        app.after_request(function)
    return app


def add_nothing(response: Any) -> Any:
    return response


async def chat(_: Any) -> StreamingResponse:
    return StreamingResponse(async_pieces(), media_type="text/plain")


JOIN = Middleware(BaseHTTPMiddleware, dispatch=join_body)


def mounted_starlette(*layers: Middleware) -> Any:
    return Starlette(
        routes=[Mount("/api", Starlette(routes=[Route("/chat", chat)], middleware=list(layers)))]
    )


def routed(*layers: Middleware) -> Any:
    return Starlette(routes=[Route("/api/chat", chat, middleware=list(layers))])


def mounted_fastapi(*layers: Middleware) -> Any:
    inner = FastAPI(middleware=list(layers))
    inner.add_api_route("/chat", chat_of_fastapi)
    outer = FastAPI()
    outer.mount("/api", inner)
    return outer


async def chat_of_fastapi() -> StreamingResponse:
    return await chat(None)


async def log_quart(response: Any) -> Any:
    await response.get_data()
    return response


def quart_app(*after_request: Any, kind: type[quart.Quart] = quart.Quart) -> Any:
    app = kind("chat")

    @app.route("/api/chat")
    async def chat() -> Any:
        return quart.Response(async_pieces(), mimetype="text/plain")

    @app.route("/api/flask")
    async def of_werkzeug() -> Any:
        return flask.Response(iter([b"a\n", b"b\n", b"c\n"]), mimetype="text/plain")

    @app.route("/api/whole")
    async def whole() -> str:
        return "all of it"

    for function in reversed(after_request):
        app.after_request(function)
    return app


class SigningQuart(quart.Quart):
    async def process_response(self, response: Any, *given: Any) -> Any:
        return await log_quart(await super().process_response(response, *given))


def quart_of_this_request() -> Any:
    app = quart_app()

    @app.before_request
    async def ask() -> None:
        quart.after_this_request(log_quart)

    return app


def overridden_quart() -> Any:
    app = quart_app()
    own = app.process_response

    async def signing(response: Any, *given: Any) -> Any:
        return await log_quart(await own(response, *given))

    app.process_response = signing
    return app


class ByPath:
    """A dispatcher of one's own: apps by path."""

    def __init__(self, apps: dict[str, Any]) -> None:
        self.apps = apps
        self.nothing: dict[str, Any] = {}

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.apps[environ["PATH_INFO"]](environ, start_response)


class Looking:
    """A middleware that uses what the next app has besides its call."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        with self.app.app_context():
            return self.app(environ, start_response)


class LookingAsync:
    """The same of ASGI."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert self.app.state.name == "chat"
        await self.app(scope, receive, send)


def looked_at() -> Any:
    app = starlette_app()
    app.state.name = "chat"
    return LookingAsync(app)


def litestar_app(*middleware: Any) -> Any:
    @litestar.get("/chat", sync_to_thread=False)
    def chat() -> Stream:
        return Stream(async_pieces(), media_type="text/plain")

    return litestar.Litestar([chat], middleware=list(middleware))


class AsgiJoiner:
    """Keeps all messages until the app is at its end."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        messages: list[Any] = []

        async def keep(message: Any) -> None:
            messages.append(message)

        await self.app(scope, receive, keep)
        body = b"".join(message.get("body", b"") for message in messages)
        await send(messages[0])
        await send({"type": "http.response.body", "body": body})


class AsgiBatcher(AsgiJoiner):
    """Passes on two chunks when the second one is there."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        kept = b""

        async def batch(message: Any) -> None:
            nonlocal kept
            if message["type"] == "http.response.start":
                await send(message)
                return
            kept += message.get("body", b"")
            if len(kept) > 80 or not message.get("more_body"):
                await send({**message, "body": kept})
                kept = b""

        await self.app(scope, receive, batch)


class TwoHeaders(AsgiJoiner):
    """Sends the header before each chunk."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        header: list[Any] = []

        async def again(message: Any) -> None:
            if message["type"] == "http.response.start":
                header.append(message)
            else:
                await send(header[0])
                await send(message)

        await self.app(scope, receive, again)


HELD: list[tuple[str, Callable[[], Any], str, str]] = [
    ("an app that is mounted beside another", lambda: mounted_flask(log_length), "/api/chat", "log_length"),
    ("the layer of a mount", lambda: DispatcherMiddleware(flask_app(), {"/api": joiner(flask_app())}), "/api/chat", "joiner"),
    ("a function of one request", of_this_request, "/chat", "log_length"),
    ("a class that overrides Flask, after the functions", lambda: of_class(Signing, add_nothing), "/chat", "Signing.process_response"),
    ("... without functions", lambda: of_class(Signing), "/chat", "Signing.process_response"),
    ("... before them", lambda: of_class(Early, add_nothing), "/chat", "Early.process_response"),
    ("a layer of a mounted Starlette", lambda: mounted_starlette(JOIN), "/api/chat", "join_body"),
    ("a layer of a mounted FastAPI", lambda: mounted_fastapi(JOIN), "/api/chat", "join_body"),
    ("a layer of a route", lambda: routed(JOIN), "/api/chat", "join_body"),
    ("a function of Quart", lambda: quart_app(add_nothing, log_quart), "/api/chat", "log_quart"),
    ("a function of Quart, outside of another", lambda: quart_app(log_quart, add_nothing), "/api/chat", "log_quart"),
    ("a class that overrides Quart", lambda: quart_app(kind=SigningQuart), "/api/chat", "SigningQuart.process_response"),
    ("a function of one request of Quart", quart_of_this_request, "/api/chat", "log_quart"),
    ("an app of a dispatcher of one's own", lambda: ByPath({"/chat": joiner(flask_app())}), "/chat", "joiner"),
    ("an override of a Quart app", overridden_quart, "/api/chat", "signing"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "make", "url", "layer"), HELD, ids=[row[0] for row in HELD])
def test_a_layer_beside_the_chain_is_named(name, make, url, layer):
    with pytest.raises(NotStreaming) as failure:
        assert_streams(make(), url)
    assert [found.name for found in failure.value.layers] in (
        [layer],
        ["overridden_quart"][: layer == "signing"],
    )
    assert "made 19 pieces wait" in str(failure.value)


STREAMS: list[tuple[str, Callable[[], Any], str]] = [
    ("an app that is mounted", mounted_flask, "/api/chat"),
    ("the app beside it", lambda: mounted_flask(log_length), "/chat"),
    ("a class that is Flask's own", lambda: of_class(type("Named", (flask.Flask,), {})), "/chat"),
    ("a mounted Starlette", mounted_starlette, "/api/chat"),
    ("a mounted FastAPI", mounted_fastapi, "/api/chat"),
    ("a route", routed, "/api/chat"),
    ("Quart", lambda: quart_app(add_nothing), "/api/chat"),
    ("a dispatcher of one's own", lambda: ByPath({"/chat": flask_app()}), "/chat"),
    ("a layer that looks at the next app", lambda: Looking(flask_app()), "/chat"),
    ("... of ASGI", looked_at, "/chat"),
    ("Litestar", litestar_app, "/chat"),
]


@pytest.mark.parametrize(("name", "make", "url"), STREAMS, ids=[row[0] for row in STREAMS])
def test_an_app_beside_the_chain_streams(name, make, url):
    assert assert_streams(make(), url).pieces == PIECES


@pytest.mark.parametrize(("layer", "words"), [
    (AsgiBatcher, "/chat does not stream: AsgiBatcher made 1 piece wait"),
    # Litestar's response waits until its client has left: this layer never gets to its end, on a server neither.
    (AsgiJoiner, "not at its end after 0.5 s; max_pieces ends it sooner. AsgiJoiner has passed on nothing of 20 pieces"),
    (TwoHeaders, "/chat is broken: TwoHeaders sent a second http.response.start, and a server ends the response there"),
])  # fmt: skip
@pytest.mark.parametrize("make", [litestar_app, lambda layer: layer(litestar_app())])
def test_a_layer_of_litestar_is_named(make, layer, words):
    with pytest.raises(NotStreaming) as failure:
        assert_streams(make(layer), "/chat", timeout_s=0.5)
    assert words in str(failure.value)
    assert [found.name for found in failure.value.layers] == [layer.__name__]


def test_a_list_that_a_layer_hands_out_is_one_chunk():
    """Werkzeug's get_data() makes a list of all chunks: what comes later did not join them, and the server gets them singly."""
    with pytest.raises(NotStreaming) as failure:
        assert_streams(flask_app(log_length, add_nothing), "/chat")
    assert failure.value.order is not None
    assert [(layer.layer.name, layer.pieces_out) for layer in failure.value.order.layers] == [
        ("log_length", 1), ("add_nothing", 1), ("Flask", PIECES),
    ]  # fmt: skip


def test_quart_is_afterwards_what_it_was_before():
    def state(app: Any) -> Any:
        return vars(app).get("process_response"), list(app.after_request_funcs[None])

    for app in (quart_app(add_nothing), overridden_quart()):
        before = state(app)
        with pytest.raises(AssertionError):
            assert_streams(app, "/api/whole")
        assert state(app) == before


@pytest.mark.parametrize(("url", "content"), [("/api/whole", "all of it"), ("/api/flask", "a\nb\nc\n")])
def test_other_responses_of_quart_pass(url, content):
    app = install(quart_app(add_nothing), token=TOKEN)
    web = AsgiWeb(app)
    assert web.get(url).text == web.get(url, headers=asking()).text == content
    places = web.get(f"{url}?fc=tap&id={ID}", headers=asking()).json()["places"]
    assert [(place["name"], len(place["chunks"])) for place in places[:2]] == [
        ("view", 1 if content == "all of it" else 3), ("add_nothing", 1 if content == "all of it" else 3),
    ]  # fmt: skip


def test_a_quart_app_stays_the_same_object():
    app = quart_app()
    assert install(app, token=TOKEN) is app


def test_an_app_is_not_built_by_a_look_at_it():
    app = mounted_starlette()
    apps_in(app)
    assert app.middleware_stack is None
    assert asyncio.iscoroutinefunction(app.__call__)


def test_apps_that_mount_each_other_end():
    first, second = DispatcherMiddleware(flask_app()), DispatcherMiddleware(flask_app())
    first.mounts, second.mounts = {"/b": second}, {"/a": first}
    assert apps_in(first)
