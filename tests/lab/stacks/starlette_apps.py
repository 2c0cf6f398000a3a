"""Starlette and FastAPI: the app of a stack, and the layers that their users put on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from tests.lab.stacks import recipes, views
from tests.lab.stacks.table import Stack


async def pass_on(request: Any, call_next: Any) -> Any:
    return await call_next(request)


async def log_response(request: Any, call_next: Any) -> Any:
    """The logging recipe: it reads body_iterator to its end."""
    response = await call_next(request)
    body = b"".join([chunk async for chunk in response.body_iterator])
    return Response(body, response.status_code, dict(response.headers))


async def wrap_iterator(request: Any, call_next: Any) -> Any:
    """The logging recipe that passes on each chunk."""
    response = await call_next(request)
    chunks, total = response.body_iterator, []

    async def counting() -> Any:
        async for chunk in chunks:
            total.append(len(chunk))
            yield chunk

    response.body_iterator = counting()
    return response


class AuditMiddleware(BaseHTTPMiddleware):
    """The logging recipe as a class."""

    async def dispatch(self, request: Any, call_next: Any) -> Any:
        return await log_response(request, call_next)


class TimingMiddleware(BaseHTTPMiddleware):
    async def dispatch(self, request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["X-App"] = "chat"
        return response


def _session() -> Middleware:
    from starlette.middleware.sessions import SessionMiddleware

    return Middleware(SessionMiddleware, secret_key="of a test")


def _brotli() -> Middleware:
    from brotli_asgi import BrotliMiddleware

    return Middleware(BrotliMiddleware, minimum_size=10)


def _zstd() -> Middleware:
    from zstd_asgi import ZstdMiddleware

    return Middleware(ZstdMiddleware, minimum_size=10)


def _compress() -> Middleware:
    from starlette_compress import CompressMiddleware

    return Middleware(CompressMiddleware, minimum_size=10)


def _sentry() -> Middleware:
    from sentry_sdk.integrations.asgi import SentryAsgiMiddleware

    return Middleware(SentryAsgiMiddleware)


LAYERS: Mapping[str, Callable[[], Middleware]] = {
    "gzip": lambda: Middleware(GZipMiddleware),
    "cors": lambda: Middleware(CORSMiddleware, allow_origins=["*"]),
    "trusted-host": lambda: Middleware(TrustedHostMiddleware, allowed_hosts=["*"]),
    "base": lambda: Middleware(BaseHTTPMiddleware, dispatch=pass_on),
    "base-log": lambda: Middleware(BaseHTTPMiddleware, dispatch=log_response),
    "base-wrap": lambda: Middleware(BaseHTTPMiddleware, dispatch=wrap_iterator),
    "base-audit": lambda: Middleware(AuditMiddleware),
    "base-timing": lambda: Middleware(TimingMiddleware),
    "session": _session,
    "brotli": _brotli,
    "zstd": _zstd,
    "asgi-compress": _compress,
    "sentry": _sentry,
    **{name: partial(Middleware, make) for name, make in recipes.ASGI.items()},
}


def _stream_of(stack: Stack) -> Callable[[Request], Any]:
    async def stream(request: Request) -> Response:
        route = request.path_params["route"]
        kind = views.TYPES[route]
        if stack.view == "slow":
            return Response(await asyncio.to_thread(views.whole, route), media_type=kind)
        if stack.view == "thinking":
            return StreamingResponse(views.async_pieces(route, thinking_s=views.THINKING_S), media_type=kind)
        makers = {
            "sync": views.pieces,
            "sleeping": views.sleeping_pieces,
            "threaded": views.threaded_pieces,
        }
        return StreamingResponse(makers.get(stack.view, views.async_pieces)(route), media_type=kind)  # type: ignore[operator]

    return stream


async def _health(_: Request) -> Response:
    return PlainTextResponse("ok")


def make_starlette(stack: Stack) -> Any:
    """The Starlette app of a stack: its layers around all of it, around a mount, or around the route."""
    layers = [LAYERS[name]() for name in stack.layers]
    health = Route("/healthz", _health)
    if stack.where == "route":
        return Starlette(routes=[Route("/stream/{route}", _stream_of(stack), middleware=layers), health])
    if stack.where == "mount":
        inner = Starlette(routes=[Route("/{route}", _stream_of(stack))], middleware=layers)
        return Starlette(routes=[Mount("/stream", inner), health])
    return Starlette(routes=[Route("/stream/{route}", _stream_of(stack)), health], middleware=layers)


def make_fastapi(stack: Stack) -> Any:
    """The same with FastAPI."""
    from fastapi import APIRouter, FastAPI

    app, router = FastAPI(), APIRouter()
    stream = _stream_of(stack)

    @router.get("/stream/{route}")
    async def chat(route: str, request: Request) -> Any:
        return await stream(request)

    @router.get("/healthz")
    async def healthz() -> str:
        return "ok"

    for name in reversed(stack.layers):
        if name == "http-log":
            app.middleware("http")(log_response)
        elif name == "http-pass":
            app.middleware("http")(pass_on)
        elif name == "prometheus":
            from prometheus_fastapi_instrumentator import Instrumentator

            Instrumentator().instrument(app)
        elif name != "mounted":
            layer = LAYERS[name]()
            app.add_middleware(layer.cls, *layer.args, **layer.kwargs)
    app.include_router(router)
    if stack.where == "mount":
        outer = FastAPI()
        outer.mount("/", app)
        return outer
    return app
