"""A socket that records when bytes arrive, and enforces a deadline and a byte limit.

The moment of an arrival is the moment at which the socket returned the bytes, not the moment at which a
parser had finished with them. So every read takes its moment here, before any protocol sees it, and while
more bytes lie ready nothing else is done: see `TimedSocket.reads`. The protocols above (`http1`,
`websocket`) do no I/O and may parse as slowly as they like.

Every read and write is held to the deadline of the whole observation: a timeout for each read alone never
ends against a peer that sends a byte a second. Every read is also held to a number of bytes.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from flushcheck.prober.address import Address
from flushcheck.prober.messages import describe_connect_error

# Everything that one observation may take in. The largest probe is 24 pieces of 16 kB: 0.4 MB.
MAX_BYTES = 8 * 1024 * 1024

# One read takes at most this much: a burst of 64 KiB is then one arrival and not eight.
READ_BYTES = 64 * 1024

# Reads made in a row while more bytes lie ready, before any of them is parsed: 4 MiB.
MAX_BURST_READS = 64

# How long an address may take to accept before the next one is tried: a lost SYN is sent again after 1 s.
NEXT_ADDRESS_S = 2.5


class Unreachable(OSError):
    """No connection, or no TLS: the message says why."""


class DeadlineExceeded(TimeoutError):
    """The deadline of the observation has passed."""


class ByteLimitExceeded(OSError):
    """The peer sent more than an observation takes in."""


@dataclass(slots=True)
class Budget:
    """What an observation may still use. All connections that it opens share one."""

    deadline: float  # on time.monotonic()
    bytes_left: int = MAX_BYTES

    def left_s(self) -> float:
        """Return the seconds until the deadline.

        Raises:
            DeadlineExceeded: there are none.
        """
        left_s = self.deadline - time.monotonic()
        if left_s <= 0:
            raise DeadlineExceeded("the deadline has passed")
        return left_s

    def end_by(self, moment: float) -> None:
        """Bring the deadline forward."""
        self.deadline = min(self.deadline, moment)

    def spend(self, size_bytes: int) -> None:
        """Count bytes that arrived.

        Raises:
            ByteLimitExceeded: there were more than allowed.
        """
        self.bytes_left -= size_bytes
        if self.bytes_left < 0:
            raise ByteLimitExceeded(f"more than {MAX_BYTES >> 20} MiB arrived")


class SocketRead(NamedTuple):
    """Bytes with the moment at which the socket returned them."""

    moment: float  # on time.monotonic()
    data: bytes


class TimedSocket:
    """One connection to a peer."""

    def __init__(self, sock: socket.socket, budget: Budget, connect_s: float) -> None:
        self._sock = sock
        self._budget = budget
        self.connect_s = connect_s  # TLS included
        self.sent_at = 0.0  # when the last bytes were handed over to be sent

    def send(self, data: bytes) -> None:
        """Send all of it.

        Raises:
            DeadlineExceeded, OSError
        """
        self._sock.settimeout(self._budget.left_s())
        # Before the call: the response can be here before a busy machine lets this thread return from it.
        self.sent_at = time.monotonic()
        try:
            self._sock.sendall(data)
        except TimeoutError:
            raise DeadlineExceeded("the deadline has passed") from None

    def reads(self) -> Iterator[SocketRead]:
        """Yield reads until the peer ends the connection.

        While bytes lie ready, nothing is done but to read them: a burst is handed out when it is over. An
        error is raised once every read before it was handed out.

        Raises:
            DeadlineExceeded, ByteLimitExceeded, OSError
        """
        error: OSError | None = None
        while error is None:
            burst = [self._read()]
            try:
                while burst[-1].data and len(burst) < MAX_BURST_READS and self.has_data():
                    burst.append(self._read())
            except OSError as raised:
                error = raised
            for read in burst:
                if not read.data:
                    return
                yield read
        raise error

    def has_data(self) -> bool:
        """Whether a read would return at once, with bytes or with the end of the connection."""
        if isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
            return True
        # Not select(): it fails for descriptors above 1023, which a busy service has.
        poll = select.poll()
        try:
            poll.register(self._sock, select.POLLIN)
        except ValueError:  # closed
            return False
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()

    def _read(self) -> SocketRead:
        self._sock.settimeout(self._budget.left_s())
        try:
            data = self._sock.recv(READ_BYTES)
        except TimeoutError:
            raise DeadlineExceeded("the deadline has passed") from None
        moment = time.monotonic()
        self._budget.spend(len(data))
        return SocketRead(moment, data)


def connect(address: Address, budget: Budget) -> TimedSocket:
    """Connect, with TLS where the address asks for it.

    The addresses of a name are tried in turn, and only the last may use up the time: one that swallows
    packets, as IPv6 does on some networks, leaves time for the next.

    Raises:
        Unreachable: no connection, or no TLS that can be trusted.
    """
    began = time.monotonic()
    try:
        candidates = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        sock = _connect_first(candidates, budget)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if address.tls:
                sock.settimeout(budget.left_s())  # for the handshake as a whole
                sock = tls_context().wrap_socket(sock, server_hostname=address.host)
        except OSError:
            sock.close()
            raise
    except OSError as error:  # gaierror and SSLError are OSErrors too
        waited_s = time.monotonic() - began
        raise Unreachable(describe_connect_error(error, address.host, address.port, waited_s)) from error
    except UnicodeError:  # a name that DNS cannot carry
        raise Unreachable(f"the name {address.host} cannot be looked up") from None
    return TimedSocket(sock, budget, time.monotonic() - began)


def _connect_first(candidates: list[Any], budget: Budget) -> socket.socket:
    """Connect to the first of these addresses that accepts.

    Raises:
        OSError: why the last of them did not.
    """
    failure: OSError = OSError("no address")
    for index, (family, kind, protocol, _, endpoint) in enumerate(candidates):
        sock = socket.socket(family, kind, protocol)
        try:
            left_s = budget.left_s()
            is_last = index == len(candidates) - 1
            sock.settimeout(left_s if is_last else min(left_s / 2, NEXT_ADDRESS_S))
            sock.connect(endpoint)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """Return the system's trusted certificates, read once: reading them takes 20 ms of a core."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
