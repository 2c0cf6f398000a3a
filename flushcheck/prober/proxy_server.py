"""A forward proxy: its address and its credentials, from a URL or from the environment.

A URL of a proxy may hold a password: no error shows it, and `ProxyServer.url` leaves it out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from flushcheck.model import UsageError
from flushcheck.prober.credentials import Credentials

MAX_URL = 2_000
DEFAULT_PORT = 1080  # of a proxy without a port, as curl has it
DEFAULT_TLS_PORT = 443

MAX_SOCKS_BYTES = 255  # of a name and of a password (RFC 1929)

EXAMPLE = "http://proxy.example:3128"


class ProxyScheme(StrEnum):
    """How to speak to a proxy."""

    HTTP = "http"
    HTTPS = "https"  # HTTP over TLS, to the proxy itself
    SOCKS5 = "socks5"  # names are looked up here
    SOCKS5H = "socks5h"  # names are looked up by the proxy


@dataclass(frozen=True, slots=True)
class ProxyServer:
    """One forward proxy."""

    scheme: ProxyScheme
    host: str
    port: int
    credentials: Credentials | None = field(default=None, repr=False)

    @property
    def speaks_http(self) -> bool:
        """Whether it is an HTTP proxy, not SOCKS."""
        return self.scheme in (ProxyScheme.HTTP, ProxyScheme.HTTPS)

    @property
    def url(self) -> str:
        """The URL without the credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def parse_proxy(url: str, user: str = "", *, what: str = "proxy") -> ProxyServer:
    """Parse the URL of a proxy; one without a scheme is an HTTP proxy.

    Args:
        url: for example `http://name:password@proxy.example:3128`.
        user: `name:password`, which takes the place of the one in the URL; "" for none.
        what: how an error calls it.

    Raises:
        UsageError: it is not the URL of a proxy.
    """
    expected = "expected http://, https://, socks5:// or socks5h://, a host and a port"
    full = url if "://" in url else f"http://{url}"
    try:
        if len(full) > MAX_URL or not full.isprintable() or " " in full:
            raise ValueError
        parts = urlsplit(full)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        # Where the password of such a URL ends is not known: nothing of it is shown.
        raise UsageError(f"{what}: {expected}, for example {EXAMPLE}") from None
    if parts.scheme not in set(ProxyScheme):
        raise UsageError(f"{what} {parts.scheme[:20]}://…: {expected}, for example {EXAMPLE}")
    if not host or port == 0 or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise UsageError(f"{what} {parts.scheme}://…: {expected} and nothing else, for example {EXAMPLE}")
    scheme = ProxyScheme(parts.scheme)
    credentials = None
    if user:
        name, _, password = user.partition(":")
        credentials = Credentials(name, password)
    elif parts.username is not None:
        credentials = Credentials(unquote(parts.username), unquote(parts.password or ""))
    if credentials and not scheme.startswith("http"):
        longest = max(len(credentials.user.encode()), len(credentials.password.encode()))
        if longest > MAX_SOCKS_BYTES:
            raise UsageError(
                f"{what} {scheme}://…: expected a name and a password of at most {MAX_SOCKS_BYTES} bytes, "
                "for example socks5://user:password@proxy.example:1080"
            )
    default = DEFAULT_TLS_PORT if scheme is ProxyScheme.HTTPS else DEFAULT_PORT
    return ProxyServer(scheme, host, port or default, credentials)


def environment_proxy(url: str) -> ProxyServer | None:
    """Return the proxy that the environment names for a URL, None if it names none.

    HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY count, in lower case first. NO_PROXY holds host names with
    their subdomains, addresses, networks such as 10.0.0.0/8, or `*`. requests knows all of these rules.

    Raises:
        UsageError: it names something that is not a proxy.
    """
    from requests.utils import get_environ_proxies, select_proxy  # half of a second import of the command

    found = select_proxy(url, get_environ_proxies(url))
    return parse_proxy(found, what="the proxy in the environment") if found else None
