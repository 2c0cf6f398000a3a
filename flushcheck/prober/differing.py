"""Which kinds of client an address treats apart: only where a browser chooses another protocol.

Without TLS everything is HTTP/1.1; where a server over TLS chooses HTTP/1.1 for a browser as well, a client
that speaks nothing else gets the same. Then one client is asked, and its results hold for both.
"""

from __future__ import annotations

from collections.abc import Collection

from flushcheck.model import Client
from flushcheck.prober.connecting import connect
from flushcheck.prober.connections import BROWSER, HTTP2
from flushcheck.prober.target import Target
from flushcheck.prober.timed_socket import Budget, Unreachable


def differing(target: Target, asked: Collection[Client], deadline: float) -> tuple[Client, ...]:
    """The clients among those asked for whose results may differ, at least one.

    Args:
        target: the service; one TLS connection to it is opened and closed.
        asked: the clients that the caller wants.
        deadline: when to give up, in time.monotonic(). A service that cannot be reached then fails in the
            first round, with a reason.
    """
    wanted = tuple(client for client in (Client.BROWSER, Client.HTTP1) if client in asked)
    if len(wanted) < 2 or not target.address.tls:
        return wanted[:1] or (Client.BROWSER,)
    try:
        sock = connect(target, Budget(deadline), alpn=BROWSER)
    except Unreachable:
        return wanted[:1]
    sock.close()
    return wanted if sock.alpn == HTTP2 else wanted[:1]
