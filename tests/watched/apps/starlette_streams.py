"""Starlette: its GZipMiddleware, and a middleware that joins: `uvicorn starlette_streams:app`."""

import asyncio

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route

COUNT, PAUSE_S = 20, 0.1


async def lines(framing):
    for number in range(COUNT):
        await asyncio.sleep(PAUSE_S)
        yield framing.format(number)


async def events(request):
    return StreamingResponse(lines('data: {{"delta": "word{} "}}\n\n'), media_type="text/event-stream")


async def text(request):
    return StreamingResponse(lines('{{"delta": "word{} "}}\n'), media_type="text/plain")


async def log_the_body(request, call_next):
    response = await call_next(request)
    body = b"".join([chunk async for chunk in response.body_iterator])
    return Response(body, media_type=response.media_type, headers=dict(response.headers))


STREAMS = [Route("/events", events), Route("/text", text)]
app = Starlette(
    routes=[
        Mount("/gzip", routes=STREAMS, middleware=[Middleware(GZipMiddleware)]),
        Mount("/joined", routes=STREAMS, middleware=[Middleware(BaseHTTPMiddleware, dispatch=log_the_body)]),
        *STREAMS,
    ]
)
