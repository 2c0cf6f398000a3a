"""How a connection opens: to another host, over a Unix socket, with client certificates, through proxies."""

import shutil
import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from flushcheck.model import Outcome, Probe, Transport, UsageError
from flushcheck.prober import observe
from flushcheck.prober.address import parse
from flushcheck.prober.certificate import certificate as certificate_facts
from flushcheck.prober.connecting import connect, needs_passphrase
from flushcheck.prober.proxy_server import parse_proxy
from flushcheck.prober.target import ConnectionOptions, ConnectTo, Family, Target, TlsOptions
from flushcheck.prober.timed_socket import Budget, Unreachable
from tests.prober.certificates import encrypted, hashed, self_signed, signed, speaking_tls
from tests.prober.peers import TO_CLOSE, Client, end, piece, scripted_server
from tests.prober.proxies import Proxy

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")

CHUNKED = Probe(Transport.CHUNKED)


def stream(client: Client) -> None:
    client.send(TO_CLOSE + piece(0) + end(1))


def seen(url, *, probe=CHUNKED, **options):
    return observe(probe, url, timeout_s=5, options=ConnectionOptions(**options))


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return self_signed(tmp_path_factory.mktemp("authority"), "DNS:authority.test")


@pytest.fixture(scope="module")
def certificate(authority, tmp_path_factory):
    return signed(authority, tmp_path_factory.mktemp("site"), "DNS:site.test")


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def to(url: str) -> tuple[ConnectTo, ...]:
    return (ConnectTo("", 0, "127.0.0.1", port_of(url)),)


# --- Where it connects


def test_another_host_is_connected_to_with_the_names_of_the_first():
    received = []

    def script(client: Client) -> None:
        received.append(client.header("Host"))
        stream(client)

    with scripted_server(script) as url:
        observation = seen("http://site.test:81/app", connect_to=to(url))
    assert (observation.outcome, received) == (Outcome.COMPLETE, ["site.test:81"])


def test_the_host_that_was_connected_to_is_the_one_that_does_not_listen():
    with scripted_server(stream) as url:
        pass
    observation = seen("http://site.test", connect_to=to(url))
    assert observation.detail == f"nothing listens on 127.0.0.1:{port_of(url)} (connection refused)"


def test_a_name_is_resolved_in_the_family_that_was_chosen():
    with scripted_server(stream) as url:
        four = seen(url.replace("127.0.0.1", "localhost"), family=Family.IPV4)
        six = seen(url, family=Family.IPV6)
    assert four.outcome is Outcome.COMPLETE
    assert six.outcome is Outcome.UNREACHABLE
    assert "127.0.0.1 has no IPv6 address, and -6 allows no other (DNS: " in six.detail


