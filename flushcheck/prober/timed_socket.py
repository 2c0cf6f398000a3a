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
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

# Everything that one observation may take in. The largest probe is 24 pieces of 16 kB: 0.4 MB.
MAX_BYTES = 8 * 1024 * 1024

# One read takes at most this much: a burst of 64 KiB is then one arrival and not eight.
READ_BYTES = 64 * 1024

# Reads made in a row while more bytes lie ready, before any of them is parsed: 4 MiB.
MAX_BURST_READS = 64


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


@dataclass(frozen=True, slots=True)
class TlsSession:
    """What both sides agreed on, and who the peer is."""

    alpn: str = ""  # the protocol that the peer chose; "": none
    issuer: str = ""  # who signed the peer's certificate; "": it was not verified
    certificate: bytes = b""  # of the peer, in DER


class TimedSocket:
    """One connection to a peer: `connecting.connect` opens it."""

    def __init__(
        self, sock: socket.socket, budget: Budget, connect_s: float, tls: TlsSession | None = None
    ) -> None:
        """Take over a connection.

        Args:
            sock: a socket, or what has the methods of one that are used here.
            budget: of all that is sent and read.
            connect_s: how long it took to connect, TLS included.
            tls: what TLS agreed on; None: there is none.
        """
        self._sock = sock
        self._budget = budget
        self.connect_s = connect_s  # TLS included
        self.tls = tls
        self.sent_at = 0.0  # when the last bytes were handed over to be sent

    @property
    def alpn(self) -> str:
        """The protocol that the peer chose over TLS; "" if it chose none, or without TLS."""
        return self.tls.alpn if self.tls else ""

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
        if self.tls is not None and self._sock.pending():  # type: ignore[attr-defined]  # as ssl.SSLSocket
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
