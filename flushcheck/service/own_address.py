"""Where the service is: the address it shows to people, and the one at which it reaches itself.

The two are kept apart on purpose. What is shown may come from the Host header, because that is how
this visitor got here; it ends up in lines to paste into a shell, so it must look like a host and
nothing else. What is requested never comes from anything a visitor sent, or the service would be an
open proxy: it is a setting, or the listening socket's own name.
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

# A name or an IPv4 address, or an IPv6 one in brackets, and a port: nothing that a shell reads.
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")
_DEFAULT_URL = "http://localhost:8000"

_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def visitor_url(service: Service, request: Request) -> str:
    """The root of the service as this visitor may write it, without a slash at the end."""
    if service.limits.public_url:
        return service.limits.public_url.rstrip("/")
    host, path = request.host, request.root_path.rstrip("/")
    if not _HOST.fullmatch(host):
        return _DEFAULT_URL
    # The scheme decides between two words only, so a header that anybody may send can do no harm.
    secure = "https" in (request.scheme, request.headers.get("X-Forwarded-Proto"))
    return f"{'https' if secure else 'http'}://{host}{path if _PATH.fullmatch(path) else ''}"


def can_request_itself(environ: Mapping[str, Any]) -> bool:
    """Whether somebody is left to answer while this request waits for that answer."""
    return bool(environ.get("wsgi.multithread") or environ.get("wsgi.multiprocess"))


@dataclass(frozen=True, slots=True)
class Loopback:
    """Where the service reaches itself, or why it cannot."""

    url: str  # "" if it cannot
    reason: str = ""


def loopback_address(service: Service, environ: Mapping[str, Any]) -> Loopback:
    """The address of this very service on this very machine.

    SERVER_NAME and SERVER_PORT are the listener's own only where gunicorn listens on TCP; on a Unix
    socket it takes them from the Host header, and gateways hand on what their front wrote.
    """
    if not can_request_itself(environ):
        return Loopback("", "this server answers one request at a time, so it cannot ask itself")
    if service.limits.loopback_url:
        return Loopback(service.limits.loopback_url)
    sock = environ.get("gunicorn.socket")
    if getattr(sock, "family", None) not in (socket.AF_INET, socket.AF_INET6):
        return Loopback("", "the service does not listen on TCP: FLUSHCHECK_LOOPBACK_URL says where it is")
    if isinstance(sock, ssl.SSLSocket):
        return Loopback("", "the service speaks TLS: FLUSHCHECK_LOOPBACK_URL says for which name")
    name, port = str(environ["SERVER_NAME"]), environ["SERVER_PORT"]
    host = _WILDCARDS.get(name, name)
    return Loopback(f"http://{f'[{host}]' if ':' in host else host}:{port}{service.mount}")
