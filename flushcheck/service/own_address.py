"""The addresses of this service: the one shown to visitors, and the one it uses to request itself.

The two are separate on purpose. The shown address may come from the Host header, which is how this
visitor reached the service. It appears in lines to paste into a shell, so it must look like a host and
nothing else. The requested address never comes from a request, or the service would be an open proxy: it
is a setting, or the address of the listening socket.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Request

from flushcheck.service.service import Service

# A name or an IPv4 address, or an IPv6 one in brackets, and a port: nothing that a shell interprets.
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")
_DEFAULT_URL = "http://localhost:8000"

_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def visitor_url(service: Service, request: Request) -> str:
    """The root URL of the service as this visitor reaches it, without a slash at the end."""
    if service.limits.public_url:
        return service.limits.public_url.rstrip("/")
    host, path = request.host, request.root_path.rstrip("/")
    if not _HOST.fullmatch(host):
        return _DEFAULT_URL
    # A forged header is harmless here: it only chooses between two schemes.
    secure = "https" in (request.scheme, request.headers.get("X-Forwarded-Proto"))
    return f"{'https' if secure else 'http'}://{host}{path if _PATH.fullmatch(path) else ''}"


def can_request_itself(environ: Mapping[str, Any]) -> bool:
    """Whether another thread or process can respond while this request waits."""
    return bool(environ.get("wsgi.multithread") or environ.get("wsgi.multiprocess"))


@dataclass(frozen=True, slots=True)
class Loopback:
    """The URL at which the service requests itself, or the reason why it cannot."""

    url: str  # "" if it cannot
    reason: str = ""


def loopback_address(service: Service, environ: Mapping[str, Any]) -> Loopback:
    """The address of this service on this machine.

    SERVER_NAME and SERVER_PORT describe the listener only if gunicorn listens on TCP. On a Unix socket
    gunicorn takes them from the Host header, and gateways pass on what their web server wrote.
    """
    if not can_request_itself(environ):
        return Loopback("", "this server handles one request at a time, so the service cannot request itself")
    if service.limits.loopback_url:
        return Loopback(service.limits.loopback_url)
    sock = environ.get("gunicorn.socket")
    if getattr(sock, "family", None) not in (socket.AF_INET, socket.AF_INET6):
        return Loopback(
            "",
            "the service does not listen on TCP: set FLUSHCHECK_LOOPBACK_URL, for example http://localhost:8000",
        )
    if isinstance(sock, ssl.SSLSocket):
        return Loopback(
            "",
            "the service listens with TLS: set FLUSHCHECK_LOOPBACK_URL to a URL with the certificate's name",
        )
    name, port = str(environ["SERVER_NAME"]), environ["SERVER_PORT"]
    host = _WILDCARDS.get(name, name)
    return Loopback(f"http://{f'[{host}]' if ':' in host else host}:{port}{service.mount}")
