"""The options that say how to get to a service, with curl's names and meanings, for every command.

Arguments may hold secrets (headers, cookies, passwords, URLs of proxies): no error shows one. Files are read
here, before anything is sent, so that a wrong one is wrong usage and not a failed connection.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from flushcheck.cli.arguments import Parser
from flushcheck.cli.connection_values import (
    ask_passphrase,
    client_certificate,
    connect_to,
    cookies,
    credentials,
    header_lines,
    netrc_credentials,
    resolve,
    with_password,
)
from flushcheck.measurement.alt_svc import INSTALL
from flushcheck.model import UsageError
from flushcheck.prober.certificate import parse_pins
from flushcheck.prober.connecting import HTTP1, needs_passphrase, tls_context
from flushcheck.prober.http3_sharing import http3_available
from flushcheck.prober.proxy_server import environment_proxy, parse_proxy
from flushcheck.prober.target import (
    MAX_REDIRECTS,
    ConnectionOptions,
    Family,
    Protocol,
    TlsOptions,
)

# Bundles of certificates that other tools are told to trust. SSL_CERT_FILE and SSL_CERT_DIR come after them:
# Python reads those where no bundle is named.
CA_VARIABLES = ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")

FROM_ENVIRONMENT = "env"  # --proxy env

_VERSION_OPTIONS = {Protocol.HTTP2: "--http2", Protocol.HTTP3: "--http3"}


def add_connection_options(parser: Parser) -> None:
    """Add the options."""
    group = parser.add_argument_group("connection options", "as curl has them")
    add = group.add_argument
    add(
        "-H",
        "--header",
        metavar="LINE",
        action="append",
        default=[],
        help="a header: 'Name: value'; 'Name;' without a value, 'Name:' leaves out one that is sent anyway",
    )
    add("-A", "--user-agent", metavar="NAME", default="", help="the User-Agent header")
    add(
        "-u", "--user", metavar="USER:PASSWORD", help="log in with HTTP Basic; without a password: ask for it"
    )
    add("--netrc", action="store_true", help="take name and password from ~/.netrc or $NETRC")
    add(
        "-b",
        "--cookie",
        metavar="DATA",
        action="append",
        default=[],
        help="'name=value; …', or a cookie file",
    )
    _add_tls_options(group)
    add("--resolve", metavar="HOST:PORT:ADDRESS", action="append", default=[], help="an address for a host")
    add(
        "--connect-to",
        metavar="HOST1:PORT1:HOST2:PORT2",
        action="append",
        default=[],
        help="connect to HOST2:PORT2 for HOST1:PORT1",
    )
    family = group.add_mutually_exclusive_group()
    for short, name in (("-4", Family.IPV4), ("-6", Family.IPV6)):
        family.add_argument(
            short, f"--{name}", dest="family", action="store_const", const=name, default=Family.ANY,
            help=f"use {'IPv4' if name is Family.IPV4 else 'IPv6'} addresses only",
        )  # fmt: skip
    add("--unix-socket", metavar="PATH", default="", help="connect to this socket; --direct does not use it")
    add(
        "-x",
        "--proxy",
        metavar="URL",
        default="",
        help="an http, https, socks5 or socks5h proxy, or `env` for that of HTTPS_PROXY; not used by "
        "--direct",
    )
    add("--proxy-user", metavar="USER:PASSWORD", help="log in to the proxy")
    protocol = group.add_mutually_exclusive_group()
    for option, chosen, text in (
        ("--http1.1", Protocol.HTTP1, "speak HTTP/1.1"),
        ("--http2", Protocol.HTTP2, "speak HTTP/2"),
        ("--http3", Protocol.HTTP3, "speak HTTP/3, also where it is not offered"),
    ):
        protocol.add_argument(
            option, dest="protocol", action="store_const", const=chosen, default=Protocol.AUTO, help=text
        )
    add(
        "--max-redirects",
        metavar="N",
        default="0",
        help="follow redirects of the first response (default: 0)",
    )


def _add_tls_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("-k", "--insecure", action="store_true", help="trust any certificate; the report says so")
    add("--cacert", metavar="FILE", default="", help="trust the authorities in this file only")
    add("--cert", metavar="FILE", default="", help="the client's certificate, in PEM")
    add("--key", metavar="FILE", default="", help="its key, unless --cert has it")
    add("--pass", metavar="PHRASE", dest="passphrase", help="of an encrypted key; without it: ask for it")
    add(
        "--pin",
        metavar="HASH",
        action="append",
        default=[],
        help="the site's own public key (sha256//…, as curl has it) or certificate (SHA-256 in hexadecimal): "
        "is it that one which arrives?",
    )


def connection_options(
    arguments: argparse.Namespace,
    urls: Iterable[str],
    environ: Mapping[str, str] = os.environ,
) -> ConnectionOptions:
    """The options that were given.

    Args:
        arguments: of a parser with `add_connection_options`.
        urls: those that the command will ask, for --netrc.
        environ: for $NETRC and the bundles of certificates.

    Raises:
        UsageError: one of them is not possible, or a file cannot be read.
    """
    urls = [url for url in urls if url]
    _check_protocol(arguments.protocol, urls[:1])  # not the --direct one
    cookie, stored = cookies(arguments.cookie)
    from_environment = arguments.proxy == FROM_ENVIRONMENT
    named_proxy = arguments.proxy and not from_environment
    if arguments.proxy_user is not None and not named_proxy:
        raise UsageError(
            "--proxy-user without the URL of a proxy: expected both, for example "
            "-x http://proxy.example:3128 --proxy-user user:password"
        )
    for url in urls if from_environment else ():
        environment_proxy(url)  # or a wrong one would show as a failed connection
    proxy_user = with_password(arguments.proxy_user, "--proxy-user", "proxy")
    tls = _tls_options(arguments, environ)
    lines = header_lines(arguments.header)
    options = ConnectionOptions(
        headers=lines.sent,
        removed_headers=lines.removed,
        user_agent=arguments.user_agent,
        cookie=cookie,
        stored_cookies=stored,
        credentials=credentials(with_password(arguments.user, "-u", "service")),
        host_credentials=netrc_credentials(urls, environ) if arguments.netrc else (),
        tls=tls,
        connect_to=(*map(resolve, arguments.resolve), *map(connect_to, arguments.connect_to)),
        family=arguments.family,
        unix_socket=arguments.unix_socket,
        proxy=parse_proxy(arguments.proxy, proxy_user, what="--proxy") if named_proxy else None,
        proxy_from_environment=from_environment,
        max_redirects=_redirects(arguments.max_redirects),
        protocol=arguments.protocol,
        pins=tuple(pin for given in arguments.pin for pin in parse_pins(given)),
        on_request=arguments.on_request if "on_request" in arguments else None,
    )
    if options.pins and not (urls[:1] and (urls[0].startswith("https:") or options.max_redirects)):
        raise UsageError(
            "--pin without TLS: expected an https:// URL, for example flushcheck diagnose https://example.org"
        )
    if arguments.cacert or arguments.cert or any(url.startswith("https:") for url in urls):
        _check_bundles(arguments.cacert, environ)
        tls_context(options.tls, HTTP1)  # reads the files
    return options


def _check_bundles(cacert: str, environ: Mapping[str, str]) -> None:
    """Refuse a variable that names no file: OpenSSL would trust nothing, and say nothing.

    Raises:
        UsageError: the first one that counts is wrong.
    """
    for variable in () if cacert else (*CA_VARIABLES, "SSL_CERT_FILE"):
        if path := environ.get(variable):
            if not Path(path).exists():
                raise UsageError(
                    f"{variable}={path}: no such file; expected certificates in PEM, for example "
                    f"{variable}=/etc/ssl/certs/ca-certificates.crt"
                )
            return


def _tls_options(arguments: argparse.Namespace, environ: Mapping[str, str]) -> TlsOptions:
    """The certificates that were given; a passphrase that is missing is asked for.

    Raises:
        UsageError: a file cannot be read, or there is no terminal to ask on.
    """
    cert, passphrase = client_certificate(arguments.cert, arguments.passphrase)
    options = TlsOptions(
        verify=not arguments.insecure,
        ca=arguments.cacert or next(filter(None, map(environ.get, CA_VARIABLES)), ""),
        cert_file=cert,
        key_file=arguments.key,
        passphrase=passphrase,
    )
    if passphrase and not cert:
        raise UsageError(
            "--pass without a client certificate: expected both, for example --cert client.pem --pass …"
        )
    if needs_passphrase(options):
        return replace(options, passphrase=ask_passphrase(options.key_file or cert))
    return options


def _check_protocol(protocol: Protocol, urls: Iterable[str]) -> None:
    """Refuse the versions of HTTP that cannot be spoken to these URLs.

    Raises:
        UsageError: it is one of them.
    """
    if protocol in (Protocol.AUTO, Protocol.HTTP1):
        return
    option = _VERSION_OPTIONS[protocol]
    if not all(url.startswith("https:") for url in urls):
        raise UsageError(
            f"{option} without TLS: not available, as in browsers; expected an https:// URL or --http1.1, "
            f"for example flushcheck diagnose https://example.org {option}"
        )
    if protocol is Protocol.HTTP3 and not http3_available():
        raise UsageError(f"--http3: the library for HTTP/3 is not installed; install it: {INSTALL}")


def _redirects(given: str) -> int:
    if not given.isdecimal() or int(given) > MAX_REDIRECTS:
        raise UsageError(
            f"--max-redirects {given[:20]}: expected 0 to {MAX_REDIRECTS}, for example --max-redirects 1"
        )
    return int(given)
