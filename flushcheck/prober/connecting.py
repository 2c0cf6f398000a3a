"""Opening connections: from a Target to a TimedSocket, with TLS where the address asks for it.

Nothing is read or sent here but what opens the connection, and all of it counts as `connect_s`. Whatever
fails is one Unreachable, whose sentence says why.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from flushcheck.model import UsageError
from flushcheck.prober.messages import describe_connect_error
from flushcheck.prober.proxy_server import ProxyScheme, ProxyServer
from flushcheck.prober.proxying import open_tunnel
from flushcheck.prober.target import Family, Target, TlsOptions
from flushcheck.prober.timed_socket import Budget, TimedSocket, Unreachable

HTTP1 = ("http/1.1",)

# How OpenSSL names certificates in a folder: c_rehash(1).
_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")

# How long an address may take to accept before the next one is tried: a lost SYN is sent again after 1 s.
NEXT_ADDRESS_S = 2.5

FAMILIES = {
    Family.ANY: socket.AF_UNSPEC,
    Family.IPV4: socket.AF_INET,
    Family.IPV6: socket.AF_INET6,
}

_FAMILY_NAMES = {Family.ANY: "", Family.IPV4: "IPv4", Family.IPV6: "IPv6"}


def connect(
    target: Target, budget: Budget, *, alpn: Sequence[str] = HTTP1, tunnel: bool = False
) -> TimedSocket:
    """Connect to a service.

    The addresses of a name are tried in turn, and only the last may use up the time: one that swallows
    packets, as IPv6 does on some networks, leaves time for the next.

    Args:
        target: where to, and how.
        budget: the connection's.
        alpn: the protocols offered over TLS, best first; `TimedSocket.alpn` is the one that the peer chose.
        tunnel: open a tunnel also through a proxy that could be sent the request itself, as browsers do for
            a WebSocket.

    Raises:
        Unreachable: no connection, or no TLS that can be trusted.
        UsageError: a file of the TLS options cannot be used.
    """
    began = time.monotonic()
    address = target.address
    try:
        connection = TimedSocket(_open(target, budget, tunnel=tunnel), budget)
        try:
            if address.tls:
                connection.start_tls(tls_context(target.options.tls, tuple(alpn)), address.host)
        except BaseException:
            connection.close()
            raise
    except Unreachable:
        raise
    except OSError as error:  # gaierror and SSLError are OSErrors too
        # A certificate is that of the address, also where another host is connected to.
        is_tls = isinstance(error, ssl.SSLError)
        host, port = (address.host, address.port) if is_tls else target.endpoint
        after_s, family = time.monotonic() - began, _FAMILY_NAMES[target.options.family]
        raise Unreachable(describe_connect_error(error, host, port, after_s, family)) from error
    except UnicodeError:  # a name that DNS cannot carry
        raise Unreachable(f"the name {address.host} cannot be looked up") from None
    connection.connect_s = time.monotonic() - began
    return connection


def _open(target: Target, budget: Budget, *, tunnel: bool) -> socket.socket:
    """Connect without the TLS of the service.

    Raises:
        OSError, UnicodeError
    """
    options, proxy = target.options, target.proxy
    if options.unix_socket:
        return _open_unix(options.unix_socket, budget)
    host, port = target.endpoint
    if proxy is None:
        return _open_tcp(host, port, options.family, budget)
    sock = _open_proxy(proxy, target, budget)
    try:
        if tunnel or target.asks_proxy is None:
            if proxy.scheme is ProxyScheme.SOCKS5:
                found = socket.getaddrinfo(host, port, FAMILIES[options.family], socket.SOCK_STREAM)
                host = str(found[0][4][0])
            open_tunnel(sock, proxy, (host, port), budget)
    except BaseException:
        sock.close()
        raise
    return sock


def _open_proxy(proxy: ProxyServer, target: Target, budget: Budget) -> socket.socket:
    """Connect to a proxy, with TLS where its URL says so.

    Raises:
        Unreachable: no connection, or no TLS that can be trusted.
    """
    began = time.monotonic()
    try:
        sock = _open_tcp(proxy.host, proxy.port, target.options.family, budget)
        try:
            if proxy.scheme is ProxyScheme.HTTPS:
                sock.settimeout(budget.left_s())
                context = tls_context(target.options.tls.without_client, HTTP1)
                sock = context.wrap_socket(sock, server_hostname=proxy.host)
        except BaseException:
            sock.close()
            raise
    except OSError as error:
        after_s, family = time.monotonic() - began, _FAMILY_NAMES[target.options.family]
        reason = describe_connect_error(error, proxy.host, proxy.port, after_s, family)
        raise Unreachable(f"no way to the proxy: {reason}") from error
    return sock


def _open_unix(path: str, budget: Budget) -> socket.socket:
    """Connect to a Unix socket.

    Raises:
        Unreachable: nothing accepts there.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(budget.left_s())
        sock.connect(path)
    except OSError as error:
        sock.close()
        raise Unreachable(f"no connection to the Unix socket {path}: {error.strerror or error}") from error
    return sock


