"""All that was seen of one stream of the user's own app, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flushcheck.model import Arrival
from flushcheck.watching.records import StreamFormat
from flushcheck.watching.tokens import TimedRecord


class WatchOutcome(StrEnum):
    """How the reading of a stream ended."""

    ENDED = "ended"  # by the rules of its protocol
    CLOSED = "closed"  # the connection was closed, which ended it: one that was cut looks the same
    CUT = "cut"
    STOPPED = "stopped"  # a limit was reached, or the user interrupted it
    REFUSED = "refused"  # the response is not a stream
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class StreamCapture:
    """All that was seen of one stream."""

    url: str
    outcome: WatchOutcome
    detail: str = ""
    verified: bool = True  # False: whose certificate it was did not matter
    status: int = 0
    http_version: str = ""
    headers: tuple[tuple[str, str], ...] = ()  # names in lower case
    connect_s: float = 0.0
    headers_s: float = 0.0  # since the request was sent, as all moments
    ended_s: float = 0.0
    format: StreamFormat = StreamFormat.PLAIN
    wire_format: str = StreamFormat.PLAIN.value  # what its records mean: the name of a `formats.WireFormat`
    wire_end: str = ""  # what a stream of that format ends with; "": nothing
    done: bool = False  # the end of its format came
    records: tuple[TimedRecord, ...] = ()  # all of them, pings and end markers too
    arrivals: tuple[Arrival, ...] = ()  # a ReceivedPiece for each record; when it was sent is not known
    mid_record: tuple[bool, ...] = ()  # for each arrival: whether it ends in the middle of a record

    def header(self, name: str) -> str:
        """Return the value of a response header, "" if there is none."""
        return ", ".join(value for key, value in self.headers if key == name)
