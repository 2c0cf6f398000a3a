"""Middlewares of WSGI and ASGI as people write them: some join, some wait, some only look."""

from __future__ import annotations

import asyncio
import functools
import gzip
import io
import zlib
from collections.abc import Iterator, Mapping
from typing import Any


def passes_on(app: Any) -> Any:
    def wrapped(environ: Any, start_response: Any) -> Any:
        yield from app(environ, start_response)

    return wrapped


def joiner(app: Any) -> Any:
    def wrapped(environ: Any, start_response: Any) -> Any:
        return [b"".join(app(environ, start_response))]

    return wrapped


class LengthMiddleware:
    """Needs the length of the body for a header."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        begun: list[Any] = []
        body = b"".join(self.app(environ, lambda *given: begun.append(given)))
        status, headers, *_ = begun[-1]
        start_response(status, [*headers, ("Content-Length", str(len(body)))])
        return [body]


class HashMiddleware:
    """Joins too, and keeps what it calls under a name of its own."""

    def __init__(self, app: Any) -> None:
        self.downstream = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return [b"".join(self.downstream(environ, start_response))]


def audit(app: Any, environ: Any, start_response: Any) -> Any:
    return [b"".join(app(environ, start_response))]


def audited(app: Any) -> Any:
    return functools.partial(audit, app)


class BatchMiddleware:
    """Passes on 400 bytes at a time."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Iterator[bytes]:
        kept = b""
        for chunk in self.app(environ, start_response):
            kept += chunk
            if len(kept) >= 400:
                yield kept
                kept = b""
        yield kept


class SniffMiddleware:
    """Wants 600 bytes to guess the type from, and passes on each chunk after that."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Iterator[bytes]:
        begin: bytes | None = b""
        for chunk in self.app(environ, start_response):
            if begin is None:
                yield chunk
                continue
            begin += chunk
            if len(begin) >= 600:
                yield begin
                begin = None
        yield begin or b""


class MarkMiddleware:
    """Changes each chunk, and passes it on."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Iterator[bytes]:
        for chunk in self.app(environ, start_response):
            yield chunk.replace(b'"delta": "', b'"delta": "marked ')


class LaterMiddleware:
    """Passes on each chunk when the next one comes: it wants to know the last one."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Iterator[bytes]:
        kept = b""
        for chunk in self.app(environ, start_response):
            if kept:
                yield kept
            kept = chunk
        yield kept


class _Compressing:
    flush = False

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Iterator[bytes]:
        def start(status: str, headers: Any, *error: Any) -> Any:
            return start_response(status, [*headers, ("Content-Encoding", "gzip")], *error)

        # Called at once: granian 2.8 sends a header without what a generator gives to start_response.
        return self._compressed(self.app(environ, start))

    def _compressed(self, chunks: Any) -> Iterator[bytes]:
        compress = zlib.compressobj(wbits=31)
        for chunk in chunks:
            yield compress.compress(chunk) + (compress.flush(zlib.Z_SYNC_FLUSH) if self.flush else b"")
        yield compress.flush()


class ZipMiddleware(_Compressing):
    """Compresses, and never flushes."""


class FlushingZipMiddleware(_Compressing):
    """Compresses, and flushes after each chunk."""

    flush = True


class ListMiddleware:
    """Reads all chunks into a list, to look at them, and hands them out one by one."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return list(self.app(environ, start_response))


class SlottedMiddleware:
    """Joins, and keeps what it calls in a slot."""

    __slots__ = ("_next",)

    def __init__(self, app: Any) -> None:
        self._next = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return [b"".join(self._next(environ, start_response))]


class TimedMiddleware:
    """Counts the bytes of what passes."""

    def __init__(self, app: Any) -> None:
        self.wrapped = app
        self.total = 0

    def __call__(self, environ: Any, start_response: Any) -> Iterator[bytes]:
        for chunk in self.wrapped(environ, start_response):
            self.total += len(chunk)
            yield chunk


class AsgiJoiner:
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


class AsgiSigner:
    """Joins too, and keeps what it calls under a name of its own."""

    def __init__(self, downstream: Any) -> None:
        self.downstream = downstream

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await AsgiJoiner(self.downstream)(scope, receive, send)


class AsgiZip:
    """Compresses as people copy it from a page: a file of gzip in memory, without a flush."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        target = io.BytesIO()
        packed = gzip.GzipFile(mode="wb", fileobj=target)

        async def zipping(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (b"content-encoding", b"gzip")]}
            else:
                packed.write(message.get("body", b""))
                if not message.get("more_body"):
                    packed.close()
                message = {**message, "body": target.getvalue()}
                target.seek(0)
                target.truncate()
            await send(message)

        await self.app(scope, receive, zipping)


class AsgiQueue:
    """Hands messages to another task, as BaseHTTPMiddleware does, and passes each on."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        queue: asyncio.Queue[Any] = asyncio.Queue()

        async def write() -> None:
            while (message := await queue.get()) is not None:
                await send(message)

        writer = asyncio.ensure_future(write())
        await self.app(scope, receive, queue.put)
        await queue.put(None)
        await writer


class AsgiHeartbeat:
    """Sends an empty line where nothing has been sent for a while, so that proxies keep the connection."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, done = asyncio.Event(), asyncio.Event()

        async def beat() -> None:
            await begun.wait()
            while not done.is_set():
                await asyncio.sleep(0.05)
                if not done.is_set():
                    await send({"type": "http.response.body", "body": b"\n", "more_body": True})

        async def passing(message: Any) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body"):
                done.set()
                await beating
            await send(message)
            begun.set()

        beating = asyncio.ensure_future(beat())
        await self.app(scope, receive, passing)


class AsgiThrottle:
    """Waits before each message: a limiter of rates that is set too low."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def later(message: Any) -> None:
            if message.get("more_body"):
                await asyncio.sleep(0.15)
            await send(message)

        await self.app(scope, receive, later)


class AsgiTimer:
    """Looks at each message and passes it on."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def timed(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (b"server-timing", b"app")]}
            await send(message)

        await self.app(scope, receive, timed)


WSGI: Mapping[str, Any] = {
    "passes_on": passes_on,
    "joiner": joiner,
    "length": LengthMiddleware,
    "hash": HashMiddleware,
    "audit": audited,
    "batch": BatchMiddleware,
    "sniff": SniffMiddleware,
    "mark": MarkMiddleware,
    "later": LaterMiddleware,
    "zip": ZipMiddleware,
    "zip-flush": FlushingZipMiddleware,
    "list": ListMiddleware,
    "slotted": SlottedMiddleware,
    "timed": TimedMiddleware,
}
ASGI: Mapping[str, Any] = {
    "asgi-joiner": AsgiJoiner,
    "signer": AsgiSigner,
    "asgi-zip": AsgiZip,
    "asgi-timer": AsgiTimer,
    "queue": AsgiQueue,
    "heartbeat": AsgiHeartbeat,
    "throttle": AsgiThrottle,
}
