"""The notes of taps as `flushcheck tap` reads them: JSON of an app that may say anything.

The format is that of `fc=tap` in the origin protocol. Members that are not known are passed over; what is
known is bounded and checked, so that the rules meet numbers in order and short texts only.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from flushcheck.model import UsageError

MAX_PLACES = 50
MAX_CHUNKS = 2000  # of one place
MAX_BLOCKS = 200
MAX_TEXT = 200  # characters
MAX_S = 86_400.0  # of a moment
MAX_BYTES = 2**40  # of a chunk

VIEW = "view"


class NotesError(UsageError):
    """What came is no notes; the message says why."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk at one tap."""

    at_s: float  # on the app's clock, since the request came to the outermost tap
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Place:
    """What one tap noted."""

    name: str  # of the layer from which the chunks come; VIEW for the innermost
    chunks: tuple[Chunk, ...]
    layer: str = ""  # where that layer is defined, for example "flask_compress.flask_compress.Compress"
    version: str = ""  # of its package
    content_encoding: str = ""
    content_length: str = ""
    body: str = ""  # "whole", "sync" or "async"; "" if not known
    truncated: bool = False  # chunks were left out


@dataclass(frozen=True, slots=True)
class Block:
    """A time in which the event loop ran no other task."""

    at_s: float
    for_s: float


@dataclass(frozen=True, slots=True)
class Fault:
    """What a layer did wrong after its header had left; no fault without a name."""

    name: str = ""  # of the layer, VIEW for the view
    what: str = ""  # for example "raised ValueError"
    escaped: bool = False  # whether it came to the server


@dataclass(frozen=True, slots=True)
class TapNotes:
    """The notes of one request, from the view outwards."""

    places: tuple[Place, ...]
    protocol: str = ""  # "wsgi", "asgi"; "" if not known
    server: str = ""
    blocks: tuple[Block, ...] = ()
    fault: Fault = Fault()


def notes_from_text(text: str) -> TapNotes:
    """Return the notes in a JSON text.

    Raises:
        NotesError: it has none.
    """
    try:
        return notes_from_json(json.loads(text))
    except (ValueError, RecursionError) as error:
        if isinstance(error, NotesError):
            raise
        raise NotesError('no notes of taps: expected a JSON object with "places"') from None


def notes_from_json(data: Any) -> TapNotes:
    """Return the notes in a document.

    Raises:
        NotesError: it has none.
    """
    if not isinstance(data, dict) or not isinstance(data.get("places"), list):
        raise NotesError('no notes of taps: expected a JSON object with "places"')
    items = data["places"]
    if len(items) > MAX_PLACES:
        raise NotesError(f"{len(items)} places: expected at most {MAX_PLACES}")
    blocks = data.get("loop_blocked")
    return TapNotes(
        tuple(_place(number, item) for number, item in enumerate(items)),
        protocol=_text(data.get("protocol")),
        server=_text(data.get("server")),
        fault=_fault(data.get("fault")),
        blocks=tuple(
            Block(at_s, for_s)
            for at_s, for_s in _pairs(blocks if isinstance(blocks, list) else [], "loop_blocked", MAX_BLOCKS)
        ),
    )


def _fault(item: Any) -> Fault:
    if not isinstance(item, dict):
        return Fault()
    return Fault(_text(item.get("name")), _text(item.get("what")), escaped=item.get("escaped") is True)


def _place(number: int, item: Any) -> Place:
    what = f"places[{number}]"
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise NotesError(f'{what}: expected an object with "name" and "chunks"')
    chunks = item.get("chunks")
    if not isinstance(chunks, list):
        raise NotesError(f'{what}: expected "chunks", a list of [seconds, bytes]')
    before_s, read = 0.0, []
    for at_s, size in _pairs(chunks, f"{what}.chunks", MAX_CHUNKS):
        if at_s < before_s:
            raise NotesError(f"{what}.chunks: {at_s:g} s comes after {before_s:g} s; expected one clock")
        before_s = at_s
        read.append(Chunk(at_s, int(size)))
    return Place(
        _text(item["name"]) or "?",
        tuple(read),
        layer=_text(item.get("layer")),
        version=_text(item.get("version")),
        content_encoding=_text(item.get("content_encoding")).lower(),
        content_length=_text(item.get("content_length")),
        body=_text(item.get("body")),
        truncated=item.get("truncated") is True,
    )


def _pairs(items: list[Any], what: str, maximum: int) -> list[tuple[float, float]]:
    """The two numbers of each item.

    Raises:
        NotesError: there are too many, or one is not two numbers within limits.
    """
    if len(items) > maximum:
        raise NotesError(f"{what}: {len(items)} items; expected at most {maximum}")
    pairs = []
    for item in items:
        if not isinstance(item, list) or len(item) != 2 or not all(map(_is_number, item)):
            raise NotesError(f"{what}: expected two numbers in each item, for example [0.012, 31]")
        if not (0 <= item[0] <= MAX_S and 0 <= item[1] <= MAX_BYTES):
            raise NotesError(f"{what}: a number is out of range; expected 0 to {MAX_S:g} s")
        pairs.append((float(item[0]), float(item[1])))
    return pairs


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and (
        isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    )


def _text(value: Any) -> str:
    return value[:MAX_TEXT] if isinstance(value, str) else ""
