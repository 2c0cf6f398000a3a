"""What the service needs of gunicorn and gevent beyond their documented interfaces, and whether it is there.

Everything that a new version may take away without notice is in this file:

- gunicorn's worker: its settings, and `alive`, which turns False when the worker stops. The hook `post_fork`
  in deploy/gunicorn.conf.py hands it over. Under other settings files it is found by its SIGTERM handler, a
  bound method. Without it streams are not ended before the process stops; all else works.
- gunicorn's Response: what it has sent, and how it frames the body; its lines before the app's headers; and
  `force_close`, which a refusal calls. No hook hands it over before the body; WSGI's `start_response` is its
  bound method. Without it the engine cannot tell whether it may write.
- gevent's loop: an I/O watcher and an async watcher, both kept for the life of the process. The documented
  calls make a new watcher for each wait.

`misfits` states what the installed versions lack. If it states anything, the engine stays off and the plain
path serves all streams: the log, /metrics and `flushcheck doctor` say so. Seen on gunicorn 27.0.1 and gevent
26.9.0.

Only the standard library is imported at load: the hook imports this file before gevent has patched anything.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from flushcheck.service.serving.request_head import HeadLimits

RESPONSE_CLASS = ("gunicorn.http.wsgi", "Response")
# What is read of gunicorn's Response, and the type that it has to have.
RESPONSE_FIELDS = {"headers_sent": bool, "sent": int, "headers": list, "chunked": bool}
# Loop methods that make a watcher, and what is called on the watcher.
LOOP_METHODS = ("io", "async_")
WATCHER_METHODS = ("start", "send")


class _Handover:
    """The worker that a hook has handed over, and who waits for it."""

    worker: Any = None
    waiting: list[Callable[[], None]] = []  # noqa: RUF012  # one for the process


def hand_over(worker: Any) -> None:
    """Keep gunicorn's worker. Called by the hook `post_fork`, once in each worker."""
    _Handover.worker = worker
    waiting, _Handover.waiting = _Handover.waiting, []
    for callback in waiting:
        callback()


def when_worker_known(callback: Callable[[], None]) -> None:
    """Call this when the worker is handed over: with `preload_app` that is after the app has been loaded."""
    _Handover.waiting.append(callback)


def gunicorn_worker() -> Any:
    """gunicorn's worker in this process; None under another server, or in gunicorn's master."""
    if _Handover.worker is not None:
        return _Handover.worker
    worker = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return worker if _is_worker(worker) else None


def worker_stops() -> bool:
    """Whether gunicorn has told this process to stop. False where it cannot be known."""
    return not getattr(gunicorn_worker(), "alive", True)


def _is_worker(candidate: Any) -> bool:
    return hasattr(candidate, "alive") and hasattr(getattr(candidate, "cfg", None), "worker_class_str")


def gunicorn_response(start_response: Any) -> Any:
    """gunicorn's Response behind this `start_response`; None behind middleware or under another server.

    Subclasses frame the body in their own way (HTTP/2), so they count as another server.
    """
    response = getattr(start_response, "__self__", None)
    kind = type(response)
    return response if (kind.__module__, kind.__qualname__) == RESPONSE_CLASS else None


def serves(app: object) -> bool:
    """Whether gunicorn calls this WSGI application itself, so that what it yields is what is sent."""
    return getattr(gunicorn_worker(), "wsgi", None) is app


def send_with_headers(response: Any, body: bytes, *, sent: int) -> None:
    """Write the headers of gunicorn's Response, and this, in one system call; gunicorn itself takes two.

    Args:
        response: `start_response` was called, and nothing was sent.
        body: the first bytes behind the headers, framed as the response's body has to be.
        sent: how many bytes of the body they are without their frames.
    """
    response.sock.sendall(_head(response) + body)
    response.headers_sent = True
    response.sent += sent


