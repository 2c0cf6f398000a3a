"""One request of the user's own: an address, a method, headers and a body, checked before it is sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import quote, urlsplit

from flushcheck.measurement.plan import BROWSER_ENCODINGS
from flushcheck.model import UsageError
from flushcheck.prober.address import parse
from flushcheck.prober.http_client import default_headers
from flushcheck.prober.target import DEFAULT_OPTIONS, ConnectionOptions, Target

MAX_URL = 8_000  # characters: few servers take longer ones
MAX_BODY_BYTES = 1024 * 1024  # of what is sent

# RFC 3986: what a path and a query may hold unencoded. "%" stays: the caller has encoded already.
_PATH_SAFE, _QUERY_SAFE = "/%:@!$&'()*+,;=-._~", "/%?:@!$&'()*+,;=-._~[]{}|\\^`\""

# What a header's name may hold (RFC 9110, section 5.1).
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
# What the connection sets itself.
_RESERVED = frozenset({"connection", "content-length", "host", "transfer-encoding", "upgrade"})

EXAMPLE = "http://localhost:8000/stream/events"
HEADER_EXAMPLE = "for example -H 'Authorization: Bearer …'"


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """One request to watch the response of."""

    url: str
    target: Target
    request_target: str  # path and query, as the request line has them
    method: str = "GET"
    body: bytes | None = None

    def default_headers(self) -> list[tuple[str, str]]:
        """Return the headers to send where the caller gave no others of the same name, all but Host."""
        defaults = default_headers("*/*", BROWSER_ENCODINGS)
        length = len(self.body or b"")
        if self.body is not None:
            defaults.append(("Content-Type", _content_type(self.body)))
        if self.body is not None or self.method not in ("GET", "HEAD", "DELETE", "OPTIONS", "TRACE"):
            defaults.append(("Content-Length", str(length)))
        return defaults


def watch_request(
    url: str,
    *,
    method: str = "",
    headers: Iterable[tuple[str, str]] = (),
    body: bytes | None = None,
    options: ConnectionOptions = DEFAULT_OPTIONS,
) -> WatchRequest:
    """Return a request, checked.

    Args:
        url: any http or https address, query included.
        method: "" for GET, or POST where there is a body.
        headers: names and values of the caller's own; they take the place of those that every request has.
        body: what to send; None for nothing.
        options: how to get there.

    Raises:
        UsageError: one of these is not possible.
    """
    shown = url if len(url) <= 100 else f"{url[:100]}…"
    if "://" not in url:
        raise UsageError(
            f"{shown!r}: expected an address that begins with http:// or https://, for example {EXAMPLE}"
        )
    try:
        parts = urlsplit(url if len(url) <= MAX_URL and url.isprintable() and " " not in url else "")
    except ValueError as error:  # a bracket too many
        raise UsageError(f"{shown!r}: {error}; expected an address, for example {EXAMPLE}") from None
    if not parts.scheme or parts.fragment:
        raise UsageError(f"{shown!r}: expected an address without spaces and #, for example {EXAMPLE}")
    address = parse(f"{parts.scheme}://{parts.netloc}")
    request_target = quote(parts.path or "/", safe=_PATH_SAFE)
    if parts.query:
        request_target += "?" + quote(parts.query, safe=_QUERY_SAFE)
    method = method or ("GET" if body is None else "POST")
    if len(method) > 20 or not set(method) <= _TOKEN:
        raise UsageError(f"method {method[:40]!r}: expected one word, for example POST")
    if body is not None and len(body) > MAX_BODY_BYTES:
        raise UsageError(f"a body of {len(body)} bytes: expected at most {MAX_BODY_BYTES}, for example {{}}")
    stripped = tuple((name.strip(), value.strip()) for name, value in headers)
    for name, value in stripped:
        _check_header(name, value)
    return WatchRequest(
        url, Target(address, replace(options, headers=stripped)), request_target, method, body
    )


def _check_header(name: str, value: str) -> None:
    """Check a header.

    Raises:
        UsageError: it cannot be sent.
    """
    if not name or not set(name) <= _TOKEN:
        raise UsageError(f"header name {name[:40]!r}: expected letters, digits and hyphens, {HEADER_EXAMPLE}")
    if not value.isprintable() or any(ord(char) > 255 for char in value):
        # The value may be a secret: it is not shown.
        raise UsageError(f"header {name}: expected a value of printable Latin characters, {HEADER_EXAMPLE}")
    if name.lower() in _RESERVED:
        raise UsageError(
            f"header {name}: expected one that the connection does not set itself, {HEADER_EXAMPLE}"
        )


def _content_type(body: bytes) -> str:
    """Guess the type of a body by its first character: JSON, or what a form sends."""
    is_json = body.lstrip()[:1] in (b"{", b"[")
    return "application/json" if is_json else "application/x-www-form-urlencoded"
