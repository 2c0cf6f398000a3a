"""What is seen of one request while it is made, and the reasons for which its reading stops.

`observation_builder` captures a probe of a flushcheck service, `watching` the stream of any other app: the
two differ in how records come out of the bytes, not in how bytes, moments and limits are kept.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from flushcheck.prober.http_client import Response, SentRequest
from flushcheck.prober.messages import describe_error, printable
from flushcheck.prober.timed_socket import (
    Budget,
    ByteLimitExceeded,
    DeadlineExceeded,
    PeerDelay,
    Unreachable,
)

MAX_HEADERS = 100
MAX_SETTINGS = 100
MAX_NAME = 100  # characters of the name of a header
MAX_VALUE = 500  # characters of its value: enough for every header that says something about the path


class StopReason(Enum):
    """Why the reading stopped."""

    ENDED = auto()  # the peer ended the response, by the rules of its protocol
    BROKEN = auto()  # the connection or the protocol broke
    DEADLINE = auto()
    BYTE_LIMIT = auto()  # more arrived than is taken in
    UNRELATED = auto()  # what arrived is not a flushcheck stream
    REFUSED = auto()  # the response is not a stream
    UNREACHABLE = auto()  # there was no response


class EndDetail(NamedTuple):
    """Why the reading stopped, and what else there is to say about it."""

    reason: StopReason
    detail: str = ""


class Capture:
    """One request while it is made. One thread writes; another may read when it stops waiting."""

    def __init__(self, *, now: float, deadline: float) -> None:
        """Open it.

        Args:
            now: time.monotonic(); stands for the moment of the request until that was sent.
            deadline: when it has to be over, same clock.
        """
        self.budget = Budget(deadline)
        self.timeout_s = deadline - now
        self.began = now
        self.connect_s = 0.0
        self.alpn = ""
        self.tls_version = ""
        self.settings: tuple[tuple[int, int], ...] = ()
        self.headers_s = 0.0
        self.status = 0
        self.http_version = ""
        self.headers: tuple[tuple[str, str], ...] = ()

    def at_s(self, moment: float) -> float:
        """Convert a moment of time.monotonic() to seconds since the request, to the microsecond."""
        return round(moment - self.began, 6)

    def requested(self, sent: SentRequest) -> None:
        """Take down that the request was sent: from here on the seconds count."""
        self.began = sent.moment
        self.connect_s = round(sent.connect_s, 6)
        self.alpn = printable(sent.alpn, MAX_NAME)
        self.tls_version = sent.tls_version
        self.settings = sent.settings[:MAX_SETTINGS]

    def responded(self, response: Response) -> None:
        """Take down the header of the response."""
        self.headers_s = self.at_s(response.moment)
        self.status = response.status
        self.http_version = response.http_version
        pairs = [(name[:MAX_NAME], value[:MAX_VALUE]) for name, value in response.headers]
        self.headers = tuple(pairs[:MAX_HEADERS])

    def header(self, name: str) -> str:
        """Return the value of a header of the response, "" if there is none."""
        return ", ".join(value for key, value in self.headers if key == name)

    def failed(self, error: Exception) -> EndDetail:
        """Say why the reading stopped, from one of PEER_ERRORS."""
        match error:
            case Unreachable():
                return EndDetail(StopReason.UNREACHABLE, str(error))
            case PeerDelay():
                return EndDetail(StopReason.DEADLINE, str(error))
            case DeadlineExceeded():
                return EndDetail(StopReason.DEADLINE, "" if self.status else "no response header arrived")
            case ByteLimitExceeded():
                return EndDetail(StopReason.BYTE_LIMIT, str(error))
            case _ if self.status:
                return EndDetail(StopReason.BROKEN, describe_error(error))
        return EndDetail(StopReason.UNREACHABLE, f"no HTTP response arrived: {describe_error(error)}")
