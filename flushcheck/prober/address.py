"""The address of a service, parsed once, so that every probe names the same place in the same words."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from flushcheck.model import UsageError

EXAMPLE = "http://localhost:8000"
MAX_URL = 2_000  # characters; browsers and servers agree on about this much

# RFC 3986, section 3.3: what a path may hold unencoded. The rest is percent-encoded.
_PATH_SAFE = "/%:@!$&'()*+,;=-._~"

# A name in DNS: letters, digits and hyphens, and the underscore that some hosts have.
_NAME = re.compile(r"[A-Za-z0-9._-]+")

# A name and a password at the beginning of a URL. The URL may be wrong, and a password holds any character.
_LOGIN = re.compile(r"^(\s*[a-zA-Z][a-zA-Z0-9+.-]*:/+|/*).*@", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service is: the root of its routes."""

    tls: bool
    host: str  # ASCII; an IPv6 address without its brackets
    port: int
    path: str  # "" or "/sub/path", percent-encoded, without a slash at its end

    @property
    def authority(self) -> str:
        """Host and port, as in the Host header: without the port if it is the default of the scheme."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The root as a URL, without a slash at its end."""
        return f"{'https' if self.tls else 'http'}://{self.authority}{self.path}"


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
    shown = _LOGIN.sub(r"\1…@", url)
    return shown if len(shown) <= 100 else f"{shown[:100]}…"


def _wrong(url: str, expected: str, example: str = EXAMPLE) -> UsageError:
    return UsageError(f"{without_login(url)!r}: expected {expected}, for example {example}")
