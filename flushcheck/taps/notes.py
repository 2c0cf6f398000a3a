"""The notes of a live request: moment and bytes of each chunk at each tap, on one clock, within limits.

The client of the notes is `flushcheck tap`; docs/taps.md describes what it gets.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from flushcheck.taps.recorder import SERVER, BodyKind, Layer, Recorder

MAX_PLACES = 50
MAX_CHUNKS = 2000  # of one place
MAX_ALL_CHUNKS = 20_000  # of all places: 400 KB of JSON
MAX_BLOCKS = 200  # times at which the event loop stood still
MAX_TEXT = 200  # characters of a name or a header

VIEW = "view"  # the name of the innermost place


@dataclass(slots=True)
class PlaceNotes:
    """What one tap noted."""

    layer: Layer  # on the inner side of the tap
    content_encoding: str = ""
    content_length: str = ""
    body: str = ""  # a BodyKind; "" where the tap cannot see it
    header_s: float = 0.0  # when the header passed
    chunks: list[tuple[float, int]] = field(default_factory=list)  # seconds and bytes
    left_out: int = 0  # chunks beyond the limit


@dataclass(slots=True)
class NotesRecorder(Recorder):
    """Notes what passes the taps of one live request."""

    places: list[PlaceNotes] = field(default_factory=list)
    blocks: list[tuple[float, float]] = field(default_factory=list)  # of the event loop: when, for how long
    began: float = field(default_factory=time.monotonic)
    facts: dict[str, Any] = field(default_factory=dict)  # of the server
    ended_s: float | None = None  # when the response was at its end
    escaped: bool = False  # whether a fault came to the server
    _chunks: int = 0
    _outer: Layer = field(
        default_factory=lambda: Layer(VIEW)
    )  # the layer on the outer side of the tap before

    def elapsed_s(self) -> float:
        """Return the seconds since the request came to the outermost tap."""
        return time.monotonic() - self.began

    def response(self, layer: Layer, headers: Iterable[tuple[str, str]]) -> int:
        """Note that the header of the response has come to the tap inside this layer; return its number."""
        if len(self.places) >= MAX_PLACES:
            return -1
        fields = [(name.lower(), str(value)) for name, value in headers]
        values = {
            wanted: ", ".join(value for name, value in fields if name == wanted)[:MAX_TEXT]
            for wanted in ("content-encoding", "content-length")
        }
        inner, self._outer = self._outer, layer
        self.places.append(
            PlaceNotes(inner, values["content-encoding"], values["content-length"], header_s=self.elapsed_s())
        )
        return len(self.places) - 1

    def body(self, tap: int, kind: BodyKind) -> None:
        """Note what the body at this tap is."""
        if tap >= 0:
            self.places[tap].body = kind

    def chunk(self, tap: int, data: bytes) -> None:
        """Note the moment and size of one chunk; an empty one is none."""
        if not data or tap < 0:
            return
        place = self.places[tap]
        if len(place.chunks) < MAX_CHUNKS and self._chunks < MAX_ALL_CHUNKS:
            self._chunks += 1
            place.chunks.append((self.elapsed_s(), len(data)))
        else:
            place.left_out += 1

    def fault(self, tap: int, what: str, outer: Layer) -> None:
        """Note a fault of what lies inside of this tap, and whether it comes to the server."""
        Recorder.fault(self, tap, what, outer)
        self.escaped = self.escaped or outer is SERVER

    def blocked(self, at_s: float, for_s: float) -> None:
        """Note that the event loop ran no other task for so long."""
        if len(self.blocks) < MAX_BLOCKS:
            self.blocks.append((at_s, for_s))

    def document(self) -> dict[str, Any]:
        """Return the notes as a plain document."""
        return {
            **self.facts,
            "ended_s": None if self.ended_s is None else round(self.ended_s, 4),
            "loop_blocked": [[round(at_s, 4), round(for_s, 4)] for at_s, for_s in self.blocks],
            "fault": self._fault(),
            "places": [_place(place) for place in self.places],
        }

    def _fault(self) -> dict[str, Any] | None:
        """Who raised what; None where nothing was raised."""
        if not self.faults or self.faults[0][0] < 0:
            return None
        tap, what = self.faults[0]
        return {
            "name": self.places[tap].layer.name[:MAX_TEXT],
            "what": what[:MAX_TEXT],
            "escaped": self.escaped,
        }


def _place(place: PlaceNotes) -> dict[str, Any]:
    return {
        "name": place.layer.name[:MAX_TEXT],
        "layer": place.layer.path[:MAX_TEXT],
        "version": _version(place.layer.path)[:MAX_TEXT],
        "content_encoding": place.content_encoding,
        "content_length": place.content_length,
        "body": str(place.body),
        "header_s": round(place.header_s, 4),
        "chunks": [[round(at_s, 4), size] for at_s, size in place.chunks],
        "truncated": place.left_out > 0,
        "left_out": place.left_out,
    }


def _version(path: str) -> str:
    """The version of the package that defines a layer; "" for one of the app's own."""
    package = path.partition(".")[0]
    module = sys.modules.get(package)
    if not package or module is None:
        return ""
    for name in (package, package.replace("_", "-")):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return ""
