"""An ASGI app that passes HTTP and WebSocket on to the service: what hypercorn serves over cleartext HTTP/2.

The service is a WSGI app, and no WSGI server has HTTP/2. UPSTREAM_PORT says where it listens.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import h11
import wsproto
from wsproto.events import AcceptConnection, CloseConnection, RejectConnection, Request, TextMessage

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

READ_BYTES = 65536
# They belong to one connection; the next one has its own.
HOP_BY_HOP = {b"connection", b"keep-alive", b"te", b"transfer-encoding", b"upgrade"}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application."""
    if scope["type"] == "lifespan":
        for phase in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{phase}.complete"})
        return
    reader, writer = await asyncio.open_connection("127.0.0.1", int(os.environ["UPSTREAM_PORT"]))
    try:
        carry = _websocket if scope["type"] == "websocket" else _http
        await carry(scope, receive, send, reader, writer)
    finally:
        writer.close()


async def _http(
    scope: Scope, receive: Receive, send: Send, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """One request, and its response in parts."""
    far = h11.Connection(h11.CLIENT)
    headers = [(name, value) for name, value in _passed(scope["headers"]) if name != b"host"]
    host = dict(scope["headers"]).get(b"host", b"localhost")
    request = h11.Request(method=scope["method"], target=_target(scope), headers=[(b"host", host), *headers])
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    events = [request, *([h11.Data(body)] if body else []), h11.EndOfMessage()]
    writer.write(b"".join(far.send(event) or b"" for event in events))
    while True:
        event = far.next_event()
        if event is h11.NEED_DATA:
            far.receive_data(await reader.read(READ_BYTES))
        elif isinstance(event, h11.Response):
            passed = _passed(event.headers)
            await send({"type": "http.response.start", "status": event.status_code, "headers": passed})
        elif isinstance(event, h11.Data):
            await send({"type": "http.response.body", "body": bytes(event.data), "more_body": True})
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return


async def _websocket(
    scope: Scope, receive: Receive, send: Send, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """A WebSocket whose messages come from the service alone."""
    far = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
    writer.write(far.send(Request(host="localhost", target=_target(scope).decode())))
    await receive()  # websocket.connect
    while data := await reader.read(READ_BYTES):
        far.receive_data(data)
        for event in far.events():
            if isinstance(event, AcceptConnection):
                await send({"type": "websocket.accept"})
            elif isinstance(event, TextMessage):
                await send({"type": "websocket.send", "text": event.data})
            elif isinstance(event, CloseConnection | RejectConnection):
                with suppress(RuntimeError):
                    await send({"type": "websocket.close"})
                return


def _target(scope: Scope) -> bytes:
    query: bytes = scope["query_string"]
    path: bytes = scope["raw_path"]
    return path + (b"?" + query if query else b"")


def _passed(headers: Any) -> list[tuple[bytes, bytes]]:
    return [(bytes(name), bytes(value)) for name, value in headers if bytes(name).lower() not in HOP_BY_HOP]
