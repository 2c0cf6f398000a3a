"""What arrived at the service of one request, for its client to compare with what it sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flushcheck.model import RequestAtApp
from flushcheck.protocol.origin import FORWARDING, MAX_VALUE

# Each name with its key in the environ.
_FORWARDING = tuple((name, "HTTP_" + name.upper().replace("-", "_")) for name in FORWARDING)


def request_at_app(environ: Mapping[str, Any], *, concurrent: int) -> RequestAtApp:
    """The request as it arrived, from its WSGI environ.

    Args:
        environ: see PEP 3333.
        concurrent: streams this process has open, this one included.
    """

    def value(key: str) -> str:
        return str(environ.get(key, ""))[:MAX_VALUE]

    hops = str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    return RequestAtApp(
        protocol=value("SERVER_PROTOCOL"),
        gateway=_gateway(environ)[:MAX_VALUE],
        server=value("SERVER_SOFTWARE"),
        connection=value("HTTP_CONNECTION"),
        upgrade=value("HTTP_UPGRADE"),
        websocket_key=bool(environ.get("HTTP_SEC_WEBSOCKET_KEY")),
        accept_encoding=value("HTTP_ACCEPT_ENCODING"),
        via=value("HTTP_VIA"),
        forwarded=tuple([name for name, key in _FORWARDING if key in environ]),
        forwarded_hops=len([hop for hop in hops if hop.strip()]),
        concurrent=concurrent,
    )


def _gateway(environ: Mapping[str, Any]) -> str:
    """The protocol between the web server and the app; "" for HTTP.

    uWSGI names itself for HTTP too; only a web server's uwsgi_params sets DOCUMENT_ROOT.
    """
    if environ.get("SCGI") == "1":
        return "SCGI/1"
    if "uwsgi.version" in environ and "DOCUMENT_ROOT" in environ:
        return "uwsgi"
    return str(environ.get("GATEWAY_INTERFACE", ""))
