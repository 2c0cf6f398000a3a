"""Is there anything of flushcheck at an address? Asked with at most two small requests, before any probe.

An origin and a service say so themselves (`discovery`). A service whose root does not get the question
(behind a cache that leaves out queries, for example) still has its report on its own server.
"""

from __future__ import annotations

import time

from flushcheck.model import UsageError
from flushcheck.prober.address import parse_origin
from flushcheck.prober.decompress import DecodeError
from flushcheck.prober.discovery import discover
from flushcheck.prober.http_client import PEER_ERRORS
from flushcheck.prober.session import get_json
from flushcheck.prober.target import ConnectionOptions, Target

SERVER_PATH = "/diagnostics/server"
MAX_BYTES = 100_000
MAX_S = 5.0  # for each of the two


def is_flushcheck(url: str, options: ConnectionOptions, timeout_s: float) -> bool:
    """Whether a flushcheck service or an origin responds at this address, or its URL has a token of one.

    Args:
        url: as the caller gave it; one that cannot be a service's root is none.
        options: how to get there.
        timeout_s: when to give up.
    """
    try:
        address, key = parse_origin(url)
    except UsageError:
        return False
    if key:  # meant as an origin: a diagnosis says what is wrong with it, without the token
        return True
    until = time.monotonic() + timeout_s
    target = Target(address, options)
    found = discover(target, key, until)
    if found.target.capabilities is not None or (found.fault and not found.is_absent):
        return True
    return not address.query and _has_server_report(target, min(until, time.monotonic() + MAX_S))


def _has_server_report(target: Target, deadline: float) -> bool:
    try:
        fetched = get_json(target, SERVER_PATH, deadline=deadline, max_bytes=MAX_BYTES)
    except (*PEER_ERRORS, DecodeError, ValueError, RecursionError):
        return False
    return isinstance(fetched.data, dict) and {"runs_under", "remarks"} <= fetched.data.keys()
