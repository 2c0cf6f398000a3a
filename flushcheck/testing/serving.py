"""An app on a real server, in a thread of this process, on a free port of the loopback.

Which servers: those that run in a thread and end when they are told to. gunicorn and uWSGI are processes of
their own: start them as in production, and use `assert_url_streams`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from flushcheck.model import Report, UsageError
from flushcheck.taps.chain import takes_asgi
from flushcheck.testing.assertion import app_of
from flushcheck.testing.url_assertion import DEFAULT_URL_TIMEOUT_S, assert_url_streams

STARTED_WITHIN_S = 30.0
ENDED_WITHIN_S = 5.0  # open streams are cut then: the test has its result
ASK_AGAIN_S = 0.01

HOST = "127.0.0.1"

# What a server gives back: its port, a function that runs it to its end, and one that ends it.
Started = tuple[int, Callable[[], object], Callable[[], object]]


def assert_served_streams(
    app: Any,
    url: str = "/",
    *,
    server: str = "",
    method: str = "",
    headers: Mapping[str, str] | None = None,
    json: object = None,
    data: bytes | str = b"",
    min_records: int = 3,
    repeat: bool = True,
    timeout_s: float = DEFAULT_URL_TIMEOUT_S,
) -> Report:
    """Assert that an app streams on a real server, from its view to a client of the loopback.

    Args:
        app: a WSGI or ASGI app, or a test client of Flask, Django, Starlette or FastAPI.
        url: path and query.
        server: uvicorn for an ASGI app; werkzeug, waitress or wsgiref for a WSGI app. "": uvicorn, or
            werkzeug where it is installed, or wsgiref.
        method, headers, json, data, min_records, timeout_s: as for `assert_url_streams`.
        repeat: repeat the request, also a POST, where one look does not tell.

    Returns: the report.

    Raises:
        AssertionError: it does not stream, or that cannot be told; the message is the report.
        UsageError: an argument is not possible, or the server is not installed.
        RuntimeError: the server did not start, for example because the app's own start failed.
    """
    if not url.startswith("/"):
        raise UsageError(f"url={url!r}: expected a path, for example '/chat?stream=1'")
    with served(app, server=server) as root:
        return assert_url_streams(
            f"{root}{url}",
            method=method,
            headers=headers,
            json=json,
            data=data,
            min_records=min_records,
            repeat=repeat,
            once=not repeat,
            timeout_s=timeout_s,
        )


@contextmanager
def served(app: Any, *, server: str = "") -> Iterator[str]:
    """Run an app on a real server until the block ends; gives its address, without a slash at the end.

    Raises:
        UsageError: `server` is none of those for such an app, or is not installed.
        RuntimeError: it did not start.
    """
    app = app_of(app)
    start = _SERVERS[_chosen(server, asgi=takes_asgi(app))]
    port, run, end = start(app)
    thread = threading.Thread(target=run, name="flushcheck-served", daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{port}"
    finally:
        end()
        thread.join(ENDED_WITHIN_S)


def _chosen(given: str, *, asgi: bool) -> str:
    """The name of the server to start.

    Raises:
        UsageError: it cannot run such an app, or is not installed.
    """
    possible = _FOR_ASGI if asgi else _FOR_WSGI
    if given and given not in possible:
        kind = "an ASGI" if asgi else "a WSGI"
        raise UsageError(
            f"server={given!r}: expected {' or '.join(possible)} for {kind} app, for example "
            f"server={possible[0]!r}"
        )
    for name in (given,) if given else possible:
        if find_spec(name) is not None:
            return name
    wanted = given or possible[0]
    raise UsageError(
        f"server={given!r}: {wanted} is not installed; expected it, for example pip install {wanted}"
    )


def _uvicorn(app: Any) -> Started:
    import socket

    import uvicorn

    listener = socket.create_server((HOST, 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))

    def run() -> None:
        with suppress(SystemExit):  # where the app's own start-up fails
            server.run(sockets=[listener])

    thread = threading.Thread(target=run, name="flushcheck-uvicorn", daemon=True)
    thread.start()
    until_s = time.monotonic() + STARTED_WITHIN_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > until_s:
            listener.close()
            raise RuntimeError("uvicorn did not start: see its log for the app's own start-up")
        time.sleep(ASK_AGAIN_S)

    def end() -> None:
        server.should_exit = True
        thread.join(ENDED_WITHIN_S)
        listener.close()

    return listener.getsockname()[1], thread.join, end


def _werkzeug(app: Any) -> Started:
    from werkzeug import serving

    class Quiet(serving.WSGIRequestHandler):
        def log(self, *_: object) -> None:
            pass

    server = serving.make_server(HOST, 0, app, threaded=True, request_handler=Quiet)
    return _of_socketserver(server)


def _waitress(app: Any) -> Started:
    import waitress.server

    server = waitress.server.create_server(app, host=HOST, port=0, clear_untrusted_proxy_headers=True)

    def run() -> None:
        with suppress(OSError):  # the listener is closed while it waits there
            server.run()

    return server.effective_port, run, server.close


class _Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def _wsgiref(app: Any) -> Started:
    server = make_server(HOST, 0, app, server_class=_Threads, handler_class=_Quiet)
    return _of_socketserver(server)


def _of_socketserver(server: Any) -> Started:
    def end() -> None:
        server.shutdown()
        server.server_close()

    return server.server_port, server.serve_forever, end


# The first one that is installed is taken.
_FOR_ASGI = ("uvicorn",)
_FOR_WSGI = ("werkzeug", "wsgiref", "waitress")
_SERVERS: dict[str, Callable[[Any], Started]] = {
    "uvicorn": _uvicorn,
    "werkzeug": _werkzeug,
    "wsgiref": _wsgiref,
    "waitress": _waitress,
}
