"""TLS of the laboratory: a throw-away authority and its certificate, and a socket that keeps the size of each record.

The authority is made once a run. Its certificate goes to the observer and, as SSL_CERT_FILE, to flushcheck; nothing
else trusts it, and it is gone with the run's scratch folder.
"""

from __future__ import annotations

import shutil
import socket
import ssl
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.live import servers

HOST = "localhost"  # the name in the certificate, with 127.0.0.1 and ::1

_RECORD_HEAD = 5  # RFC 8446, section 5.1: type, version, length
_APPLICATION_DATA = 23


@dataclass(frozen=True, slots=True)
class Authority:
    """Files, each PEM: the authority's certificate, and the server's certificate, key and both in one."""

    ca: Path
    cert: Path
    key: Path
    both: Path

    def copy_to(self, folder: Path) -> None:
        """Put the files where a server finds them, readable for every user that a server may become."""
        for path in (self.ca, self.cert, self.key, self.both):
            shutil.copy(path, folder / path.name)
            (folder / path.name).chmod(0o644)


@cache
def authority() -> Authority:
    """Make the authority and the certificate; once a run."""
    folder = servers.new_folder("authority")
    ca, ca_key, cert, key, request = (
        folder / name for name in ("ca.pem", "ca-key.pem", "cert.pem", "key.pem", "request.pem")
    )
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    _openssl(
        "req", "-x509", *new_key, "-days", "2", "-subj", "/CN=flushcheck lab", "-keyout", ca_key, "-out", ca
    )
    _openssl("req", *new_key, "-subj", f"/CN={HOST}", "-keyout", key, "-out", request)
    extensions = folder / "extensions"
    extensions.write_text(f"subjectAltName=DNS:{HOST},IP:127.0.0.1,IP:::1\nbasicConstraints=CA:FALSE\n")
    _openssl(
        *("x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial"),
        *("-days", "2", "-extfile", extensions, "-out", cert),
    )
    both = folder / "both.pem"
    both.write_text(cert.read_text() + key.read_text())
    return Authority(ca, cert, key, both)


def _openssl(*argv: str | Path) -> None:
    subprocess.run(["openssl", *map(str, argv)], check=True, capture_output=True, timeout=60)


class Records:
    """Sizes of the application data records in a stream of bytes: the length field, without the five bytes of head."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self._pending = b""

    def feed(self, data: bytes) -> None:
        self._pending += data
        while len(self._pending) >= _RECORD_HEAD:
            size = int.from_bytes(self._pending[3:5], "big")
            if len(self._pending) < _RECORD_HEAD + size:
                break
            if self._pending[0] == _APPLICATION_DATA:
                self.sizes.append(size)
            self._pending = self._pending[_RECORD_HEAD + size :]


class TlsSocket:
    """A TLS client over a plain socket, with what `socket.socket` has of use here."""

    def __init__(self, plain: socket.socket, alpn: Sequence[str]) -> None:
        """Shake hands.

        Raises:
            ssl.SSLError: the far side did not.
        """
        context = ssl.create_default_context(cafile=str(authority().ca))
        context.set_alpn_protocols(list(alpn))
        self.records = Records()
        self._plain = plain
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=HOST)
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
        self._flush()
        self.records.sizes.clear()  # with TLS 1.3 the handshake's records look like data

    @property
    def alpn(self) -> str:
        """The protocol that the server chose; "" if it chose none."""
        return self._tls.selected_alpn_protocol() or ""

    def settimeout(self, timeout_s: float) -> None:
        self._plain.settimeout(timeout_s)

    def close(self) -> None:
        self._plain.close()

    def sendall(self, data: bytes) -> None:
        self._tls.write(data)
        self._flush()

    def recv(self, size: int) -> bytes:
        """What a record or several hold; b"" when the connection has ended."""
        while True:
            try:
                return self._tls.read(size)
            except ssl.SSLWantReadError:
                self._flush()
                if not self._fill():
                    return b""
            except ssl.SSLZeroReturnError:
                return b""

    def _flush(self) -> None:
        if data := self._outgoing.read():
            self._plain.sendall(data)

    def _fill(self) -> bool:
        data = self._plain.recv(262144)
        self.records.feed(data)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        return bool(data)


def connect(
    host: str, port: int, *, tls: bool, alpn: Sequence[str], timeout_s: float
) -> socket.socket | TlsSocket:
    """Open a connection, with TLS or without.

    Raises:
        OSError: no connection, or no TLS (ssl.SSLError is one).
    """
    plain = socket.create_connection((host, port), timeout=timeout_s)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not tls:
        return plain
    try:
        return TlsSocket(plain, alpn)
    except OSError:
        plain.close()
        raise


def usual_record(sizes: Sequence[int]) -> int:
    """The size that most records have, in bytes; 0 if there is none. Small ones do not count."""
    large = [size for size in sizes if size > 600]
    if len(large) < 3:
        return 0
    middle = statistics.mode(large)
    return middle if large.count(middle) >= 0.5 * len(large) else 0
