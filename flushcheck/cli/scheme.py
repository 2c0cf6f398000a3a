"""Addresses without a scheme: `localhost:8000` is http, any other one https where that is spoken.

Which of the two is asked once, with a TLS handshake, and said on standard error: a run over http says nothing
about what https does.
"""

from __future__ import annotations

import argparse
import ipaddress
import ssl
import time
from urllib.parse import urlsplit

from flushcheck.cli.connection import connection_options
from flushcheck.cli.console import Console
from flushcheck.cli.first_words import is_address
from flushcheck.prober.address import without_login
from flushcheck.prober.connecting import HTTP1, connect
from flushcheck.prober.target import ConnectionOptions
from flushcheck.prober.timed_socket import Budget, Unreachable
from flushcheck.prober.watch_request import watch_request

MAX_HANDSHAKE_S = 5.0


def complete_url(arguments: argparse.Namespace, console: Console) -> None:
    """Put the scheme in front of `arguments.url` where it has none and is an address.

    Raises:
        UsageError: a connection option is wrong.
    """
    url: str = arguments.url
    if "://" in url or not is_address(url):
        return
    if is_local(url):
        scheme, why = "http", "it is a local address"
    else:
        secure = f"https://{url}"
        options = connection_options(arguments, (secure,))
        speaks = speaks_tls(secure, options)
        scheme, why = ("https", "it speaks TLS") if speaks else ("http", "it does not speak TLS")
    arguments.url = f"{scheme}://{url}"
    console.note(f"{without_login(url)} has no scheme: using {scheme}://, since {why}")


def is_local(url: str) -> bool:
    """Whether an address without a scheme is of this machine."""
    host = urlsplit(f"//{url}").hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def speaks_tls(url: str, options: ConnectionOptions) -> bool:
    """Whether TLS is spoken at an https:// URL, with whatever certificate. False too where nothing is.

    Raises:
        UsageError: it is not a URL.
    """
    target = watch_request(url, options=options).target
    try:
        connect(target, Budget(time.monotonic() + MAX_HANDSHAKE_S), alpn=HTTP1).close()
    except Unreachable as error:
        return isinstance(error.__cause__, ssl.SSLCertVerificationError)
    except OSError:
        return False
    return True
