"""Which pages may open a WebSocket here. Source: RFC 6455, section 10.2, "Origin Considerations".

A browser lets any page open a WebSocket to any host, and unlike for fetch() it makes no CORS check: only
the server can refuse. Here the only risk is capacity: streams are public text, there are no cookies and
no logins. The other transports allow any page through CORS; this one refuses pages of other sites unless
the operator lists them.

Allowed are:

- A request without Origin: it does not come from a browser.
- The service's own site, under the name in Host, in X-Forwarded-Host (which a page cannot set on a
  handshake) or in FLUSHCHECK_PUBLIC_URL. A site is a host name; its scheme and port may differ.
- A page served by the visitor's own machine: developers try their pages there. A page opened from disk
  sends "null" (Chromium 156 and Firefox ESR). Any page can send that from a sandboxed frame, so the
  operator has to list it.
- What the operator lists, or every page with "*".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from flushcheck.service.serving.handshake import Rejection
from flushcheck.streaming.limits import Limits

ANY_ORIGIN = "*"
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def origin_fault(limits: Limits, environ: Mapping[str, Any]) -> Rejection | None:
    """Why the page that sends this handshake is refused; None if it is allowed."""
    origin = environ.get("HTTP_ORIGIN")
    listed = {entry.strip().rstrip("/").lower() for entry in limits.websocket_origins.split(",")} - {""}
    if origin is None or ANY_ORIGIN in listed or origin.lower() in listed:
        return None
    own = {
        _host(f"//{environ.get('HTTP_HOST', '')}"),
        _host(f"//{environ.get('HTTP_X_FORWARDED_HOST', '').rpartition(',')[2].strip()}"),
        _host(limits.public_url),
    }
    if _host(origin) in (own | LOCAL_HOSTS) - {""}:
        return None
    return Rejection(
        403,
        f"Origin: {origin[:80]}: expected the host name in Host, or an origin listed in "
        "FLUSHCHECK_WEBSOCKET_ORIGINS, for example FLUSHCHECK_WEBSOCKET_ORIGINS=https://example.org; "
        "a proxy in front must pass on the Host header of the client",
    )


def _host(url: str) -> str:
    """The host name, in lower case and without a port; "" if there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
