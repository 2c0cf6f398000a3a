"""The line to the far side: a socket that knows the time, its deadline and its bounds.

A moment of arrival must be the moment at which the socket gave the bytes, not the moment at which a
parser was done with them. So the socket itself takes it, and whoever reads above (http.client,
urllib3, wsproto) may buffer as it likes: after its read, `Line.read_at` still says when the bytes
came. In the same place every read is held to the deadline of the whole Observation (a time-out for
each read alone never ends against a far side that sends a byte a second) and to a number of bytes.
"""

from __future__ import annotations

import io
import select
import socket
import ssl
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flushcheck.prober.address import Address
from flushcheck.prober.messages import no_connection

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Everything that one Observation may take in. The largest Probe is 24 Pieces of 16 kB: 0.4 MB.
MAX_BYTES = 8 * 1024 * 1024

# One read takes at most this much: a burst of 64 KiB is then one Arrival and not eight.
READ_BYTES = 64 * 1024

# How long an address may take to accept before the next one is tried: a lost SYN is sent again after 1 s.
NEXT_ADDRESS_S = 2.5


class Unreachable(OSError):
    """No connection, or no TLS: says why in plain words."""


class DeadlineExceeded(TimeoutError):
    """The deadline of the Observation has come."""


class ByteLimitExceeded(OSError):
    """The far side sent more than an Observation takes in."""


@dataclass(slots=True)
class Budget:
    """What an Observation may still use. Shared by all lines it opens."""

    deadline: float  # on time.monotonic()
    bytes_left: int = MAX_BYTES

    def left_s(self) -> float:
        """Seconds until the deadline.

        Raises:
            OutOfTime: there are none.
        """
        left_s = self.deadline - time.monotonic()
        if left_s <= 0:
            raise DeadlineExceeded("the time is up")
        return left_s

    def end_by(self, moment: float) -> None:
        """Bring the deadline forward."""
        self.deadline = min(self.deadline, moment)

    def spend(self, size: int) -> None:
        """Count bytes that came.

        Raises:
            TooMuch: there were more than allowed.
        """
        self.bytes_left -= size
        if self.bytes_left < 0:
            raise ByteLimitExceeded(f"more than {MAX_BYTES >> 20} MiB came")


class TimedSocket:
    """One connection. Stands in for a socket where http.client and urllib3 expect one."""

    def __init__(self, sock: socket.socket, allowance: Budget, connect_s: float) -> None:
        self._sock = sock
        self._allowance = allowance
        self.connect_s = connect_s  # TLS included
        self.sent_at = 0.0  # when the last bytes were handed over to be sent
        self.read_at = 0.0  # when the last bytes came from it

    def __getattr__(self, name: str) -> Any:
        # What is not said here (settimeout, close, shutdown, getpeername, ...) is the socket's own.
        return getattr(self._sock, name)

    def sendall(self, data: bytes) -> None:
        """Send everything, within the deadline."""
        self._arm()
        # Before the call: the answer can be there before a busy machine lets us return from it.
        self.sent_at = time.monotonic()
        self._sock.sendall(data)

    def recv(self, size: int = READ_BYTES) -> bytes:
        """The next bytes, b"" at the end, within the deadline and the bounds.

        Raises:
            OutOfTime, TooMuch, OSError
        """
        self._arm()
        try:
            data = self._sock.recv(size)
        except TimeoutError:
            raise DeadlineExceeded("the time is up") from None
        self._note(len(data))
        return data

    def makefile(self, mode: str, *_: object, **__: object) -> io.BufferedReader:
        """What http.client reads from. Its buffer takes a whole burst in one read."""
        # The socket's own makefile() counts as a user of the socket: a connection that was closed
        # lives on until its last response was read.
        raw = self._sock.makefile("rb", buffering=0)
        return io.BufferedReader(_Stamping(raw, self), READ_BYTES)

    def waiting(self) -> bool:
        """Whether bytes lie ready to be read: then no time is to be lost on anything else."""
        if isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
            return True
        # Not select(): it fails for descriptors above 1023, which a busy service has.
        poll = select.poll()
        try:
            poll.register(self._sock, select.POLLIN)
        except ValueError:  # closed
            return False
        return bool(poll.poll(0))

    def _arm(self) -> None:
        self._sock.settimeout(self._allowance.left_s())

    def _note(self, size: int) -> None:
        self.read_at = time.monotonic()
        self._allowance.spend(size)


class _Stamping(io.RawIOBase):
    """The unbuffered end of a Line: takes the time of each read."""

    def __init__(self, raw: io.RawIOBase, line: TimedSocket) -> None:
        self._raw = raw
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        self._line._arm()
        try:
            size: int | None = self._raw.readinto(buffer)
        except TimeoutError:
            raise DeadlineExceeded("the time is up") from None
        self._line._note(size or 0)
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


def dial(address: Address, allowance: Budget) -> TimedSocket:
    """Connect, with TLS where the address says so.

    The addresses of a name are tried in turn, and only the last may use up the time: one that swallows
    packets, as IPv6 does on some networks, leaves time for the next.

    Raises:
        Unreachable: no connection, or no TLS that can be trusted.
    """
    began = time.monotonic()
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        sock = _first(found, allowance)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if address.tls:
                sock.settimeout(allowance.left_s())  # for the handshake as a whole
                sock = tls_context().wrap_socket(sock, server_hostname=address.host)
        except OSError:
            sock.close()
            raise
    except OSError as error:  # gaierror and SSLError are OSErrors too
        waited_s = time.monotonic() - began
        raise Unreachable(no_connection(error, address.host, address.port, waited_s)) from error
    except UnicodeError:  # a name that DNS cannot carry
        raise Unreachable(f"the name {address.host} cannot be looked up") from None
    return TimedSocket(sock, allowance, time.monotonic() - began)


def _first(found: list[Any], allowance: Budget) -> socket.socket:
    """A connection to the first of the addresses that takes one."""
    trouble: OSError = OSError("no address")
    for index, (family, kind, protocol, _, where) in enumerate(found):
        sock = socket.socket(family, kind, protocol)
        try:
            left_s = allowance.left_s()
            is_last = index == len(found) - 1
            sock.settimeout(left_s if is_last else min(left_s / 2, NEXT_ADDRESS_S))
            sock.connect(where)
        except OSError as error:
            sock.close()
            trouble = error
        else:
            return sock
    raise trouble


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """The system's trust, read once: reading it takes 20 ms in which nothing else would run."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
