"""Headers of the caller's own, checked before they are sent. Their values are secrets: no error shows one."""

from __future__ import annotations

from flushcheck.model import UsageError

MAX_HEADERS = 100
MAX_VALUE = 8_192  # characters of a value: what servers take

# What a header's name, and a method, may hold (RFC 9110, section 5.1).
TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

# What the connection sets itself, as it does Sec-WebSocket-…
RESERVED = frozenset(
    {"connection", "content-length", "host", "proxy-authorization", "transfer-encoding", "upgrade"}
)
_INSTEAD = {
    "host": ": --connect-to or --resolve leads to another server",
    "proxy-authorization": ": --proxy-user has its name and password",
}

EXAMPLE = "for example -H 'Authorization: Bearer …'"


def check_headers(headers: tuple[tuple[str, str], ...]) -> None:
    """Check the names and values of headers.

    Raises:
        UsageError: one cannot be sent, or there are too many.
    """
    if len(headers) > MAX_HEADERS:
        raise UsageError(f"{len(headers)} headers: expected at most {MAX_HEADERS}, {EXAMPLE}")
    for name, value in headers:
        if not name or not set(name) <= TOKEN:
            raise UsageError(f"header name {name[:40]!r}: expected letters, digits and hyphens, {EXAMPLE}")
        check_value(f"header {name[:40]}", value, EXAMPLE)
        if name.lower() in RESERVED or name.lower().startswith("sec-websocket-"):
            instead = _INSTEAD.get(name.lower(), "")
            raise UsageError(
                f"header {name}: expected one that the connection does not set itself{instead}, {EXAMPLE}"
            )


def check_value(what: str, value: str, example: str) -> None:
    """Check what is sent as the value of a header.

    Args:
        what: how an error calls it. The value may be a secret and is not shown.
        value: to check.
        example: a good one, beginning with "for example".

    Raises:
        UsageError: it cannot be sent.
    """
    if not value.isprintable() or any(ord(char) > 255 for char in value):
        raise UsageError(f"{what}: expected a value of printable Latin characters, {example}")
    if len(value) > MAX_VALUE:
        raise UsageError(
            f"{what}: a value of {len(value)} characters: expected at most {MAX_VALUE}, {example}"
        )
