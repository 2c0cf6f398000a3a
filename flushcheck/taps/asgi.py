"""The tap of ASGI. Source: the ASGI specification, "HTTP & WebSocket ASGI Message Format", version 2.5."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from flushcheck.taps.recorder import Layer, Recorder

AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]


def tap_asgi(app: AsgiApp, layer: Layer, recorder: Recorder) -> AsgiApp:
    """Return the app with a tap around it.

    Args:
        app: what lies inside of the tap.
        layer: the layer that calls it.
        recorder: what notes its responses.
    """

    async def tap(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        number = -1

        async def noted_send(message: Any) -> None:
            nonlocal number
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                number = recorder.response(
                    layer, [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
                )
            elif message["type"] == "http.response.body" and number >= 0:
                recorder.chunk(number, bytes(message.get("body", b"")))
            await send(message)
            if number == 0:
                for _ in range(recorder.turns):
                    await asyncio.sleep(0)

        await app(scope, receive, noted_send)

    return tap
