"""Records out of the bytes of any stream: frames by its framing, meanings by its wire format.

Both show only while the stream runs. Framing is decided once, by the first bytes (`framing.sniff`); the
wire format by the first record that only one format can have. Until then, and where there is none, records
are read as those of no particular format (`formats.generic`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from flushcheck.streaming.transports.records import Malformed
from flushcheck.watching.formats import recognise
from flushcheck.watching.formats.generic import plain_format, read_any
from flushcheck.watching.formats.wire_format import TOKEN_KINDS, Payload, RecordKind, WireFormat
from flushcheck.watching.framing import frame_parser
from flushcheck.watching.framing.frame import Frame, FrameParser, Framing
from flushcheck.watching.framing.sniff import promises_lines, sniff

__all__ = ["Framing", "Record", "RecordKind", "RecordParser"]

# A format shows within so many records; the first ones may be an error, or pings.
_RECOGNISED_WITHIN = 50


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it arrived."""

    text: str  # what a person would be shown of it: the delta, where its place is known
    size_bytes: int  # of the record's payload
    kind: RecordKind = RecordKind.CONTENT
    ends: bool = False  # with it the stream is complete, by the rules of its format
    output_tokens: int = 0  # that the service counted by now; 0: the record does not say
    finishes: bool = False  # it says why the model stopped
    # How many feeds before the one that gave it out it was complete: the first reads of a plain stream wait
    # until it is clear that it has no framing.
    feeds_ago: int = 0

    @property
    def counts(self) -> bool:
        """Whether it is a record of the stream's own, and neither a ping nor an end marker."""
        return self.kind not in (RecordKind.PING, RecordKind.DONE)

    @property
    def is_token(self) -> bool:
        """Whether it brings something that a model made."""
        return self.kind in TOKEN_KINDS


class RecordParser:
    """Records out of a stream whose format shows only while it runs. Fed bytes cut anywhere."""

    def __init__(self, content_type: str) -> None:
        """Begin.

        Args:
            content_type: of the response, with its parameters; "" if it has none.
        """
        self._content_type = content_type
        self._withheld: list[bytes] = []  # what was fed before the framing was known
        self._frames: FrameParser | None = None
        self._known: WireFormat | None = None
        self._seen = 0  # records in which a format was looked for
        self._given_out = 0
        self._withheld_feeds = 0
        self.is_document = False  # known at the end: one JSON value in several feeds was all there was

    @property
    def framing(self) -> Framing | None:
        """How records are framed; None while that is not known."""
        return self._frames.framing if self._frames else None

    @property
    def format(self) -> WireFormat:
        """What records mean."""
        return self._known or plain_format(self.framing or Framing.PLAIN)

    @property
    def mid_record(self) -> bool:
        """Whether the bytes so far end in the middle of a record."""
        return self._frames.mid_frame if self._frames else bool(b"".join(self._withheld).strip())

    def feed(self, data: bytes) -> list[Record]:
        """Take the next bytes and return the records they completed.

        A record that grows past the limit is of no known format: from there on the stream is plain.
        """
        if self._frames is not None:
            return self._feed(self._frames, data)
        self._withheld += [data] if data else []
        framing = sniff(b"".join(self._withheld), self._content_type)
        return [] if framing is None else self._begin(framing)

    def finish(self) -> list[Record]:
        """Return what is left at the end: a record without its end, or bytes of no known format.

        A single JSON value that came in several feeds is a document, and a stream without framing.
        """
        records: list[Record] = []
        if self._frames is None and self._withheld:
            head = b"".join(self._withheld)
            records = self._begin(sniff(head, self._content_type, ended=True) or Framing.PLAIN)
        records += [self._record(frame) for frame in (self._frames.finish() if self._frames else ())]
        is_single = self.framing is Framing.LINES and self._given_out == 1 and self._known is None
        if is_single and self._withheld_feeds > 1 and not promises_lines(self._content_type):
            self.is_document, self._frames = True, frame_parser(Framing.PLAIN)
        return records

    def _begin(self, framing: Framing) -> list[Record]:
        """Parse what was withheld: each feed by itself in a plain stream, else all of it as one text."""
        is_plain = framing is Framing.PLAIN
        self._withheld_feeds = len(self._withheld)
        parts = self._withheld if is_plain else [b"".join(self._withheld)]
        self._withheld = []
        self._frames = frame_parser(framing)
        return [
            replace(record, feeds_ago=len(parts) - 1 - number)
            for number, part in enumerate(parts)
            for record in self._feed(self._frames, part)
        ]

    def _feed(self, frames: FrameParser, data: bytes) -> list[Record]:
        try:
            return [self._record(frame) for frame in frames.feed(data)]
        except Malformed:
            self._frames, self._known = frame_parser(Framing.PLAIN), None
            return [self._record(frame) for frame in self._frames.feed(data)]

    def _record(self, frame: Frame) -> Record:
        self._given_out += 1
        payload = Payload(frame, _loads(frame.text))
        if self._known is None and self._seen < _RECOGNISED_WITHIN and self._frames:
            self._known = recognise(payload, self._frames.framing)
            self._seen += 1
        meaning = (self._known.read(payload) if self._known else None) or read_any(payload)
        return Record(
            meaning.text,
            frame.size_bytes,
            meaning.kind,
            meaning.ends,
            meaning.output_tokens,
            meaning.finishes or meaning.kind is RecordKind.FINISH,
        )


def _loads(text: str) -> Any:
    """Return parsed JSON; None where the text is not JSON."""
    if not text.lstrip().startswith(("{", "[", '"')):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
