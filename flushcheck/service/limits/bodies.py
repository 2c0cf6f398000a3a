"""A request's body: so many bytes, in so much time, and nobody else waits for it.

Werkzeug bounds the bytes that are read. This is about the others:

- A body that comes byte by byte would keep its greenlet for ever: gunicorn's gevent worker has a time
  for headers only. Here the receiving half of the connection is shut when the time is over, which ends
  whoever reads from it, under greenlets and threads alike.
- A body that nobody reads (too long, or sent to an address that takes none) is read by gunicorn before
  the next request, without a bound; and under gevent a read that never waits lets nobody else run. So
  such a connection is closed after its answer. It is read a little more first: closing it on unread
  bytes sends a reset, which may overtake the answer (RFC 9112, section 9.6).
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

# Rests of bodies up to this size are left to gunicorn, and their connection goes on.
SMALL_BYTES = 16 * 1024

# Of what a client still sends after its answer, so much is read, for so long.
LINGER_BYTES = 16 * 1024 * 1024
LINGER_S = 2.0


@contextmanager
def body_deadline(environ: Mapping[str, Any], seconds: float) -> Iterator[None]:
    """End the reading of this WSGI request's body after so long, where the server hands out its socket."""
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
    """Whether these request headers, by names in capitals, announce more than a small body."""
    if "TRANSFER-ENCODING" in headers:
        return True
    length = headers.get("CONTENT-LENGTH", "0")
    return not length.isdecimal() or int(length[:20]) > SMALL_BYTES


def lingering_close(sock: object) -> None:
    """Say that the answer is over, and read on until the client has seen it, or has had its chance."""
    if not isinstance(sock, socket.socket):
        return  # a WebSocket's, which has been closed as it should be
    until_s, left_bytes = time.monotonic() + LINGER_S, LINGER_BYTES
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        while left_bytes > 0 and (left_s := until_s - time.monotonic()) > 0:
            sock.settimeout(left_s)
            data = sock.recv(65_536)
            if not data:
                break
            left_bytes -= len(data)
            time.sleep(0)  # a turn for everybody else
