"""The tap of ASGI. Source: the ASGI specification, "HTTP & WebSocket ASGI Message Format", version 2.5."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from flushcheck.taps.app_tap import AppTap

AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]


class AsgiTap(AppTap):
    """A tap around an app of ASGI."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Call the app, as ASGI prescribes."""
        app, layer, recorder = self._tapped
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        number = -1
        refused = False

        async def noted_send(message: Any) -> None:
            nonlocal number, refused
            if message["type"] == "http.response.start":
                if number >= 0:
                    recorder.second_header(number, layer)
                else:
                    headers = message.get("headers", ())
                    number = recorder.response(
                        layer, [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
                    )
            elif message["type"] == "http.response.body" and number >= 0:
                recorder.chunk(number, bytes(message.get("body", b"")))
            try:
                await send(message)
            except Exception:
                refused = True
                raise
            if number == 0:
                for _ in range(recorder.turns):
                    await asyncio.sleep(0)

        try:
            await app(scope, receive, noted_send)
        except Exception as error:
            # What the server raises when its client has left is no fault of the app.
            if number >= 0 and not refused:
                recorder.raised(number, error, layer)
            raise
