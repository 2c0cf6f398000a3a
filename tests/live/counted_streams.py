"""Two apps, WSGI and ASGI, whose streams begin at once and end when a file appears: to count them."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

POLL_S = 0.01
HEADERS = [("Content-Type", "text/event-stream")]


def _released() -> bool:
    return Path(os.environ["RELEASE"]).exists()


def wsgi(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """A stream that takes a thread."""
    start_response("200 OK", HEADERS)
    yield b"data: first\n\n"
    while not _released():
        time.sleep(POLL_S)
    yield b"data: last\n\n"


async def asgi(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """A stream that takes a task of the event loop."""
    if scope["type"] != "http":  # the lifespan of a server that asks for it
        raise RuntimeError("only HTTP is served")
    headers = [(name.encode(), value.encode()) for name, value in HEADERS]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"data: first\n\n", "more_body": True})
    while not _released():
        await asyncio.sleep(POLL_S)
    await send({"type": "http.response.body", "body": b"data: last\n\n"})
