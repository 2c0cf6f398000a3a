"""One Observation while it is made: a Capture that takes down pieces, and the words for how it ended.

The probers (streams, polling, websocket) put in what arrived and when; nothing here touches a socket.
Whatever the peer sends, a builder stays bounded and can be closed into an Observation that `codec` takes:
numbers are ordinary, texts are short, lists are limited. Moments are rounded to the microsecond, as they
are in a saved run: a run and the same run read back from a file get one verdict.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from flushcheck.model import (
    EndRecord,
    Observation,
    Outcome,
    Piece,
    Probe,
    ReceivedPiece,
    RequestAtApp,
    Transport,
    UsageError,
)
from flushcheck.model.codec import MAX_NUMBER, from_json
from flushcheck.model.wording import count_of
from flushcheck.prober.capture import Capture, EndDetail, StopReason
from flushcheck.prober.http_client import Response
from flushcheck.prober.messages import describe_response, format_seconds
from flushcheck.streaming.transports import Malformed, decoder

MAX_PIECES = 1_000  # the largest probe has 40

# How long the body may go on after the end record.
GRACE_S = 0.5

# Up to so many lines in one read are decoded one by one: 100 events. A flood of line ends is not.
MAX_LINES = 400

_HEAD_BYTES = 512  # of a body, without its padding, kept to say what arrived

# How a flushcheck stream begins in the delta framing, white space (padding) left out.
_BEGINNINGS = {
    Transport.CHUNKED: (b"{",),
    Transport.EVENTS: (b"id:", b"event:", b"data:", b"retry:", b":"),
}


class ObservationBuilder(Capture):
    """One Observation in the making."""

    def __init__(self, probe: Probe, *, now: float, deadline: float, secrets: tuple[str, ...] = ()) -> None:
        """Open it: see `Capture`."""
        super().__init__(probe, now=now, deadline=deadline, secrets=secrets)
        self._decoder = decoder(Transport.CHUNKED)
        self.on_response: Callable[[Response], None] | None = None  # called with the header of the response
        self.end: EndRecord | None = None
        self.request_at_app: RequestAtApp | None = None
        self.head = b""  # how the text begins
        self._seqs: list[int] = []

    def responded(self, response: Response) -> None:
        """Take down the header of the response: see `Capture`."""
        super().responded(response)
        if self.on_response is not None:
            self.on_response(response)

    @property
    def pieces(self) -> int:
        """How many pieces arrived."""
        return len(self._seqs)

    def arrived(
        self,
        moment: float,
        size_bytes: int,
        text: bytes,
        *,
        frame_bytes: Iterable[int] = (),
        record_bytes: Iterable[int] = (),
    ) -> None:
        """Take down what a read returned, and how the text begins: see `Capture`."""
        if len(self.head) < _HEAD_BYTES:
            self.head = (self.head + text).lstrip()[:_HEAD_BYTES]
        super().arrived(moment, size_bytes, text, frame_bytes=frame_bytes, record_bytes=record_bytes)

    def open_body(self) -> None:
        """Prepare for a stream over plain HTTP: see `Capture`."""
        super().open_body()
        self._decoder = decoder(self.probe.transport)

    def parse(self, text: bytes) -> None:
        """Take down the records that the last read of a stream completed.

        Raises:
            Malformed: the service sends no such records.
        """
        # Line by line, so that the records before a line that is not a record still count.
        few = text.count(b"\n") <= MAX_LINES
        for part in text.splitlines(keepends=True) if few else [text]:
            self.completed(self._decoder.feed(part))

    def enough(self) -> EndDetail | None:
        """Say why the reading of a stream has to stop before its end; None if it goes on."""
        if self.is_unrelated_body():
            return EndDetail(StopReason.UNRELATED)
        if self.end is not None:
            self.budget.end_by(time.monotonic() + GRACE_S)
        return None

    def finish(self) -> None:
        """Take down that the body has ended: nothing of a record may be left then."""

    def completed(self, records: Iterable[Piece | EndRecord], *, sent_s: float | None = None) -> None:
        """Take down the records that the last read completed.

        Args:
            records: in order.
            sent_s: when the pieces were sent; None: as they say.

        Raises:
            Malformed: the service sends no such records.
        """
        for record in records:
            if isinstance(record, EndRecord):
                self.end, self.request_at_app = record, record.request_at_app
            else:
                self._arrivals[-1].pieces.append(self._received(record, sent_s))

    def _received(self, piece: Piece, sent_s: float | None) -> ReceivedPiece:
        if len(self._seqs) >= MAX_PIECES:
            raise Malformed(f"more than {MAX_PIECES} pieces")
        # JSON as Python reads it knows NaN and numbers of any length.
        if not (abs(piece.seq) < MAX_NUMBER and math.isfinite(piece.at_s) and abs(piece.at_s) < MAX_NUMBER):
            raise Malformed("a piece with an impossible number")
        self._seqs.append(piece.seq)
        moment_s = round(piece.at_s if sent_s is None else sent_s, 6)
        return ReceivedPiece(piece.seq, moment_s, len(piece.text.encode()))

    def is_unrelated_body(self) -> bool:
        """Whether the text so far is certainly not a flushcheck stream."""
        beginnings = _BEGINNINGS.get(self.probe.transport)
        head = self.head.removeprefix(b"\xef\xbb\xbf")
        if beginnings is None or self._seqs or self.end is not None or not head:
            return False
        return not any(head.startswith(begin) or begin.startswith(head) for begin in beginnings)

    def learn_request_at_app(self, data: object) -> None:
        """Take what the app saw of the request out of a JSON error of the service, if it is there."""
        if isinstance(data, dict) and "request_at_app" in data:
            try:
                self.request_at_app = from_json(RequestAtApp, data["request_at_app"])
            except UsageError:
                return  # not a flushcheck service: says nothing

    def close(
        self, end: EndDetail, *, now: float, requested_s: float = 0.0, stall_s: float = 0.0
    ) -> Observation:
        """Return the Observation: see `Capture`."""
        seen = super().close(end, now=now, requested_s=requested_s, stall_s=stall_s)
        return replace(seen, end=self.end, request_at_app=self.request_at_app)

    def _outcome(self, end: EndDetail) -> tuple[Outcome, str]:
        if end.reason is StopReason.UNREACHABLE:
            return Outcome.UNREACHABLE, end.detail
        if end.reason is StopReason.REFUSED:
            return Outcome.REFUSED, end.detail
        if self.end is not None:
            if self._seqs == list(range(self.end.count)):
                return Outcome.COMPLETE, end.detail
            return (
                Outcome.CUT,
                f"the end record counts {count_of(self.end.count, 'piece')}; {self._count_pieces()}",
            )
        after = f"; {end.detail}" if end.detail else ""
        if not self._seqs and (end.reason is StopReason.UNRELATED or self.is_unrelated_body()):
            head = self.hide(self.head.decode(errors="replace"))
            response = describe_response(self.status, self.header("content-type"), head)
            return Outcome.REFUSED, f"not a flushcheck stream: {response}{after}"
        pieces = self._count_pieces()
        match end.reason:
            case StopReason.DEADLINE:
                return Outcome.TIMEOUT, f"no end within {format_seconds(self.timeout_s)}; {pieces}{after}"
            case StopReason.BYTE_LIMIT:
                outcome = Outcome.STOPPED if self._seqs else Outcome.REFUSED
                return outcome, f"stopped, because the response did not end; {pieces}{after}"
            case StopReason.UNRELATED:
                return Outcome.CUT, f"{pieces}, then data that is not from flushcheck{after}"
        how = "ended" if end.reason is StopReason.ENDED else "broke off"
        return Outcome.CUT, f"the response {how} without an end record; {pieces}{after}"

    def _count_pieces(self) -> str:
        arrived = f"{count_of(len(self._seqs), 'piece')} arrived"
        misplaced = next((seq for index, seq in enumerate(self._seqs) if seq != index), None)
        return arrived if misplaced is None else f"{arrived}, number {misplaced} out of order"
