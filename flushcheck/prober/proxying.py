"""A connection through a forward proxy: a tunnel by CONNECT, or by SOCKS5.

Both are exchanges of a few bytes on a fresh socket, after which it is a connection to the service. They read
no byte that belongs to the service: an HTTP client speaks first, so a proxy that sends more than its response
is not one. SOCKS5 (RFC 1928, RFC 1929) is written out here, because the one library without I/O, socksio,
takes whatever a read returns for a whole reply.
"""

from __future__ import annotations

import ipaddress
import socket

import h11

from flushcheck.prober.credentials import Credentials
from flushcheck.prober.proxy_server import ProxyServer
from flushcheck.prober.timed_socket import Budget, Unreachable
from flushcheck.prober.tool import USER_AGENT

MAX_HEADER_BYTES = 64 * 1024  # of the response to CONNECT

PASS_LOGIN = "pass --proxy-user user:password"

# RFC 1928, section 6.
_SOCKS_REPLIES = {
    1: "it failed",
    2: "its rules do not allow it",
    3: "it cannot reach the network",
    4: "it cannot reach the host",
    5: "nothing listens there (connection refused)",
    6: "the time to live expired",
    7: "it knows no CONNECT",
    8: "it knows no address of that kind",
}


def open_tunnel(sock: socket.socket, proxy: ProxyServer, endpoint: tuple[str, int], budget: Budget) -> None:
    """Ask a proxy for a connection to an endpoint.

    Args:
        sock: a connection to the proxy.
        proxy: how to speak to it.
        endpoint: host and port.
        budget: of the connection; its deadline holds for every read.

    Raises:
        Unreachable: the proxy opens none; the message says why, and what to do.
        OSError: the connection to the proxy broke.
        UnicodeError: the host is not a name that SOCKS can carry.
    """
    try:
        if proxy.speaks_http:
            _connect(sock, proxy, endpoint, budget)
        else:
            _Socks5(sock, proxy, budget).connect(endpoint)
    except TimeoutError:
        host, port = endpoint
        raise Unreachable(
            f"the proxy {proxy.url} did not open a connection to {host}:{port} in time; check its scheme and "
            "its port"
        ) from None


def wants_login(proxy: ProxyServer, status: int) -> str:
    """Say that a proxy wants credentials, or other ones."""
    which = "does not accept the name and password" if proxy.credentials else "asks for a name and password"
    reply = f" (status {status})" if status else ""
    return f"the proxy {proxy.url} {which}{reply}: {PASS_LOGIN}"


def _connect(sock: socket.socket, proxy: ProxyServer, endpoint: tuple[str, int], budget: Budget) -> None:
    host, port = endpoint
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    headers = [("Host", authority), ("User-Agent", USER_AGENT)]
    if proxy.credentials:
        headers.append(("Proxy-Authorization", proxy.credentials.basic))
    machine = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEADER_BYTES)
    request = machine.send(h11.Request(method="CONNECT", target=authority, headers=headers))
    sock.settimeout(budget.left_s())
    sock.sendall((request or b"") + (machine.send(h11.EndOfMessage()) or b""))
    response = _response(sock, machine, proxy, budget)
    status = response.status_code
    if status in (401, 407):  # tinyproxy 1.11 responds 401 to a wrong password
        raise Unreachable(wants_login(proxy, status))
    if not 200 <= status < 300:
        rules = "; its rules do not allow it" if status == 403 else ""
        raise Unreachable(
            f"the proxy {proxy.url} opens no connection to {authority} (status {status}){rules}"
        )
    if machine.trailing_data[0]:
        raise Unreachable(f"the proxy {proxy.url} sent data before the service did")


def _response(
    sock: socket.socket, machine: h11.Connection, proxy: ProxyServer, budget: Budget
) -> h11.Response:
    size_bytes = 0
    try:
        while True:
            event = machine.next_event()
            if isinstance(event, h11.Response):
                return event
            if event is h11.NEED_DATA:
                sock.settimeout(budget.left_s())
                data = sock.recv(4096)
                if not data:
                    raise Unreachable(f"the proxy {proxy.url} closed the connection without a response")
                size_bytes += len(data)
                machine.receive_data(data)
            if size_bytes > MAX_HEADER_BYTES:
                raise Unreachable(f"the proxy {proxy.url} sent more than {MAX_HEADER_BYTES >> 10} KiB")
    except h11.RemoteProtocolError:
        raise Unreachable(f"{proxy.url} does not respond as an HTTP proxy") from None


class _Socks5:
    """One negotiation (RFC 1928)."""

    def __init__(self, sock: socket.socket, proxy: ProxyServer, budget: Budget) -> None:
        self._sock = sock
        self._proxy = proxy
        self._budget = budget

    def connect(self, endpoint: tuple[str, int]) -> None:
        """Negotiate a connection to an endpoint; raises what `open_tunnel` does."""
        credentials = self._proxy.credentials
        methods = b"\x00\x02" if credentials else b"\x00"
        version, method = self._exchange(bytes((5, len(methods))) + methods, 2)
        if version != 5:
            raise Unreachable(f"{self._proxy.url} does not respond as a SOCKS5 proxy")
        if method == 2 and credentials:
            self._authenticate(credentials)
        elif method != 0:
            raise Unreachable(wants_login(self._proxy, 0))
        host, port = endpoint
        request = b"\x05\x01\x00" + _socks_address(host) + port.to_bytes(2)
        _, reply, _, kind = self._exchange(request, 4)
        if reply != 0:
            reason = _SOCKS_REPLIES.get(reply, f"reply {reply}")
            raise Unreachable(f"the proxy {self._proxy.url} opens no connection to {host}:{port}: {reason}")
        # Its own address, which nothing needs, has to be read all the same.
        length = {1: 4, 4: 16}.get(kind) or self._exchange(b"", 1)[0]
        self._exchange(b"", length + 2)

    def _authenticate(self, credentials: Credentials) -> None:
        name, password = credentials.user.encode(), credentials.password.encode()
        request = bytes((1, len(name))) + name + bytes((len(password),)) + password
        if self._exchange(request, 2)[1] != 0:
            raise Unreachable(wants_login(self._proxy, 0))

    def _exchange(self, request: bytes, size: int) -> bytes:
        """Send a request and return the `size` bytes of the reply."""
        self._sock.settimeout(self._budget.left_s())
        self._sock.sendall(request)
        reply = b""
        while len(reply) < size:
            self._sock.settimeout(self._budget.left_s())
            data = self._sock.recv(size - len(reply))
            if not data:
                raise Unreachable(f"the proxy {self._proxy.url} closed the connection")
            reply += data
        return reply


def _socks_address(host: str) -> bytes:
    """The host as a request holds it: an address, or a name for the proxy to look up."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("ascii")
        return bytes((3, len(name))) + name
    return bytes((1 if address.version == 4 else 4,)) + address.packed
