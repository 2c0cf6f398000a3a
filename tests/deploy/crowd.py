"""Many streams at once through one port, and how many of them begin."""

from __future__ import annotations

import selectors
import socket
import time
from collections import Counter

PATH = "/stream/chunked?count=300&interval=0.5"

# What has begun at all has begun by then: one stream of 900 took 2 s here on busy cores.
BEGINS_WITHIN_S = 30.0
# And when the expected number has come, so long is waited for one too many.
ONE_TOO_MANY_S = 1.5


def crowd(port: int, count: int, *, expected: int, path: str = PATH) -> dict[int, int]:
    """Open this many streams and keep them open: status -> number of responses. 0: closed without a response.

    Args:
        port: on the loopback.
        count: streams to open.
        expected: how many should begin; when they have, only a moment is waited for more.
    """
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    got: Counter[int] = Counter()
    open_sockets = []
    with selectors.DefaultSelector() as selector:
        try:
            for _ in range(count):
                one = socket.create_connection(("127.0.0.1", port), timeout=60)
                open_sockets.append(one)
                one.sendall(request)
                selector.register(one, selectors.EVENT_READ)
            end_s = time.monotonic() + BEGINS_WITHIN_S
            while time.monotonic() < end_s and sum(got.values()) < count:
                if got[200] == expected:
                    end_s = min(end_s, time.monotonic() + ONE_TOO_MANY_S)
                    expected = -1
                for key, _ in selector.select(0.1):
                    selector.unregister(key.fileobj)
                    got[_status(key.fileobj)] += 1  # type: ignore[arg-type]
        finally:
            for one in open_sockets:
                one.close()
    return dict(got)


def _status(one: socket.socket) -> int:
    try:
        head = one.recv(64)
    except OSError:
        return 0
    return int(head[9:12]) if head.startswith(b"HTTP/1.") else 0
