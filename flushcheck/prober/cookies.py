"""Cookies from a file in Netscape's format, as curl and browser extensions write it, and where each belongs.

http.cookiejar reads such files too, but wants a certain first line, refuses the domains that some programs
write, quotes a wrong line in its errors, and sends a cookie of one host to its subdomains. The rules of curl
are short: seven fields with tabs between them, and RFC 6265, sections 5.1.3, 5.1.4 and 5.4.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from flushcheck.model import UsageError
from flushcheck.prober.address import Address

MAX_COOKIES = 3_000  # what browsers keep

EXPECTED = (
    "expected a cookie file in Netscape format or 'name=value', for example -b 'session=…'; each line of "
    "such a file has 7 fields with tabs between them: domain, TRUE or FALSE, path, TRUE or FALSE, time, "
    "name, value"
)

# Browsers mark cookies that scripts cannot read in what would be a comment.
_HTTP_ONLY = "#HttpOnly_"
_VALUE = re.compile(r"[\x21-\x7e\x80-\xff]*([ ][\x21-\x7e\x80-\xff]+)*")


@dataclass(frozen=True, slots=True)
class StoredCookie:
    """One cookie, with where it may be sent."""

    domain: str  # in lower case, without a dot in front
    subdomains: bool  # whether hosts below the domain get it
    path: str
    secure: bool
    expires: int  # seconds since 1970; 0: at the end of the session
    name: str
    value: str = field(repr=False)

    def belongs(self, address: Address, path: str, now: float) -> bool:
        """Whether it may be sent.

        Args:
            address: of the request.
            path: of the request, without the query.
            now: time.time().
        """
        below = self.subdomains and address.host.endswith(f".{self.domain}")
        under = path == self.path or path.startswith(self.path.removesuffix("/") + "/")
        return (
            (address.host == self.domain or below)
            and under
            and (address.tls or not self.secure)
            and (not self.expires or self.expires > now)
        )


def cookie_header(cookies: Iterable[StoredCookie], address: Address, path: str, now: float) -> str:
    """The value of a Cookie header, the longest path first; "" if no cookie belongs there. See `belongs`."""
    sent = [cookie for cookie in cookies if cookie.belongs(address, path, now)]
    sent.sort(key=lambda cookie: -len(cookie.path))
    return "; ".join(f"{cookie.name}={cookie.value}" if cookie.name else cookie.value for cookie in sent)


def parse_cookie_file(data: bytes, file: str) -> tuple[StoredCookie, ...]:
    """Read a cookie file.

    Args:
        data: the whole of it. Values are sent as the bytes that they are.
        file: how an error calls it.

    Raises:
        UsageError: a line is no cookie. The message does not show it.
    """
    cookies = []
    text = data.removeprefix(codecs.BOM_UTF8).decode("latin-1")
    for number, line in enumerate(re.split("\r?\n", text), 1):
        if not line.strip() or (line.startswith("#") and not line.startswith(_HTTP_ONLY)):
            continue
        try:
            cookies.append(_cookie(line.removeprefix(_HTTP_ONLY)))
        except (ValueError, OverflowError):  # a time of "inf"
            raise UsageError(f"-b {file}, line {number}: not a cookie; {EXPECTED}") from None
    if len(cookies) > MAX_COOKIES:
        raise UsageError(f"-b {file}: expected at most {MAX_COOKIES} cookies; {EXPECTED}")
    return tuple(cookies)


def _cookie(line: str) -> StoredCookie:
    """Read one line.

    Raises:
        ValueError: it is no cookie.
    """
    fields = line.split("\t")
    if len(fields) == 6:
        fields.append("")  # curl leaves out the tab in front of an empty value
    domain, subdomains, path, secure, expires, name, value = fields
    flags = [flag.upper() for flag in (subdomains, secure)]
    host = domain.strip().lower().removeprefix(".").strip("[]")
    if not host or not path.startswith("/") or not set(flags) <= {"TRUE", "FALSE"}:
        raise ValueError
    if not (_VALUE.fullmatch(name) and _VALUE.fullmatch(value)) or "=" in name or ";" in name + value:
        raise ValueError
    return StoredCookie(
        domain=host,
        subdomains=flags[0] == "TRUE",
        path=path,
        secure=flags[1] == "TRUE",
        expires=max(0, int(float(expires or "0"))),
        name=name,
        value=value,
    )
