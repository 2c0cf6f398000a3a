"""What is concluded from the notes of taps, as one value. Text and JSON are renderings of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flushcheck.model import Verdict


class TapPlace(StrEnum):
    """Where the cause is."""

    VIEW = "view"
    APP = "app"  # a layer between the view and the server
    SERVER = "server"  # before the app gets the request
    PATH = "path"  # between the app and the reader
    NONE = ""


class TapCause(StrEnum):
    """What kind of cause it is; each has its own words."""

    LAYER = "layer"  # it joins or delays what it gets
    SYNC_ITERATOR = "sync-iterator"  # of a view under ASGI
    ASYNC_ITERATOR = "async-iterator"  # of a view under WSGI
    EVENT_LOOP = "event-loop"  # something blocks it
    GZIP_MEMBERS = "gzip-members"  # browsers read the first one only
    ERROR = "error"  # it raises one after the header, and the response ends there
    VIEW = "view"  # it makes its response at once, or slowly
    QUEUE = "queue"  # the request waits before the app gets it
    PATH = "path"
    NONE = ""


@dataclass(frozen=True, slots=True)
class TapRung:
    """One place that the response passed, and what the layer before it did."""

    name: str  # "view", the name of a layer, or "reader"
    chunks: int
    deliveries: int  # chunks that passed together count as one
    size_bytes: int
    times_s: tuple[float, ...]  # when chunks passed, on the clock of the app; of the reader, on its own
    layer: str = ""  # where the layer is defined
    version: str = ""
    content_encoding: str = ""  # that this layer added
    waited_s: float = 0.0  # the longest time a chunk was inside of this layer
    holds: bool = False


@dataclass(frozen=True, slots=True)
class TapReport:
    """What one tapped request showed."""

    url: str
    verdict: Verdict
    headline: str
    place: TapPlace = TapPlace.NONE
    cause: TapCause = TapCause.NONE
    rungs: tuple[TapRung, ...] = ()  # from the view to the reader
    evidence: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    fix: str = ""
    queued_s: float = 0.0  # before the app got the request; the network's latency is part of it
    loop_blocked_s: float = 0.0  # all times together in which the event loop stood still
    protocol: str = ""
    server: str = ""

    @property
    def guilty(self) -> tuple[TapRung, ...]:
        """The layers that hold, from the view outwards."""
        return tuple(rung for rung in self.rungs if rung.holds)
