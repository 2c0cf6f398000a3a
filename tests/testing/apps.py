"""Apps of each framework: a view that yields pieces, and layers that keep them or pass them on."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import flask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

PIECES = 20


def pieces() -> Iterator[str]:
    for number in range(PIECES):
        yield f"piece {number} {'.' * 40}\n"


async def async_pieces() -> AsyncIterator[str]:
    for piece in pieces():
        yield piece


def flask_app(*after_request: Callable[[flask.Response], flask.Response]) -> flask.Flask:
    """A Flask app with these functions, called in this order."""
    app = flask.Flask("chat")
    app.add_url_rule(
        "/chat", view_func=lambda: flask.Response(pieces(), mimetype="text/plain"), methods=["GET", "POST"]
    )
    app.add_url_rule("/whole", "whole", lambda: "".join(pieces()))
    for function in reversed(after_request):
        app.after_request(function)
    return app


def log_length(response: flask.Response) -> flask.Response:
    """The logging recipe: get_data() joins the stream."""
    response.get_data()
    return response


def add_header(response: flask.Response) -> flask.Response:
    response.headers["X-App"] = "chat"
    return response


def joiner(app: Any) -> Any:
    def wrapped(environ: Any, start_response: Any) -> Any:
        return [b"".join(app(environ, start_response))]

    return wrapped


def passes_on(app: Any) -> Any:
    def wrapped(environ: Any, start_response: Any) -> Any:
        yield from app(environ, start_response)

    return wrapped


class Later:
    """Passes on each chunk when the next one comes, and the last one at the end."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        kept = b""
        for chunk in self.app(environ, start_response):
            if kept:
                yield kept
            kept = chunk
        yield kept


def starlette_app(*middleware: Middleware, sync: bool = False) -> Starlette:
    async def chat(_: Any) -> Response:
        return StreamingResponse(pieces() if sync else async_pieces(), media_type="text/plain")

    return Starlette(routes=[Route("/chat", chat, methods=["GET", "POST"])], middleware=list(middleware))


async def pass_request_on(request: Any, call_next: Any) -> Any:
    return await call_next(request)


async def join_body(request: Any, call_next: Any) -> Any:
    """The logging recipe for Starlette: it reads body_iterator to its end."""
    response = await call_next(request)
    return Response(b"".join([chunk async for chunk in response.body_iterator]), response.status_code)
