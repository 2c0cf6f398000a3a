"""Who is there: one connection that offers what a browser offers, and what the other side settles in it.

Made before the probes, it tells whether browsers and HTTP/1.1 clients speak the same protocol to this
address at all, and whose certificate it shows. It makes no request: with HTTP/2 it takes the TCP and TLS
handshakes and one round trip more for the peer's SETTINGS, else the handshakes alone.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from flushcheck.prober.connecting import connect
from flushcheck.prober.connections import BROWSER, HTTP2
from flushcheck.prober.http2 import Http2Connection
from flushcheck.prober.target import Target
from flushcheck.prober.timed_socket import Budget
from flushcheck.prober.tls import TlsFacts


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a connection settles before the first request."""

    connect_s: float  # TLS included
    tls: TlsFacts | None = None  # None: without TLS
    settings: tuple[tuple[int, int], ...] = ()  # the peer's first SETTINGS over HTTP/2, in order

    @property
    def speaks_http2(self) -> bool:
        """Whether a browser speaks HTTP/2 to this address."""
        return self.tls is not None and self.tls.alpn == HTTP2


def greet(target: Target, deadline: float) -> Greeting:
    """Connect, and return what that settles.

    Args:
        target: where to.
        deadline: when to give up, in time.monotonic().

    Raises:
        PEER_ERRORS: no connection, no TLS that can be trusted, or no HTTP/2 where it was chosen.
    """
    budget = Budget(deadline)
    sock = connect(target, budget, alpn=BROWSER)
    with closing(sock):
        if sock.alpn != HTTP2:
            return Greeting(sock.connect_s, sock.tls)
        connection = Http2Connection(sock, deadline)
        with closing(connection):
            connection.open(budget)
            return Greeting(sock.connect_s, sock.tls, connection.settings)
