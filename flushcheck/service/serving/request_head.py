"""The head of an ordinary request, read without gunicorn's parser: far less than HTTP allows.

What must stay true: a head that is accepted here means the same to gunicorn, with the same environ. So only a
GET of HTTP/1.1 in printable ASCII is read, whole and alone in the buffer, with each header once. A body, a
second request behind it, an upgrade, a header that steers gunicorn, an unusual space: all that is left to
gunicorn, which accepts or refuses it. `tests/service/serving/test_request_head.py` compares both.
Source: RFC 9112, sections 3 and 5.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

# One request line, then headers with a value and no space around it but the usual one.
_ORDINARY = re.compile(
    r'GET (?P<path>/[A-Za-z/]*)(?:\?(?P<query>[!"$-~]*))? HTTP/1\.1\r\n'
    r"(?P<headers>(?:[A-Za-z0-9-]+: [!-~](?:[ -~]*[!-~])?\r\n)+)\r\n"
)

# With these a request has a body, an upgrade or a condition, or gunicorn keeps their value elsewhere.
_EXTRAORDINARY = frozenset(
    {
        "CONTENT-LENGTH",
        "CONTENT-TYPE",
        "EXPECT",
        "HTTP2-SETTINGS",
        "TE",
        "TRAILER",
        "TRANSFER-ENCODING",
        "UPGRADE",
    }
)

# More than any browser sends besides cookies. What is longer goes through gunicorn, and so do its own limits.
MAX_HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class HeadLimits:
    """What gunicorn's settings allow of a request's head."""

    max_bytes: int  # less than any of its limits of a line, a header or the whole
    max_headers: int
    scheme_headers: Collection[str]  # in capitals: those that tell http from https, which may contradict


@dataclass(frozen=True, slots=True)
class RequestHead:
    """An ordinary GET."""

    path: str
    query: str
    headers: dict[str, str]  # by name in capitals
    close: bool  # the client wants the connection closed behind the response


def read_head(data: bytes, limits: HeadLimits) -> RequestHead | None:
    """The request that these bytes are; None if gunicorn has to read them."""
    if len(data) > limits.max_bytes:
        return None
    match = _ORDINARY.fullmatch(data.decode("latin-1"))
    if match is None:
        return None
    lines = match["headers"].split("\r\n")[:-1]
    headers = {}
    for line in lines:
        name, _, value = line.partition(": ")
        headers[name.upper()] = value
    if len(headers) < len(lines) or len(lines) > limits.max_headers or not _EXTRAORDINARY.isdisjoint(headers):
        return None
    if sum(name in headers for name in limits.scheme_headers) > 1:
        return None
    connection = headers.get("CONNECTION", "keep-alive").lower()
    if connection not in ("close", "keep-alive"):
        return None
    return RequestHead(match["path"], match["query"] or "", headers, connection == "close")
