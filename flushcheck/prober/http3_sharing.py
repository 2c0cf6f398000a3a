"""HTTP/3 of one target: whether it can be spoken here, where it is offered, and the connection to share.

aioquic is optional (`pip install 'flushcheck[http3]'`) and takes 80 ms to import. So nothing imports it
before the first request over HTTP/3.
"""

from __future__ import annotations

import threading
from copy import copy
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from flushcheck.measurement.alt_svc import ALT_SVC, INSTALL, http3_port
from flushcheck.prober.http_client import PEER_ERRORS, Response
from flushcheck.prober.target import Target
from flushcheck.prober.timed_socket import Budget, Unreachable

if TYPE_CHECKING:
    from flushcheck.prober.http3 import Http3Connection


@cache
def http3_available() -> bool:
    """Whether the library for HTTP/3 is installed."""
    return find_spec("aioquic") is not None


class Http3Offer:
    """The UDP port at which a service offers HTTP/3: known from the start, or from its first response."""

    def __init__(self, host: str, port: int = 0) -> None:
        """Prepare it.

        Args:
            host: of the service.
            port: where HTTP/3 is asked for without an offer; 0: wait for one.
        """
        self._host = host
        self._settled = threading.Event()
        self.port = port  # 0: none is offered, as far as is known
        if port:
            self._settled.set()

    def learn(self, response: Response) -> None:
        """Take what the first response says; later ones change nothing."""
        if not self._settled.is_set():
            self.port = http3_port(response.header(ALT_SVC), self._host)
            self._settled.set()

    def settle(self) -> None:
        """Take down that no response came."""
        self._settled.set()

    def wait(self, seconds: float) -> bool:
        """Wait until it is known; return whether HTTP/3 is offered."""
        self._settled.wait(max(0.0, seconds))
        return self.port > 0


class Http3Sharing:
    """The HTTP/3 connection that the requests to one target share."""

    def __init__(self, target: Target, deadline: float) -> None:
        """Prepare it; nothing is connected yet.

        Args:
            target: where requests go.
            deadline: when the connection has to be over, in time.monotonic().
        """
        self._target = target
        self._deadline = deadline
        self._lock = threading.Lock()
        self._failure: Exception | None = None  # why there was no first connection
        self._opened: list[Http3Connection] = []

    def connection(self, port: int, budget: Budget) -> Http3Connection:
        """Return the connection that takes requests now. One thread connects, and the others wait for it.

        Args:
            port: for UDP, of the service.
            budget: says how long to wait.

        Raises:
            PEER_ERRORS: as every request that shares it gets them.
        """
        if not http3_available():
            raise Unreachable(f"HTTP/3 needs a library that is not installed: {INSTALL}")
        if not self._lock.acquire(timeout=budget.left_s()):
            raise Unreachable("no connection within the time allowed")
        try:
            if self._opened and self._opened[-1].is_open:
                return self._opened[-1]
            if self._failure is not None:
                raise copy(self._failure)
            return self._connect(port, budget)
        finally:
            self._lock.release()

    def _connect(self, port: int, budget: Budget) -> Http3Connection:
        from flushcheck.prober.http3_connecting import connect_http3

        try:
            connection = connect_http3(self._target, port, budget, self._deadline)
        except PEER_ERRORS as error:
            if not self._opened:
                self._failure = error
            raise
        self._opened.append(connection)
        return connection

    def close(self) -> None:
        """Close every connection."""
        for connection in self._opened:
            connection.close()