def _open_tcp(host: str, port: int, family: Family, budget: Budget) -> socket.socket:
    candidates = socket.getaddrinfo(host, port, FAMILIES[family], socket.SOCK_STREAM)
    sock = _connect_first(candidates, budget)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _connect_first(candidates: list[Any], budget: Budget) -> socket.socket:
    """Connect to the first of these addresses that accepts.

    Raises:
        OSError: why the last of them did not.
    """
    failure: OSError = OSError("no address")
    for index, (family, kind, protocol, _, endpoint) in enumerate(candidates):
        sock = socket.socket(family, kind, protocol)
        try:
            left_s = budget.left_s()
            is_last = index == len(candidates) - 1
            sock.settimeout(left_s if is_last else min(left_s / 2, NEXT_ADDRESS_S))
            sock.connect(endpoint)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


@lru_cache(maxsize=16)
def tls_context(options: TlsOptions, alpn: tuple[str, ...]) -> ssl.SSLContext:
    """Return the context of these options, made once: reading the system's certificates takes 20 ms.

    Raises:
        UsageError: a file cannot be read, or holds no certificate or key.
    """
    context = _trusting(options)
    if options.cert_file:
        _load_client(context, options)
    context.set_alpn_protocols(list(alpn))
    return context


def needs_passphrase(options: TlsOptions) -> bool:
    """Whether the client's key is encrypted, and no passphrase is given.

    Raises:
        UsageError: a file cannot be read, or holds no certificate or key.
    """
    if not options.cert_file or options.passphrase:
        return False
    try:
        _load_client(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), options)
    except _EncryptedKey:
        return True
    return False


class _EncryptedKey(UsageError):
    """A passphrase is missing."""


def _load_client(context: ssl.SSLContext, options: TlsOptions) -> None:
    """Load the client's certificate and key.

    Raises:
        UsageError: a file cannot be used, or not with this passphrase.
    """
    asked = False

    def passphrase() -> str:
        # Without a callback, OpenSSL would ask for one on the terminal in the middle of a run.
        nonlocal asked
        asked = True
        return options.passphrase

    try:
        context.load_cert_chain(options.cert_file, options.key_file or None, password=passphrase)
    except (OSError, ValueError) as error:
        files = f"--cert {options.cert_file}" + (f" --key {options.key_file}" if options.key_file else "")
        example = "for example --cert client.pem --key client.key"
        asked = asked and getattr(error, "reason", "") != "KEY_VALUES_MISMATCH"  # which comes after it
        if asked and not options.passphrase:
            raise _EncryptedKey(
                f"{files}: the key is encrypted; expected its passphrase, {example} --pass …"
            ) from None
        if asked:
            raise UsageError(
                f"{files}: the passphrase does not decrypt the key; expected the one that it was made with, "
                f"{example} --pass …"
            ) from None
        raise UsageError(
            f"{files}: {_reason(error)}; expected a certificate and its key in PEM, {example}"
        ) from None


def _trusting(options: TlsOptions) -> ssl.SSLContext:
    is_folder = bool(options.ca) and Path(options.ca).is_dir()
    if is_folder and not any(_HASHED.fullmatch(path.name) for path in Path(options.ca).iterdir()):
        raise UsageError(
            f"certificates in {options.ca}: no file there has the name that OpenSSL looks for, such as "
            f"1a2b3c4d.0; expected a file of certificates in PEM, for example --cacert ca.pem, or a folder "
            f"after `openssl rehash {options.ca}`"
        )
    try:
        # Without a file, Python reads SSL_CERT_FILE and SSL_CERT_DIR, and then the system's certificates.
        context = ssl.create_default_context(
            cafile=options.ca if options.ca and not is_folder else None,
            capath=options.ca if is_folder else None,
        )
    except (OSError, ValueError) as error:
        raise UsageError(
            f"certificates in {options.ca}: {_reason(error)}; expected a file of certificates in PEM, for "
            "example --cacert ca.pem"
        ) from None
    if not options.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"not usable ({error.reason or 'no certificate in it'})".lower().replace("_", " ")
    return getattr(error, "strerror", None) or "not usable"
