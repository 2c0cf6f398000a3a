"""A request's body: bounded in time, and never a burden for other requests.

Werkzeug bounds the bytes that are read. This module covers the two cases that remain:

- A body that arrives byte by byte would hold its greenlet without end: gunicorn's gevent worker has a
  timeout for headers only. Here a timer shuts down the receiving half of the connection, which ends any
  read from it, under greenlets and threads alike.
- A body that the app does not read (too long, or sent to a route that takes none) is read by gunicorn
  before the next request, without a bound; under gevent, a read that never waits starves all other
  greenlets. So such a connection is closed after its response. Before that, some more of the body is
  read: closing a socket with unread bytes sends a reset, and the client may then lose the response
  (RFC 9112, section 9.6).
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

# An unread rest up to this size is left to gunicorn, and the connection is kept.
SMALL_BYTES = 16 * 1024

# How much a lingering close reads after the response, and for how long.
LINGER_BYTES = 16 * 1024 * 1024
LINGER_S = 2.0


@contextmanager
def body_deadline(environ: Mapping[str, Any], seconds: float) -> Iterator[None]:
    """Bound the time for reading this WSGI request's body, where the server exposes its socket."""
    sock = environ.get("gunicorn.socket")
    if sock is None:
        yield
        return
    timer = threading.Timer(seconds, _stop_reading, (sock,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _stop_reading(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RD)


def is_large(headers: Mapping[str, str]) -> bool:
    """Whether these request headers announce more than a small body. The names are in capitals."""
    if "TRANSFER-ENCODING" in headers:
        return True
    length = headers.get("CONTENT-LENGTH", "0")
    return not length.isdecimal() or int(length[:20]) > SMALL_BYTES


def lingering_close(sock: object) -> None:
    """End the sending half, then read until the client closes or the bounds above are reached."""
    if not isinstance(sock, socket.socket):
        return  # a WebSocket's socket object, which the WebSocket route has closed
    until_s, left_bytes = time.monotonic() + LINGER_S, LINGER_BYTES
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        while left_bytes > 0 and (left_s := until_s - time.monotonic()) > 0:
            sock.settimeout(left_s)
            data = sock.recv(65_536)
            if not data:
                break
            left_bytes -= len(data)
            time.sleep(0)  # under gevent: let the other greenlets run
