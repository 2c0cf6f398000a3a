"""ASGI apps with taps in one process: the first part of the path chooses."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import StreamingResponse
from starlette.routing import Route

from flushcheck.taps import install
from tests.taps.apps import django_chat
from tests.taps.apps.flask_chat import GAP_S, PIECES, pieces
from tests.testing.apps import join_body, pass_request_on


async def blocking() -> AsyncIterator[str]:
    """A view that blocks the event loop while it works, and lets others run in between."""
    time.sleep(0.7)
    for number in range(PIECES):
        yield f"piece {number}\n"


def starlette(*middleware: Middleware, **installed: Any) -> Any:
    async def chat(_: Any) -> StreamingResponse:
        return StreamingResponse(django_chat.async_pieces(), media_type="text/plain")

    async def sync(_: Any) -> StreamingResponse:
        return StreamingResponse(pieces(), media_type="text/plain")

    async def blocked(_: Any) -> StreamingResponse:
        return StreamingResponse(blocking(), media_type="text/plain")

    routes = [Route("/chat", chat), Route("/sync", sync), Route("/blocked", blocked)]
    return install(Starlette(routes=routes, middleware=list(middleware)), **installed)


class Joiner:
    """Sends one message for all."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        kept = b""

        async def joining(message: Any) -> None:
            nonlocal kept
            if message["type"] != "http.response.body":
                await send(message)
                return
            kept += message.get("body", b"")
            if not message.get("more_body"):
                await send({"type": "http.response.body", "body": kept})

        await self.app(scope, receive, joining)


class Slow:
    """Passes on each message later."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def later(message: Any) -> None:
            await asyncio.sleep(2 * GAP_S)
            await send(message)

        await self.app(scope, receive, later)


APPS = {
    "starlette": starlette(
        Middleware(GZipMiddleware), Middleware(BaseHTTPMiddleware, dispatch=pass_request_on)
    ),
    "starlette-logging": starlette(Middleware(BaseHTTPMiddleware, dispatch=join_body)),
    "starlette-joiner": starlette(Middleware(GZipMiddleware), Middleware(Joiner)),
    "starlette-slow": starlette(Middleware(Slow)),
    "untapped": starlette(token=""),
    "django": django_chat.asgi(),
}


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        return
    name, _, rest = scope["path"].lstrip("/").partition("/")
    if name != "django":
        scope = {**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode()}
    await APPS[name](scope, receive, send)
