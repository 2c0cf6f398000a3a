"""What the taps of one response note: which chunk passed which tap, in one order for all of them."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Passage:
    """One chunk of a body at one tap."""

    tap: int  # index into the taps of the recorder
    data: bytes


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of an app."""

    name: str  # for example "GZipMiddleware"
    path: str = ""  # where it is defined, for example "starlette.middleware.gzip.GZipMiddleware"


SERVER = Layer("the server")  # what lies outside of all layers


@dataclass(frozen=True, slots=True)
class Tap:
    """One tap of one response."""

    layer: Layer  # what lies next to it on the way to the client
    content_encoding: str = ""  # as the response had it at this tap


class BodyKind(StrEnum):
    """What a layer hands out as the body of a response."""

    WHOLE = "whole"  # a list or a string: all of it is made already
    SYNC = "sync"  # an iterator
    ASYNC = "async"  # an asynchronous iterator


@dataclass(slots=True)
class Recorder:
    """The notes of one request. Taps are numbered as the response meets them: from the view outwards."""

    taps: list[Tap] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    # How many turns other tasks get after a chunk at the innermost tap, so that a queue between two tasks is
    # empty before the next chunk is made. 0 where the response is on its way to a client.
    turns: int = 0
    faults: list[tuple[int, str]] = field(default_factory=list)  # the first one: which tap met it, what it is
    again: list[int] = field(
        default_factory=list
    )  # taps that met a second header of ASGI, the first one first

    def response(self, layer: Layer, headers: Iterable[tuple[str, str]]) -> int:
        """Note that the header of the response has come to the tap inside this layer; return its number.

        Args:
            layer: the layer on the outer side of the tap.
            headers: of the response at this tap.
        """
        encodings = (value for name, value in headers if name.lower() == "content-encoding")
        self.taps.append(Tap(layer, ", ".join(encodings)))
        return len(self.taps) - 1

    def body(self, tap: int, kind: BodyKind) -> None:
        """Note what the body at this tap is. An order needs no such note."""

    def fault(self, tap: int, what: str, outer: Layer) -> None:
        """Note what lies inside of this tap did wrong after its header: the first fault counts.

        Args:
            tap: its number.
            what: for example "raised ValueError".
            outer: the layer that gets it from this tap.
        """
        if not self.faults:
            self.faults.append((tap, what))

    def raised(self, tap: int, error: Exception, outer: Layer) -> None:
        """Note an error that comes out of what lies inside of this tap; arguments as of `fault`."""
        self.fault(tap, f"raised {type(error).__name__}", outer)

    def second_header(self, tap: int, outer: Layer) -> None:
        """Note that the header came once more. Servers raise an error then, and end the response."""
        self.again.append(tap)
        self.fault(tap, "sent a second http.response.start", outer)

    def chunk(self, tap: int, data: bytes) -> None:
        """Note one chunk of the body at this tap; an empty one is none."""
        if data:
            self.passages.append(Passage(tap, data))


# The notes of the request that this thread or task works on; None for a request without taps. For the taps
# of Flask and Django: they are made once, and serve every request.
RECORDER: ContextVar[Recorder | None] = ContextVar("flushcheck_recorder", default=None)
