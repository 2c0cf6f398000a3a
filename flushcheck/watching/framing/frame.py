"""A frame: the bytes of one record, before anything is known of their meaning."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Framing(StrEnum):
    """How records are framed."""

    EVENTS = "server-sent events"
    LINES = "JSON lines"
    VALUES = "JSON values"  # one after the other, without newlines between them
    SEQUENCE = "JSON text sequence"
    ARRAY = "JSON array"
    PARTS = "multipart"
    AWS = "AWS event stream"  # of Amazon: binary messages with checksums
    PLAIN = "plain chunks"  # no known framing: every read counts as one record


@dataclass(frozen=True, slots=True)
class Frame:
    """One record as its framing separates it."""

    text: str  # its payload
    size_bytes: int  # of its payload
    name: str = ""  # the name of an event, the content type of a part
    silent: bool = False  # an event without data: parsers of browsers do not dispatch it
    last: bool = False  # not a record: the framing's own end, for example the bracket that closes an array


class FrameParser(Protocol):
    """Takes a stream apart. Fed bytes cut anywhere."""

    def __init__(self) -> None: ...

    @property
    def framing(self) -> Framing:
        """How the frames are separated, as far as is known by now."""

    @property
    def mid_frame(self) -> bool:
        """Whether the bytes so far end in the middle of a frame."""

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes and return the frames that they complete.

        Raises:
            Malformed: a frame grew past the limit, or the bytes are of another framing.
        """

    def finish(self) -> list[Frame]:
        """Return what is left when the stream has ended: a frame whose end never came."""
