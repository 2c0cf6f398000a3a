"""TLS for HTTP/3: the trust and the certificates of a Target, as aioquic takes them.

What is trusted is the same as over TCP (`connecting.tls_context`): the named authorities, or those of
SSL_CERT_FILE, SSL_CERT_DIR and the system.
"""

from __future__ import annotations

import re
import ssl
from pathlib import Path

from aioquic.quic.configuration import QuicConfiguration
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from flushcheck.prober.target import Target, TlsOptions
from flushcheck.prober.timed_socket import Unreachable

# The windows of Chromium 156. Larger ones than this client needs hold nothing back.
CONNECTION_WINDOW = 15_728_640
STREAM_WINDOW = 6_291_456
IDLE_TIMEOUT_S = 30.0

_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL)


def configuration(target: Target) -> QuicConfiguration:
    """Return what a connection to this target offers and trusts.

    Raises:
        Unreachable: the client's certificate cannot be used.
    """
    options = target.options.tls
    made = QuicConfiguration(
        is_client=True,
        alpn_protocols=["h3"],
        server_name=target.address.host,
        max_data=CONNECTION_WINDOW,
        max_stream_data=STREAM_WINDOW,
        idle_timeout=IDLE_TIMEOUT_S,
        verify_mode=ssl.CERT_REQUIRED if options.verify else ssl.CERT_NONE,
    )
    file, folder = _authorities(options)
    made.load_verify_locations(cafile=file, capath=folder, cadata=b"")  # without data, aioquic trusts its own
    if options.cert_file:
        _load_client(made, options)
    return made


def _authorities(options: TlsOptions) -> tuple[str | None, str | None]:
    """Return the file and the folder of the trusted certificates; None for neither."""
    if options.ca:
        return (None, options.ca) if Path(options.ca).is_dir() else (options.ca, None)
    paths = ssl.get_default_verify_paths()
    return paths.cafile, paths.capath


def _load_client(made: QuicConfiguration, options: TlsOptions) -> None:
    try:
        text = Path(options.cert_file).read_bytes()
        found = _KEY.search(Path(options.key_file).read_bytes() if options.key_file else text)
        key = found.group() if found else b""
        # For a key that is not encrypted, a passphrase is an error.
        passphrase = options.passphrase.encode() if b"ENCRYPTED" in key else None
        made.certificate, *made.certificate_chain = load_pem_x509_certificates(text)
        made.private_key = load_pem_private_key(key, password=passphrase)
    except (OSError, ValueError, TypeError) as error:  # TypeError: the key is encrypted
        raise Unreachable(f"the client's certificate cannot be used over HTTP/3: {error}") from error
