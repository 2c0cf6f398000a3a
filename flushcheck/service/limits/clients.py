"""Who a client is: the address of whoever asks, and what of it counts as one.

A client's address is its connection's. X-Forwarded-For says more only where the operator has said how
many proxies of theirs add to it: everything further left in it was written by the visitor.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

# Some write the port too: 192.0.2.1:4711, [2001:db8::1]:4711 (RFC 7239, section 6).
_WITH_PORT = re.compile(r"\[(?P<six>[^]]*)\](?::\d+)?|(?P<four>[0-9.]+):\d+")

# Whoever has one address of IPv6 has 2**64 of them.
IPV6_NETWORK_BITS = 64

LOOPBACK = "loopback"
UNIX_SOCKET = ""  # has no address
LOOPBACK_NETWORKS = (LOOPBACK, UNIX_SOCKET)


def client_address(environ: Mapping[str, Any], *, trusted_proxies: int) -> str:
    """The client's address as text; "" if the server knows none, as on a Unix socket.

    Args:
        environ: of the WSGI request.
        trusted_proxies: each adds one address at the end of X-Forwarded-For: that of whoever asked it.
    """
    peer = str(environ.get("REMOTE_ADDR") or UNIX_SOCKET)
    hops = str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    if not 0 < trusted_proxies <= len(hops):
        return peer
    told = hops[-trusted_proxies].strip()
    found = _WITH_PORT.fullmatch(told)
    bare = (found["six"] or found["four"]) if found else told
    return bare if _ip(bare) else peer


def client_network(address: str) -> str:
    """What counts as one client: an IPv4 address, a /64 of IPv6, the loopback; anything else as it is."""
    ip = _ip(address)
    if ip is None:
        return address
    if ip.is_loopback:
        return LOOPBACK
    if ip.version == 4:
        return str(ip)
    return str(ipaddress.ip_network((ip, IPV6_NETWORK_BITS), strict=False))


def is_private(address: str) -> bool:
    """Whether it is this machine's, or its private network's."""
    ip = _ip(address)
    return ip.is_private if ip else address == UNIX_SOCKET


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        ip = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # A listener on :: sees IPv4 as ::ffff:192.0.2.1.
    return getattr(ip, "ipv4_mapped", None) or ip