def response_head(settings: Any, status: str, headers: Iterable[tuple[str, str]], *, close: bool) -> bytes:
    """The head of gunicorn's response to an ordinary GET of HTTP/1.1, with the empty line behind it.

    Args:
        settings: gunicorn's.
        status: for example "200 OK".
        headers: the app's.
        close: whether the connection is closed behind the response.
    """
    from gunicorn.http.wsgi import Response

    response = Response(_OrdinaryGet(close), None, settings)
    response.start_response(status, list(headers))
    return _head(response)


class _OrdinaryGet:
    """What gunicorn's Response reads of a request."""

    method = "GET"
    version = (1, 1)

    def __init__(self, close: bool) -> None:
        self._close = close

    def should_close(self) -> bool:
        """Whether the connection is closed behind the response."""
        return self._close


def _head(response: Any) -> bytes:
    lines = response.default_headers() + [f"{name}: {value}\r\n" for name, value in response.headers]
    return "".join((*lines, "\r\n")).encode("latin-1")


def head_limits(settings: Any, max_bytes: int) -> HeadLimits:
    """What these settings of gunicorn allow of a request's head, and at most this many bytes."""
    # 0 and less: gunicorn's own default, which is higher, or no limit.
    sizes = (settings.limit_request_line, settings.limit_request_field_size)
    most = settings.limit_request_fields
    return HeadLimits(
        max_bytes=min([max_bytes, *(size for size in sizes if size > 0)]),
        max_headers=most if most > 0 else max_bytes,
        scheme_headers=tuple(name.upper() for name in settings.secure_scheme_headers),
    )


def server_software() -> str:
    """What gunicorn calls itself in SERVER_SOFTWARE."""
    from gunicorn import SERVER_SOFTWARE

    return str(SERVER_SOFTWARE)


def is_client_gone(error: OSError) -> bool:
    """Whether this error of a connection is one that gunicorn does not log."""
    return error.errno in (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN)


def direct_misfits(worker: Any, hooks: tuple[object, object]) -> Iterator[str]:
    """Why this worker's connections cannot be served without gunicorn's request; nothing if they can.

    Args:
        worker: gunicorn's, with its app loaded.
        hooks: the only `pre_request` and `post_request` that are known to do nothing for an ordinary request.
    """
    from gunicorn.glogging import Logger
    from gunicorn.workers.ggevent import GeventWorker

    settings = worker.cfg
    if type(worker) is not GeventWorker or not isinstance(getattr(worker, "nr", None), int):
        yield "the worker is not gunicorn's own for gevent"
        return
    if (settings.pre_request, settings.post_request) != hooks:
        yield "other functions run before or after a request"
    if settings.is_ssl or "h2" in settings.http_protocols or settings.protocol != "http":
        yield "connections speak more than HTTP/1.1"
    if settings.proxy_protocol not in (False, "off"):
        yield "connections begin with the PROXY protocol"
    if getattr(worker.log, "access_log_enabled", True) or type(worker.log).access is not Logger.access:
        yield "gunicorn logs requests"
    if worker.max_requests != sys.maxsize or not settings.keepalive:
        yield "max_requests or keepalive is set"
    if os.environ.get("SCRIPT_NAME"):
        yield "SCRIPT_NAME is set"


def chunk_errors() -> tuple[type[Exception], ...]:
    """What gunicorn raises when it reads a chunked body that is not well formed; () under another server.

    gunicorn is not imported for it: it does not run on Windows, where it cannot even be imported.
    """
    errors = sys.modules.get("gunicorn.http.errors")
    return (errors.ParseException,) if errors else ()


def close_after(start_response: Any) -> None:
    """Have gunicorn close the connection after this response. Nothing under another server."""
    force_close = getattr(getattr(start_response, "__self__", None), "force_close", None)
    if callable(force_close):
        force_close()


def is_patched(module: str = "socket") -> bool:
    """Whether gevent has patched this module of the standard library."""
    monkey = sys.modules.get("gevent.monkey")
    return bool(monkey and monkey.is_module_patched(module))


