"""Is this request a WebSocket handshake that can succeed? Source: RFC 6455, section 4.2.1.

simple-websocket 1.1.0 responds with 500 to a bad version or key, and to any header that its HTTP parser
rejects. So the handshake is checked first, and simple-websocket gets the five headers that it needs and no
others.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import socket
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

VERSION = "13"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # section 1.3

# Where servers put the connection that simple-websocket can use.
SOCKETS = ("gunicorn.socket", "werkzeug.socket")


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why it cannot succeed, as an HTTP response."""

    status: int
    reason: str
    headers: Mapping[str, str] = field(default_factory=dict)


NOT_A_HANDSHAKE = Rejection(
    400, "not a WebSocket handshake: expected GET with Upgrade: websocket and Connection: Upgrade"
)


def check(environ: Mapping[str, Any]) -> Rejection | None:
    """Why the handshake in this WSGI environ is rejected; None if it is not."""
    protocol = environ.get("SERVER_PROTOCOL")
    has_socket = any(name in environ for name in SOCKETS)
    if not has_socket and "HTTP_SEC_WEBSOCKET_KEY" in environ:
        # Gateways drop Upgrade as well (mod_fcgid does); passing it on would not help the client.
        return _unsupported(environ)
    connection = {token.strip() for token in environ.get("HTTP_CONNECTION", "").lower().split(",")}
    if "upgrade" not in connection or environ.get("HTTP_UPGRADE", "").lower() != "websocket":
        return NOT_A_HANDSHAKE
    if environ["REQUEST_METHOD"] != "GET":
        return NOT_A_HANDSHAKE
    version = environ.get("HTTP_SEC_WEBSOCKET_VERSION")
    if version != VERSION:
        # Section 4.4: "MUST [...] send [...] a |Sec-WebSocket-Version| header field indicating the version(s)
        # the server is willing to use."
        return Rejection(
            426, f"Sec-WebSocket-Version: expected {VERSION}", {"Sec-WebSocket-Version": VERSION}
        )
    if not _is_key(environ.get("HTTP_SEC_WEBSOCKET_KEY", "")):
        return Rejection(
            400,
            "Sec-WebSocket-Key: expected 16 bytes in base64, for example "
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        )
    if protocol == "HTTP/1.0":
        # Section 4.1: "the HTTP version MUST be at least 1.1": a proxy has changed it, not the server.
        return Rejection(400, "not a WebSocket handshake: the request arrived as HTTP/1.0, expected HTTP/1.1")
    return _unsupported(environ) if protocol != "HTTP/1.1" or not has_socket else None


def _unsupported(environ: Mapping[str, Any]) -> Rejection:
    server = f"{environ.get('SERVER_SOFTWARE', 'unknown')}, {environ.get('SERVER_PROTOCOL')}"
    reason = f"no WebSocket under this server ({server}): it does not hand out the connection"
    return Rejection(501, f"{reason}; the other transports work")


def unsupported_reason(environ: Mapping[str, Any]) -> str:
    """Why no handshake can succeed under the server of this WSGI environ; "" where one can."""
    return "" if any(name in environ for name in SOCKETS) else _unsupported(environ).reason


def server_socket(environ: Mapping[str, Any]) -> socket.socket:
    """The connection of a request that `check` does not reject."""
    sock: socket.socket = next(environ[name] for name in SOCKETS if name in environ)
    return sock


def strip_headers(environ: MutableMapping[str, Any]) -> None:
    """Leave only the headers that a handshake needs, so that no other can make it fail.

    The offer of permessage-deflate goes too: simple-websocket would accept it, at 1.6 times the CPU and three
    times the memory, for frames too small to gain by it.
    """
    for name in [name for name in environ if name.startswith("HTTP_")]:
        if name != "HTTP_SEC_WEBSOCKET_KEY":
            del environ[name]
    environ["HTTP_HOST"] = "localhost"
    environ["HTTP_UPGRADE"] = "websocket"
    environ["HTTP_CONNECTION"] = "Upgrade"
    environ["HTTP_SEC_WEBSOCKET_VERSION"] = VERSION


def accept(environ: Mapping[str, Any]) -> bytes:
    """The value of Sec-WebSocket-Accept for a request that `check` does not reject. Source: section 4.2.2."""
    key = environ["HTTP_SEC_WEBSOCKET_KEY"].encode("latin-1")
    return base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())


def _is_key(key: str) -> bool:
    """Whether this is 16 bytes in base64."""
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False
