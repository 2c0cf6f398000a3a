"""Secrets that come back: a peer may repeat a password in an error page, in a Location or in a header.

Observations are saved, shared and sent to other teams. Whatever a peer repeats of the caller's secrets is
taken out before it gets into one, and so are the cookies that it sets.
"""

from __future__ import annotations

from flushcheck.prober.target import Target

HIDDEN = "…"

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


def hide_cookie(value: str) -> str:
    """Return a Set-Cookie header with the name of the cookie only: balancers are known by theirs."""
    name, equals, _ = value.partition("=")
    return f"{name}={HIDDEN}" if equals else HIDDEN
