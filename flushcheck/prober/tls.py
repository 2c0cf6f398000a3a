"""TLS in memory: bytes of the wire go in, records with their sizes come out.

`ssl.SSLSocket` reads from the socket by itself, so neither the moment nor the size of a record is seen. Here
the socket stays plain and OpenSSL gets one record at a time (`ssl.MemoryBIO`): what it then yields came in
that record. A record that yields nothing is a handshake message or an alert, also where TLS 1.3 disguises
it as application data (RFC 8446, section 5.2).

A run of records of one size shows the buffer of the server that wrote them: their length minus 17 bytes (TLS
1.3) or 24 (TLS 1.2 with AES-GCM). Nothing here reads or writes a socket.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

# RFC 8446, section 5.1: type (1 byte), version (2 bytes), length (2 bytes).
HEADER_BYTES = 5
MAX_TEXT_BYTES = 16 * 1024
# RFC 5246, section 6.2.3: no version allows more. OpenSSL says what is wrong with a longer one.
MAX_RECORD_BYTES = HEADER_BYTES + MAX_TEXT_BYTES + 2048
SHOWN = 80  # bytes of what is no TLS
_TYPES = range(20, 25)  # change_cipher_spec, alert, handshake, application_data, heartbeat


class NotTls(ssl.SSLError):
    """What the peer sent is no TLS."""

    def __init__(self, sent: bytes) -> None:
        super().__init__("not TLS")
        self.sent = sent  # its beginning


class Record(NamedTuple):
    """What one record held."""

    data: bytes  # application data; b"": there was none in it
    size_bytes: int  # as its header says: encrypted, without the 5 bytes of that header


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What a handshake settled, and the certificate that the peer showed."""

    version: str  # for example "TLSv1.3"
    alpn: str  # the protocol that the peer chose; "": it chose none
    cipher: str
    certificate: bytes = b""  # in DER, also where it was not verified: see `certificate`


class TlsSession:
    """One side of a TLS connection, the client's. One thread may decrypt while others encrypt."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        """Prepare it.

        Args:
            context: what is trusted and offered.
            host: the name that the certificate has to be for.
        """
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._lock = threading.Lock()  # OpenSSL takes one call at a time
        self._wire = bytearray()  # what arrived and OpenSSL did not get yet
        self.ended = False  # whether the peer said that nothing more comes

    @property
    def has_record(self) -> bool:
        """Whether a whole record arrived and was not decrypted yet."""
        return self._record_bytes() > 0

    def shake_hands(self) -> bool:
        """Go on with the handshake; False while it needs more from the peer.

        Raises:
            NotTls: the peer sent something else.
            ssl.SSLError: it failed. `outgoing` may hold an alert that says so to the peer.
        """
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                if self._wire and not self._is_record():
                    raise NotTls(bytes(self._wire[:SHOWN])) from None
                if not (size_bytes := self._record_bytes()):
                    return False
                self._incoming.write(self._cut(size_bytes))
            else:
                return True

    def receive(self, wire: bytes) -> None:
        """Take what arrived during the handshake; b"" is the end of the connection."""
        self._wire += wire
        if not wire:
            self._incoming.write_eof()

    def decrypt(self, wire: bytes) -> Iterator[Record]:
        """Take what arrived, and yield every record that is complete, in order.

        Raises:
            ssl.SSLError: a record is damaged. Those before it were yielded.
        """
        self._wire += wire
        while not self.ended and (size_bytes := self._record_bytes()):
            with self._lock:
                self._incoming.write(self._cut(size_bytes))
                data = self._text()
            yield Record(data, size_bytes - HEADER_BYTES)

    def encrypt(self, data: bytes) -> bytes:
        """Return what to send, in records as large as TLS allows."""
        with self._lock:
            if data:
                self._tls.write(data)
            return self._outgoing.read()

    @property
    def outgoing(self) -> bool:
        """Whether TLS itself has something to send: `encrypt(b"")` returns it."""
        return self._outgoing.pending > 0

    def facts(self) -> TlsFacts:
        """Return what the handshake settled."""
        cipher = self._tls.cipher()
        return TlsFacts(
            version=self._tls.version() or "",
            alpn=self._tls.selected_alpn_protocol() or "",
            cipher=cipher[0] if cipher else "",
            certificate=self._tls.getpeercert(binary_form=True) or b"",
        )

    def _text(self) -> bytes:
        """Return what OpenSSL makes of the record it just got."""
        parts: list[bytes] = []
        try:
            while part := self._tls.read(MAX_TEXT_BYTES):
                parts.append(part)
                if not self._incoming.pending and not self._tls.pending():
                    break  # asking once more would raise SSLWantReadError: slower
            else:
                self.ended = True  # close_notify
        except ssl.SSLWantReadError:
            pass  # nothing for the application in it
        return b"".join(parts)

    def _record_bytes(self) -> int:
        """Return the size of the next record with its header; 0 while it is not complete."""
        if len(self._wire) < HEADER_BYTES:
            return 0
        size_bytes = HEADER_BYTES + int.from_bytes(self._wire[3:5], "big")
        if not self._is_record() or size_bytes > MAX_RECORD_BYTES:
            return len(self._wire)  # no record: OpenSSL says so at once, and nothing waits for its end
        return size_bytes if size_bytes <= len(self._wire) else 0

    def _is_record(self) -> bool:
        """Whether what arrived begins as a record does."""
        return self._wire[0] in _TYPES and bytes(self._wire[1:2]) in (b"", b"\x03")

    def _cut(self, size_bytes: int) -> bytes:
        record = bytes(self._wire[:size_bytes])
        del self._wire[:size_bytes]
        return record
