"""What was seen: one Observation is all that one Probe saw; a Run is all Observations of one diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flushcheck.model.certificate import Certificate
from flushcheck.model.origin import Capabilities, Omission
from flushcheck.model.pieces import PRETEND_HEADER, EndRecord, RequestAtApp
from flushcheck.model.probes import Probe, Scenario


@dataclass(frozen=True, slots=True)
class ReceivedPiece:
    """A Piece as it arrived: its number, and when the service says it was sent."""

    seq: int
    sent_s: float  # on the service's clock; for polling, when this Piece was asked for
    size_bytes: int = 0  # of its text; 0: the observer does not say


@dataclass(frozen=True, slots=True)
class TimedPiece:
    """A received Piece with the moment of the read that completed it."""

    at_s: float  # as `Arrival.at_s`
    seq: int
    sent_s: float
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Arrival:
    """One read that returned bytes, as the client saw it."""

    at_s: float  # seconds since the request was sent, monotonic clock
    size_bytes: int  # body bytes of this read, before decompression
    text_bytes: int  # the same after decompression
    pieces: tuple[ReceivedPiece, ...] = ()  # Pieces completed by this read; empty if none was
    frame_bytes: tuple[int, ...] = ()  # of its HTTP/2 DATA frames, padding included
    record_bytes: tuple[int, ...] = ()  # of the TLS records that it completed, encrypted
    # Of Scenario.OWN, in place of Pieces: sizes of the records of the app's format that it completed. When
    # they were sent is not known.
    records: tuple[int, ...] = ()
    mid_record: bool = False  # of Scenario.OWN: it ends in the middle of a record
    tokens: int = 0  # of Scenario.OWN: records with content, reasoning included, that it completed
    reasoning_tokens: int = 0  # of these


class Outcome(StrEnum):
    """How an Observation ended."""

    COMPLETE = "complete"  # the End came, with the count that was received; of Scenario.OWN: the body ended
    CUT = "cut"  # the response ended, or the connection broke, before the End
    TIMEOUT = "timeout"  # nothing more came within the time allowed
    REFUSED = "refused"  # a response that is not the stream: see status and detail
    UNREACHABLE = "unreachable"  # no connection, no TLS, no HTTP
    STOPPED = "stopped"  # the observer had seen enough


@dataclass(frozen=True, slots=True)
class Observation:
    """All that one Probe saw, failure included. Any of it may be hostile: escape it where it is rendered."""

    probe: Probe
    outcome: Outcome
    detail: str = ""  # why, when the outcome is not COMPLETE
    status: int = 0  # HTTP status; 0 if no response came
    http_version: str = ""  # of the response, for example "1.1"
    headers: tuple[tuple[str, str], ...] = ()  # of the response, names in lower case
    requested_s: float = (
        0.0  # when the request was sent, seconds since the run began; 0.0 where it is not known
    )
    connect_s: float = 0.0  # time to connect, TLS included
    headers_s: float = 0.0  # when the response's header came, since the request was sent
    ended_s: float = 0.0  # when the observation ended, since the request was sent
    stall_s: float = 0.0  # the longest time the observer itself was kept from running meanwhile
    arrivals: tuple[Arrival, ...] = ()
    end: EndRecord | None = None  # None: no End came, see outcome
    request_at_app: RequestAtApp | None = None  # what the service saw of the request; None: it could not say
    alpn: str = ""  # the protocol that the peer chose over TLS, for example "h2"; "": none, or no TLS
    tls_version: str = ""  # for example "TLSv1.3"; "": no TLS, or the observer does not say
    settings: tuple[tuple[int, int], ...] = ()  # the peer's first SETTINGS, ids and values, in order
    queued_s: float = 0.0  # how long of `headers_s` the request waited for MAX_CONCURRENT_STREAMS, to be sent
    compressed_head: str = ""  # of a compressed body: the first bytes of its own header, in hexadecimal
    head_bytes: int = 0  # how long that header is; 0: not known, or not compressed
    unread_bytes: int = 0  # that follow the first member of a gzip body: browsers and curl do not read them
    framing: str = ""  # of Scenario.OWN: how its records are framed, for example "server-sent events"
    format: str = ""  # of Scenario.OWN: what its records mean, for example "OpenAI chat completions"
    format_end: str = ""  # of Scenario.OWN: what a stream of that format ends with; "": nothing
    done: bool = False  # of Scenario.OWN: the end of its format came
    finished: bool = False  # of Scenario.OWN: the last token was followed by a reason why the model stopped
    usage_tokens: int = 0  # of Scenario.OWN: output tokens that the service counted; 0: it does not say
    error: str = ""  # of Scenario.OWN: the message of the first record that reports an error
    delimited: bool = True  # of Scenario.OWN: HTTP says where the body ends; False: only the connection does
    # True: the observer could read some of the headers only, as a page can of a response of another origin.
    # Those that are missing here may have been there, Content-Encoding too.
    hidden_headers: bool = False

    def header(self, name: str) -> str:
        """The value of a response header, "" if it did not come; repeated ones joined by commas."""
        return ", ".join(value for key, value in self.headers if key == name)

    @property
    def pretended(self) -> str:
        """How the service itself held this stream on request, for example "blocks-4096"; "" if it did not."""
        return self.header(PRETEND_HEADER.lower()) or (self.end.pretended if self.end else "")

    @property
    def shares_connection(self) -> bool:
        """Whether it spoke a version of HTTP that carries many streams on one connection."""
        return self.http_version in ("2", "3")

    @property
    def from_service(self) -> bool:
        """Whether a flushcheck service responded: it alone writes pieces, ends and records of a request."""
        return bool(self.pieces or self.end or self.request_at_app)

    @property
    def is_own(self) -> bool:
        """Whether it is a stream of the user's own app: it has `records` and no `pieces`."""
        return self.probe.scenario is Scenario.OWN

    @property
    def records(self) -> int:
        """How many records of the user's own app arrived."""
        return sum(len(arrival.records) for arrival in self.arrivals)

    @property
    def has_arrived(self) -> bool:
        """Whether it brought any of the stream: pieces of the service, or records of the user's own app."""
        return any(arrival.pieces or arrival.records for arrival in self.arrivals)

    @property
    def pieces(self) -> tuple[TimedPiece, ...]:
        """Every Piece with the moment it arrived, in order of arrival."""
        return tuple(
            TimedPiece(arrival.at_s, piece.seq, piece.sent_s, piece.size_bytes)
            for arrival in self.arrivals
            for piece in arrival.pieces
        )


