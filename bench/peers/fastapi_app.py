"""The same streams as one writes them with FastAPI: an async generator a stream, each Piece at its moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from fastapi import FastAPI, WebSocket
from fastapi.responses import JSONResponse, StreamingResponse

app = FastAPI()


async def until(due_s: float) -> None:
    """Wait for a moment. Without an interval too: a generator that never waits keeps the loop to itself."""
    await asyncio.sleep(max(0.0, due_s - time.monotonic()))


@app.get("/healthz")
async def alive() -> dict[str, str]:
    """That it is up."""
    return {"status": "alive"}


@app.get("/stream/chunked")
async def chunked(count: int, interval: float, say: str) -> StreamingResponse:
    """Plain text."""

    async def body() -> AsyncIterator[str]:
        began_s = time.monotonic()
        for seq in range(count):
            await until(began_s + seq * interval)
            yield say

    return StreamingResponse(body(), media_type="text/plain")


@app.get("/stream/events")
async def events(count: int, interval: float, say: str) -> StreamingResponse:
    """Server-sent events."""

    async def body() -> AsyncIterator[str]:
        began_s = time.monotonic()
        yield "retry: 2000\n\n"
        for seq in range(count):
            await until(began_s + seq * interval)
            yield f"id: {seq}\ndata: {say}\n\n"

    return StreamingResponse(body(), media_type="text/event-stream")


@app.get("/stream/polling")
async def polling(count: int, say: str, cnt: int) -> JSONResponse:
    """One Piece."""
    return JSONResponse({"message": say, "cnt": cnt, "count": count})


@app.websocket("/stream/ws")
async def websocket(ws: WebSocket, count: int, interval: float, say: str) -> None:
    """Text messages."""
    await ws.accept()
    began_s = time.monotonic()
    for seq in range(count):
        await until(began_s + seq * interval)
        await ws.send_text(say)
    await ws.close()
