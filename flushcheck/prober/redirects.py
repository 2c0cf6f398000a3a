"""Redirects of the first response: where a service really is.

Only a redirect that keeps the path of the request leads to the same service, as http to https and a path in
front of all others do. One to a login page or to a captive portal is not followed: its response is what the
report is about. Where the origin changes, the caller's secrets stay behind.
"""

from __future__ import annotations

import time
from dataclasses import replace

from flushcheck.measurement.obstacles import redirected_root
from flushcheck.model import UsageError
from flushcheck.prober.address import Address, parse
from flushcheck.prober.connections import single_client
from flushcheck.prober.http_client import PEER_ERRORS, default_headers
from flushcheck.prober.target import Target
from flushcheck.prober.timed_socket import Budget

# All redirects together may take so long: a silent address must leave time to say that it is silent.
MAX_REDIRECT_S = 5.0

REDIRECTS = frozenset({301, 302, 303, 307, 308})


def follow_redirects(target: Target, suffix: str, deadline: float) -> Target:
    """Return the target that the address of a service redirects to, itself if it does not.

    Args:
        target: the service. Its options say how many redirects to follow; by default nothing is requested.
        suffix: path and query below the root of the service, to be requested.
        deadline: when to give up, in time.monotonic().
    """
    deadline = min(deadline, time.monotonic() + MAX_REDIRECT_S)
    for _ in range(target.options.max_redirects):
        address = _next_root(target.address, suffix, _location(target, suffix, deadline))
        if address is None:
            break
        target = at(target, address)
    return target


def _next_root(address: Address, suffix: str, location: str) -> Address | None:
    """The root that a Location leads to; None if it leads to something else, or is not an address."""
    root = redirected_root(address.url + suffix, location, suffix.partition("?")[0]) if location else ""
    try:
        return parse(root) if root else None
    except UsageError:
        return None


def at(target: Target, address: Address) -> Target:
    """Return the way to another address, without the caller's secrets if the origin is another one."""
    same = (address.tls, address.host, address.port) == (
        target.address.tls,
        target.address.host,
        target.address.port,
    )
    if same:
        return replace(target, address=address)
    return replace(target, address=address, options=target.options.without_secrets, key_in_query="")


def _location(target: Target, suffix: str, deadline: float) -> str:
    """The Location of a redirect, "" if the response is none."""
    headers = default_headers("*/*", "identity")
    try:
        with single_client(target, Budget(deadline)) as client:
            client.request("GET", target.address.path + suffix, headers)
            response = client.response()
    except PEER_ERRORS:
        return ""  # the probes will say why
    return response.header("location") if response.status in REDIRECTS else ""
