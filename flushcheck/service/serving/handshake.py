"""Is this request a WebSocket handshake that can succeed? Source: RFC 6455, section 4.2.1.

simple-websocket 1.1.0 answers a bad version or key, and any header its HTTP parser dislikes, with a
500. So the handshake is judged before it gets there, and it is handed the five headers that it needs
and no others.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

VERSION = "13"

# Where servers put the connection that simple-websocket can use.
SOCKETS = ("gunicorn.socket", "werkzeug.socket")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why it cannot succeed, as an HTTP answer."""

    status: int
    reason: str
    headers: Mapping[str, str] = field(default_factory=dict)


NO_HANDSHAKE = Fault(
    400, "not a WebSocket handshake: expected GET with Upgrade: websocket and Connection: Upgrade"
)


def fault(environ: Mapping[str, Any]) -> Fault | None:
    """What is wrong with the handshake in this WSGI environ; None if nothing is."""
    protocol = environ.get("SERVER_PROTOCOL")
    handed_out = any(name in environ for name in SOCKETS)
    if not handed_out and "HTTP_SEC_WEBSOCKET_KEY" in environ:
        # Gateways drop Upgrade as well (mod_fcgid does); a client that got it through would gain nothing.
        return _not_here(environ)
    connection = {token.strip() for token in environ.get("HTTP_CONNECTION", "").lower().split(",")}
    if "upgrade" not in connection or environ.get("HTTP_UPGRADE", "").lower() != "websocket":
        return NO_HANDSHAKE
    if environ["REQUEST_METHOD"] != "GET":
        return NO_HANDSHAKE
    version = environ.get("HTTP_SEC_WEBSOCKET_VERSION")
    if version != VERSION:
        # Section 4.4: "MUST [...] send [...] a |Sec-WebSocket-Version| header field indicating the
        # version(s) the server is willing to use."
        return Fault(426, f"Sec-WebSocket-Version: expected {VERSION}", {"Sec-WebSocket-Version": VERSION})
    if not _is_key(environ.get("HTTP_SEC_WEBSOCKET_KEY", "")):
        return Fault(400, "Sec-WebSocket-Key: expected 16 bytes in base64")
    if protocol == "HTTP/1.0":
        # Section 4.1: "the HTTP version MUST be at least 1.1": a proxy's doing, not the server's.
        return Fault(400, "not a WebSocket handshake: it came over HTTP/1.0, expected HTTP/1.1")
    return _not_here(environ) if protocol != "HTTP/1.1" or not handed_out else None


def _not_here(environ: Mapping[str, Any]) -> Fault:
    server = f"{environ.get('SERVER_SOFTWARE', 'unknown')}, {environ.get('SERVER_PROTOCOL')}"
    reason = f"no WebSocket under this server ({server}): it does not hand out the connection"
    return Fault(501, f"{reason}; the other transports work")


def unable(environ: Mapping[str, Any]) -> str:
    """Why no handshake can succeed under the server that handed in this WSGI environ; "" where one can."""
    return "" if any(name in environ for name in SOCKETS) else _not_here(environ).reason


def trim(environ: MutableMapping[str, Any]) -> None:
    """Leave only the headers that a handshake needs, so that nothing else in them can fail it.

    The offer of permessage-deflate goes too: simple-websocket would take it, at 1.6 times the CPU and
    three times the memory, for frames too small to gain by it.
    """
    for name in [name for name in environ if name.startswith("HTTP_")]:
        if name != "HTTP_SEC_WEBSOCKET_KEY":
            del environ[name]
    environ["HTTP_HOST"] = "localhost"
    environ["HTTP_UPGRADE"] = "websocket"
    environ["HTTP_CONNECTION"] = "Upgrade"
    environ["HTTP_SEC_WEBSOCKET_VERSION"] = VERSION


def _is_key(key: str) -> bool:
    """Whether this is 16 bytes in base64."""
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False
