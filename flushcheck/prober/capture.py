"""What is seen of one request while it is made, and the reasons for which its reading stops.

`observation_builder` captures a probe of a flushcheck service, `own_stream` the stream of any other app: the
two differ in how records come out of the bytes, not in how bytes, moments and limits are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from flushcheck.model import Arrival, Observation, Outcome, Probe, ReceivedPiece
from flushcheck.prober.decompress import DecoderChain
from flushcheck.prober.http_client import Response, SentRequest
from flushcheck.prober.messages import MAX_DETAIL, describe_error, format_seconds, printable
from flushcheck.prober.redaction import hide, hide_cookie
from flushcheck.prober.timed_socket import (
    Budget,
    ByteLimitExceeded,
    DeadlineExceeded,
    PeerDelay,
    SocketRead,
    Unreachable,
)
from flushcheck.streaming.transports import Malformed

MAX_HEADERS = 100
MAX_SETTINGS = 100
MAX_NAME = 100  # characters of the name of a header
MAX_VALUE = 500  # characters of its value: enough for every header that says something about the path

# The largest probe makes 24 pieces of 16 kB: 270 reads of one network packet each.
MAX_ARRIVALS = 4_000

# Sizes of frames, and of TLS records, that are kept of one observation: the largest probe causes 300 of each.
MAX_SIZES = 1_000


class StopReason(Enum):
    """Why the reading stopped."""

    ENDED = auto()  # the peer ended the response, by the rules of its protocol
    BROKEN = auto()  # the connection or the protocol broke
    DEADLINE = auto()
    BYTE_LIMIT = auto()  # more arrived than is taken in
    UNRELATED = auto()  # what arrived is not a flushcheck stream
    REFUSED = auto()  # the response is not a stream
    UNREACHABLE = auto()  # there was no response
    ENOUGH = auto()  # the observer has seen enough


class EndDetail(NamedTuple):
    """Why the reading stopped, and what else there is to say about it."""

    reason: StopReason
    detail: str = ""


@dataclass(slots=True)
class ArrivalInMaking:
    """An Arrival that more of the same read may be added to."""

    moment: float
    size_bytes: int = 0
    text_bytes: int = 0
    pieces: list[ReceivedPiece] = field(default_factory=list)
    frame_bytes: list[int] = field(default_factory=list)
    record_bytes: list[int] = field(default_factory=list)
    records: list[int] = field(default_factory=list)
    mid_record: bool = False
    tokens: int = 0
    reasoning_tokens: int = 0
    data: int = 0  # records that are tokens if no other record of the stream is one


class Capture:
    """One request while it is made. One thread writes; another may read when it stops waiting."""

    max_arrivals = MAX_ARRIVALS

    def __init__(self, probe: Probe, *, now: float, deadline: float, secrets: tuple[str, ...] = ()) -> None:
        """Open it.

        Args:
            probe: what is requested.
            now: time.monotonic(); stands for the moment of the request until that was sent.
            deadline: when it has to be over, same clock.
            secrets: what the peer may repeat, and what is not kept: see `redaction`.
        """
        self.probe = probe
        self._secrets = secrets
        self.budget = Budget(deadline)
        self.timeout_s = deadline - now
        self.began = now
        self.connect_s = 0.0
        self.alpn = ""
        self.tls_version = ""
        self.settings: tuple[tuple[int, int], ...] = ()
        self.queued_s = 0.0
        self.headers_s = 0.0
        self.status = 0
        self.http_version = ""
        self.headers: tuple[tuple[str, str], ...] = ()
        self._chain = DecoderChain("")
        self._arrivals: list[ArrivalInMaking] = []
        self._sizes_left = {"frame": MAX_SIZES, "record": MAX_SIZES}

    def open_body(self) -> None:
        """Prepare for the body that the header announces.

        Raises:
            DecodeError: its content encoding was not offered.
        """
        self._chain = DecoderChain(self.header("content-encoding"))

    def decode(self, data: bytes) -> bytes:
        """Return the text that the body yields with these bytes.

        Raises:
            DecodeError: they are not encoded as the header says, or yield too much.
        """
        return self._chain.feed(data)

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
            Malformed: there were more reads than are kept.
        """
        if not self._arrivals or self._arrivals[-1].moment != moment:
            if len(self._arrivals) >= self.max_arrivals:
                raise Malformed(f"more than {self.max_arrivals} reads")
            self._arrivals.append(ArrivalInMaking(moment))
        arrival = self._arrivals[-1]
        arrival.size_bytes += size_bytes
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

    def on_deadline(self) -> EndDetail:
        """Say how a request ends that is not done when the caller stops waiting for it."""
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
                    tuple(arrival.records),
                    arrival.mid_record,
                    arrival.tokens,
                    arrival.reasoning_tokens,
                )
                for arrival in self._arrivals
            ),
            alpn=self.alpn,
            tls_version=self.tls_version,
            settings=self.settings,
            queued_s=self.queued_s,
            compressed_head=self._chain.head.hex(),
            head_bytes=self._chain.head_bytes,
            unread_bytes=self._chain.unread_bytes,
        )

    def _outcome(self, end: EndDetail) -> tuple[Outcome, str]:
        """Say how it ended, and why."""
        raise NotImplementedError

    def at_s(self, moment: float) -> float:
        """Convert a moment of time.monotonic() to seconds since the request, to the microsecond."""
        return round(moment - self.began, 6)

    def requested(self, sent: SentRequest) -> None:
        """Take down that the request was sent: from here on the seconds count."""
        self.began = sent.moment
        self.connect_s = round(sent.connect_s, 6)
        self.alpn = printable(sent.alpn, MAX_NAME)
        self.tls_version = sent.tls_version
        self.settings = sent.settings[:MAX_SETTINGS]
        self.queued_s = round(sent.queued_s, 6)

    def responded(self, response: Response) -> None:
        """Take down the header of the response."""
        self.headers_s = self.at_s(response.moment)
        self.status = response.status
        self.http_version = response.http_version
        pairs = [
            (name[:MAX_NAME], (hide_cookie(value) if name == "set-cookie" else self.hide(value))[:MAX_VALUE])
            for name, value in response.headers
        ]
        self.headers = tuple(pairs[:MAX_HEADERS])

    def hide(self, text: str) -> str:
        """Return a text of the peer without the caller's secrets. To be called before the text is cut."""
        return hide(text, self._secrets)

    def header(self, name: str) -> str:
        """Return the value of a header of the response, "" if there is none."""
        return ", ".join(value for key, value in self.headers if key == name)

    def failed(self, error: Exception) -> EndDetail:
        """Say why the reading stopped, from one of PEER_ERRORS."""
        match error:
            case Unreachable():
                return EndDetail(StopReason.UNREACHABLE, str(error))
            case PeerDelay():
                return EndDetail(StopReason.DEADLINE, str(error))
            case DeadlineExceeded():
                return EndDetail(StopReason.DEADLINE, "" if self.status else "no response header arrived")
            case ByteLimitExceeded():
                return EndDetail(StopReason.BYTE_LIMIT, str(error))
            case _ if self.status:
                return EndDetail(StopReason.BROKEN, describe_error(error))
        return EndDetail(StopReason.UNREACHABLE, f"no HTTP response arrived: {describe_error(error)}")
