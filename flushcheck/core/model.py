"""The nouns of flushcheck, as plain values.

Two halves share them. The service turns a Source into Pieces and writes them over a Transport; the
prober makes one Probe at a time and writes down an Observation. The inference turns Observations
into a Report and nothing else: whatever a verdict needs must be in these values, so that a run can be
saved, sent by a browser or a shell, and judged again elsewhere with the same result.

Units: seconds (`_s`) and bytes (`_bytes`) everywhere. A client's seconds count from the moment its
request was sent, the service's from the start of its stream; the two clocks are never compared, only
differences within one of them are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class UsageError(ValueError):
    """The caller asked for something that cannot be: says what was given, expected, and an example."""


class Transport(StrEnum):
    """How Pieces reach the reader. The order is the order of every listing."""

    POLLING = "polling"
    CHUNKED = "chunked"
    EVENTS = "events"
    WEBSOCKET = "websocket"


class Framing(StrEnum):
    """What one Piece looks like inside its Transport."""

    PLAIN = "plain"  # the text alone
    DELTA = "delta"  # a JSON object with the sequence number, the send offset and the text


class Unit(StrEnum):
    """What a Source counts as one Piece."""

    CHAR = "char"
    WORD = "word"
    TOKEN = "token"


@dataclass(frozen=True, slots=True)
class Piece:
    """One numbered bit of a Source."""

    seq: int  # from 0
    at_s: float  # when it is due; on the wire, and once decoded: when it was sent
    text: str


@dataclass(frozen=True, slots=True)
class Origin:
    """What the service saw of one request: how its own hop looks, told to the client in-band.

    Header values are cut at 200 characters; addresses are counted, never repeated.
    """

    protocol: str = ""  # as the app was asked, for example "HTTP/1.0"
    gateway: str = ""  # GATEWAY_INTERFACE: set by FastCGI and CGI, not by HTTP
    server: str = ""  # the app server, for example "gunicorn/27.0.1"
    connection: str = ""
    upgrade: str = ""
    websocket_key: bool = False  # a Sec-WebSocket-Key came
    accept_encoding: str = ""
    via: str = ""
    forwarded: tuple[str, ...] = ()  # names of the forwarding headers that came
    forwarded_hops: int = 0  # addresses in X-Forwarded-For
    concurrent: int = 0  # streams this process had open, this one included


@dataclass(frozen=True, slots=True)
class End:
    """The service's own word that a stream is over: without it, a cut stream looks complete."""

    count: int  # Pieces of the whole stream, the ones before the resume point included
    at_s: float = 0.0
    origin: Origin = field(default_factory=Origin)


class Scenario(StrEnum):
    """One size and pace of Pieces. A hold looks different at each: see `plan.SHAPES`."""

    TOKEN = "token"
    KILO = "kilo"
    BIG = "big"
    IDLE = "idle"  # two Pieces with silence between: see `silences`
    STEADY = "steady"  # small Pieces all the while, for as long


class Variant(StrEnum):
    """The single thing in which a Probe differs from its baseline."""

    BASELINE = "baseline"
    XAB = "x-accel-buffering"  # the response carries X-Accel-Buffering: no
    NO_TRANSFORM = "no-transform"  # the response carries Cache-Control: no-cache, no-transform
    NOSNIFF = "nosniff"  # the response carries X-Content-Type-Options: nosniff
    PADDED = "padded"  # the body opens with padding
    IDENTITY = "identity"  # the client offers no encodings
    HTTP10 = "http/1.0"  # the client speaks HTTP/1.0
    OTHER_TYPE = "other-type"  # the body is declared as application/octet-stream
    TOGETHER = "together"  # one of several of the same at once


class Vantage(StrEnum):
    """From where a Probe was made."""

    PATH = "path"  # the address asked about
    LOOPBACK = "loopback"  # the service asked itself: the control
    DIRECT = "direct"  # the app's own port, which the caller named: the control from where the reader sits


