"""Real TLS for the tests of the prober, with a certificate that openssl makes."""

from __future__ import annotations

import importlib
import ssl
from collections.abc import Callable, Iterator

import pytest

from flushcheck.prober import connecting
from tests.prober.certificates import Pair, self_signed
from tests.prober.http2_peers import Http2Script, http2_script
from tests.prober.peers import Client, Script
from tests.prober.stalls import undisturbed  # noqa: F401  # a fixture


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> Pair:
    """A self-signed certificate for 127.0.0.1."""
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server_context(certificate) -> Callable[..., ssl.SSLContext]:
    """A server's context: `server_context("h2")` offers that protocol."""

    def context(*alpn: str) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(certificate.cert, certificate.key)
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
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.cert))
    connecting.tls_context.cache_clear()
    yield
    connecting.tls_context.cache_clear()


@pytest.fixture
def patient(monkeypatch) -> None:
    """Wait longer for probes that end at their deadline: a busy machine lets them say why some time later."""
    # By import_module: the package has a function of the same name.
    monkeypatch.setattr(importlib.import_module("flushcheck.prober.observe"), "SPARE_S", 3.0)
