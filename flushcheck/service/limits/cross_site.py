"""Whose pages may open a WebSocket here. Source: RFC 6455, section 10.2, "Origin Considerations".

A browser lets any page open a WebSocket to any host and, unlike with fetch(), asks nobody: only the
server can say no. Here nothing is at stake but places: streams are public text, there are no cookies and
nobody logs in. So what CORS allows on the other transports is refused on this one only to pages that
have no business here: those of another site, unless the operator has named it.

What passes:

- No Origin: that is no browser.
- The service's own site, under the name in Host, in X-Forwarded-Host (which no page can set on a
  handshake) or in FLUSHCHECK_PUBLIC_URL. A site is a host name; its scheme and port may differ.
- A page that the visitor's own machine serves: that is where a page written for these streams is tried.
  One opened from disk says "null" (Chromium 156 and Firefox ESR), which any page can have by a sandboxed
  frame; so that has to be listed too.
- What the operator has listed, or everything by "*".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from flushcheck.service.serving.handshake import Fault
from flushcheck.streaming.limits import Limits

ANY_ORIGIN = "*"
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def origin_fault(limits: Limits, environ: Mapping[str, Any]) -> Fault | None:
    """Why the page that asks may not; None if it may."""
    origin = environ.get("HTTP_ORIGIN")
    listed = {one.strip().rstrip("/").lower() for one in limits.websocket_origins.split(",")} - {""}
    if origin is None or ANY_ORIGIN in listed or origin.lower() in listed:
        return None
    own = {
        _host(f"//{environ.get('HTTP_HOST', '')}"),
        _host(f"//{environ.get('HTTP_X_FORWARDED_HOST', '').rpartition(',')[2].strip()}"),
        _host(limits.public_url),
    }
    if _host(origin) in (own | LOCAL_HOSTS) - {""}:
        return None
    return Fault(
        403,
        "no WebSocket for pages of another site: expected an Origin with the name in Host, or one that "
        "FLUSHCHECK_WEBSOCKET_ORIGINS lists; a proxy has to pass on the Host it was asked for",
    )


def _host(url: str) -> str:
    """The host name, in small letters and without a port; "" if there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
