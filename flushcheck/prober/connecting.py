"""Opening connections: from a Target to a TimedSocket, with TLS where the address asks for it.

Nothing is read or sent here but what opens the connection, and all of it counts as `connect_s`. Whatever
fails is one Unreachable, whose sentence says why.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from flushcheck.prober.messages import describe_connect_error
from flushcheck.prober.target import Family, Target, TlsOptions
from flushcheck.prober.timed_socket import Budget, TimedSocket, Unreachable

HTTP1 = ("http/1.1",)

# How long an address may take to accept before the next one is tried: a lost SYN is sent again after 1 s.
NEXT_ADDRESS_S = 2.5

_FAMILIES = {
    Family.ANY: socket.AF_UNSPEC,
    Family.IPV4: socket.AF_INET,
    Family.IPV6: socket.AF_INET6,
}


def connect(target: Target, budget: Budget, *, alpn: Sequence[str] = HTTP1) -> TimedSocket:
    """Connect to a service.

    The addresses of a name are tried in turn, and only the last may use up the time: one that swallows
    packets, as IPv6 does on some networks, leaves time for the next.

    Args:
        target: where to, and how.
        budget: the connection's.
        alpn: the protocols offered over TLS, best first; `TimedSocket.alpn` is the one that the peer chose.

    Raises:
        Unreachable: no connection, or no TLS that can be trusted.
    """
    began = time.monotonic()
    address = target.address
    try:
        connection = TimedSocket(_open(target, budget), budget)
        try:
            if address.tls:
                connection.start_tls(tls_context(target.options.tls, tuple(alpn)), address.host)
        except OSError:
            connection.close()
            raise
    except OSError as error:  # gaierror and SSLError are OSErrors too
        waited_s = time.monotonic() - began
        raise Unreachable(describe_connect_error(error, address.host, address.port, waited_s)) from error
    except UnicodeError:  # a name that DNS cannot carry
        raise Unreachable(f"the name {address.host} cannot be looked up") from None
    connection.connect_s = time.monotonic() - began
    return connection


def _open(target: Target, budget: Budget) -> socket.socket:
    """Connect without TLS.

    Raises:
        OSError, UnicodeError
    """
    options, address = target.options, target.address
    if options.unix_socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(budget.left_s())
            sock.connect(options.unix_socket)
        except OSError:
            sock.close()
            raise
        return sock
    host, port = address.host, address.port
    for entry in options.connect_to:
        if entry.host in ("", host) and entry.port in (0, port):
            host, port = entry.to_host or host, entry.to_port or port
            break
    candidates = socket.getaddrinfo(host, port, _FAMILIES[options.family], socket.SOCK_STREAM)
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
        OSError: a file cannot be read, or holds no certificate or key.
    """
    is_folder = bool(options.ca) and Path(options.ca).is_dir()
    context = ssl.create_default_context(
        cafile=options.ca if options.ca and not is_folder else None,
        capath=options.ca if is_folder else None,
    )
    if not options.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if options.cert_file:
        context.load_cert_chain(options.cert_file, options.key_file or None)
    context.set_alpn_protocols(list(alpn))
    return context
