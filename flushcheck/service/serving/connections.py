"""The connections of a gunicorn worker: few are accepted at once, and none holds up the worker's end.

A worker that stops waits for its open connections. gunicorn closes a connection after the request that it
serves, but one that is idle between two requests stays for `keepalive` seconds (10 here): a worker with 15
streams and one idle browser took 8 s to end, at `graceful_timeout`. So an idle connection is ended as soon as
clients had time to notice that the worker stops: a poll until then gets a response with `Connection: close`.

The settings file calls `watch` in a new worker, and the other two around each request. Only the gevent worker
is watched, and only HTTP/1: an HTTP/2 connection serves many requests, and ends by itself.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Any

from flushcheck.service.serving import internals
from flushcheck.service.serving.accept_balance import AcceptBalance
from flushcheck.service.serving.drain import CHECK_EVERY_S, GRACE_S

# Connections accepted before the loop turns to all others: 100 (gevent's own number) take 6 ms, in which no
# stream moves.
MAX_ACCEPTED_AT_ONCE = 10

# By descriptor: sockets compare slowly, and are not hashed by gunicorn's TLS.
_idle: dict[int, socket.socket] = {}


def watch(worker: Any, balance: AcceptBalance | None = None) -> None:
    """Watch the connections of this worker, before it accepts the first.

    Args:
        worker: gunicorn's.
        balance: which of several workers accepts; None for a single one.
    """
    from gunicorn.workers.ggevent import GeventWorker

    # Not a worker with a server of its own, nor one that may speak HTTP/2.
    if type(worker) is not GeventWorker or "h2" in getattr(worker.cfg, "http_protocols", ()):
        return
    import gevent
    from gevent.baseserver import BaseServer

    BaseServer.max_accept = MAX_ACCEPTED_AT_ONCE
    handle = worker.handle
    if balance:
        internals.accept_only_if(balance.may_accept)

    def watched(listener: Any, client: socket.socket, address: Any) -> None:
        fd = client.fileno()
        _idle[fd] = client
        if balance:
            balance.opened()
        try:
            handle(listener, client, address)
        finally:
            _idle.pop(fd, None)
            if balance:
                balance.closed()

    worker.handle = watched

    def end_idle() -> None:
        while worker.alive:
            gevent.sleep(CHECK_EVERY_S)
        if balance:
            balance.leave()
        gevent.sleep(GRACE_S)
        while True:
            for client in tuple(_idle.values()):
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RD)
            gevent.sleep(CHECK_EVERY_S)

    gevent.spawn(end_idle)


def request_begins(request: Any) -> None:
    """The connection of this gunicorn request is not idle."""
    if client := _client(request):
        in_use(client)


def request_ends(request: Any) -> None:
    """It is idle again, if it is open."""
    if client := _client(request):
        out_of_use(client)


def in_use(client: socket.socket) -> None:
    """This connection is not idle."""
    _idle.pop(client.fileno(), None)


def out_of_use(client: socket.socket) -> None:
    """It is idle again, if it is open."""
    if client.fileno() >= 0:
        _idle[client.fileno()] = client


def _client(request: Any) -> Any:
    return getattr(getattr(request, "unreader", None), "sock", None)
