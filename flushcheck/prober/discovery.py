"""Is there an origin at an address, and what does it offer? Asked once, before the probes.

An origin says what it can (docs/protocol.md). A flushcheck service has its own paths, and one that is older
than the protocol does not know it: what is no origin's response is looked at by the probes, which say what is
there. Where that is not possible, because the address has a query, the run ends with a sentence.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, replace
from secrets import token_hex
from urllib.parse import urljoin, urlsplit

from flushcheck.measurement.obstacles import obstacle
from flushcheck.model import UsageError
from flushcheck.prober.address import Address, parse_origin
from flushcheck.prober.decompress import DecodeError
from flushcheck.prober.http1 import Http1Connection
from flushcheck.prober.http_client import PEER_ERRORS, default_headers, read_whole
from flushcheck.prober.messages import describe_error, printable
from flushcheck.prober.redaction import hide, secrets_of
from flushcheck.prober.redirects import REDIRECTS, at
from flushcheck.prober.target import Target
from flushcheck.prober.timed_socket import Budget
from flushcheck.protocol.capabilities import VERSION, NoOrigin, read_capabilities
from flushcheck.protocol.origin import TOKEN_HEADER

MAX_BYTES = 64 * 1024  # of the response
MAX_S = 5.0  # for all requests together ...
SHARE = 0.2  # ... and at most this much of the time that is left

_TOKEN_STEP = "check the token, and the date until which the origin responds"


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found out about an address."""

    target: Target  # with the capabilities of the origin, if there is one
    fault: str = ""  # why no run can be made there; "" if it can
    is_absent: bool = False  # True: what responded is no origin


@dataclass(frozen=True, slots=True)
class _Reply:
    """What responded to the question."""

    status: int = 0  # 0: nothing did
    location: str = ""
    body: bytes = b""
    trouble: str = ""  # why nothing responded


def discover(target: Target, key: str, deadline: float) -> Discovery:
    """Ask an address for its capabilities.

    Args:
        target: a service or an origin.
        key: the token of the origin; "": the caller's own headers hold it, or there is none.
        deadline: when to give up, in time.monotonic().
    """
    now = time.monotonic()
    deadline = now + min(MAX_S, SHARE * max(0.0, deadline - now))
    with_header = _with_header(target, key)
    found, reply = _ask(with_header, deadline)
    if key and _is_nothing(found):
        in_query, again = _ask(replace(target, key_in_query=key), deadline)
        found = found if _is_nothing(in_query) else in_query
        reply = again if again.status else reply
    if not _is_nothing(found):
        return found
    # Only below the root of a service are there other paths to try.
    is_origin = bool(key or target.address.query)
    fault = _absence(with_header, reply) if is_origin else ""
    return Discovery(with_header if is_origin else target, fault, is_absent=True)


def _is_nothing(found: Discovery) -> bool:
    return found.target.capabilities is None and not found.fault


def _ask(target: Target, deadline: float) -> tuple[Discovery, _Reply]:
    """Ask, and ask again where a redirect leads that the caller allows."""
    reply = _Reply()
    for _ in range(target.options.max_redirects + 1):
        suffix = _suffix()
        reply = _request(target, suffix, deadline)
        address = _redirected(target, suffix, reply.location) if reply.status in REDIRECTS else None
        if address is None:
            break
        target = at(target, address)
    return (_read(target, reply.body) if reply.status == 200 else Discovery(target)), reply


def _read(target: Target, body: bytes) -> Discovery:
    try:
        return Discovery(replace(target, capabilities=read_capabilities(body)))
    except NoOrigin:
        if len(body) >= MAX_BYTES and body.lstrip()[:1] == b"{" and b'"flushcheck"' in body:
            return Discovery(target, f"its capabilities have more than {MAX_BYTES} bytes")
        return Discovery(target)
    except UsageError as error:
        return Discovery(target, f"its capabilities are wrong: {hide(str(error), secrets_of(target))}")


def _suffix() -> str:
    return f"?fc={VERSION}&nonce={token_hex(8)}"


def _with_header(target: Target, key: str) -> Target:
    names = {name.lower() for name, _ in target.options.headers}
    if not key or TOKEN_HEADER in names:
        return target
    headers = (*target.options.headers, ("X-Flushcheck-Token", key))
    return replace(target, options=replace(target.options, headers=headers))


def _request(target: Target, suffix: str, deadline: float) -> _Reply:
    """Make one request; whatever the peer does is in the reply."""
    with closing(Http1Connection(target, Budget(deadline))) as connection:
        try:
            headers = default_headers("application/json", "identity")
            connection.request("GET", target.request_target(suffix), headers)
            response = connection.response()
            location = response.header("location")
            if response.status != 200:
                return _Reply(response.status, location)
            return _Reply(200, location, read_whole(connection, response, MAX_BYTES).text)
        except PEER_ERRORS as error:
            return _Reply(trouble=describe_error(error))
        except DecodeError as error:
            return _Reply(200, trouble=str(error))


def _redirected(target: Target, suffix: str, location: str) -> Address | None:
    """Where an origin is that redirects; None if the redirect does not keep the query."""
    try:
        parts = urlsplit(urljoin(f"{target.address.url.partition('?')[0]}/", location))
    except ValueError:
        return None
    asked = suffix[1:]
    if parts.scheme not in ("http", "https") or not parts.query.endswith(asked):
        return None
    own = parts.query.removesuffix(asked).rstrip("&")
    try:
        address, _ = parse_origin(f"{parts.scheme}://{parts.netloc}{parts.path}{f'?{own}' if own else ''}")
    except UsageError:
        return None
    return None if address == target.address and address.slash == target.address.slash else address


def _absence(target: Target, reply: _Reply) -> str:
    """Why there is no origin, and what to do."""
    url = target.address.url
    if not reply.status:
        return f"no flushcheck origin at {url}: {printable(hide(reply.trouble, secrets_of(target)), 200)}"
    location = printable(hide(reply.location, secrets_of(target)), 200)
    if found := obstacle(url, reply.status, location, "", proxied=target.asks_proxy is not None):
        return f"no flushcheck origin at {url}: {found.sentence}. {found.step}"
    kind = "it responded 404" if reply.status == 404 else f"it responded {reply.status}, without capabilities"
    return f"no flushcheck origin at {url}: {kind}; {_TOKEN_STEP}"
