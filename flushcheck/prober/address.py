"""The address of a service, parsed once, so that every probe names the same place in the same words."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote, urlsplit

from flushcheck.model import UsageError
from flushcheck.protocol.origin import NAMES

EXAMPLE = "http://localhost:8000"
MAX_URL = 2_000  # characters; browsers and servers agree on about this much

# RFC 3986, section 3.3: what a path may hold unencoded. The rest is percent-encoded.
_PATH_SAFE = "/%:@!$&'()*+,;=-._~"

_QUERY_SAFE = _PATH_SAFE + "?"  # section 3.4

# A name in DNS: letters, digits and hyphens, and the underscore that some hosts have.
_NAME = re.compile(r"[A-Za-z0-9._-]+")

# A name and a password at the beginning of a URL. The URL may be wrong, and a password holds any character.
_LOGIN = re.compile(r"^(\s*[a-zA-Z][a-zA-Z0-9+.-]*:/+|/*).*@", re.DOTALL)
# The token of an origin in a query.
_KEY = re.compile(r"(?<=[?&#]k=)[^&#\s]*")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service is: the root of its routes."""

    tls: bool
    host: str  # ASCII; an IPv6 address without its brackets
    port: int
    path: str  # "" or "/sub/path", percent-encoded, without a slash at its end
    query: str = ""  # of an origin's own: what stands between ? and what is asked for; without its token
    slash: bool = field(default=False, compare=False)  # an origin's path was given with a slash at its end

    @property
    def authority(self) -> str:
        """Host and port, as in the Host header: without the port if it is the default of the scheme."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The root as a URL, without a slash at its end."""
        own = f"?{self.query}" if self.query else ""
        return f"{'https' if self.tls else 'http'}://{self.authority}{self.path}{own}"

    def request_target(self, suffix: str) -> str:
        """Path and query of a request.

        Args:
            suffix: what follows the root of a service ("/stream/…"), or the address of an origin ("?fc=…").
        """
        if not suffix.startswith("?"):
            return self.path + suffix
        slash = "/" if self.slash or not self.path else ""
        own = f"{self.query}&" if self.query else ""
        return f"{self.path}{slash}?{own}{suffix[1:]}"


def parse(url: str) -> Address:
    """Parse the address that a caller gave.

    Raises:
        UsageError: it is not the http or https URL of a service's root.
    """
    if not url or len(url) > MAX_URL or any(char.isspace() or not char.isprintable() for char in url):
        raise _wrong(url, f"an address without spaces, of 1 to {MAX_URL} characters")
    if "://" not in url:
        example = f"http://{without_login(url).lstrip('/')}"
        raise _wrong(
            url, "an address that begins with http:// or https://", example if len(url) < 60 else EXAMPLE
        )
    try:
        parts = urlsplit(url)
        port, host = parts.port, _ascii_host(parts.hostname or "")
    except ValueError as error:  # a port out of range, a bracket too many, an illegal name
        reason = "" if "@" in url else f" ({error})"  # which may quote a password
        raise _wrong(url, f"an address with a valid host and port{reason}") from None
    if parts.scheme not in ("http", "https"):
        raise _wrong(url, "http:// or https://")
    if not host:
        raise _wrong(url, "an address with a host")
    if port == 0:
        raise _wrong(url, "a port from 1 to 65535")
    if parts.username is not None or parts.password is not None:
        # It would end up in saved runs and in shared reports.
        raise _wrong(url, "an address without name and password (they go into -u user:password)")
    if parts.query or parts.fragment or url.endswith(("?", "#")):
        root = f"{parts.scheme}://{parts.netloc}{parts.path}"
        raise _wrong(url, "the root of the service, without ? and #", root if len(root) < 60 else EXAMPLE)
    tls = parts.scheme == "https"
    path = quote(parts.path.rstrip("/"), safe=_PATH_SAFE)
    return Address(tls, host, port or (443 if tls else 80), path)


def parse_origin(url: str) -> tuple[Address, str]:
    """Parse the address of a service or of an origin, which may have a query of its own.

    Returns: the address without the token in its query (`k=…`), and that token; "" if there is none.

    Raises:
        UsageError: it is not an http or https URL, or its query has a parameter of the protocol.
    """
    before, mark, query = url.partition("?")
    if not mark or "#" in url or "@" in before:
        address = parse(url)
        return replace(address, slash=before.endswith("/") and bool(address.path)), ""
    if not query or len(url) > MAX_URL or any(char.isspace() or not char.isprintable() for char in query):
        raise _wrong(url, "an address without spaces, and with a query behind the ?")
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    key = next((unquote(value) for name, _, value in pairs if name == "k"), "")
    own = [(name, equals, value) for name, equals, value in pairs if name != "k"]
    taken = sorted({name for name, _, _ in own} & NAMES)
    if taken:
        raise _wrong(url, f"an address without {taken[0]}=, which diagnose adds", before)
    address = parse(before)
    text = quote("&".join("".join(pair) for pair in own), safe=_QUERY_SAFE)
    return replace(address, query=text, slash=before.endswith("/") and bool(address.path)), key


def _ascii_host(host: str) -> str:
    """Return the host in ASCII.

    Raises:
        ValueError: it is not a valid name (UnicodeError is a ValueError).
    """
    if ":" in host:
        return str(ipaddress.IPv6Address(host))
    name = host.encode("idna").decode("ascii")
    if name and not _NAME.fullmatch(name):
        raise ValueError("the host name contains illegal characters")
    return name


def without_login(url: str) -> str:
    """Return a URL, which need not be a valid one, as an error shows it: short, and without a password."""
    shown = _KEY.sub("…", _LOGIN.sub(r"\1…@", url))
    return shown if len(shown) <= 100 else f"{shown[:100]}…"


def _wrong(url: str, expected: str, example: str = EXAMPLE) -> UsageError:
    return UsageError(f"{without_login(url)!r}: expected {expected}, for example {example}")
