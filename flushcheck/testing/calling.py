"""One request to an app in this process, as a browser would make it: the body is taken chunk by chunk.

Source: PEP 3333; ASGI specification, HTTP version 2.5 and lifespan version 2.0.
"""

from __future__ import annotations

import asyncio
import io
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

SHUTDOWN_S = 5.0  # for an app's own shut-down; the test has its result by then


@dataclass(frozen=True, slots=True)
class AppRequest:
    """What to ask an app for."""

    method: str
    url: str  # path and query
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def path(self) -> str:
        """The path, decoded."""
        return unquote(urlsplit(self.url).path)

    @property
    def query(self) -> str:
        """The query, as it stands in the URL."""
        return urlsplit(self.url).query


@dataclass(slots=True)
class AppResponse:
    """What the app's server would have got."""

    status: int = 0  # 0: the app ended without a response
    chunks: int = 0


def call_wsgi(app: Any, request: AppRequest, *, max_chunks: int, timeout_s: float) -> AppResponse:
    """Call a WSGI app and take its body, chunk by chunk, to its end or to a limit.

    Raises:
        TimeoutError: it was not at its end after `timeout_s`. Seen only when a chunk comes.
        Exception: whatever the app raises.
    """
    response = AppResponse()
    until = time.monotonic() + timeout_s

    def start_response(status: str, headers: Any, *error: Any) -> Callable[[bytes], None]:
        response.status = int(status.split(" ", 1)[0])
        return lambda data: None

    body = app(_environ(request), start_response)
    try:
        for chunk in body:
            response.chunks += bool(chunk)
            if response.chunks >= max_chunks:
                break
            if time.monotonic() > until:
                raise TimeoutError
    finally:
        close = getattr(body, "close", None)
        if close is not None:
            close()
    return response


def call_asgi(app: Any, request: AppRequest, *, max_chunks: int, timeout_s: float) -> AppResponse:
    """Do the same with an ASGI app, its lifespan included, in an event loop of its own.

    Raises:
        TimeoutError: the app was not at its end after `timeout_s`.
        Exception: whatever the app raises.
    """

    def run() -> AppResponse:
        return asyncio.run(_call_asgi(app, request, max_chunks, timeout_s))

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return run()
    # One loop runs in a thread. Playwright keeps its own running between the tests of a session.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(copy_context().run, run).result()


async def _call_asgi(app: Any, request: AppRequest, max_chunks: int, timeout_s: float) -> AppResponse:
    async with asyncio.timeout(timeout_s), _Lifespan(app) as state:
        return await _request_asgi(app, request, state, max_chunks)


async def _request_asgi(app: Any, request: AppRequest, state: dict[str, Any], max_chunks: int) -> AppResponse:
    response, gone = AppResponse(), asyncio.Event()
    bodies = [{"type": "http.request", "body": request.body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if bodies:
            return bodies.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            if response.status:  # as servers do
                raise RuntimeError("a second http.response.start")
            response.status = message["status"]
        elif message["type"] == "http.response.body":
            response.chunks += bool(message.get("body"))
            if response.chunks >= max_chunks or not message.get("more_body"):
                gone.set()
        # A server's send gives other tasks their turn: it writes to a socket.
        await asyncio.sleep(0)

    async def run() -> None:
        await app(_scope(request, state), receive, send)

    task = asyncio.ensure_future(run())
    ended = asyncio.ensure_future(gone.wait())
    await asyncio.wait({task, ended}, return_when=asyncio.FIRST_COMPLETED)
    if response.chunks >= max_chunks and not task.done():
        task.cancel()
    ended.cancel()
    (result,) = await asyncio.gather(task, return_exceptions=True)
    if isinstance(result, Exception):
        raise result
    return response


class _Lifespan:
    """Start-up before the request, shut-down after it; an app without a lifespan raises, and goes on."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._messages: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._started = asyncio.Event()
        self._failure = ""
        self._state: dict[str, Any] = {}  # what the app keeps for its requests

    async def __aenter__(self) -> dict[str, Any]:
        await self._messages.put({"type": "lifespan.startup"})
        self._task = asyncio.ensure_future(self._run())
        started = asyncio.ensure_future(self._started.wait())
        await asyncio.wait({self._task, started}, return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if self._failure:
            raise RuntimeError(f"the app's start-up failed: {self._failure}")
        return self._state

    async def __aexit__(self, *error: object) -> None:
        await self._messages.put({"type": "lifespan.shutdown"})
        await asyncio.wait({self._task}, timeout=SHUTDOWN_S)
        self._task.cancel()

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._state}
        try:
            await self._app(scope, self._messages.get, self._send)
        except BaseException:  # noqa: BLE001  # "the server must continue but not send any lifespan events"
            self._started.set()

    async def _send(self, message: Any) -> None:
        if message["type"] == "lifespan.startup.failed":
            self._failure = message.get("message", "") or "no reason given"
        self._started.set()


def _environ(request: AppRequest) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": request.path.encode().decode("latin-1"),
        "QUERY_STRING": request.query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers:
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ


def _scope(request: AppRequest, state: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.path,
        "raw_path": urlsplit(request.url).path.encode(),
        "query_string": request.query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in request.headers],
        "client": ("127.0.0.1", 50000),
        "server": ("testserver", 80),
        "state": state.copy(),
        "extensions": {},
    }
