"""One Observation while it is made: a Capture that takes down pieces, and the words for how it ended.

The probers (streams, polling, websocket) put in what arrived and when; nothing here touches a socket.
Whatever the peer sends, a builder stays bounded and can be closed into an Observation that `codec` takes:
numbers are ordinary, texts are short, lists are limited. Moments are rounded to the microsecond, as they
are in a saved run: a run and the same run read back from a file get one verdict.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from flushcheck.model import (
    Arrival,
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
from flushcheck.prober.messages import MAX_DETAIL, describe_response, format_seconds, printable
from flushcheck.prober.timed_socket import SocketRead
from flushcheck.streaming.transports import Malformed

# The largest probe makes 24 pieces of 16 kB: 270 reads of one network packet each.
MAX_ARRIVALS = 4_000
MAX_PIECES = 1_000  # the largest probe has 40

# Sizes of frames, and of TLS records, that are kept of one observation: the largest probe causes 300 of each.
MAX_SIZES = 1_000

_HEAD_BYTES = 512  # of a body, without its padding, kept to say what arrived

# How a flushcheck stream begins in the delta framing, white space (padding) left out.
_BEGINNINGS = {
    Transport.CHUNKED: (b"{",),
    Transport.EVENTS: (b"id:", b"event:", b"data:", b"retry:", b":"),
}


@dataclass(slots=True)
class _Arrival:
    """An Arrival in the making."""

    moment: float
    size_bytes: int = 0
    text_bytes: int = 0
    pieces: list[ReceivedPiece] = field(default_factory=list)
    frame_bytes: list[int] = field(default_factory=list)
    record_bytes: list[int] = field(default_factory=list)


class ObservationBuilder(Capture):
    """One Observation in the making."""

    def __init__(self, probe: Probe, *, now: float, deadline: float, secrets: tuple[str, ...] = ()) -> None:
        """Open it: see `Capture`."""
        super().__init__(now=now, deadline=deadline, secrets=secrets)
        self.probe = probe
        self.on_response: Callable[[Response], None] | None = None  # called with the header of the response
        self.end: EndRecord | None = None
        self.request_at_app: RequestAtApp | None = None
        self.head = b""  # how the text begins
        self._arrivals: list[_Arrival] = []
        self._seqs: list[int] = []
        self._sizes_left = {"frame": MAX_SIZES, "record": MAX_SIZES}

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
        """Take down what a read returned.

        Args:
            moment: of the read, time.monotonic(). What has the moment of the last one is more of the same
                read, which the protocol above the socket yields in parts.
            size_bytes: body bytes, before decompression.
            text: the same after decompression.
            frame_bytes: sizes of its HTTP/2 DATA frames.
            record_bytes: sizes of the TLS records that it completed.

        Raises:
            Malformed: there were more reads than a flushcheck stream can cause.
        """
        if len(self.head) < _HEAD_BYTES:
            self.head = (self.head + text).lstrip()[:_HEAD_BYTES]
        if not self._arrivals or self._arrivals[-1].moment != moment:
            if len(self._arrivals) >= MAX_ARRIVALS:
                raise Malformed(f"more than {MAX_ARRIVALS} reads")
            self._arrivals.append(_Arrival(moment))
        self._arrivals[-1].size_bytes += size_bytes
        arrival = self._arrivals[-1]
        arrival.text_bytes += len(text)
        arrival.frame_bytes += self._kept("frame", frame_bytes)
        arrival.record_bytes += self._kept("record", record_bytes)

    def took(self, read: SocketRead, text: bytes) -> None:
        """Take down one read of a body, with its text after decompression: see `arrived`."""
        frame_bytes = (read.frame_bytes,) if read.frame_bytes else ()
        self.arrived(
            read.moment, len(read.data), text, frame_bytes=frame_bytes, record_bytes=read.record_bytes
        )

    def _kept(self, kind: str, sizes: Iterable[int]) -> list[int]:
        """Return as many of these sizes as there is room for."""
        kept = list(sizes)[: self._sizes_left[kind]]
        self._sizes_left[kind] -= len(kept)
        return kept

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

    def on_deadline(self) -> EndDetail:
        """Say how a probe ends that is not done when the caller stops waiting for it."""
        if self.connect_s:
            return EndDetail(StopReason.DEADLINE)
        return EndDetail(StopReason.UNREACHABLE, f"no connection within {format_seconds(self.timeout_s)}")

    def close(
        self, end: EndDetail, *, now: float, requested_s: float = 0.0, stall_s: float = 0.0
    ) -> Observation:
        """Return the Observation.

        Args:
            end: why the reading stopped.
            now: when it stopped, time.monotonic().
            requested_s: when the request was sent, seconds since the run began.
            stall_s: the longest time the observer was kept from running meanwhile.
        """
        outcome, detail = self._outcome(end)
        return Observation(
            probe=self.probe,
            outcome=outcome,
            detail=printable(self.hide(detail), MAX_DETAIL),
            status=self.status,
            http_version=self.http_version,
            headers=self.headers,
            requested_s=round(requested_s, 6),
            connect_s=self.connect_s,
            headers_s=self.headers_s,
            ended_s=self.at_s(now),
            stall_s=round(stall_s, 6),
            arrivals=tuple(
                Arrival(
                    self.at_s(arrival.moment),
                    arrival.size_bytes,
                    arrival.text_bytes,
                    tuple(arrival.pieces),
                    tuple(arrival.frame_bytes),
                    tuple(arrival.record_bytes),
                )
                for arrival in self._arrivals
            ),
            end=self.end,
            request_at_app=self.request_at_app,
            alpn=self.alpn,
            tls_version=self.tls_version,
            settings=self.settings,
            queued_s=self.queued_s,
        )

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