@dataclass(frozen=True, slots=True)
class TapRequest:
    """One request of the user's own stream that the taps of the app noted."""

    notes: tuple[str, ...]  # JSON as the app gave it (docs/taps.md), in parts that a file may hold
    observation: Observation  # of the same request


PUBLIC = "public"  # the name of the address that is asked about, beside those that the caller named


@dataclass(frozen=True, slots=True)
class NamedAddress:
    """An address of the same app that was asked too, with the name that the caller gave it."""

    name: str  # for example "ingress"
    url: str


@dataclass(frozen=True, slots=True)
class Run:
    """What one diagnosis gathered: all that `judge` needs, and what `--save` writes."""

    target: str
    observations: tuple[Observation, ...]
    tool: str = ""  # name and version of the observer
    direct: str = ""  # the first of `addresses`, for example the app's own port; "" if there was none
    proxy: str = ""  # the forward proxy on the path, without its credentials; the second vantage takes none
    verified: bool = True  # False: whose certificate it was did not matter
    http3_missing: bool = False  # True: HTTP/3 was to be asked for if offered, and this observer has none
    redirected_from: str = ""  # the address that was given, where `target` is the one it redirects to
    certificate: Certificate | None = None  # that the path presents; None: no TLS, or it was not looked at
    site_certificate: Certificate | None = None  # that the same address presents past the proxy
    pins: tuple[str, ...] = ()  # what the caller knows of the site's own: see `Certificate`
    # The addresses of Vantage.DIRECT and UNPROXIED, by the `run` of their Probes, from the app towards the
    # reader.
    addresses: tuple[NamedAddress, ...] = ()
    method: str = ""  # of a stream of the user's own app: that of its requests; "" for a flushcheck service
    capabilities: Capabilities | None = None  # of the origin at `target`; None: a service with its own paths
    direct_capabilities: Capabilities | None = None  # of the origin at `direct`
    origin_fault: str = ""  # what is wrong with what the origin says of itself: no probe was made then
    outer: str = ""  # the outermost mount of the same app, where `target` is the innermost; "": one mount
    outer_capabilities: Capabilities | None = None  # of the origin at `outer`
    tapped: TapRequest | None = None  # of `flushcheck tap`
    omissions: tuple[Omission, ...] = ()  # probes that were called for, and not made
    # How long the streams of a first look were, where the verdict rests on them; 0.0: full length.
    short_s: float = 0.0
    began_at: str = ""  # UTC, for example "2026-11-28T06:53:00Z"; "": the observer does not say
    took_s: float = 0.0
    observer: str = ""  # the name of the machine that measured; "": it is not told
    # In each request of the run, for access logs: X-Request-ID, and how the nonce in the query begins.
    marker: str = ""


class Flow(StrEnum):
    """How one Observation arrived."""

    FLOWING = "flowing"
    BLOCKS = "blocks"  # whenever a number of bytes was full
    TICKS = "ticks"  # whenever a period was over
    HELD = "held"  # all at the end
    LATE = "late"  # nothing for a while, then at the pace it was sent
    THROTTLED = "throttled"  # at a constant rate, with a growing delay
    CUT = "cut"
    FAILED = "failed"
    REPLAYED = "replayed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Lag:
    """How long Pieces were under way beyond the quickest of them, in seconds."""

    p50: float = 0.0
    max: float = 0.0
