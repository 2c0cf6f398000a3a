"""Where requests go and how they get there: an Address, with the options of its connections.

Every prober function takes one Target. It decides which of the caller's own headers a request carries and
which proxy it takes, so that no transport can forget one. Options that cannot be sent cannot be made.

Secrets (headers, cookies, passwords) are never part of a `repr`, and `ConnectionOptions.without_secrets` is
what is left where a redirect leads to another origin: they go to the addresses that the caller named only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from urllib.parse import quote

from flushcheck.measurement import offer
from flushcheck.model import Capabilities, Probe, UsageError
from flushcheck.prober.address import Address
from flushcheck.prober.cookies import StoredCookie, cookie_header
from flushcheck.prober.credentials import Credentials
from flushcheck.prober.header_fields import check_headers, check_value
from flushcheck.prober.proxy_server import ProxyServer, environment_proxy

MAX_REDIRECTS = 10
MARKER_HEADER = "X-Request-ID"  # what most proxies and frameworks can log
MAX_CONNECT_TO = 100  # entries
MAX_SOCKET_PATH = 107  # bytes: sun_path of sockaddr_un, without its NUL (unix(7))


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
class TlsOptions:
    """Which certificates are trusted, and which one is shown."""

    verify: bool = True
    ca: str = ""  # a file or folder of certificates that takes the place of the system's; "": the system's
    cert_file: str = ""  # of the client, with its key unless `key_file` has that
    key_file: str = ""
    passphrase: str = field(default="", repr=False)  # of an encrypted key

    @property
    def without_client(self) -> TlsOptions:
        """The same without the client's certificate."""
        return replace(self, cert_file="", key_file="", passphrase="")


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
    removed_headers: tuple[str, ...] = ()  # names of those that are sent by default, and not here
    user_agent: str = ""  # "": flushcheck's own
    cookie: str = field(default="", repr=False)  # the value of a Cookie header
    stored_cookies: tuple[StoredCookie, ...] = field(default=(), repr=False)  # sent where they belong
    credentials: Credentials | None = None
    host_credentials: tuple[tuple[str, Credentials], ...] = ()  # by host, where `credentials` is None
    tls: TlsOptions = TlsOptions()
    connect_to: tuple[ConnectTo, ...] = ()  # the first that fits counts
    family: Family = Family.ANY
    unix_socket: str = ""  # the path of one to connect to, whatever the host is
    proxy: ProxyServer | None = None
    proxy_from_environment: bool = False  # where `proxy` is None
    max_redirects: int = 0  # of the first response
    protocol: Protocol = Protocol.AUTO
    pins: tuple[str, ...] = ()  # of the site's own certificate, to compare with: see `certificate.parse_pins`
    marker: str = ""  # of the run, sent with each request: see `marking`
    # Called with each request as it is made, in any thread, without the caller's secrets.
    on_request: Callable[[str], None] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check what can be checked without a connection.

        Raises:
            UsageError: an option is not possible.
        """
        check_headers((*self.headers, *((name, "") for name in self.removed_headers)))
        check_value("user agent", self.user_agent, "for example -A 'Mozilla/5.0'")
        check_value("cookie", self.cookie, "for example -b 'session=…'")
        if not 0 <= self.max_redirects <= MAX_REDIRECTS:
            raise UsageError(
                f"max redirects {self.max_redirects}: expected 0 to {MAX_REDIRECTS}, for example "
                "--max-redirects 1"
            )
        if len(self.connect_to) > MAX_CONNECT_TO:
            raise UsageError(
                f"{len(self.connect_to)} times --connect-to or --resolve: expected at most {MAX_CONNECT_TO}"
                ", for example --resolve example.org:443:127.0.0.1"
            )
        if len(self.unix_socket.encode(errors="surrogateescape")) > MAX_SOCKET_PATH:
            raise UsageError(
                f"unix socket: expected a path of at most {MAX_SOCKET_PATH} bytes, for example "
                "--unix-socket /run/app.sock"
            )
        if self.unix_socket and (self.proxy or self.proxy_from_environment):
            raise UsageError(
                "a unix socket and a proxy: expected one of them, for example --unix-socket /run/app.sock"
            )
        if self.protocol is Protocol.HTTP3 and (self.proxy or self.unix_socket):
            raise UsageError(
                "HTTP/3 through a forward proxy or a unix socket: not possible, it is UDP; expected one of "
                "them, for example --http3"
            )
        if self.tls.key_file and not self.tls.cert_file:
            raise UsageError(
                "a key without a certificate: expected both, for example --cert client.pem --key client.key"
            )

    @property
    def without_secrets(self) -> ConnectionOptions:
        """The same without what is meant for the origins that the caller named."""
        return replace(
            self,
            headers=(),
            cookie="",
            stored_cookies=(),
            credentials=None,
            host_credentials=(),
            tls=self.tls.without_client,
        )

    @property
    def past_proxy(self) -> ConnectionOptions:
        """The same for a second address that is reached by itself: without the proxy and the unix socket."""
        return replace(self, proxy=None, proxy_from_environment=False, unix_socket="", max_redirects=0)


DEFAULT_OPTIONS = ConnectionOptions()


@dataclass(frozen=True, slots=True)
class Target:
    """A service and the way to it."""

    address: Address
    options: ConnectionOptions = DEFAULT_OPTIONS
    capabilities: Capabilities | None = None  # of an origin; None: a service with its own paths
    key_in_query: str = field(default="", repr=False)  # an origin's token, where its header does not arrive
    short: bool = False  # its streams are those of a first look: see `plan.SHORT_SHAPES`

    @property
    def is_origin(self) -> bool:
        """Whether it is an origin at one address, not a service with its own paths."""
        return self.capabilities is not None and not self.capabilities.paths

    def request_target(self, suffix: str) -> str:
        """Path and query of a request: see `Address.request_target`."""
        if self.key_in_query and suffix.startswith("?"):
            suffix = f"?k={quote(self.key_in_query, safe='')}&{suffix[1:]}"
        return self.address.request_target(suffix)

    def probe_target(self, probe: Probe, nonce: str) -> str:
        """Path and query of a Probe's request. `nonce` makes it an address of its own."""
        return self.request_target(offer.address(probe, nonce, self.capabilities, short=self.short))

    @property
    def proxy(self) -> ProxyServer | None:
        """The proxy that connections to this address take.

        Raises:
            UsageError: the environment names something that is not a proxy.
        """
        if self.options.proxy is None and self.options.proxy_from_environment:
            return environment_proxy(self.address.url)
        return self.options.proxy

    @property
    def asks_proxy(self) -> ProxyServer | None:
        """The HTTP proxy that is sent the request itself, with the whole URL in its first line.

        None where there is none, or where it only opens a tunnel (RFC 9112, section 3.2.2; RFC 9110, section
        9.3.6): for https://, and for another host than the one in the URL.
        """
        proxy = self.proxy
        if proxy is None or not proxy.speaks_http or self.address.tls:
            return None
        return proxy if self.endpoint == (self.address.host, self.address.port) else None

    @property
    def endpoint(self) -> tuple[str, int]:
        """The host and the port to connect to."""
        return self.endpoint_at(self.address.port)

    def endpoint_at(self, port: int) -> tuple[str, int]:
        """The host and the port to connect to for another port of the same host, as for HTTP/3."""
        host = self.address.host
        for entry in self.options.connect_to:
            if entry.host in ("", host) and entry.port in (0, port):
                return entry.to_host or host, entry.to_port or port
        if port != self.address.port:
            return self.endpoint[0], port
        return host, port

    def request_headers(
        self, defaults: Iterable[tuple[str, str]], request_target: str = "/"
    ) -> list[tuple[str, str]]:
        """Return the headers of a request: the caller's own take the place of `defaults` of the same name.

        The same name twice among the caller's own stays twice. Host is not among them. What the caller
        removes is left out, unless it is one of the caller's own too, as curl has it.

        Args:
            defaults: what is sent where the caller gave nothing else.
            request_target: path and query, for the cookies that belong there.
        """
        own = self._own_headers(request_target.partition("?")[0])
        names = {name.lower() for name, _ in own} | self._removed
        if self.options.marker:
            defaults = (*defaults, (MARKER_HEADER, self.options.marker))
        return [*((name, value) for name, value in defaults if name.lower() not in names), *own]

    @property
    def _removed(self) -> set[str]:
        return {name.lower() for name in self.options.removed_headers}

    def _own_headers(self, path: str) -> list[tuple[str, str]]:
        options = self.options
        own = list(options.headers)
        names = {name.lower() for name, _ in own} | self._removed
        credentials = options.credentials or dict(options.host_credentials).get(self.address.host)
        stored = cookie_header(options.stored_cookies, self.address, path, time.time())
        for name, value in (
            ("User-Agent", options.user_agent),
            ("Authorization", credentials.basic if credentials else ""),
            # As curl has it: those of a file first.
            ("Cookie", "; ".join(filter(None, (stored, options.cookie)))),
        ):
            if value and name.lower() not in names:
                own.append((name, value))
        return own
