"""What an origin says that it can do, and what a run leaves out because of it. See docs/protocol.md."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flushcheck.model.pieces import Transport
from flushcheck.model.probes import Probe


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an origin offers, within its own bounds. Text may be hostile: escape it where it is rendered."""

    transports: tuple[Transport, ...]
    max_streams: int  # requests at the same time
    max_duration_s: float  # of one stream
    max_bytes: int  # of one stream
    params: tuple[str, ...] = ()  # the optional parameters that it takes
    origin: str = ""  # program, version and server, for people
    until: str = ""  # the last day on which it responds, YYYY-MM-DD
    place: str = ""  # where it stands in the app: "inner" or "outer"; "": it does not say
    layers: tuple[str, ...] = ()  # of the app, from the outermost to this place
    flush: tuple[str, ...] = ()  # how it can flush, weakest first
    taps: bool = False
    paths: bool = False  # the address is the root of a flushcheck service, with its own paths


class OmissionReason(StrEnum):
    """Why a probe was not made."""

    NOT_OFFERED = "not-offered"  # the origin does not take its parameter, or not this transport
    TOO_LONG = "too-long"  # for the origin
    TOO_LARGE = "too-large"  # for the origin
    AT_ONCE = "at-once"  # the origin serves fewer requests at the same time
    NO_TIME = "no-time"  # the time limit of the run came first


@dataclass(frozen=True, slots=True)
class Omission:
    """A probe that a run called for, and that was not made."""

    probe: Probe
    reason: OmissionReason
