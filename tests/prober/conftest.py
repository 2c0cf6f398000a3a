"""Real TLS for the tests of the prober, with a certificate that openssl makes."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flushcheck.prober import connecting
from tests.prober.http2_peers import Http2Script, http2_script
from tests.prober.peers import Client, Script


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> tuple[Path, Path]:
    """The paths of a self-signed certificate for 127.0.0.1, and of its key."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


@pytest.fixture
def server_context(certificate) -> Callable[..., ssl.SSLContext]:
    """A server's context: `server_context("h2")` offers that protocol."""

    def context(*alpn: str) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(*certificate)
        if alpn:
            made.set_alpn_protocols(list(alpn))
        return made

    return context


@pytest.fixture
def speaks_tls(server_context) -> Callable[..., Script]:
    """Turn a script into one that speaks TLS first."""

    def wrap(script: Script, *alpn: str) -> Script:
        context = server_context(*alpn)

        def speak(client: Client) -> None:
            with context.wrap_socket(client.sock, server_side=True) as sock:
                inner = Client(sock)
                if inner.read_request():
                    script(inner)
                sock.unwrap()

        return speak

    return wrap


@pytest.fixture
def speaks_http2(server_context) -> Callable[..., Script]:
    """Turn a script for an HTTP/2 connection into one that speaks TLS first: see `http2_script`."""

    def wrap(script: Http2Script, offered: dict[int, int] | None = None, **options: bool) -> Script:
        return http2_script(server_context("h2"), script, offered or {}, **options)

    return wrap


@pytest.fixture
def trusted(certificate, monkeypatch) -> Iterator[None]:
    """Let the prober trust the certificate, as if it were in the system's store."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    connecting.tls_context.cache_clear()
    yield
    connecting.tls_context.cache_clear()
