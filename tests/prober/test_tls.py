"""A real TLS handshake, with a certificate that openssl makes for the test."""

import shutil
import ssl
import subprocess

import pytest

from flushcheck.model import Outcome, Probe, Transport
from flushcheck.prober import connecting, observe, observe_all
from tests.prober.peers import TO_CLOSE, Client, end, piece, scripted_server

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
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
def speaks_tls(certificate):
    """Turn a script into one that speaks TLS first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    def wrap(script):
        def speak(client: Client) -> None:
            with context.wrap_socket(client.sock, server_side=True) as sock:
                inner = Client(sock)
                if inner.read_request():
                    script(inner)
                sock.unwrap()

        return speak

    return wrap


@pytest.fixture
def trusted(certificate, monkeypatch):
    """Let the prober trust the certificate, as if it were in the system's store."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    connecting.tls_context.cache_clear()
    yield
    connecting.tls_context.cache_clear()


def stream(client: Client) -> None:
    if client.path.endswith("/ws"):
        client.respond(400, b'{"error": "no"}')
    else:
        client.send(TO_CLOSE + piece(0) + end(1))


@pytest.mark.usefixtures("trusted")
def test_a_stream_is_read_over_tls(speaks_tls):
    with scripted_server(speaks_tls(stream), read_first=False) as url:
        chunked, socket = observe_all(
            [Probe(Transport.CHUNKED), Probe(Transport.WEBSOCKET)],
            url.replace("http:", "https:"),
            timeout_s=5,
        )
    assert (chunked.outcome, chunked.detail) == (Outcome.COMPLETE, "")
    assert (socket.outcome, socket.detail) == (Outcome.REFUSED, "status 400: no")


@pytest.mark.parametrize("transport", Transport)
def test_a_self_signed_certificate_is_unreachable(transport, speaks_tls):
    with scripted_server(speaks_tls(stream), read_first=False) as url:
        seen = observe(Probe(transport), url.replace("http:", "https:"), timeout_s=5)
    assert seen.outcome is Outcome.UNREACHABLE
    assert "certificate" in seen.detail
    assert "not trusted: self-signed certificate" in seen.detail


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_name_is_unreachable(speaks_tls):
    with scripted_server(speaks_tls(stream), read_first=False) as url:
        other = url.replace("http:", "https:").replace("127.0.0.1", "localhost")
        seen = observe(Probe(Transport.CHUNKED), other, timeout_s=5)
    assert (seen.outcome, "localhost" in seen.detail) == (Outcome.UNREACHABLE, True), seen.detail


def test_plain_http_to_a_tls_port_is_unreachable(speaks_tls):
    with scripted_server(speaks_tls(stream), read_first=False) as url:
        seen = observe(Probe(Transport.CHUNKED), url, timeout_s=5)
    assert seen.outcome is Outcome.UNREACHABLE
