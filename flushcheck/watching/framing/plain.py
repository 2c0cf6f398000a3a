"""No known framing: each read is a frame."""

from __future__ import annotations

import codecs

from flushcheck.watching.framing.frame import Frame, Framing


class PlainFrames:
    """One frame per feed; half of a character waits for its other half."""

    framing = Framing.PLAIN
    mid_frame = False

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes) -> list[Frame]:
        text = self._decoder.decode(data)
        return [Frame(text, len(data))] if data else []

    def finish(self) -> list[Frame]:
        return []
