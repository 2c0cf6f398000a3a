"""Which kinds of client an address treats apart: only where a browser chooses another protocol.

Without TLS everything is HTTP/1.1; where a server over TLS chooses HTTP/1.1 for a browser as well, a client
that speaks nothing else gets the same. Then one client is asked, and its results hold for both.
"""

from __future__ import annotations

from collections.abc import Collection

from flushcheck.model import Client
from flushcheck.prober.arguments import CLIENTS
from flushcheck.prober.greeting import greet
from flushcheck.prober.http_client import PEER_ERRORS
from flushcheck.prober.target import Target


def differing(target: Target, asked: Collection[Client], deadline: float) -> tuple[Client, ...]:
    """The clients among those asked for whose results may differ, at least one.

    Args:
        target: the service; one connection to it is opened and closed where more than one client is wanted.
        asked: the clients that the caller wants.
        deadline: when to give up, in time.monotonic(). A service that cannot be reached then fails in the
            first round, with a reason.
    """
    wanted = tuple(client for client in CLIENTS if client in asked)
    if len(wanted) == 1 or not target.address.tls:
        return wanted[:1]
    try:
        greeting = greet(target, deadline)
    except PEER_ERRORS:
        return wanted[:1]
    return wanted if greeting.speaks_http2 else wanted[:1]