@dataclass(frozen=True, slots=True)
class Probe:
    """One request to make, and the single thing in which it differs from the baseline."""

    transport: Transport
    scenario: Scenario = Scenario.TOKEN
    variant: Variant = Variant.BASELINE
    vantage: Vantage = Vantage.PATH
    run: int = 0  # tells repetitions of the same Probe apart
    lasts_s: float = 0.0  # of IDLE and STEADY: for how long; the other Scenarios have their own length

    @property
    def id(self) -> str:
        """A name that is unique in a plan, for example `chunked-kilo-identity`."""
        parts: list[str] = [self.transport, self.scenario]
        if self.lasts_s:
            parts.append(f"{self.lasts_s:g}s")
        if self.variant is not Variant.BASELINE:
            parts.append(self.variant)
        if self.vantage is not Vantage.PATH:
            parts.append(self.vantage)
        if self.run:
            parts.append(str(self.run))
        return "-".join(parts)


@dataclass(frozen=True, slots=True)
class Mark:
    """A Piece as it arrived: its number, and when the service says it was sent."""

    seq: int
    sent_s: float  # on the service's clock; for polling, when this Piece was asked for
    size_bytes: int = 0  # of its text; 0: the observer does not say


@dataclass(frozen=True, slots=True)
class Arrival:
    """One read that returned bytes, as the client saw it."""

    at_s: float  # seconds since the request was sent, monotonic clock
    size_bytes: int  # body bytes of this read, before decompression
    text_bytes: int  # the same after decompression
    marks: tuple[Mark, ...] = ()  # Pieces completed by this read; empty if none was


class Outcome(StrEnum):
    """How an Observation ended."""

    COMPLETE = "complete"  # the End came, with the count that was received
    CUT = "cut"  # the response ended, or the connection broke, before the End
    TIMEOUT = "timeout"  # nothing more came within the time allowed
    REFUSED = "refused"  # an answer came that is not the stream: see status and detail
    UNREACHABLE = "unreachable"  # no connection, no TLS, no HTTP
    STOPPED = "stopped"  # the observer had seen enough


@dataclass(frozen=True, slots=True)
class Observation:
    """All that one Probe saw, failure included. Everything in it may come from a stranger."""

    probe: Probe
    outcome: Outcome
    detail: str = ""  # why, when the outcome is not COMPLETE
    status: int = 0  # HTTP status; 0 if no answer came
    http_version: str = ""  # of the answer, for example "1.1"
    headers: tuple[tuple[str, str], ...] = ()  # of the answer, names in lower case
    asked_s: float = 0.0  # when the request was sent, seconds since the run began; 0.0 where nobody says
    connect_s: float = 0.0  # time to connect, TLS included
    headers_s: float = 0.0  # when the answer's header came, since the request was sent
    ended_s: float = 0.0  # when the observation ended, since the request was sent
    stall_s: float = 0.0  # the longest time the observer itself was kept from running meanwhile
    arrivals: tuple[Arrival, ...] = ()
    end: End | None = None  # None: no End came, see outcome
    origin: Origin | None = None  # what the service saw of the request; None: it could not say

    def header(self, name: str) -> str:
        """The value of a response header, "" if it did not come; repeated ones joined by commas."""
        return ", ".join(value for key, value in self.headers if key == name)

    @property
    def marks(self) -> tuple[tuple[float, Mark], ...]:
        """Every Piece with the moment it arrived, in order of arrival."""
        return tuple((arrival.at_s, mark) for arrival in self.arrivals for mark in arrival.marks)


@dataclass(frozen=True, slots=True)
class Run:
    """What one diagnosis gathered: all that `judge` needs, and what `--save` writes."""

    target: str
    observations: tuple[Observation, ...]
    tool: str = ""  # name and version of the observer
    direct: str = ""  # the app's own address, asked from the second vantage; "" if there was none


class Flow(StrEnum):
    """How one Observation arrived."""

    FLOWING = "flowing"
    BLOCKS = "blocks"  # whenever a number of bytes was full
    TICKS = "ticks"  # whenever a period was over
    HELD = "held"  # all at the end
    LATE = "late"  # nothing for a while, then at the pace it was sent
    THROTTLED = "throttled"  # at a constant rate, ever later
    CUT = "cut"
    FAILED = "failed"
    REPLAYED = "replayed"
    UNKNOWN = "unknown"


