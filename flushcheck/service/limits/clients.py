"""The address of a client, and which addresses count as one client.

The address is that of the connection. X-Forwarded-For is used only if the operator has set how many
trusted proxies add to it: entries further left may be forged by the client.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

# Some proxies write the port too: 192.0.2.1:4711, [2001:db8::1]:4711 (RFC 7239, section 6).
_WITH_PORT = re.compile(r"\[(?P<six>[^]]*)\](?::\d+)?|(?P<four>[0-9.]+):\d+")

# A client with one IPv6 address usually has the whole /64 network.
IPV6_NETWORK_BITS = 64

LOOPBACK = "loopback"
UNIX_SOCKET = ""  # has no address
LOOPBACK_NETWORKS = (LOOPBACK, UNIX_SOCKET)


def client_address(environ: Mapping[str, Any], *, trusted_proxies: int) -> str:
    """The client's address as text; "" if the server knows none, as on a Unix socket.

    Args:
        environ: of the WSGI request.
        trusted_proxies: each adds one address at the end of X-Forwarded-For: that of its own client.
    """
    peer = str(environ.get("REMOTE_ADDR") or UNIX_SOCKET)
    hops = str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    if not 0 < trusted_proxies <= len(hops):
        return peer
    entry = hops[-trusted_proxies].strip()
    match = _WITH_PORT.fullmatch(entry)
    bare = (match["six"] or match["four"]) if match else entry
    return bare if _ip(bare) else peer


@lru_cache(maxsize=1024)
def client_network(address: str) -> str:
    """What counts as one client: an IPv4 address, a /64 of IPv6, the loopback; anything else unchanged."""
    ip = _ip(address)
    if ip is None:
        return address
    if ip.is_loopback:
        return LOOPBACK
    if ip.version == 4:
        return str(ip)
    return str(ipaddress.ip_network((ip, IPV6_NETWORK_BITS), strict=False))


def is_private(address: str) -> bool:
    """Whether it is an address of this machine or of a private network."""
    ip = _ip(address)
    return ip.is_private if ip else address == UNIX_SOCKET


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        ip = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # A listener on :: sees IPv4 as ::ffff:192.0.2.1.
    return getattr(ip, "ipv4_mapped", None) or ip
