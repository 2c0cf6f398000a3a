"""Opens an HTTP/3 connection: which addresses are tried, for how long, and why there is none.

A network that swallows UDP is common, and browsers then stay with TCP: so silence is given up after
MAX_SILENCE_S, while the other probes of the round are still under way.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator

from flushcheck.prober.connecting import FAMILIES
from flushcheck.prober.http3 import Http3Connection
from flushcheck.prober.http3_state import CertificateRejected, Http3State
from flushcheck.prober.http3_tls import configuration
from flushcheck.prober.http_client import PEER_ERRORS
from flushcheck.prober.messages import describe_connect_error
from flushcheck.prober.target import Target
from flushcheck.prober.timed_socket import Budget, DeadlineExceeded, PeerDelay, Unreachable

# How long no datagram at all may come. aioquic sends its first one at 0, 0.3, 0.9 and 2.1 s.
MAX_SILENCE_S = 2.0
# How long the handshake and the peer's SETTINGS may take where datagrams come.
MAX_OPENING_S = 5.0
# What the kernel may keep while this process does something else; it grants less where it has to.
RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024


def connect_http3(target: Target, port: int, budget: Budget, deadline: float) -> Http3Connection:
    """Connect to a service over QUIC.

    Of each family one address is tried. All together may take MAX_SILENCE_S until a first datagram comes.

    Args:
        target: where to, and how.
        port: for UDP, of the service.
        budget: says how long to wait.
        deadline: when the connection has to be over, in time.monotonic().

    Raises:
        PEER_ERRORS: no connection, or no certificate that can be trusted.
    """
    host, port = target.endpoint_at(port)
    began = time.monotonic()
    silent_at = min(budget.deadline, began + MAX_SILENCE_S)
    failure: Exception = Unreachable(f"the name {host} has no address")
    candidates = list(_candidates(host, port, FAMILIES[target.options.family]))
    for index, (family, endpoint) in enumerate(candidates):
        now = time.monotonic()
        share_s = max(0.0, silent_at - now) / (len(candidates) - index)
        try:
            state = Http3State(configuration(target))
            connection = Http3Connection(_open_udp(family, endpoint), state, deadline)
            try:
                connection.open(port, now + share_s, min(budget.deadline, began + MAX_OPENING_S))
            except BaseException:
                connection.close()
                raise
        except PEER_ERRORS as error:
            failure = _describe(error, target, port)
            if isinstance(error, CertificateRejected):
                break
        else:
            return connection
    raise failure


def _candidates(host: str, port: int, family: int) -> Iterator[tuple[int, tuple[object, ...]]]:
    """Yield the first address of each family.

    Raises:
        Unreachable: there is none.
    """
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_DGRAM)
    except OSError as error:
        raise Unreachable(describe_connect_error(error, host, port, 0.0)) from error
    except UnicodeError:  # a name that DNS cannot carry
        raise Unreachable(f"the name {host} cannot be looked up") from None
    seen: set[int] = set()
    for kind, _, _, _, endpoint in found:
        if kind not in seen:
            seen.add(kind)
            yield kind, endpoint


def _open_udp(family: int, endpoint: tuple[object, ...]) -> socket.socket:
    """Open a socket that sends to this endpoint only, and receives from it only.

    Raises:
        OSError
    """
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        sock.connect(endpoint)
    except OSError:
        sock.close()
        raise
    return sock


def _describe(error: Exception, target: Target, port: int) -> Exception:
    """Say why there is no connection."""
    address = target.address
    if isinstance(error, CertificateRejected):
        rejected = ssl.SSLCertVerificationError(str(error))
        rejected.verify_code, rejected.verify_message = 0, str(error)
        return Unreachable(describe_connect_error(rejected, address.host, address.port, 0.0))
    if isinstance(error, ConnectionRefusedError):
        return Unreachable(f"nothing listens on UDP port {port} (connection refused)")
    if isinstance(error, Unreachable):
        return error
    if isinstance(error, DeadlineExceeded | PeerDelay):
        return Unreachable(f"no response over UDP port {port}")
    return Unreachable(f"no HTTP/3 over UDP port {port}: {error}")
