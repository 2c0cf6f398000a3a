"""What the service saw of one request, so that its client can be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flushcheck.model import RequestAtApp

MAX_VALUE_CHARS = 200  # characters of a header value, as `Origin` promises

# What proxies add to say for whom they ask. Names only are passed on: the values are addresses.
FORWARDING_HEADERS = (
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-host",
    "x-real-ip",
)


def request_at_app(environ: Mapping[str, Any], *, concurrent: int) -> RequestAtApp:
    """The Origin of a WSGI request.

    Args:
        environ: as PEP 3333 has it.
        concurrent: streams this process has open, this one included.
    """

    def value(key: str) -> str:
        return str(environ.get(key, ""))[:MAX_VALUE_CHARS]

    hops = str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    return RequestAtApp(
        protocol=value("SERVER_PROTOCOL"),
        gateway=_gateway(environ)[:MAX_VALUE_CHARS],
        server=value("SERVER_SOFTWARE"),
        connection=value("HTTP_CONNECTION"),
        upgrade=value("HTTP_UPGRADE"),
        websocket_key=bool(environ.get("HTTP_SEC_WEBSOCKET_KEY")),
        accept_encoding=value("HTTP_ACCEPT_ENCODING"),
        via=value("HTTP_VIA"),
        forwarded=tuple(name for name in FORWARDING_HEADERS if _key(name) in environ),
        forwarded_hops=sum(1 for hop in hops if hop.strip()),
        concurrent=concurrent,
    )


def _gateway(environ: Mapping[str, Any]) -> str:
    """The protocol by which a web server handed the request over; "" for HTTP.

    uWSGI serves HTTP too, and names itself either way; DOCUMENT_ROOT comes only from a web server's
    uwsgi_params.
    """
    if environ.get("SCGI") == "1":
        return "SCGI/1"
    if "uwsgi.version" in environ and "DOCUMENT_ROOT" in environ:
        return "uwsgi"
    return str(environ.get("GATEWAY_INTERFACE", ""))


def _key(name: str) -> str:
    return "HTTP_" + name.upper().replace("-", "_")
