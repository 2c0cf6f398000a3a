"""The values of the connection options, as they stand in arguments and in files.

No error shows what may be a secret, and the messages of netrc, which quote lines of the file, are not passed
on.
"""

from __future__ import annotations

import getpass
import netrc
import re
import sys
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from flushcheck.model import UsageError
from flushcheck.prober.address import parse
from flushcheck.prober.cookies import EXPECTED, StoredCookie, parse_cookie_file
from flushcheck.prober.credentials import Credentials
from flushcheck.prober.target import ConnectTo

MAX_COOKIE_FILE_BYTES = 1024 * 1024

_HOST = r"(\[[^\]]*\]|[^:]*)"
_RESOLVE = re.compile(rf"\+?{_HOST}:([0-9]+):(.+)")  # curl's "+" is about its cache
_CONNECT_TO = re.compile(rf"{_HOST}:([0-9]*):{_HOST}:([0-9]*)")


class HeaderLines(NamedTuple):
    """What header lines ask for."""

    sent: tuple[tuple[str, str], ...]
    removed: tuple[str, ...]  # names that are sent by default, and must not be


def header_lines(lines: Iterable[str]) -> HeaderLines:
    """Read header lines as curl does: `Name: value`; `Name;` for no value; `Name:` leaves a header out.

    Raises:
        UsageError: a line is none of these.
    """
    sent, removed = [], []
    for line in lines:
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon and not name.endswith(";"):
            # It may be a value whose name was forgotten: it is not shown.
            raise UsageError("-H: expected a name, a colon and a value, for example -H 'Accept: */*'")
        if value:
            sent.append((name, value))
        elif colon:
            removed.append(name)
        else:
            sent.append((name.removesuffix(";").strip(), ""))
    return HeaderLines(tuple(sent), tuple(removed))


def with_password(given: str | None, option: str, whose: str) -> str:
    """`user:password`, the password asked for on the terminal where it was left out; "" for nothing given.

    Raises:
        UsageError: it was left out, and there is no terminal.
    """
    if given is None or ":" in given:
        return given or ""
    expected = f"expected {option} user:password, for example {option} alice:secret"
    return f"{given}:{_ask(f'password of {given} for the {whose}', f'{option} without a password', expected)}"


def client_certificate(given: str, passphrase: str | None) -> tuple[str, str]:
    """The file of --cert and the passphrase of its key, which may stand behind a colon, as for curl."""
    file, colon, behind = given.partition(":")
    if not colon or Path(given).exists():
        return given, passphrase or ""
    return file, behind if passphrase is None else passphrase


def ask_passphrase(file: str) -> str:
    """The passphrase of an encrypted key, asked for on the terminal.

    Raises:
        UsageError: there is no terminal.
    """
    expected = "expected --pass, for example --cert client.pem --key client.key --pass …"
    return _ask(f"passphrase of {file}", f"{file}: the key is encrypted", expected)


def _ask(prompt: str, missing: str, expected: str) -> str:
    """What is typed on the terminal, without an echo.

    Raises:
        UsageError: there is no terminal.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"{missing}, and no terminal to ask for it: {expected}")
    try:
        return getpass.getpass(f"{prompt}: ", sys.stderr)
    except EOFError:
        raise UsageError(f"{missing}, and nothing was typed: {expected}") from None


def credentials(user: str) -> Credentials | None:
    """`user:password` as Credentials; None for ""."""
    name, colon, password = user.partition(":")
    return Credentials(name, password) if colon else None


def netrc_credentials(urls: Iterable[str], environ: Mapping[str, str]) -> tuple[tuple[str, Credentials], ...]:
    """The credentials that the file of netrc has for the hosts of these URLs.

    Raises:
        UsageError: the file cannot be read.
    """
    path = Path(environ.get("NETRC") or "~/.netrc").expanduser()
    example = "expected lines such as `machine example.org login alice password secret`, for example in"
    try:
        entries = netrc.netrc(str(path))
    except netrc.NetrcParseError as error:
        # Its message may hold a password that stands in the wrong place.
        at = f", line {error.lineno}" if error.lineno else ""
        raise UsageError(f"--netrc {path}{at}: not a netrc file; {example} ~/.netrc") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise UsageError(f"--netrc {path}: {reason}; {example} ~/.netrc") from None
    found = []
    for url in urls:
        host = parse(url.partition("?")[0].partition("#")[0]).host
        if entry := entries.authenticators(host):
            found.append((host, Credentials(entry[0], entry[2] or "")))
    return tuple(found)


def cookies(given: Iterable[str]) -> tuple[str, tuple[StoredCookie, ...]]:
    """The cookies that were given themselves, and those of the files. What has no "=" is a file, as for curl.

    Raises:
        UsageError: a file cannot be read.
    """
    pairs: list[str] = []
    stored: list[StoredCookie] = []
    for value in given:
        if "=" in value:
            pairs.append(value.strip().strip(";"))
        else:
            stored += _cookie_file(value)
    return "; ".join(pairs), tuple(stored)


def _cookie_file(name: str) -> tuple[StoredCookie, ...]:
    """The cookies of a file.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        with Path(name).open("rb") as file:
            data = file.read(MAX_COOKIE_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        # What is neither a pair nor the name of a file may be a secret.
        reason = getattr(error, "strerror", None) or "not the name of a file"
        raise UsageError(f"-b: {reason}; {EXPECTED}") from None
    if len(data) > MAX_COOKIE_FILE_BYTES:
        raise UsageError(f"-b {name[:100]}: expected at most {MAX_COOKIE_FILE_BYTES} bytes; {EXPECTED}")
    return parse_cookie_file(data, name[:100])


def resolve(given: str) -> ConnectTo:
    """Read `host:port:address`.

    Raises:
        UsageError: it is not of that form.
    """
    match = _RESOLVE.fullmatch(given)
    try:
        if not match:
            raise ValueError
        host, address = match[1].strip("[]"), str(ip_address(match[3].strip("[]")))
        return ConnectTo("" if host == "*" else host.lower(), _port(match[2]), address, 0)
    except ValueError:
        raise UsageError(
            f"--resolve {given[:100]}: expected a host, a port and an IP address, for example "
            "--resolve example.org:443:127.0.0.1"
        ) from None


def connect_to(given: str) -> ConnectTo:
    """Read `host1:port1:host2:port2`; each may be empty.

    Raises:
        UsageError: it is not of that form.
    """
    match = _CONNECT_TO.fullmatch(given)
    try:
        if not match:
            raise ValueError
        host, to_host = match[1].strip("[]").lower(), match[3].strip("[]")
        return ConnectTo(host, _port(match[2]), to_host, _port(match[4]))
    except ValueError:
        raise UsageError(
            f"--connect-to {given[:100]}: expected two hosts with their ports, for example "
            "--connect-to example.org:443:localhost:8443"
        ) from None


def _port(given: str) -> int:
    """A port, 0 for "".

    Raises:
        ValueError: it is none.
    """
    port = int(given or "0")
    if port > 65_535 or (given and port == 0):
        raise ValueError
    return port
