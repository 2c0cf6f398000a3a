"""Flask, Quart and plain WSGI: the app of a stack, and the layers that their users put on it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import flask
from werkzeug.debug import DebuggedApplication
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.lint import LintMiddleware
from werkzeug.middleware.profiler import ProfilerMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from tests.lab.stacks import recipes, views
from tests.lab.stacks.table import Stack

_log = logging.getLogger(__name__)


def log_body(response: Any) -> Any:
    """The logging recipe: it reads the whole body."""
    _log.info("%s bytes", len(response.get_data()))
    return response


def set_etag(response: Any) -> Any:
    response.add_etag()
    return response


def set_length(response: Any) -> Any:
    response.content_length = response.calculate_content_length()
    return response


def sign(response: Any) -> Any:
    response.headers["X-Digest"] = hashlib.sha256(response.data).hexdigest()
    return response


def add_headers(response: Any) -> Any:
    response.headers["X-App"] = "chat"
    return response


def log_streams(response: Any) -> Any:
    """The logging recipe that spares streams."""
    return response if response.is_streamed else log_body(response)


def count_bytes(response: Any) -> Any:
    """Wraps the iterator."""
    chunks, total = response.response, []

    def counting() -> Any:
        for chunk in chunks:
            total.append(len(chunk))
            yield chunk

    response.response = counting()
    return response


def conditional(response: Any) -> Any:
    return response.make_conditional(flask.request)


def _compress(**settings: Any) -> Callable[[flask.Flask], None]:
    def add(app: flask.Flask) -> None:
        from flask_compress import Compress

        app.config["COMPRESS_MIMETYPES"] = ["text/html", "text/plain", "text/event-stream"]
        app.config.update(settings)
        Compress(app)

    return add


def _cors(app: flask.Flask) -> None:
    from flask_cors import CORS

    CORS(app)


def _session(app: flask.Flask) -> None:
    @app.before_request
    def visit() -> None:
        flask.session["visits"] = flask.session.get("visits", 0) + 1


def _server_session(app: flask.Flask) -> None:
    from cachelib import SimpleCache
    from flask_session import Session

    app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=SimpleCache())
    Session(app)
    _session(app)


def _this_request(app: flask.Flask) -> None:
    @app.before_request
    def ask() -> None:
        flask.after_this_request(log_body)


def _blueprint(app: flask.Flask) -> None:
    app.after_request_funcs.setdefault("chat", []).append(log_body)


def _after(function: Any) -> Callable[[flask.Flask], Any]:
    return lambda app: app.after_request(function)


def _around(make: Callable[[Any], Any]) -> Callable[[flask.Flask], None]:
    def add(app: flask.Flask) -> None:
        app.wsgi_app = make(app.wsgi_app)  # type: ignore[method-assign]

    return add


def _whitenoise(app: Any) -> Any:
    from whitenoise import WhiteNoise

    return WhiteNoise(app)


def _sentry(app: Any) -> Any:
    from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware

    return SentryWsgiMiddleware(app)


def _mounted(app: Any) -> Any:
    return DispatcherMiddleware(_nothing, {"": app})


def _nothing(environ: Any, start_response: Any) -> Any:
    start_response("404 Not Found", [])
    return [b""]


AROUND: Mapping[str, Callable[[Any], Any]] = {
    **recipes.WSGI,
    "proxyfix": ProxyFix,
    "lint": LintMiddleware,
    "profiler": lambda app: ProfilerMiddleware(app, stream=None),
    "debugger": DebuggedApplication,
    "whitenoise": _whitenoise,
    "sentry": _sentry,
    "dispatcher": _mounted,
}

LAYERS: Mapping[str, Callable[[flask.Flask], Any]] = {
    "compress": _compress(),
    "compress-gzip": _compress(COMPRESS_ALGORITHM=["gzip"], COMPRESS_ALGORITHM_STREAMING=["gzip"]),
    "compress-default": _compress(COMPRESS_MIMETYPES=["text/html", "application/json"]),
    "compress-no-streams": _compress(COMPRESS_STREAMS=False),
    "cors": _cors,
    "session": _session,
    "server-session": _server_session,
    "this-request": _this_request,
    "blueprint": _blueprint,
    **{
        function.__name__: _after(function)
        for function in (
            log_body,
            set_etag,
            set_length,
            sign,
            add_headers,
            log_streams,
            count_bytes,
            conditional,
        )
    },
    **{name: _around(make) for name, make in AROUND.items()},
}


class SigningFlask(flask.Flask):
    """Overrides what Flask does with each response."""

    def process_response(self, *given: Any) -> Any:
        return sign(super().process_response(*given))


def make_flask(stack: Stack) -> Any:
    """The Flask app of a stack."""
    app = (SigningFlask if "signing-class" in stack.layers else flask.Flask)("chat")
    app.secret_key = "of a test"
    blueprint = flask.Blueprint("chat", "chat")
    headers = {"Content-Encoding": "identity"} if stack.view == "identity" else {}

    @blueprint.route("/stream/<route>")
    def stream(route: str) -> Any:
        body = views.whole(route) if stack.view == "slow" else views.pieces(route)
        if stack.view == "thinking":
            body = views.pieces(route, thinking_s=views.THINKING_S)
        if stack.view == "context":
            body = flask.stream_with_context(body)  # type: ignore[arg-type]
        return flask.Response(body, mimetype=views.TYPES[route], headers=headers)

    app.register_blueprint(blueprint)
    app.add_url_rule("/healthz", "healthz", lambda: "ok")
    app.add_url_rule("/busy", "busy", _busy)
    for layer in reversed(stack.layers):
        if layer != "signing-class":
            LAYERS[layer](app)
    return app


def _busy() -> str:
    time.sleep(views.BUSY_S)
    return "done"


def make_wsgi(stack: Stack) -> Any:
    """The plain WSGI app of a stack, with its middlewares around it."""

    def chat(environ: Any, start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        route = path.rpartition("/")[2]
        if route not in views.TYPES:
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"ok"]
        write = start_response("200 OK", [("Content-Type", views.TYPES[route])])
        if stack.view == "slow":
            return [views.whole(route).encode()]
        if stack.view == "write":
            for piece in views.pieces(route):
                write(piece.encode())
            return []
        return (piece.encode() for piece in views.pieces(route))

    app: Any = chat
    for layer in reversed(stack.layers):
        app = AROUND[layer](app)
    return app


def make_a2wsgi(stack: Stack) -> Any:
    """A Flask app that an ASGI server serves."""
    from a2wsgi import WSGIMiddleware

    return WSGIMiddleware(make_flask(stack))


def make_wsgi_mount(stack: Stack) -> Any:
    """A Flask app that is mounted in FastAPI."""
    from a2wsgi import WSGIMiddleware
    from fastapi import FastAPI

    outer = FastAPI()

    @outer.get("/healthz")
    async def healthz() -> str:
        return "ok"

    inner: Any = WSGIMiddleware(make_flask(stack))
    outer.mount("/", inner)
    return outer


async def log_quart_body(response: Any) -> Any:
    """The logging recipe of Quart."""
    _log.info("%s bytes", len(await response.get_data()))
    return response


async def add_quart_headers(response: Any) -> Any:
    response.headers["X-App"] = "chat"
    return response


def make_quart(stack: Stack) -> Any:
    """The Quart app of a stack."""
    import quart

    app: Any = quart.Quart("chat")

    @app.route("/stream/<route>")
    async def stream(route: str) -> Any:
        if stack.view == "slow":
            return quart.Response(await asyncio.to_thread(views.whole, route), mimetype=views.TYPES[route])
        return quart.Response(views.async_pieces(route), mimetype=views.TYPES[route])

    @app.route("/healthz")
    async def healthz() -> str:
        return "ok"

    for layer in reversed(stack.layers):
        if layer in recipes.ASGI:
            app.asgi_app = recipes.ASGI[layer](app.asgi_app)
        else:
            app.after_request({"quart-log": log_quart_body, "quart-headers": add_quart_headers}[layer])
    return app
