"""Who is there: one connection that offers what a browser offers, and what the other side settles in it.

Made before the probes, it tells whether browsers and HTTP/1.1 clients speak the same protocol to this
address at all, and whose certificate it shows. It makes no request: with HTTP/2 it takes the TCP and TLS
handshakes and one round trip more for the peer's SETTINGS, else the handshakes alone.

The certificate is looked at beside the probes, also where it is not trusted: an untrusted one is where its
issuer matters most. Such a connection carries no request, and shows no certificate of the client.
"""

from __future__ import annotations

import queue
import ssl
import threading
import time
from contextlib import closing
from dataclasses import dataclass, replace

from flushcheck.model import Certificate
from flushcheck.prober.certificate import certificate
from flushcheck.prober.connecting import HTTP1, connect
from flushcheck.prober.connections import BROWSER, HTTP2
from flushcheck.prober.http2 import Http2Connection
from flushcheck.prober.http_client import PEER_ERRORS
from flushcheck.prober.target import Protocol, Target
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


class CertificateLook:
    """A look at the certificate of an address that is under way. Without TLS there is none."""

    def __init__(self, target: Target | None, deadline: float) -> None:
        """Begin.

        Args:
            target: the address; None for none.
            deadline: when to give up, in time.monotonic().
        """
        self._result: queue.SimpleQueue[Certificate | None] = queue.SimpleQueue()
        if target is None or not target.address.tls:
            self._result.put(None)
            return
        threading.Thread(
            target=lambda: self._result.put(presented(target, deadline)),
            name="flushcheck-certificate",
            daemon=True,
        ).start()

    def wait(self, until: float) -> Certificate | None:
        """Return the certificate; None if none was seen by `until`."""
        try:
            return self._result.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return None


def presented(target: Target, deadline: float) -> Certificate | None:
    """Return the certificate that an address presents; None if there is no TLS to be had there.

    Args:
        target: the address, over https.
        deadline: when to give up, in time.monotonic().
    """
    anyone = replace(target.options, tls=replace(target.options.tls.without_client, verify=False))
    for options in (target.options, anyone):
        alpn = HTTP1 if options.protocol is Protocol.HTTP1 else BROWSER
        try:
            with closing(connect(replace(target, options=options), Budget(deadline), alpn=alpn)) as sock:
                return certificate(sock.tls.certificate) if sock.tls else None
        except PEER_ERRORS as error:
            if not isinstance(error.__cause__, ssl.SSLCertVerificationError):
                return None
    return None
