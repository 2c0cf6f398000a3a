"""The service inside middleware that people really put around their apps, guilty and innocent.

Each name is a WSGI app for gunicorn: `tests.lab.origins.apps:joined`. They are built when asked for, so that one of
them does not need what another needs.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterable, Iterator
from typing import Any

from app import build

Start = Any  # WSGI's start_response


def __getattr__(name: str) -> Any:
    try:
        make = _MAKERS[name]
    except KeyError:
        raise AttributeError(name) from None
    return make()


def _compressed() -> Any:
    """Flask-Compress as its README has it, with the types that people add for their API and their events."""
    from flask_compress import Compress

    app = build(os.environ)
    app.config["COMPRESS_MIMETYPES"] = ["text/html", "text/plain", "text/event-stream", "application/json"]
    Compress(app)
    return app


def _compressed_gzip() -> Any:
    """The same with gzip alone."""
    from flask_compress import Compress

    app = build(os.environ)
    app.config["COMPRESS_MIMETYPES"] = ["text/html", "text/plain", "text/event-stream", "application/json"]
    app.config["COMPRESS_ALGORITHM"] = ["gzip"]
    app.config["COMPRESS_ALGORITHM_STREAMING"] = ["gzip"]
    Compress(app)
    return app


def _compressed_default() -> Any:
    """Flask-Compress without a word of configuration."""
    from flask_compress import Compress

    app = build(os.environ)
    Compress(app)
    return app


def _compressed_no_streams() -> Any:
    """All types that stream are in the list, and streams are excepted."""
    from flask_compress import Compress

    app = build(os.environ)
    app.config["COMPRESS_MIMETYPES"] = ["text/html", "text/plain", "text/event-stream", "application/json"]
    app.config["COMPRESS_STREAMS"] = False
    Compress(app)
    return app


def _joined() -> Any:
    """A middleware that needs the whole body: for a signature, an ETag, a Content-Length."""
    app = build(os.environ)

    def middleware(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        if environ.get("HTTP_UPGRADE"):
            return app(environ, start_response)
        begun: list[Any] = []

        def later(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            begun[:] = [status, headers]

        result = app(environ, later)
        try:
            body = b"".join(result)
        finally:
            close = getattr(result, "close", None)
            if close:
                close()
        status, headers = begun
        kept = [(key, value) for key, value in headers if key.lower() != "content-length"]
        start_response(status, [*kept, ("Content-Length", str(len(body)))])
        return [body]

    return middleware


def _batched() -> Any:
    """An app that writes through a buffer of its own, as templating engines and loggers do."""
    app = build(os.environ)

    def middleware(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        result = app(environ, start_response)
        return result if environ.get("HTTP_UPGRADE") else _in_batches(result, 8192)

    return middleware


def _in_batches(parts: Iterable[bytes], size: int) -> Iterator[bytes]:
    held = b""
    try:
        for part in parts:
            held += part
            while len(held) >= size:
                yield held[:size]
                held = held[size:]
        if held:
            yield held
    finally:
        close = getattr(parts, "close", None)
        if close:
            close()


def _busy() -> Any:
    """An app whose threads are often elsewhere: every piece is written up to 300 ms late, and says so.

    The service stamps a record when it writes it; a wait before that is the app's own, not the path's.
    """
    import flushcheck.service.serving.frame_schedule as pacing

    sleep = time.sleep
    rng = random.Random(7)

    def late(seconds: float) -> None:
        sleep(seconds + rng.random() * 0.3)

    pacing.time.sleep = late  # type: ignore[attr-defined]
    return build(os.environ)


_MAKERS = {
    "compressed": _compressed,
    "compressed_gzip": _compressed_gzip,
    "compressed_default": _compressed_default,
    "compressed_no_streams": _compressed_no_streams,
    "joined": _joined,
    "batched": _batched,
    "busy": _busy,
}