def test_a_unix_socket_is_connected_to_whatever_the_host_is(tmp_path):
    path = str(tmp_path / "app.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen()

        def serve() -> None:
            with suppress(OSError):
                sock, _ = listener.accept()
                with sock:
                    client = Client(sock)
                    client.read_request()
                    stream(client)

        threading.Thread(target=serve, daemon=True).start()
        assert seen("http://site.test", unix_socket=path).outcome is Outcome.COMPLETE


def test_a_unix_socket_without_a_listener_is_named(tmp_path):
    path = str(tmp_path / "app.sock")
    observation = seen("http://site.test", unix_socket=path)
    assert observation.outcome is Outcome.UNREACHABLE
    assert observation.detail == f"no connection to the Unix socket {path}: No such file or directory"


# --- Certificates


def test_an_authority_is_trusted_from_a_file_or_a_folder(authority, certificate, tmp_path):
    with scripted_server(speaking_tls(certificate)(stream), read_first=False) as url:
        options = {"connect_to": to(url)}
        from_file = seen("https://site.test", tls=TlsOptions(ca=str(authority.cert)), **options)
        from_folder = seen(
            "https://site.test", tls=TlsOptions(ca=str(hashed(authority, tmp_path))), **options
        )
        without = seen("https://site.test", **options)
        insecure = seen("https://site.test", tls=TlsOptions(verify=False), **options)
        other_name = seen("https://other.test", tls=TlsOptions(ca=str(authority.cert)), **options)
    assert from_file.outcome is from_folder.outcome is insecure.outcome is Outcome.COMPLETE
    assert without.outcome is other_name.outcome is Outcome.UNREACHABLE
    assert "its authority is not trusted here; pass --cacert FILE" in without.detail
    assert "it is for another host name; use a name that it is for, or pass -k" in other_name.detail


def test_an_expired_certificate_is_called_so(authority, tmp_path):
    expired = signed(authority, tmp_path, "DNS:site.test", days=-1)
    with scripted_server(speaking_tls(expired)(stream), read_first=False) as url:
        observation = seen("https://site.test", tls=TlsOptions(ca=str(authority.cert)), connect_to=to(url))
    assert "is not trusted: it has expired; renew it, or pass -k" in observation.detail


def test_the_certificate_and_the_protocol_are_kept_with_the_socket(authority, certificate):
    with scripted_server(speaking_tls(certificate)(stream), read_first=False) as url:
        options = ConnectionOptions(tls=TlsOptions(ca=str(authority.cert)), connect_to=to(url))
        target = Target(parse("https://site.test"), options)
        sock = connect(target, Budget(time.monotonic() + 5), alpn=("h2", "http/1.1"))
        sock.close()
        unverified = replace(options, tls=TlsOptions(verify=False))
        other = connect(replace(target, options=unverified), Budget(time.monotonic() + 5))
        other.close()
    assert sock.tls is not None
    assert sock.alpn == "http/1.1"
    assert certificate_facts(sock.tls.certificate).issuer == "Test Authority, test"
    assert other.tls is not None
    assert other.tls.certificate == sock.tls.certificate, "also where it was not verified"


def test_a_client_certificate_is_shown(authority, certificate, tmp_path):
    client = signed(authority, tmp_path, "DNS:client.test")
    options = TlsOptions(ca=str(authority.cert), cert_file=str(client.cert), key_file=str(client.key))
    script = speaking_tls(certificate, client_ca=authority.cert)(stream)
    with scripted_server(script, read_first=False) as url:
        with_one = seen("https://site.test", tls=options, connect_to=to(url))
        without = seen("https://site.test", tls=options.without_client, connect_to=to(url))
    assert (with_one.outcome, without.outcome) == (Outcome.COMPLETE, Outcome.UNREACHABLE)


def test_an_encrypted_key_is_opened_with_its_passphrase(authority, certificate, tmp_path):
    client = encrypted(signed(authority, tmp_path, "DNS:client.test"), tmp_path, "wonderland")
    options = TlsOptions(ca=str(authority.cert), cert_file=str(client.cert), key_file=str(client.key))
    assert needs_passphrase(options)
    with_one = replace(options, passphrase="wonderland")
    assert not needs_passphrase(with_one)
    with scripted_server(
        speaking_tls(certificate, client_ca=authority.cert)(stream), read_first=False
    ) as url:
        observation = seen("https://site.test", tls=with_one, connect_to=to(url))
    assert (observation.outcome, observation.detail) == (Outcome.COMPLETE, "")


def test_a_key_that_is_not_encrypted_needs_no_passphrase(authority, tmp_path):
    client = signed(authority, tmp_path, "DNS:client.test")
    assert not needs_passphrase(TlsOptions(cert_file=str(client.cert), key_file=str(client.key)))
    assert not needs_passphrase(TlsOptions())


PASSPHRASES = [
    # name, passphrase, in the message
    ("missing",      "",                 "the key is encrypted; expected its passphrase"),
    ("wrong",        "secret-x",         "the passphrase does not decrypt the key; expected the one"),
    ("too long",     "secret-x" * 1_000, "the passphrase does not decrypt the key; expected the one"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "passphrase", "says"), PASSPHRASES, ids=[row[0] for row in PASSPHRASES])
def test_a_wrong_passphrase_is_wrong_usage_and_not_shown(name, passphrase, says, authority, tmp_path):
    client = encrypted(signed(authority, tmp_path, "DNS:client.test"), tmp_path, "wonderland")
    options = TlsOptions(cert_file=str(client.cert), key_file=str(client.key), passphrase=passphrase)
    assert "secret-x" not in repr(options)
    with pytest.raises(UsageError) as raised:
        seen("https://127.0.0.1:1", tls=options)
    assert says in str(raised.value)
    assert "--pass" in str(raised.value)
    assert "secret-x" not in str(raised.value)


def test_the_key_of_another_certificate_is_not_taken_for_a_wrong_passphrase(authority, tmp_path):
    other = encrypted(signed(authority, tmp_path, "DNS:client.test"), tmp_path, "wonderland")
    options = TlsOptions(cert_file=str(authority.cert), key_file=str(other.key), passphrase="wonderland")
    with pytest.raises(UsageError, match=r"not usable \(key values mismatch\)"):
        seen("https://127.0.0.1:1", tls=options)


FILES = [
    # name, TLS options, in the message
    ("no authority",  {"ca": "/none.pem"}, "certificates in /none.pem: No such file or directory"),
    ("no certificate in it", {"ca": __file__}, "expected a file of certificates in PEM"),
    ("no client certificate", {"cert_file": "/none.pem", "key_file": "/k.pem"}, "--cert /none.pem --key /k.pem: No such file"),
    ("a folder without hashed names", {"ca": str(Path(__file__).parent)}, "no file there has the name that OpenSSL looks for"),
    ("no PEM", {"cert_file": __file__}, "expected a certificate and its key in PEM"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "tls", "says"), FILES, ids=[row[0] for row in FILES])
def test_a_file_that_cannot_be_used_is_wrong_usage(name, tls, says):
    with pytest.raises(UsageError) as raised:
        seen("https://127.0.0.1:1", tls=TlsOptions(**tls))
    assert says in str(raised.value)


# --- Proxies


@pytest.mark.parametrize("login", ["", "alice:wonderland"])
def test_plain_http_is_sent_to_the_proxy_with_the_whole_url(login):
    proxy = Proxy(login)
    with scripted_server(stream) as url, scripted_server(proxy.http, read_first=False) as at:
        observation = seen(url, proxy=parse_proxy(at, login))
    assert observation.outcome is Outcome.COMPLETE, observation.detail
    assert proxy.requests[0].startswith(f"GET {url}/stream/chunked?")


@pytest.mark.parametrize("login", ["", "alice:wonderland"])
def test_tls_goes_through_a_tunnel(login, authority, certificate):
    proxy = Proxy(login)
    script = speaking_tls(certificate)(stream)
    with (
        scripted_server(script, read_first=False) as url,
        scripted_server(proxy.http, read_first=False) as at,
    ):
        options = {"tls": TlsOptions(ca=str(authority.cert)), "connect_to": to(url)}
        observation = seen(
            "https://site.test", proxy=parse_proxy(at, login), headers=(("X-Token", "top-secret"),), **options
        )
    assert observation.outcome is Outcome.COMPLETE, observation.detail
    assert proxy.requests == [f"CONNECT 127.0.0.1:{port_of(url)} HTTP/1.1"]
    assert b"top-secret" not in proxy.headers[0]
    assert (b"Proxy-Authorization" in proxy.headers[0]) is bool(login)


def test_the_service_never_sees_the_login_of_the_proxy():
    received = []

    def script(client: Client) -> None:
        received.append(client.request)
        stream(client)

    proxy = Proxy("alice:wonderland")
    with scripted_server(script) as url, scripted_server(proxy.http, read_first=False) as at:
        tunnelled = seen("http://site.test", proxy=parse_proxy(at, "alice:wonderland"), connect_to=to(url))
    assert tunnelled.outcome is Outcome.COMPLETE
    assert b"Proxy-Authorization" not in received[0]


def test_a_websocket_goes_through_a_tunnel_as_in_browsers():
    proxy = Proxy()
    with (
        scripted_server(lambda client: client.respond(400, b'{"error": "no"}')) as url,
        scripted_server(proxy.http, read_first=False) as at,
    ):
        observation = seen(url, probe=Probe(Transport.WEBSOCKET), proxy=parse_proxy(at))
    assert observation.detail == "status 400: no"
    assert proxy.requests == [f"CONNECT {url.removeprefix('http://')} HTTP/1.1"]


@pytest.mark.parametrize("address", ["http://site.test", "https://site.test"])
def test_a_proxy_over_tls_is_verified_and_used(address, authority, certificate, tmp_path):
    """TLS in TLS for https://."""
    proxy = Proxy()
    own = signed(authority, tmp_path, "IP:127.0.0.1")

    def over_tls(client: Client) -> None:
        with speaking.wrap_socket(client.sock, server_side=True) as sock:
            proxy.http(Client(sock))

    speaking = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    speaking.load_cert_chain(own.cert, own.key)
    script = speaking_tls(certificate)(stream) if address.startswith("https") else stream
    with (
        scripted_server(script, read_first=not address.startswith("https")) as url,
        scripted_server(over_tls, read_first=False) as at,
    ):
        options = {"proxy": parse_proxy(at.replace("http:", "https:")), "connect_to": to(url)}
        observation = seen(address, tls=TlsOptions(ca=str(authority.cert)), **options)
        distrusted = seen(address, **options)
    assert (observation.outcome, observation.detail) == (Outcome.COMPLETE, "")
    assert distrusted.detail.startswith("no way to the proxy: the certificate of 127.0.0.1:")


SOCKS = [
    # scheme, login, host, what the proxy was asked for
    ("socks5", "", "127.0.0.1", "address 127.0.0.1"),
    ("socks5h", "", "localhost", "name localhost"),
    ("socks5", "alice:wonderland", "localhost", "address 127.0.0.1"),
]  # fmt: skip


@pytest.mark.parametrize(("scheme", "login", "host", "asked"), SOCKS)
def test_socks_opens_a_tunnel(scheme, login, host, asked):
    proxy = Proxy(login)
    with scripted_server(stream) as url, scripted_server(proxy.socks, read_first=False) as at:
        observation = seen(
            url.replace("127.0.0.1", host),
            proxy=parse_proxy(at.replace("http:", f"{scheme}:"), login),
            family=Family.IPV4,
        )
    assert (observation.outcome, observation.detail) == (Outcome.COMPLETE, "")
    assert proxy.requests == [f"{asked}:{port_of(url)}"]


def answers(data: bytes):
    """A proxy that reads something, and sends this."""

    def script(client: Client) -> None:
        client.sock.recv(4096)
        client.send(data)

    return script


def socks_then(data: bytes):
    """A SOCKS proxy that agrees on no login, reads the request, and sends this."""

    def script(client: Client) -> None:
        client.sock.recv(3)
        client.send(b"\x05\x00")
        client.sock.recv(4096)
        client.send(data)

    return script


OBSTACLES = [
    # name, scheme, login, what the proxy does, in the detail
    ("wants a login",          "http",   "",          Proxy("a:b").http,           "asks for a name and password (status 407): pass --proxy-user user:password"),
    ("wants another login",    "http",   "a:secret-x", Proxy("a:b").http,          "does not accept the name and password (status 407): pass --proxy-user"),
    ("tinyproxy's 401",        "http",   "a:secret-x", lambda client: client.respond(401, b""), "does not accept the name and password (status 401): pass --proxy-user"),
    ("forbids it",             "http",   "",          lambda client: client.respond(403, b""), "opens no connection to site.test:443 (status 403); its rules do not allow it"),
    ("cannot reach it",        "http",   "",          lambda client: client.respond(502, b""), "opens no connection to site.test:443 (status 502)"),
    ("closes",                 "http",   "",          answers(b""),                "closed the connection without a response"),
    ("is no proxy",            "http",   "",          answers(b"SSH-2.0-x\r\n\r\n"), "does not respond as an HTTP proxy"),
    ("speaks first",           "http",   "",          answers(b"HTTP/1.1 200 OK\r\n\r\nhello"), "sent data before the service did"),
    ("an endless header",      "http",   "",          answers(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 80_000), "sent more than 64 KiB"),
    ("stays silent",           "http",   "",          lambda client: client.wait_for_close(), "did not open a connection to site.test:443 in time; check its scheme and its port"),
    ("socks stays silent",     "socks5", "",          lambda client: client.wait_for_close(), "did not open a connection to 127.0.0.1:443 in time; check its scheme and its port"),
    ("socks wants a login",    "socks5h", "",         Proxy("a:b").socks,          "asks for a name and password: pass --proxy-user user:password"),
    ("socks wants another",    "socks5h", "a:secret-x", Proxy("a:b").socks,        "does not accept the name and password: pass --proxy-user"),
    ("no socks",               "socks5h", "",         answers(b"HTTP/1.1 400 Bad\r\n\r\n"), "does not respond as a SOCKS5 proxy"),
    ("socks closes",           "socks5h", "",         answers(b"\x05"),            "closed the connection"),
    ("socks forbids it",       "socks5h", "",         socks_then(b"\x05\x02\x00\x01"), "opens no connection to site.test:443: its rules do not allow it"),
    ("socks, an odd reply",    "socks5h", "",         socks_then(b"\x05\x77\x00\x01"), "opens no connection to site.test:443: reply 119"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "scheme", "login", "script", "says"), OBSTACLES, ids=[row[0] for row in OBSTACLES]
)
def test_a_proxy_that_opens_no_connection_has_its_own_sentence(name, scheme, login, script, says):
    with scripted_server(script, read_first=False) as at:
        options = ConnectionOptions(proxy=parse_proxy(at.replace("http:", f"{scheme}:"), login))
        site = parse("https://127.0.0.1" if scheme == "socks5" else "https://site.test")
        with pytest.raises(Unreachable) as raised:
            connect(Target(site, options), Budget(time.monotonic() + 1))
    assert says in str(raised.value)
    assert "secret-x" not in str(raised.value)


def test_a_proxy_that_does_not_listen_is_named():
    with scripted_server(stream) as at:
        pass
    observation = seen("http://site.test", proxy=parse_proxy(at))
    assert observation.outcome is Outcome.UNREACHABLE
    assert observation.detail.startswith("no way to the proxy: nothing listens on 127.0.0.1:")
