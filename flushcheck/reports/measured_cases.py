"""What real servers do to a stream: the cases of the laboratory. What was not measured is not in them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Protocol(StrEnum):
    """How the client asked."""

    PLAIN = "HTTP/1.1"
    TLS = "HTTP/1.1 over TLS"
    HTTP2 = "HTTP/2"
    HTTP3 = "HTTP/3"


@dataclass(frozen=True, slots=True)
class MeasuredStreams:
    """What a client of one protocol gets of each transport: "flows", "held", "blocks of 4123 bytes".

    An empty string was not measured.
    """

    protocol: Protocol
    polling: str = ""
    chunked: str = ""
    events: str = ""
    websocket: str = ""


@dataclass(frozen=True, slots=True)
class MeasuredFix:
    """The line that frees the streams of a case."""

    culprit: str  # its id
    where: str
    change: str  # text to paste, one or more lines


@dataclass(frozen=True, slots=True)
class MeasuredCase:
    """One configuration of one program in one version, and what it does."""

    program: str  # as it writes its name, for example "HAProxy"
    version: str  # for example "2.6.12"
    name: str  # of the case, for example "haproxy/default"
    summary: str
    configuration: str  # the file as it was measured
    behind: str  # what responds to it, for example "gunicorn"
    streams: tuple[MeasuredStreams, ...]  # one row a protocol that the case offers
    culprits: tuple[str, ...] = ()  # ids; several are causes that look the same from outside
    fixes: tuple[MeasuredFix, ...] = ()

    @property
    def command(self) -> str:
        """What measures it again, in a checkout."""
        return f"make lab CASE={self.name}"


@dataclass(frozen=True, slots=True)
class MeasuredTable:
    """All measured cases, by program, version and name."""

    cases: tuple[MeasuredCase, ...]
