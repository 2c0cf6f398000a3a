"""HTTP for the prober: urllib3 over a Line, and bodies read as they come.

Bodies are read by urllib3's `read1()` without decoding. What most Python clients read by
(`requests.iter_content`, `iter_lines`) waits for full blocks where a body has a Content-Length or
ends by close, and a checker built on it calls a good path buffered (first piece seen at 986 ms of
1,000).

For what is measured, urllib3's connection is used as it is, below its pools and below requests.
Neither may come between: they take proxies, certificates and .netrc passwords out of the environment,
which would measure another path than the one asked about and send secrets along it; and on a redirect
requests reads the whole body and unpacks it without bound, even if told not to follow. What is only
fetched goes by requests all the same: see `session`, which takes these habits off it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Protocol

from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from flushcheck.prober.address import Address
from flushcheck.prober.decompress import DecodeError, DecoderChain
from flushcheck.prober.messages import no_http, printable, say_answer
from flushcheck.prober.observation_builder import Ending, ObservationBuilder
from flushcheck.prober.timed_socket import (
    READ_BYTES,
    Budget,
    ByteLimitExceeded,
    DeadlineExceeded,
    TimedSocket,
    Unreachable,
    dial,
)
from flushcheck.prober.tool import USER_AGENT

# Everything that urllib3, http.client and the socket raise for what a far side did.
FAR_SIDE = (OSError, HTTPException, HTTPError)

# Of an answer that is not a stream: how much is read, and for how long, before its words are taken.
ERROR_BYTES = 64 * 1024
ERROR_S = 2.0


class Connection(HTTPConnection):
    """urllib3's connection, over a Line. TLS is the Line's affair."""

    habits: Mapping[str, str] = {"Connection": "keep-alive"}  # as browsers say, though it goes without

    def __init__(self, address: Address, allowance: Budget) -> None:
        super().__init__(address.host, address.port)
        self._address = address
        self._allowance = allowance
        self.line: TimedSocket | None = None  # the latest; the connection forgets its socket early

    def connect(self) -> None:
        self.line = dial(self._address, self._allowance)
        self.sock = self.line  # stands in for a socket

    def ask(self, path: str, headers: Mapping[str, str]) -> TimedSocket:
        """Send a GET, connecting first where that is needed.

        Args:
            path: below the service's root.
            headers: besides those that every request has.

        Returns: the line it was sent over.

        Raises:
            FAR_SIDE: see `ending`.
        """
        always = {
            "Host": self._address.authority,  # http.client leaves it out of HTTP/1.0
            "User-Agent": USER_AGENT,
            "Accept": "*/*",
            **self.habits,
        }
        self.request(
            "GET",
            self._address.path + path,
            headers={**always, **headers},
            preload_content=False,
            decode_content=False,
        )
        if self.line is None:
            raise Unreachable("no connection was made")
        return self.line

    def hang_up(self) -> None:
        """Close, also what a half-read answer still holds open."""
        self.close()
        if self.line is not None:
            self.line.close()


class OldConnection(Connection):
    """Speaks HTTP/1.0, as nginx does to its upstreams by default, and some old clients do."""

    _http_vsn = 10
    _http_vsn_str = "HTTP/1.0"
    habits: Mapping[str, str] = {}


def answered(ledger: ObservationBuilder, line: TimedSocket, response: HTTPResponse) -> None:
    """Put the header of an answer into the Ledger."""
    version = "1.0" if response.version == 10 else "1.1"
    # iteritems() gives repeated names apart, as they came.
    ledger.answered(line.read_at, response.status, version, response.headers.iteritems())


def read_whole(response: HTTPResponse, most: int) -> tuple[int, bytes]:
    """A short body: its size as it came, and its first `most` bytes unpacked.

    Raises:
        FAR_SIDE: see `ending`.
        Unpackable: it is not encoded as its header says.
    """
    chain = DecoderChain(response.headers.get("content-encoding", ""))
    size_bytes, text = 0, bytearray()
    while data := response.read1(READ_BYTES, decode_content=False):
        size_bytes += len(data)
        text += chain.feed(data)
        if len(text) >= most:
            break
    return size_bytes, bytes(text[:most])


def read_error(response: HTTPResponse, ledger: ObservationBuilder) -> bytes:
    """What an answer that is not a stream has to say, as far as it comes soon."""
    ledger.allowance.end_by(time.monotonic() + ERROR_S)
    try:
        return read_whole(response, ERROR_BYTES)[1]
    except (*FAR_SIDE, DecodeError):
        return b""


def refusal(ledger: ObservationBuilder, status: int, header: Callable[[str], str], body: bytes) -> str:
    """Words for an answer that is not a stream: where it points, or what it says.

    Args:
        ledger: takes down what the service saw of the request, if the answer tells.
        status: of the answer.
        header: gives a header of the answer, "" if it has none of that name.
        body: its beginning, unpacked.
    """
    if location := header("location"):
        return f"status {status}, redirected to {printable(location, 200)}: ask that address instead"
    error = None
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        pass
    else:
        ledger.learn_origin(data)
        error = data.get("error") if isinstance(data, dict) else None
    if isinstance(error, str):
        return f"status {status}: {printable(error, 200)}"
    return say_answer(status, header("content-type"), body)


class Answered(Protocol):
    """Whoever takes down an answer."""

    status: int  # 0: none came


def ending(error: Exception, ledger: Answered) -> tuple[Ending, str]:
    """What an exception of FAR_SIDE says about the far side.

    urllib3 wraps what http.client and the Line raised, so the first cause is looked for.
    """
    causes = [error]
    while (inner := causes[-1].__cause__ or causes[-1].__context__) and isinstance(inner, Exception):
        causes.append(inner)
    for cause in causes:
        if isinstance(cause, Unreachable):
            return Ending.UNREACHABLE, str(cause)
        if isinstance(cause, DeadlineExceeded):
            return Ending.TIME, "" if ledger.status else "not even a header"
        if isinstance(cause, ByteLimitExceeded):
            return Ending.FLOOD, str(cause)
    first = next((cause for cause in causes if isinstance(cause, HTTPException | OSError)), error)
    if ledger.status:
        return Ending.BROKEN, no_http(first)
    return Ending.UNREACHABLE, f"no answer in HTTP came: {no_http(first)}"
