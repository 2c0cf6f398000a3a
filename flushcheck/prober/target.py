"""Where requests go and how they get there: an Address, with the options of its connections.

Every prober function takes one Target. It decides which of the caller's own headers a request carries, so
that no transport can forget one. Secrets (headers, cookies, passwords) are never part of a `repr`, and
`Target.redirected` drops them when the origin changes: they go to the origins that the caller named only.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from flushcheck.prober.address import Address


class Protocol(StrEnum):
    """The version of HTTP to speak."""

    AUTO = "auto"  # as a browser chooses it, as far as this version can
    HTTP1 = "http/1.1"
    HTTP2 = "h2"
    HTTP3 = "h3"


class Family(StrEnum):
    """The addresses of a name that may be used."""

    ANY = "any"
    IPV4 = "ipv4"
    IPV6 = "ipv6"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name and a password."""

    user: str
    password: str = field(repr=False)

    @property
    def basic(self) -> str:
        """The value of an Authorization header (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """Which certificates are trusted, and which one is shown."""

    verify: bool = True
    ca: str = ""  # a file or folder of certificates that takes the place of the system's; "": the system's
    cert_file: str = ""  # of the client, with its key unless `key_file` has that
    key_file: str = ""


@dataclass(frozen=True, slots=True)
class ConnectTo:
    """Connections to one host and port go to another one; TLS and the Host header stay with the first."""

    host: str  # "": any
    port: int  # 0: any
    to_host: str  # a name or an IP address; "": the same
    to_port: int  # 0: the same


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """How a caller gets to a service. The defaults are those of every connection."""

    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    user_agent: str = ""  # "": flushcheck's own
    cookie: str = field(default="", repr=False)  # the value of a Cookie header
    credentials: Credentials | None = None
    tls: TlsOptions = TlsOptions()
    connect_to: tuple[ConnectTo, ...] = ()  # the first that fits counts
    family: Family = Family.ANY
    unix_socket: str = ""  # the path of one to connect to, whatever the host is
    max_redirects: int = 0  # of the first response
    protocol: Protocol = Protocol.AUTO

    @property
    def without_secrets(self) -> ConnectionOptions:
        """The same without what is meant for one origin."""
        tls = replace(self.tls, cert_file="", key_file="")
        return replace(self, headers=(), cookie="", credentials=None, tls=tls)


DEFAULT_OPTIONS = ConnectionOptions()


@dataclass(frozen=True, slots=True)
class Target:
    """A service and the way to it."""

    address: Address
    options: ConnectionOptions = DEFAULT_OPTIONS

    def request_headers(self, defaults: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the headers of a request: the caller's own take the place of `defaults` of the same name.

        The same name twice among the caller's own stays twice. Host is not among them.
        """
        own = self._own_headers()
        names = {name.lower() for name, _ in own}
        return [*((name, value) for name, value in defaults if name.lower() not in names), *own]

    def _own_headers(self) -> list[tuple[str, str]]:
        options = self.options
        own = list(options.headers)
        names = {name.lower() for name, _ in own}
        if options.user_agent and "user-agent" not in names:
            own.append(("User-Agent", options.user_agent))
        if options.credentials and "authorization" not in names:
            own.append(("Authorization", options.credentials.basic))
        if options.cookie and "cookie" not in names:
            own.append(("Cookie", options.cookie))
        return own
