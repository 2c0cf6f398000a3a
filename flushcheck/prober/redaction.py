"""Secrets that come back: a peer may repeat a password in an error page, in a Location or in a header.

Observations are saved, shared and sent to other teams. Whatever a peer repeats of the caller's secrets is
taken out before it gets into one, and so are the cookies that it sets.
"""

from __future__ import annotations

import re

from flushcheck.prober.target import Target

HIDDEN = "…"

# Names of parameters that hold a secret; `k` is the token of an origin.
SECRET_NAMES = "^k$|token|key|secret|passw|pwd|auth|session|sig|credential|jwt|code"
_SECRET = re.compile(SECRET_NAMES, re.IGNORECASE)

# A shorter value stands in other words too, and is no secret that could be kept.
MIN_CHARS = 6

# Headers whose values are public. A response has the same ones, and the analysis reads them.
_PUBLIC = frozenset(
    {
        "accept",
        "accept-language",
        "cache-control",
        "content-type",
        "origin",
        "pragma",
        "referer",
        "user-agent",
    }
)


def secrets_of(target: Target) -> tuple[str, ...]:
    """Return the texts that must not be repeated, longest first."""
    options = target.options
    texts = {target.key_in_query, options.cookie, *(cookie.value for cookie in options.stored_cookies)}
    texts |= {pair.partition("=")[2].strip() for pair in options.cookie.split(";")}
    for name, value in options.headers:
        if name.lower() not in _PUBLIC:
            texts |= {value, value.partition(" ")[2].strip()}  # "Bearer …": what follows the scheme too
    proxy = target.proxy
    for credentials in (
        options.credentials,
        *(credentials for _, credentials in options.host_credentials),
        proxy.credentials if proxy else None,
    ):
        if credentials:
            texts |= {credentials.password, credentials.basic.removeprefix("Basic ")}
    return tuple(sorted((text for text in texts if len(text) >= MIN_CHARS), key=len, reverse=True))


def hide(text: str, secrets: tuple[str, ...]) -> str:
    """Return the text without these secrets."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text


def shown_query(url: str) -> str:
    """Return a URL or a path without the values in its query whose names look like secrets."""
    address, mark, query = url.partition("?")
    pairs = [pair.partition("=") for pair in query.split("&")]
    return f"{address}{mark}{'&'.join(_shown(*pair) for pair in pairs)}"


def _shown(name: str, equals: str, value: str) -> str:
    return f"{name}{equals}{HIDDEN if value and _SECRET.search(name) else value}"


def trace(target: Target, method: str, request_target: str, http_version: str) -> None:
    """Report a request to the caller's `on_request`, without secrets."""
    if target.options.on_request is not None:
        scheme = "https" if target.address.tls else "http"
        path = hide(shown_query(request_target), secrets_of(target))
        target.options.on_request(f"{method} {scheme}://{target.address.authority}{path} HTTP/{http_version}")


def hide_cookie(value: str) -> str:
    """Return a Set-Cookie header with the name of the cookie only: balancers are known by theirs."""
    name, equals, _ = value.partition("=")
    return f"{name}={HIDDEN}" if equals else HIDDEN
