"""Server-sent events as frames. Comments and `retry` are none."""

from __future__ import annotations

from collections.abc import Iterable

from flushcheck.streaming.transports.events import Event, EventParser
from flushcheck.watching.framing.frame import Frame, Framing


class EventFrames:
    """One frame per event; one without data is `silent`, since LangServe ends with such an event."""

    framing = Framing.EVENTS

    def __init__(self) -> None:
        self._parser = EventParser(keep_silent=True)

    @property
    def mid_frame(self) -> bool:
        return self._parser.incomplete

    def feed(self, data: bytes) -> list[Frame]:
        return _frames(self._parser.feed(data))

    def finish(self) -> list[Frame]:
        """A browser drops an event whose empty line never came; here it counts, since it did arrive."""
        return _frames(self._parser.feed(b"\n\n")) if self._parser.incomplete else []


def _frames(events: Iterable[Event]) -> list[Frame]:
    return [
        Frame(event.data, len(event.data.encode(errors="replace")), event.name, silent=event.silent)
        for event in events
    ]