class Confidence(StrEnum):
    """How far the Evidence carries, strongest first."""

    CERTAIN = "certain"  # an experiment separated it from everything else we know
    LIKELY = "likely"
    POSSIBLE = "possible"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact drawn from one or two Observations, with its numbers."""

    sentence: str
    probes: tuple[str, ...] = ()  # ids of the Probes it was drawn from


@dataclass(frozen=True, slots=True)
class Fix:
    """The change to make, where, at what cost."""

    where: str  # for example "nginx, the location block with proxy_pass"
    change: str  # text to paste, one or more lines
    caution: str  # what it costs, or what else to mind


@dataclass(frozen=True, slots=True)
class Culprit:
    """A known cause of holding: why it happens, how it shows, how to fix it."""

    id: str  # the thing at fault, kebab-case
    title: str
    why: str  # a paragraph: how it comes to hold
    shows: str  # a paragraph: what a reader sees, and what tells it from its look-alikes
    fixes: tuple[Fix, ...]
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A Culprit that the Evidence of one Transport speaks for."""

    culprit: Culprit
    confidence: Confidence
    evidence: tuple[Evidence, ...]


class Health(StrEnum):
    """The one word for a whole path."""

    FLOWING = "flowing"
    HELD = "held"
    BROKEN = "broken"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Lag:
    """How long Pieces were under way beyond the quickest of them, in seconds."""

    p50: float = 0.0
    max: float = 0.0


class Cause(StrEnum):
    """What ended a silent stream."""

    NONE = "none"  # nothing did
    IDLE = "idle"  # its silence
    DEADLINE = "deadline"  # its age, whatever it said
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Silence:
    """How long a stream may be silent on one Transport."""

    cause: Cause
    summary: str  # one sentence
    passed_s: float = 0.0  # the longest silence tried that passed; 0.0: none did
    cut_after_s: float = 0.0  # the silence after which a stream was cut; 0.0: none was
    deadline_s: float = 0.0  # the age at which even a talking one was cut; 0.0: it was not
    probes: tuple[str, ...] = ()

    @property
    def bad(self) -> bool:
        """Whether somebody cuts."""
        return bool(self.cut_after_s or self.deadline_s)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one Transport fares on this path, and why."""

    transport: Transport
    flow: Flow  # as a browser's reader of token-size text sees it
    summary: str  # one sentence with numbers
    held_at: Scenario | None = None  # the smallest Pieces that were held; None: none were
    hold_bytes: int | None = None  # size of the blocks; None: no size was seen
    hold_s: float = 0.0  # the longest a Piece was kept
    headers_s: float = 0.0
    first_piece_s: float = 0.0
    lag_s: Lag = field(default_factory=Lag)
    pieces_sent: int = 0
    pieces_received: int = 0
    complete: bool = False
    suspicions: tuple[Suspicion, ...] = ()
    notes: tuple[str, ...] = ()  # facts that accuse nobody
    freed_by: tuple[Variant, ...] = ()  # what the user's app can do by itself, seen to work here
    sent_s: tuple[float, ...] = ()  # per Piece received: when it was sent, ...
    received_s: tuple[float, ...] = ()  # ... and when it came, both from 0
    silence: Silence | None = None  # None: it was not asked for


@dataclass(frozen=True, slots=True)
class Accusation:
    """A Culprit with all that speaks for it, over all Transports."""

    culprit: Culprit
    confidence: Confidence
    transports: tuple[Transport, ...]
    evidence: tuple[Evidence, ...]


class Place(StrEnum):
    """Where the fault lies, as far as two vantages tell."""

    APP = "app"  # in what both vantages share: the app, its server, its machine
    PATH = "path"  # in what only the path has: what stands in front of the app
    BOTH = "both"  # one Transport says so, another one so
    NOWHERE = "nowhere"  # nothing is wrong at either
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Localisation:
    """What comparing the path with the app's own port tells."""

    place: Place
    summary: str  # one sentence
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Hop:
    """One thing known of who stands between the app and the reader."""

    what: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Report:
    """Everything in one value; every output is a rendering of it."""

    target: str
    health: Health
    headline: str
    verdicts: tuple[Verdict, ...]
    accusations: tuple[Accusation, ...]  # strongest first
    notes: tuple[str, ...] = ()
    tool: str = ""
    hops: tuple[Hop, ...] = ()  # what is known of the path, from the app towards the reader
    located: Localisation | None = None  # None: there was no second vantage
