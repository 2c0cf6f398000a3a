"""A socket that records when bytes arrive, and enforces a deadline and a byte limit.

The moment of an arrival is the moment at which the socket returned the bytes, not the moment at which a
parser had finished with them. So every read takes its moment here, before any protocol sees it, and while
more bytes lie ready nothing else is done: see `TimedSocket.reads`. The protocols above (`http1`,
`websocket`) do no I/O and may parse as slowly as they like.

Every read and write is held to the deadline of the whole observation: a timeout for each read alone never
ends against a peer that sends a byte a second. Every read is also held to a number of bytes.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from flushcheck.prober.readable import can_read
from flushcheck.prober.tls import TlsFacts, TlsSession

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


class PeerDelay(DeadlineExceeded):
    """The deadline has passed while the peer owed something: the message says what."""


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
    record_bytes: tuple[int, ...] = ()  # sizes of the TLS records that this read completed: see `tls`
    frame_bytes: int = 0  # of a body over HTTP/2: the size of the DATA frame, padding included


class TimedSocket:
    """One connection to a peer: `connecting.connect` opens it. One thread may read while others send."""

    def __init__(self, sock: socket.socket, budget: Budget) -> None:
        self._sock = sock
        self._session: TlsSession | None = None
        self._sending = threading.Lock()
        self.budget = budget
        self.connect_s = 0.0  # how long it took to connect, TLS included
        self.tls: TlsFacts | None = None  # what the TLS handshake settled; None: no TLS
        self.sent_at = 0.0  # when the last bytes were handed over to be sent

    def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Make the TLS handshake.

        Args:
            context: what is trusted and offered.
            host: the name that the certificate has to be for.

        Raises:
            DeadlineExceeded, OSError: it failed; ssl.SSLError is an OSError.
        """
        session = TlsSession(context, host)
        try:
            while not session.shake_hands():
                self._send_all(session.encrypt(b""))
                session.receive(self._receive())
        finally:
            if session.outgoing:
                with suppress(OSError):  # the end of the handshake, or an alert that says why there is none
                    self._send_all(session.encrypt(b""))
        self._session, self.tls = session, session.facts()

    @property
    def alpn(self) -> str:
        """The protocol that the peer chose over TLS; "" if it chose none."""
        return self.tls.alpn if self.tls else ""

    def send(self, data: bytes) -> None:
        """Send all of it.

        Raises:
            DeadlineExceeded, OSError
        """
        with self._sending:  # what is encrypted first has to be sent first
            # Before the call: the response can be here before a busy machine lets this thread return from it.
            self.sent_at = time.monotonic()
            self._send_all(self._session.encrypt(data) if self._session else data)

    def reads(self) -> Iterator[SocketRead]:
        """Yield reads until the peer ends the connection: with TLS one for each record.

        While bytes lie ready, nothing is done but to read them: a burst is handed out when it is over. An
        error is raised once every read before it was handed out.

        Raises:
            DeadlineExceeded, ByteLimitExceeded, OSError
        """
        error: OSError | None = None
        more = True
        while more and error is None:
            burst: list[SocketRead] = []
            try:
                more = self._read(burst)
                for _ in range(MAX_BURST_READS - 1):
                    if not (more and self.has_data()):
                        break
                    more = self._read(burst)
            except OSError as raised:
                error = raised
            yield from burst
        if error is not None:
            raise error

    def has_data(self) -> bool:
        """Whether a read would return at once, with bytes or with the end of the connection."""
        if self._session and self._session.has_record:
            return True
        if isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():  # TLS to a proxy
            return True
        try:
            return can_read((self._sock,), 0)
        except ValueError:  # closed
            return False

    def shut_down(self) -> None:
        """End the connection while another thread may be reading: its read ends too."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()

    def _read(self, burst: list[SocketRead]) -> bool:
        """Read once, and append what arrived: with TLS that may be nothing whole yet.

        Returns: whether more may come.

        Raises:
            DeadlineExceeded, ByteLimitExceeded, OSError: what arrived before was appended.
        """
        session = self._session
        has_record = session is not None and session.has_record
        wire = b"" if has_record else self._receive()
        moment = time.monotonic()
        if session is None:
            self.budget.spend(len(wire))
            if wire:
                burst.append(SocketRead(moment, wire))
            return bool(wire)
        for record in session.decrypt(wire):
            self.budget.spend(len(record.data) or record.size_bytes)
            if record.data:
                burst.append(SocketRead(moment, record.data, (record.size_bytes,)))
        if session.outgoing:  # a new key is confirmed, for example
            self.send(b"")
        # A peer that ends the connection without close_notify ends it all the same.
        return bool(wire or has_record) and not session.ended

    def _receive(self) -> bytes:
        self._sock.settimeout(self.budget.left_s())
        try:
            return self._sock.recv(READ_BYTES)
        except TimeoutError:
            raise DeadlineExceeded("the deadline has passed") from None

    def _send_all(self, wire: bytes) -> None:
        self._sock.settimeout(self.budget.left_s())
        try:
            self._sock.sendall(wire)
        except TimeoutError:
            raise DeadlineExceeded("the deadline has passed") from None
