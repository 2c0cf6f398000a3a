"""Which kinds of client an address treats apart: only where a browser chooses another protocol.

Without TLS everything is HTTP/1.1; where a server over TLS chooses HTTP/1.1 for a browser as well, a client
that speaks nothing else gets the same. Then one client is asked, and its results hold for both. HTTP/3 is
asked for wherever it can be: whether it is offered is known with the first response.
"""

from __future__ import annotations

from collections.abc import Collection

from flushcheck.measurement.alt_svc import INSTALL
from flushcheck.model import Client, UsageError
from flushcheck.prober.arguments import CLIENTS
from flushcheck.prober.greeting import greet
from flushcheck.prober.http3_sharing import http3_available
from flushcheck.prober.http_client import PEER_ERRORS
from flushcheck.prober.target import Protocol, Target


def differing(target: Target, asked: Collection[Client], deadline: float) -> tuple[Client, ...]:
    """The clients among those asked for whose results may differ, at least one.

    Args:
        target: the service; one connection to it is opened and closed where more than one client is wanted.
        asked: the clients that the caller wants.
        deadline: when to give up, in time.monotonic(). A service that cannot be reached then fails in the
            first round, with a reason.
    """
    wanted = tuple(client for client in CLIENTS if client in asked)
    if Client.HTTP3 in wanted and len(wanted) > 1:
        others = differing(target, [client for client in wanted if client is not Client.HTTP3], deadline)
        return (*others, Client.HTTP3) if may_speak_http3(target) and http3_available() else others
    if len(wanted) == 1 or not target.address.tls:
        return wanted[:1]
    try:
        greeting = greet(target, deadline)
    except PEER_ERRORS:
        return wanted[:1]
    return wanted if greeting.speaks_http2 else wanted[:1]


def may_speak_http3(target: Target) -> bool:
    """Whether there is a way for HTTP/3 to this target: not without TLS, nor through what only takes TCP."""
    options = target.options
    is_open = options.protocol in (Protocol.AUTO, Protocol.HTTP3)
    return is_open and target.address.tls and not target.proxy and not options.unix_socket


def check_http3(target: Target) -> None:
    """Return if HTTP/3 can be asked for at this target.

    Raises:
        UsageError: it cannot.
    """
    if not target.address.tls:
        raise UsageError(
            f"HTTP/3 at {target.address.url}: expected https://, for example "
            f"{target.address.url.replace('http:', 'https:')}"
        )
    if not may_speak_http3(target):
        raise UsageError(
            "HTTP/3 through a forward proxy or a unix socket: not possible, it is UDP; expected one of them, "
            "for example --http3"
        )
    if not http3_available():
        raise UsageError(f"HTTP/3 needs a library that is not installed: {INSTALL}")
