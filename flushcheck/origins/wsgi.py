"""The origin as a WSGI middleware. Source: PEP 3333."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from flushcheck.protocol.origin import Origin, Request, Response, Stream

# What WSGI passes, wider than any type checker expresses.
WsgiApp = Callable[..., Iterable[bytes]]

REASONS = {200: "200 OK", 400: "400 Bad Request", 404: "404 Not Found", 503: "503 Service Unavailable"}


class FlushcheckWSGI:
    """A WSGI app that is the origin at one path, and the app that it wraps everywhere else.

        app = FlushcheckWSGI(app, path="/flushcheck", token="…", until="2026-12-05")

    A request without the token reaches the app, whose own 404 is the response.
    """

    def __init__(self, app: WsgiApp, *, path: str | None = "/flushcheck", **options: Any) -> None:
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
        self.origin = Origin(**{"program": "flushcheck.wsgi", **options})

    def __call__(self, environ: Mapping[str, Any], start_response: Any) -> Iterable[bytes]:
        """Respond."""
        if self._path is None or environ.get("PATH_INFO", "") == self._path:
            if response := self.origin.respond(request_of(environ), today()):
                start_response(REASONS[response.status], response.headers)
                return body_of(response)
        return self._app(environ, start_response)


def request_of(environ: Mapping[str, Any]) -> Request:
    """The request of a WSGI environ."""
    headers = {
        key[5:].replace("_", "-").lower(): str(value)
        for key, value in environ.items()
        if key.startswith("HTTP_")
    }
    return Request(
        str(environ.get("REQUEST_METHOD", "")),
        str(environ.get("QUERY_STRING", "")),
        headers,
        protocol=str(environ.get("SERVER_PROTOCOL", "")),
        server=str(environ.get("SERVER_SOFTWARE", "")),
        gateway=str(environ.get("GATEWAY_INTERFACE", "")),
    )


def body_of(response: Response) -> Iterable[bytes]:
    """The body for the server: a stream paces itself."""
    return [response.body] if response.stream is None else PacedBody(response.stream)


class PacedBody:
    """The writes of one stream, each at its moment. It waits in the thread or greenlet of its request."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._writes = self._paced()

    def __iter__(self) -> Iterator[bytes]:
        return self._writes

    def close(self) -> None:
        """End it: the server calls this at the end, and when the client has left."""
        self._stream.close()

    def _paced(self) -> Iterator[bytes]:
        began = time.monotonic()
        for due_s, write in self._stream.writes():
            time.sleep(max(0.0, began + due_s - time.monotonic()))
            yield write(time.monotonic() - began)


def today() -> str:
    """The date in UTC."""
    return time.strftime("%Y-%m-%d", time.gmtime())
