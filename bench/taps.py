"""What installed taps cost a request that nobody taps: `python -m bench.taps`.

Each app is called in this process, with taps and without, in turn; the ratio is that of the medians. Nothing
is sent.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from typing import Any

import flask
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from werkzeug.test import EnvironBuilder

from flushcheck.taps import install

TOKEN = "0123456789abcdef"
ROUNDS, CALLS = 40, 500

# What a browser sends, about.
HEADERS = [(f"x-header-{number}".encode(), b"value") for number in range(10)]


def wsgi(environ: Any, start_response: Any) -> list[bytes]:
    """The smallest WSGI app."""
    start_response("200 OK", [])
    return [b"ok"]


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """The smallest ASGI app."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


def of_flask() -> flask.Flask:
    """A Flask app with one view and one `after_request` function."""
    app = flask.Flask("bench")
    app.add_url_rule("/", "index", lambda: "ok")
    app.after_request(lambda response: response)
    return app


def of_starlette() -> Starlette:
    """A Starlette app with one view."""

    async def index(_: Any) -> PlainTextResponse:
        return PlainTextResponse("ok")

    return Starlette(routes=[Route("/", index)])


def wsgi_calls(app: Any) -> Callable[[], None]:
    """A function that calls a WSGI app many times."""
    environ = EnvironBuilder(
        "/", headers=[(name.decode(), value.decode()) for name, value in HEADERS]
    ).get_environ()

    def calls() -> None:
        for _ in range(CALLS):
            for _chunk in app(dict(environ), lambda *_: None):
                pass

    return calls


def asgi_calls(app: Any) -> Callable[[], None]:
    """A function that calls an ASGI app many times."""
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "root_path": "",
        "query_string": b"",
        "headers": HEADERS,
        "client": ("127.0.0.1", 5000),
        "server": ("127.0.0.1", 80),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(_: Any) -> None:
        pass

    async def run() -> None:
        for _ in range(CALLS):
            await app(dict(scope), receive, send)

    return lambda: asyncio.run(run())


APPS: list[tuple[str, Callable[[], Any], Callable[[Any], Callable[[], None]]]] = [
    ("the smallest WSGI app", lambda: wsgi, wsgi_calls),
    ("Flask", of_flask, wsgi_calls),
    ("the smallest ASGI app", lambda: asgi, asgi_calls),
    ("Starlette", of_starlette, asgi_calls),
]


def timed_s(calls: Callable[[], None]) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    calls()
    return (time.perf_counter() - began) / CALLS


def main() -> None:
    """Print a line for each app."""
    for name, make, calls in APPS:
        pair = calls(make()), calls(install(make(), token=TOKEN))
        for each in pair:
            each()
        rounds = [(timed_s(pair[0]), timed_s(pair[1])) for _ in range(ROUNDS)]
        plain, tapped = (statistics.median(times) for times in zip(*rounds, strict=True))
        added = statistics.median(after - before for before, after in rounds)
        print(
            f"{name:<24} {plain * 1e6:7.2f} µs, with taps {tapped * 1e6:7.2f} µs: "
            f"{tapped / plain:5.3f} times, {added * 1e6:+.2f} µs"
        )


if __name__ == "__main__":
    main()