def unpatched_select(name: str) -> Any:
    """What `select` has by this name, or had before gevent patched it.

    gevent's poll knows reading and writing only, not how a connection ended, and epoll is removed. Called
    with no timeout, the originals do not block.
    """
    import select

    monkey = sys.modules.get("gevent.monkey")
    return monkey.get_original("select", name) if monkey else getattr(select, name)


def on_readable(fd: int, callback: Callable[[], None]) -> Any:
    """Call this from the loop each time the descriptor is readable; the watcher, to be kept."""
    from gevent import get_hub

    watcher = get_hub().loop.io(fd, 1)
    watcher.start(callback)
    return watcher


def loop_alarm(hub: Any, callback: Callable[[], None]) -> Callable[[], None]:
    """A function that has the loop call this after it has next looked at its sockets."""
    # Sent from the loop's own thread an async watcher costs no system call.
    watcher = hub.loop.async_(ref=False)
    watcher.start(callback)
    send: Callable[[], None] = watcher.send
    return send


def accept_only_if(may_accept: Callable[[], bool]) -> None:
    """Have gevent's servers in this process ask before they accept a connection.

    `do_read` returns nothing where no connection waits; gevent then looks again when its loop comes by.
    """
    from gevent.server import StreamServer

    accept = getattr(StreamServer, "do_read", None)
    if callable(accept):
        StreamServer.do_read = lambda server: accept(server) if may_accept() else None


def forget_websocket(ws: Any) -> None:
    """Free what a simple-websocket Server holds once it is over.

    flask-sock 0.7 makes a class for each WebSocket, which holds the Server until the garbage collector runs.
    With the request's environ that would be 20 KB each.
    """
    for name in ("environ", "sock", "ws"):
        vars(ws).pop(name, None)


def engine_fits() -> bool:
    """Whether the engine can run in this process: under gevent, on Linux (epoll), with nothing missing."""
    return is_patched() and sys.platform == "linux" and not misfits()


@lru_cache(maxsize=1)
def misfits() -> tuple[str, ...]:
    """What the engine needs and the installed gunicorn and gevent do not have; () if it fits.

    Each is a clause, for example "gevent's loop has no method io". Both have to be installed.
    """
    from gevent import get_hub

    try:
        from gunicorn.http.wsgi import Response
    except ImportError as error:
        return (f"gunicorn.http.wsgi.Response cannot be imported ({error})",)
    return (*response_misfits(Response), *loop_misfits(get_hub().loop))


@lru_cache(maxsize=1)
def loop_fits() -> bool:
    """Whether gevent's loop has what is called here."""
    from gevent import get_hub

    return not any(loop_misfits(get_hub().loop))


def response_misfits(response_class: Any) -> Iterator[str]:
    """What this class lacks that is read of gunicorn's Response."""
    try:
        response = response_class(None, None, None)
    except Exception as error:  # noqa: BLE001  # whatever it is, it does not fit
        yield f"gunicorn.http.wsgi.Response cannot be made of three arguments ({type(error).__name__})"
        return
    if getattr(getattr(response, "start_response", None), "__self__", None) is not response:
        yield "gunicorn.http.wsgi.Response has no method start_response"
    if not callable(getattr(response, "default_headers", None)):
        yield "gunicorn.http.wsgi.Response has no method default_headers"
    for name, kind in RESPONSE_FIELDS.items():
        if not isinstance(getattr(response, name, None), kind):
            yield f"gunicorn.http.wsgi.Response has no attribute {name} of type {kind.__name__}"


def loop_misfits(loop: Any) -> Iterator[str]:
    """What this event loop lacks that is called on gevent's."""
    for name in LOOP_METHODS:
        if not callable(getattr(loop, name, None)):
            yield f"gevent's loop has no method {name}"
    if callable(getattr(loop, "async_", None)):
        try:
            watcher = loop.async_(ref=False)
        except Exception as error:  # noqa: BLE001  # whatever it is, it does not fit
            yield f"gevent's loop makes no async watcher ({type(error).__name__})"
            return
        for name in WATCHER_METHODS:
            if not callable(getattr(watcher, name, None)):
                yield f"gevent's async watcher has no method {name}"
