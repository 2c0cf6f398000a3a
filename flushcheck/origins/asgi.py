"""The origin as an ASGI middleware. Source: ASGI, "HTTP & WebSocket ASGI Message Format", version 2.5."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from flushcheck.protocol.origin import Origin, Request, Response, Stream

AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]

# An ASGI server carries WebSockets too.
TRANSPORTS = ("polling", "chunked", "events", "websocket")


class FlushcheckASGI:
    """An ASGI app that is the origin at one path, and the app that it wraps everywhere else.

        app = FlushcheckASGI(app, path="/flushcheck", token="…", until="2026-12-05")

    A request without the token reaches the app, whose own 404 is the response.
    """

    def __init__(self, app: AsgiApp, *, path: str | None = "/flushcheck", **options: Any) -> None:
        """Set up the mount.

        Args:
            app: what is wrapped.
            path: where the origin is, below the root of the app; None: everywhere.
            options: of `protocol.origin.Origin`: token, until, and others.

        Raises:
            ValueError: an option is wrong.
        """
        self._app = app
        self._path = path
        self.origin = Origin(**{"program": "flushcheck.asgi", "transports": TRANSPORTS, **options})

    def takes(self, scope: Mapping[str, Any]) -> bool:
        """Whether a request goes to the path of the origin."""
        return scope["type"] in ("http", "websocket") and self._path in (None, _path(scope))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Respond."""
        if self.takes(scope):
            if response := self.origin.respond(request_of(scope), today()):
                await send_response(response, scope, receive, send)
                return
        await self._app(scope, receive, send)


def request_of(scope: Mapping[str, Any]) -> Request:
    """The request of an ASGI scope."""
    names: dict[str, str] = {}
    for raw_name, raw_value in scope.get("headers", ()):
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        names[name] = f"{names[name]}, {value}" if name in names else value
    websocket = scope["type"] == "websocket"
    return Request(
        "GET" if websocket else scope["method"],
        scope.get("query_string", b"").decode("latin-1"),
        names,
        protocol=f"HTTP/{scope.get('http_version', '')}",
        # ASGI does not say which server it is.
        server="asgi",
        websocket=websocket,
    )


async def send_response(response: Response, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
    """Send a response; of a stream each write at its moment, until the client leaves."""
    if scope["type"] == "websocket":
        await _send_websocket(response, receive, send)
        return
    headers = [(name.lower().encode(), value.encode()) for name, value in response.headers]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if response.stream is None:
        await send({"type": "http.response.body", "body": response.body})
        return

    async def write(data: bytes, more: bool = True) -> None:
        await send({"type": "http.response.body", "body": data, "more_body": more})

    await _unless_gone(_write_all(response.stream, write), receive, response.stream)


async def paced(stream: Stream) -> AsyncIterator[bytes]:
    """Yield the writes of one stream, each at its moment."""
    began = time.monotonic()
    try:
        for due_s, write in stream.writes():
            await asyncio.sleep(max(0.0, began + due_s - time.monotonic()))
            yield write(time.monotonic() - began)
    finally:
        stream.close()


async def _write_all(stream: Stream, write: Callable[..., Awaitable[None]]) -> None:
    async for data in paced(stream):
        await write(data)
    await write(b"", False)


async def _unless_gone(writing: Any, receive: Any, stream: Stream) -> None:
    """Write until the end, or until the client leaves."""
    task, gone = asyncio.ensure_future(writing), asyncio.ensure_future(_wait_until_gone(receive))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    except OSError:  # the server says so where the client has left
        pass
    finally:
        for waiting in (task, gone):
            waiting.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)
        stream.close()


async def _wait_until_gone(receive: Any) -> None:
    while True:
        message = await receive()
        if message["type"] in ("http.disconnect", "websocket.disconnect"):
            return
        if message["type"] == "websocket.receive" and message.get("text") == "stop":
            return


async def _send_websocket(response: Response, receive: Any, send: Any) -> None:
    """Send the stream as text messages; a refusal closes the handshake."""
    await receive()  # websocket.connect
    if response.stream is None:
        await send({"type": "websocket.close", "code": 1008})  # before it is accepted: status 403
        return
    await send({"type": "websocket.accept"})

    async def write(data: bytes, more: bool = True) -> None:
        text = {"type": "websocket.send", "text": data.decode()}
        await send(text if more else {"type": "websocket.close", "code": 1000})

    await _unless_gone(_write_all(response.stream, write), receive, response.stream)


def _path(scope: Mapping[str, Any]) -> str:
    """The path below the root: newer servers and frameworks leave that in `path`."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root) :] if root and path.startswith(root) else path


def today() -> str:
    """The date in UTC."""
    return time.strftime("%Y-%m-%d", time.gmtime())
