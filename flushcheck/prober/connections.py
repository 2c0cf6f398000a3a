"""The connections of a round to one target: who gets one for itself, and who shares one.

A browser offers HTTP/2 and HTTP/1.1 over TLS and follows the choice: over HTTP/2 all its requests share one
connection, over HTTP/1.1 each stream has one. So the first probe connects, and the others wait for what it
learns. A client of Client.HTTP1 offers HTTP/1.1 only. Without TLS everything is HTTP/1.1. One of
Client.HTTP3 asks over QUIC, on a connection that its requests share.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from copy import copy
from typing import TYPE_CHECKING

from flushcheck.model import Client, Probe, Transport, Variant
from flushcheck.prober.connecting import HTTP1, connect
from flushcheck.prober.http1 import Http1Connection
from flushcheck.prober.http2 import Http2Connection
from flushcheck.prober.http2_client import Http2Client
from flushcheck.prober.http3_sharing import Http3Offer, Http3Sharing
from flushcheck.prober.http_client import PEER_ERRORS, HttpClient, ProtocolError
from flushcheck.prober.target import Protocol, Target
from flushcheck.prober.timed_socket import Budget, TimedSocket, Unreachable

if TYPE_CHECKING:
    from flushcheck.prober.http3 import Http3Connection

HTTP2 = "h2"
BROWSER = (HTTP2, *HTTP1)  # what a browser offers over TLS


# Who asks for what is fetched and not measured. A browser follows what the server chooses.
_FETCHED_BY = {Protocol.HTTP2: Client.BROWSER, Protocol.HTTP3: Client.HTTP3}


@contextmanager
def single_client(target: Target, budget: Budget) -> Iterator[HttpClient]:
    """Yield a client for requests that are not measured: over HTTP/1.1 if the target names no other version.

    Raises:
        PEER_ERRORS: it cannot connect.
    """
    probe = Probe(Transport.POLLING, client=_FETCHED_BY.get(target.options.protocol, Client.HTTP1))
    with (
        closing(Connections(target, budget.deadline)) as connections,
        closing(connections.client(probe, budget)) as client,
    ):
        yield client


class Connections:
    """What the probes of a round use to reach one target."""

    def __init__(self, target: Target, deadline: float, http3: Http3Offer | None = None) -> None:
        """Prepare them; nothing is connected yet.

        Args:
            target: where requests go.
            deadline: when the round is over, in time.monotonic().
            http3: where HTTP/3 is; None: at the port of the target.
        """
        self.target = target
        self._deadline = deadline
        # A caller who chose HTTP/1.1 is no browser.
        self._offer = HTTP1 if target.options.protocol is Protocol.HTTP1 else BROWSER
        self._lock = threading.Lock()
        self._http2: Http2Connection | None = None
        self._chosen = ""  # the protocol of the first connection; "": there was none yet
        self._failure: Exception | None = None  # why there was no first connection
        self._opened: list[Http2Connection] = []
        self._offer_http3 = http3 or Http3Offer(target.address.host, target.address.port)
        self._http3 = Http3Sharing(target, deadline)

    def client(self, probe: Probe, budget: Budget, *, tunnel: bool = False) -> HttpClient:
        """Return a client for the requests of a probe. Where that is not known yet, it connects.

        Args:
            probe: decides what is offered.
            budget: what the requests may use.
            tunnel: see `connect`.

        Raises:
            PEER_ERRORS
        """
        if probe.client is Client.HTTP3:
            return Http2Client(self.target, budget, self._reconnect_http3, "3")
        if not self._may_share(probe):
            return self._http1(probe, budget, tunnel=tunnel)
        if self._chosen not in ("", HTTP2):
            return self._http1(probe, budget, alpn=self._offer)
        shared = self._share(budget)
        if isinstance(shared, TimedSocket):
            shared.budget = budget
            return Http1Connection(self.target, budget, alpn=self._offer, sock=shared)
        if shared is None:
            return self._http1(probe, budget, alpn=self._offer)
        return Http2Client(self.target, budget, self._reconnect)

    def websocket_client(self, probe: Probe, budget: Budget) -> HttpClient:
        """Return a client to open a WebSocket with, as a browser chooses it.

        Over HTTP/2 where the peer's SETTINGS offer that (RFC 8441), else over an HTTP/1.1 connection of
        its own. A browser that speaks HTTP/3 to a site does the latter there, whatever is offered (Chromium
        156).

        Raises:
            PEER_ERRORS
        """
        if probe.client is Client.HTTP3:
            return self._http1(probe, budget)
        client = self.client(probe, budget, tunnel=True)
        if isinstance(client, Http2Client) and not self._reconnect(budget).offers_connect:
            return self._http1(probe, budget)
        return client

    def close(self) -> None:
        """Close the shared connections."""
        for connection in self._opened:
            connection.close()
        self._http3.close()

    def _may_share(self, probe: Probe) -> bool:
        is_browser = probe.client is Client.BROWSER and probe.variant is not Variant.HTTP10
        return is_browser and self.target.address.tls and HTTP2 in self._offer

    def _http1(
        self, probe: Probe, budget: Budget, *, alpn: Sequence[str] = HTTP1, tunnel: bool = False
    ) -> Http1Connection:
        http_version = "1.0" if probe.variant is Variant.HTTP10 else "1.1"
        return Http1Connection(self.target, budget, http_version=http_version, alpn=alpn, tunnel=tunnel)

    def _reconnect(self, budget: Budget) -> Http2Connection:
        """Return the HTTP/2 connection that takes requests now.

        Raises:
            PEER_ERRORS
        """
        shared = self._share(budget)
        if isinstance(shared, Http2Connection):
            return shared
        if shared is not None:
            shared.close()
        raise ProtocolError("the server chose HTTP/2 first, and another protocol on a second connection")

    def _reconnect_http3(self, budget: Budget) -> Http3Connection:
        """Return the HTTP/3 connection that takes requests now.

        Raises:
            PEER_ERRORS
        """
        return self._http3.connection(self._offer_http3.port, budget)

    def _share(self, budget: Budget) -> Http2Connection | TimedSocket | None:
        """Return the HTTP/2 connection, or the first connection if that is of another protocol.

        Returns: None if the first connection was of another protocol and has an owner.

        Raises:
            PEER_ERRORS: as every probe that shares it gets them.
        """
        # One probe connects, and the others wait for what it learns.
        if not self._lock.acquire(timeout=budget.left_s()):
            raise Unreachable("no connection within the time allowed")
        try:
            if self._http2 is not None and self._http2.is_open:
                return self._http2
            if self._failure is not None:
                raise copy(self._failure)
            if self._chosen not in ("", HTTP2):
                return None
            return self._connect(budget)
        finally:
            self._lock.release()

    def _connect(self, budget: Budget) -> Http2Connection | TimedSocket:
        try:
            sock = connect(self.target, Budget(budget.deadline), alpn=self._offer)
            self._chosen = sock.alpn or HTTP1[0]
            if self._chosen != HTTP2:
                return sock
            connection = Http2Connection(sock, self._deadline)
            self._opened.append(connection)
            connection.open(budget)
        except PEER_ERRORS as error:
            if self._http2 is None:
                self._failure = error
            raise
        self._http2 = connection
        return connection
