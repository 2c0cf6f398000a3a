"""Responses of what stands in front of a service: a login, a proxy, a captive portal, a redirect.

Each says nothing about streams, and each has its own next step. They are recognized by status and Location
alone: what their pages say is theirs.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

MAX_SHOWN = 200  # characters of a header that the far side wrote

LOGIN_OPTIONS = "-u user:password, -H 'Authorization: …' or -b 'name=value'"


class Obstacle(NamedTuple):
    """What responded in place of the service, and what to do about it."""

    sentence: str  # about "it"
    step: str


_LATER = "Wait, then repeat the command"
_START_APP = "Start the app behind it, then repeat the command"

_BY_STATUS = {
    401: Obstacle("it asks for a login (status 401)", f"Pass a login: {LOGIN_OPTIONS}"),
    403: Obstacle(
        "it refuses access (status 403)",
        f"Pass a login: {LOGIN_OPTIONS}; or allow the address of this client",
    ),
    407: Obstacle(
        "a proxy asks for a name and password (status 407)", "Pass them: --proxy-user user:password"
    ),
    429: Obstacle("it limits the number of requests (status 429)", _LATER),
    502: Obstacle("it gets no response from the server behind it (status 502)", _START_APP),
    503: Obstacle("it is not available now (status 503)", f"{_LATER}; or start the app behind it"),
    504: Obstacle("it gets no response in time from the server behind it (status 504)", _START_APP),
    511: Obstacle(
        "the network asks for a login first (captive portal, status 511)",
        "Log in to the network with a browser, then repeat the command",
    ),
}

# Statuses that a forward proxy may send too, and what to do then.
_OF_PROXY = {
    401: "; to the proxy: --proxy-user",  # tinyproxy 1.11 responds so to a wrong password, where 407 is meant
    403: "; to the proxy: --proxy-user",
    502: "; or is it the proxy that cannot reach the address?",
    503: "; or is it the proxy that cannot reach the address?",
    504: "; or is it the proxy that cannot reach the address?",
}


def obstacle(url: str, status: int, location: str, suffix: str, *, proxied: bool = False) -> Obstacle | None:
    """Return what stands in the way of a request; None if the response is not of that kind.

    Args:
        url: that was requested.
        status: of the response.
        location: its header, "" if there was none.
        suffix: the path below the root of the service, without the query.
        proxied: whether a forward proxy was sent the request, and may be what responded.
    """
    if status in _BY_STATUS:
        found = _BY_STATUS[status]
        return found._replace(step=found.step + _OF_PROXY.get(status, "")) if proxied else found
    if not (300 <= status < 400 and location):
        return None
    shown = f"{location[:MAX_SHOWN]} (status {status})"
    if redirected_root(url, location, suffix):
        return Obstacle(f"it redirects to {shown}", "Use that address, or pass --max-redirects 1")
    here, there = _parts(url), _parts(url, location)
    if here and there and here.hostname != there.hostname:
        return Obstacle(
            f"it redirects to another host, {shown}: a login page, or the captive portal of a network",
            "Log in with a browser and repeat the command, or pass a login: " + LOGIN_OPTIONS,
        )
    return Obstacle(f"it redirects to {shown}", f"If that is a login page, pass a login: {LOGIN_OPTIONS}")


def redirected_root(url: str, location: str, suffix: str) -> str:
    """Return the root of the service that a redirect leads to; "" if it leads to something else.

    http to https, and a path in front of all others, keep the path that was requested below the root.

    Args:
        url: that was requested.
        location: the header of the response.
        suffix: the path below the root, without the query.
    """
    here, there = _parts(url), _parts(url, location)
    if here is None or there is None or not there.path.endswith(suffix):
        return ""
    if here[:3] == there[:3]:  # scheme, host and port, path
        return ""
    return f"{there.scheme}://{there.netloc}{there.path.removesuffix(suffix)}"


def _parts(url: str, location: str = "") -> SplitResult | None:
    """Where a Location leads from a URL; None if that is no HTTP URL with a host."""
    try:
        parts = urlsplit(urljoin(url, location))
        valid = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return None
    return parts if valid else None
