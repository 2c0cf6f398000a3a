"""One request of the user's own: an address, a method, headers and a body, checked before it is sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import quote, urljoin, urlsplit

from flushcheck.measurement.plan import BROWSER_ENCODINGS
from flushcheck.measurement.repeats import SAFE_METHODS
from flushcheck.model import UsageError
from flushcheck.prober.address import parse, without_login
from flushcheck.prober.header_fields import TOKEN
from flushcheck.prober.http_client import default_headers
from flushcheck.prober.redaction import shown_query
from flushcheck.prober.redirects import at
from flushcheck.prober.target import DEFAULT_OPTIONS, ConnectionOptions, Target

MAX_URL = 8_000  # characters: few servers take longer ones
MAX_BODY_BYTES = 1024 * 1024  # of what is sent

# RFC 3986: what a path and a query may hold unencoded. "%" stays: the caller has encoded already.
_PATH_SAFE, _QUERY_SAFE = "/%:@!$&'()*+,;=-._~", "/%?:@!$&'()*+,;=-._~[]{}|\\^`\""

EXAMPLE = "http://localhost:8000/stream/events"


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """One request to watch the response of."""

    url: str
    target: Target
    request_target: str  # path and query, as the request line has them
    method: str = "GET"
    body: bytes | None = None

    def default_headers(
        self, accept: str = "*/*", encodings: str = BROWSER_ENCODINGS, http_version: str = "1.1"
    ) -> list[tuple[str, str]]:
        """Return the headers to send where the caller gave no others of the same name, all but Host."""
        defaults = default_headers(accept, encodings, http_version=http_version)
        length = len(self.body or b"")
        if self.body is not None:
            defaults.append(("Content-Type", _content_type(self.body)))
        if self.body is not None or self.method not in ("GET", "HEAD", "DELETE", "OPTIONS", "TRACE"):
            defaults.append(("Content-Length", str(length)))
        return defaults

    @property
    def shown_url(self) -> str:
        """The URL for reports and saved runs: without the values in its query that look like secrets."""
        return shown_query(self.url)

    @property
    def is_safe(self) -> bool:
        """Whether it changes nothing at the app, so that it may be repeated."""
        return self.method in SAFE_METHODS

    @property
    def own_headers(self) -> frozenset[str]:
        """The names of the headers that the caller sets or leaves out, in lower case."""
        options = self.target.options
        return frozenset(
            name.lower() for name in (*(name for name, _ in options.headers), *options.removed_headers)
        )

    def redirected(self, status: int, location: str) -> WatchRequest | None:
        """Return the request that a redirect asks for; None if it cannot be followed.

        303, and 301 and 302 after a POST, lead to a GET, as in browsers (RFC 9110, section 15.4). A body may
        hold secrets as headers do: neither goes to another origin.
        """
        method, body = self.method, self.body
        if status == 303 or (status in (301, 302) and method == "POST"):
            method, body = "GET", None
        try:
            request = watch_request(urljoin(self.url, location).partition("#")[0], method=method, body=body)
        except (ValueError, UsageError):
            return None
        target = at(self.target, request.target.address)
        if body is not None and target.options is not self.target.options:
            return None
        return replace(request, target=target)


def watch_request(
    url: str,
    *,
    method: str = "",
    body: bytes | None = None,
    options: ConnectionOptions = DEFAULT_OPTIONS,
) -> WatchRequest:
    """Return a request, checked.

    Args:
        url: any http or https address, query included.
        method: "" for GET, or POST where there is a body.
        body: what to send; None for nothing.
        options: how to get there, and headers of the caller's own.

    Raises:
        UsageError: one of these is not possible.
    """
    shown = without_login(url)
    if "://" not in url:
        raise UsageError(
            f"{shown!r}: expected an address that begins with http:// or https://, for example {EXAMPLE}"
        )
    try:
        parts = urlsplit(url if len(url) <= MAX_URL and url.isprintable() and " " not in url else "")
    except ValueError as error:  # a bracket too many
        reason = "" if "@" in url else f"{error}; "  # which may quote a password
        raise UsageError(f"{shown!r}: {reason}expected an address, for example {EXAMPLE}") from None
    if not parts.scheme or parts.fragment:
        raise UsageError(f"{shown!r}: expected an address without spaces and #, for example {EXAMPLE}")
    address = parse(f"{parts.scheme}://{parts.netloc}")
    request_target = quote(parts.path or "/", safe=_PATH_SAFE)
    if parts.query:
        request_target += "?" + quote(parts.query, safe=_QUERY_SAFE)
    method = method or ("GET" if body is None else "POST")
    if len(method) > 20 or not set(method) <= TOKEN:
        raise UsageError(f"method {method[:40]!r}: expected one word, for example POST")
    if body is not None and len(body) > MAX_BODY_BYTES:
        raise UsageError(f"a body of {len(body)} bytes: expected at most {MAX_BODY_BYTES}, for example {{}}")
    # Its path is that of the stream, so that cookies of a file go where they belong.
    target = Target(replace(address, path=request_target.partition("?")[0].rstrip("/")), options)
    return WatchRequest(url, target, request_target, method, body)


def _content_type(body: bytes) -> str:
    """Guess the type of a body by its first character: JSON, or what a form sends."""
    is_json = body.lstrip()[:1] in (b"{", b"[")
    return "application/json" if is_json else "application/x-www-form-urlencoded"
