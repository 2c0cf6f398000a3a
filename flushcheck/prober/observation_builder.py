"""What one Observation takes down while it is made, and the words for how it ended.

The hands that read (streams, polling, websocket) put in what came and when; nothing here touches a
socket. Whatever the far side sends, a Ledger stays bounded and can be closed into an Observation that
`codec` takes: numbers are ordinary, texts are short, lists are not endless.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto

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
from flushcheck.prober.messages import MAX_DETAIL, printable, say_answer, seconds
from flushcheck.prober.timed_socket import Budget, TimedSocket
from flushcheck.streaming.transports import Malformed

# The largest Probe makes 24 Pieces of 16 kB: 270 reads of one network packet each.
MAX_ARRIVALS = 4_000
MAX_PIECES = 1_000  # the largest Probe has 40

MAX_HEADERS = 100  # http.client stops there too
MAX_HEADER = 500  # characters of one value: enough for every one that says something about the path

_HEAD_BYTES = 512  # of a body, without its padding, kept to say what came

# How a body of ours begins in the delta framing, white space (padding) left out.
_BEGINNINGS = {
    Transport.CHUNKED: (b"{",),
    Transport.EVENTS: (b"id:", b"event:", b"data:", b"retry:", b":"),
}


class Ending(Enum):
    """What made the reading stop."""

    ENDED = auto()  # the far side ended it, by the rules of its protocol
    BROKEN = auto()  # the connection or the protocol broke
    TIME = auto()  # the deadline came
    FLOOD = auto()  # more came than an Observation takes in
    FOREIGN = auto()  # what came is not a stream of ours
    REFUSED = auto()  # the answer says no
    UNREACHABLE = auto()  # there was no answer


Told = tuple[Ending, str]  # what made the reading stop, and words for it ("" for none)


@dataclass(slots=True)
class _Read:
    """An Arrival in the making."""

    read_at: float
    size_bytes: int = 0
    text_bytes: int = 0
    pieces: list[ReceivedPiece] = field(default_factory=list)


class ObservationBuilder:
    """One Observation in the making."""

    def __init__(self, probe: Probe, *, now: float, deadline: float) -> None:
        """Open it.

        Args:
            probe: what is observed.
            now: time.monotonic(); stands for the moment of the request until that was sent.
            deadline: when it has to be over, same clock.
        """
        self.probe = probe
        self.allowance = Budget(deadline)
        self.began = now
        self.timeout_s = deadline - now
        self.status = 0
        self.http_version = ""
        self.end: EndRecord | None = None
        self.request_at_app: RequestAtApp | None = None
        self.head = b""  # how the text begins
        self._connect_s = 0.0
        self._headers_s = 0.0
        self._headers: tuple[tuple[str, str], ...] = ()
        self._reads: list[_Read] = []
        self._seqs: list[int] = []

    @property
    def pieces(self) -> int:
        """How many Pieces came."""
        return len(self._seqs)

    def asked(self, line: TimedSocket) -> None:
        """The request was sent over this line: from here on the seconds count."""
        self.began = line.sent_at
        self._connect_s = line.connect_s

    def at_s(self, moment: float) -> float:
        """A moment of time.monotonic() in this Observation's seconds."""
        return moment - self.began

    def answered(
        self, read_at: float, status: int, http_version: str, headers: Iterable[tuple[str, str]]
    ) -> None:
        """The header of the answer came."""
        self._headers_s = self.at_s(read_at)
        self.status = status
        self.http_version = http_version
        pairs = [(name.lower()[:100], value[:MAX_HEADER]) for name, value in headers]
        self._headers = tuple(pairs[:MAX_HEADERS])

    def header(self, name: str) -> str:
        """The value of a header of the answer, "" if it did not come."""
        return ", ".join(value for key, value in self._headers if key == name)

    def arrived(self, read_at: float, size_bytes: int, text: bytes) -> None:
        """One read brought this.

        Args:
            read_at: the moment of the read, time.monotonic(). What has the moment of the last one is
                more of the same read, given out in parts by a parser above the socket.
            size_bytes: body bytes, before decompression.
            text: the same after decompression.

        Raises:
            Malformed: there were more reads than a stream of ours can make.
        """
        if len(self.head) < _HEAD_BYTES:
            self.head = (self.head + text).lstrip()[:_HEAD_BYTES]
        if not self._reads or self._reads[-1].read_at != read_at:
            if len(self._reads) >= MAX_ARRIVALS:
                raise Malformed(f"more than {MAX_ARRIVALS} reads")
            self._reads.append(_Read(read_at))
        self._reads[-1].size_bytes += size_bytes
        self._reads[-1].text_bytes += len(text)

    def completed(self, records: Iterable[Piece | EndRecord], *, sent_s: float | None = None) -> None:
        """The last read completed these records.

        Args:
            records: in order.
            sent_s: when the Pieces were sent; None: as they say.

        Raises:
            Malformed: the service sends no such records.
        """
        for record in records:
            if isinstance(record, EndRecord):
                self.end, self.request_at_app = record, record.request_at_app
            else:
                self._reads[-1].pieces.append(self._piece(record, sent_s))

    def _piece(self, piece: Piece, sent_s: float | None) -> ReceivedPiece:
        if len(self._seqs) >= MAX_PIECES:
            raise Malformed(f"more than {MAX_PIECES} pieces")
        # JSON as Python reads it knows NaN and numbers of any length.
        if not (abs(piece.seq) < MAX_NUMBER and math.isfinite(piece.at_s) and abs(piece.at_s) < MAX_NUMBER):
            raise Malformed("a piece with an impossible number")
        self._seqs.append(piece.seq)
        return ReceivedPiece(piece.seq, piece.at_s if sent_s is None else sent_s, len(piece.text.encode()))

    def foreign(self) -> bool:
        """Whether the text so far is certainly not one of our streams."""
        beginnings = _BEGINNINGS.get(self.probe.transport)
        head = self.head.removeprefix(b"\xef\xbb\xbf")
        if beginnings is None or self._seqs or self.end is not None or not head:
            return False
        return not any(head.startswith(begin) or begin.startswith(head) for begin in beginnings)

    def learn_origin(self, data: object) -> None:
        """Take what the service saw of the request out of a JSON error of its own, if it is there."""
        if isinstance(data, dict) and "request_at_app" in data:
            try:
                self.request_at_app = from_json(RequestAtApp, data["request_at_app"])
            except UsageError:
                return  # a stranger's: says nothing

    def left_behind(self) -> Told:
        """The words for a Probe that is not done when nobody waits for it any more."""
        if self._connect_s:
            return Ending.TIME, ""
        return Ending.UNREACHABLE, f"no connection within {seconds(self.timeout_s)}"

    def close(
        self, ending: Ending, words: str, *, now: float, asked_s: float = 0.0, stall_s: float = 0.0
    ) -> Observation:
        """The Observation.

        Args:
            ending: what made the reading stop.
            words: what else is to be said about that, "" for nothing.
            now: the moment it stopped, time.monotonic().
            asked_s: when the request was sent, seconds since the run began.
            stall_s: the longest time the observer was kept from running meanwhile.
        """
        outcome, detail = self._outcome(ending, words)
        return Observation(
            probe=self.probe,
            outcome=outcome,
            detail=printable(detail, MAX_DETAIL),
            status=self.status,
            http_version=self.http_version,
            headers=self._headers,
            requested_s=asked_s,
            connect_s=self._connect_s,
            headers_s=self._headers_s,
            ended_s=self.at_s(now),
            stall_s=stall_s,
            arrivals=tuple(
                Arrival(self.at_s(read.read_at), read.size_bytes, read.text_bytes, tuple(read.pieces))
                for read in self._reads
            ),
            end=self.end,
            request_at_app=self.request_at_app,
        )

    def _outcome(self, ending: Ending, words: str) -> tuple[Outcome, str]:
        if ending is Ending.UNREACHABLE:
            return Outcome.UNREACHABLE, words
        if ending is Ending.REFUSED:
            return Outcome.REFUSED, words
        if self.end is not None:
            if self._seqs == list(range(self.end.count)):
                return Outcome.COMPLETE, words
            return Outcome.CUT, f"the end speaks of {self.end.count} pieces; {self._say_pieces()}"
        after = f"; {words}" if words else ""
        answer = say_answer(self.status, self.header("content-type"), self.head)
        if not self._seqs and (ending is Ending.FOREIGN or self.foreign()):
            return Outcome.REFUSED, f"not a stream of flushcheck: {answer}{after}"
        if ending is Ending.TIME:
            return Outcome.TIMEOUT, f"no end within {seconds(self.timeout_s)}; {self._say_pieces()}{after}"
        if ending is Ending.FLOOD:
            outcome = Outcome.STOPPED if self._seqs else Outcome.REFUSED
            return outcome, f"stopped, since it did not end; {self._say_pieces()}{after}"
        if ending is Ending.FOREIGN:
            return Outcome.CUT, f"{self._say_pieces()}, then something that is not ours{after}"
        how = "ended" if ending is Ending.ENDED else "broke off"
        return Outcome.CUT, f"the answer {how} without the service's end; {self._say_pieces()}{after}"

    def _say_pieces(self) -> str:
        count = len(self._seqs)
        came = f"{count} {'piece' if count == 1 else 'pieces'} came"
        odd = next((seq for index, seq in enumerate(self._seqs) if seq != index), None)
        return came if odd is None else f"{came}, number {odd} not in its place"
