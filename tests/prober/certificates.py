"""Throw-away certificates for the tests, made with openssl: an authority, and what it signs."""

import ssl
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.prober.peers import Client, Script

KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    cert: Path
    key: Path


def self_signed(
    folder: Path,
    name: str = "IP:127.0.0.1",
    *,
    dates: Sequence[str] = ("-days", "2"),
    subject: str = "/O=Test Authority/CN=test",
) -> Pair:
    """Make a certificate that nothing else signs.

    Args:
        folder: an empty one, where its files go.
        name: the subjectAltName.
        dates: how long it holds, as arguments of openssl.
        subject: its name, as openssl writes it.
    """
    pair = Pair(folder / "cert.pem", folder / "key.pem")
    _openssl("req", "-x509", *KEY, "-keyout", pair.key, "-out", pair.cert, *dates, "-subj", subject,
             "-addext", f"subjectAltName={name}")  # fmt: skip
    return pair


def signed(authority: Pair, folder: Path, name: str = "IP:127.0.0.1", *, days: int = 2) -> Pair:
    """Make a certificate that an authority signs."""
    pair = Pair(folder / "cert.pem", folder / "key.pem")
    request, extension = folder / "request.pem", folder / "extension"
    extension.write_text(f"subjectAltName={name}\n")
    _openssl("req", *KEY, "-keyout", pair.key, "-out", request, "-subj", "/CN=leaf")
    _openssl("x509", "-req", "-in", request, "-CA", authority.cert, "-CAkey", authority.key, "-CAcreateserial",
             "-out", pair.cert, "-days", str(days), "-extfile", extension)  # fmt: skip
    return pair


def der_of(pair: Pair) -> bytes:
    """Return the certificate in DER."""
    return ssl.PEM_cert_to_DER_cert(pair.cert.read_text())


def hashed(pair: Pair, folder: Path) -> Path:
    """Return a folder that holds the certificate alone, under the name that OpenSSL looks for."""
    hashes = folder / "hashed"
    hashes.mkdir(exist_ok=True)
    (hashes / "ca.pem").write_text(pair.cert.read_text())
    _openssl("rehash", hashes)
    return hashes


def encrypted(pair: Pair, folder: Path, passphrase: str) -> Pair:
    """Return the same certificate with its key encrypted."""
    key = folder / "encrypted.pem"
    _openssl("pkey", "-in", pair.key, "-aes128", "-passout", f"pass:{passphrase}", "-out", key)
    return Pair(pair.cert, key)


def speaking_tls(pair: Pair, *, client_ca: Path | None = None) -> Callable[[Script], Script]:
    """Return what turns a script into one that speaks TLS first.

    Args:
        pair: the server's certificate.
        client_ca: what signs the certificates that clients must have; None: they need none.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    context.set_alpn_protocols(["http/1.1"])
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)

    def wrap(script: Script) -> Script:
        def speak(client: Client) -> None:
            with context.wrap_socket(client.sock, server_side=True) as sock:
                inner = Client(sock)
                if inner.read_request():
                    script(inner)
                sock.unwrap()

        return speak

    return wrap


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)
