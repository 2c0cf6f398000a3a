"""A Report holds everything that was found; every output is a rendering of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from flushcheck.model.certificate import CertificateReport
from flushcheck.model.culprit import Confidence, Culprit, Detection, Evidence, Fix
from flushcheck.model.fault_place import FaultPlace
from flushcheck.model.observation import Flow, Lag
from flushcheck.model.pieces import Transport
from flushcheck.model.probes import Client, Scenario, Variant
from flushcheck.model.servers import Server
from flushcheck.model.tokens import NO_TOKENS, TokenMetrics


class Verdict(StrEnum):
    """The one word for a whole path."""

    FLOWING = "flowing"
    HELD = "held"
    BROKEN = "broken"
    UNKNOWN = "unknown"


class CutCause(StrEnum):
    """What ended a silent stream."""

    NONE = "none"  # nothing did
    IDLE = "idle"  # its silence
    DEADLINE = "deadline"  # its age, silent or not
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class IdleResult:
    """How long a stream may be silent on one Transport."""

    cause: CutCause
    summary: str  # one sentence
    passed_s: float = 0.0  # the longest silence tried that passed; 0.0: none did
    cut_after_s: float = 0.0  # the silence after which a stream was cut; 0.0: none was
    deadline_s: float = 0.0  # the age at which a steady one was cut too; 0.0: it was not
    probes: tuple[str, ...] = ()

    @property
    def cuts(self) -> bool:
        """Whether streams are cut, by a silence or by their age."""
        return bool(self.cut_after_s or self.deadline_s)


@dataclass(frozen=True, slots=True)
class ClientReport:
    """What one Client got on one Transport."""

    client: Client
    http_version: str  # that it spoke, for example "1.1" or "2"; "" if no response arrived
    flow: Flow
    summary: str  # one sentence with numbers
    hold_bytes: int | None = None
    hold_s: float = 0.0
    culprits: tuple[Detection, ...] = ()
    freed_by: tuple[Variant, ...] = ()
    sent_s: tuple[float, ...] = ()
    received_s: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class TransportReport:
    """How one Transport fares on this path, and why: for the first Client asked, which is the browser."""

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
    culprits: tuple[Detection, ...] = ()
    notes: tuple[str, ...] = ()  # facts that name no culprit
    freed_by: tuple[Variant, ...] = ()  # what the app can do by itself, seen to work here
    sent_s: tuple[float, ...] = ()  # per Piece received: when it was sent, ...
    received_s: tuple[float, ...] = ()  # ... and when it came, both from 0
    idle: IdleResult | None = None  # None: it was not asked for
    clients: tuple[ClientReport, ...] = ()  # all that were asked, the first included


@dataclass(frozen=True, slots=True)
class OfferedFix:
    """A Fix that a run leaves, and what came of it where it was tried on this path."""

    fix: Fix
    transports: tuple[Transport, ...] = ()  # on which it was tried and freed the stream; (): it was not tried
    before_s: float = 0.0  # on the first of them: the longest wait of a Piece without the change, ...
    after_s: float = 0.0  # ... and with it

    @property
    def tested(self) -> str:
        """What it did here, for example "1.90 s to 0.00 s"; "" if it was not tried."""
        return f"{self.before_s:.2f} s to {self.after_s:.2f} s" if self.transports else ""


@dataclass(frozen=True, slots=True)
class Bundle:
    """All lines that the culprits of a run need in one server's configuration, as one text to paste."""

    server: Server
    where: str  # for example "nginx, the location block of /chat"
    change: str  # with the block that the lines belong to
    culprits: tuple[str, ...]  # ids
    notes: tuple[str, ...] = ()  # those of the fixes, each once


@dataclass(frozen=True, slots=True)
class CulpritReport:
    """A Culprit with all that speaks for it, over all Transports."""

    culprit: Culprit
    confidence: Confidence
    transports: tuple[Transport, ...]
    evidence: tuple[Evidence, ...]
    clients: tuple[Client, ...] = (Client.BROWSER,)  # that meet it
    refuted: frozenset[Fix] = frozenset()  # fixes that the evidence shows to have no effect here
    versions: tuple[str, ...] = ()  # what the versions of the program do, as far as one is known
    # What the run leaves, in the order in which to offer it; None: no run chose.
    chosen: tuple[OfferedFix, ...] | None = None

    @property
    def id(self) -> str:
        """The id of the culprit, as in the JSON report."""
        return self.culprit.id

    @property
    def title(self) -> str:
        """What the culprit does, in one line."""
        return self.culprit.title

    @property
    def offered(self) -> tuple[OfferedFix, ...]:
        """The fixes to offer, what was tried here and worked first: those that no evidence refutes."""
        if self.chosen is not None:
            return self.chosen
        return tuple(OfferedFix(fix) for fix in self.culprit.fixes if fix not in self.refuted)

    @property
    def fixes(self) -> tuple[Fix, ...]:
        """The fixes to offer, without what came of them here."""
        return tuple(offered.fix for offered in self.offered)


@dataclass(frozen=True, slots=True)
class StreamReport:
    """What a stream of the user's own app is made of, and how it ended."""

    method: str  # of its requests
    status: int
    format: str  # what its records mean, for example "OpenAI chat completions"; the framing if not known
    records: int
    deliveries: int  # that completed a record
    longest_gap_s: float  # without data
    done: bool  # the end marker of its format came
    ended_s: float
    summary: str  # how it ended, in one sentence
    framing: str = ""  # how its records are framed, for example "server-sent events"
    tokens: TokenMetrics = NO_TOKENS
    token_sentences: tuple[str, ...] = ()  # the tokens in words; none for a format without

    @property
    def records_per_delivery(self) -> float:
        """How many records arrived together, on average; 0.0 if none arrived."""
        return self.records / self.deliveries if self.deliveries else 0.0


@dataclass(frozen=True, slots=True)
class RungStream:
    """How one Transport arrived at one of several addresses."""

    transport: Transport
    flow: Flow
    summary: str  # one sentence with numbers
    received_s: tuple[float, ...] = ()  # per Piece, or per record of the user's own stream
    first: bool = False  # True: a fault shows here, and at no address nearer to the app


@dataclass(frozen=True, slots=True)
class Rung:
    """How the same streams arrived at one of several addresses of one app."""

    name: str  # that the caller gave it; "public" for the address that was asked about
    url: str
    streams: tuple[RungStream, ...]  # at least one; what shows a fault comes first
    hops: tuple[str, ...] = ()  # what is known of the programs behind this address

    @property
    def flow(self) -> Flow:
        """That of the worst of its streams."""
        return self.streams[0].flow

    @property
    def summary(self) -> str:
        """That of the worst of its streams."""
        return self.streams[0].summary

    @property
    def received_s(self) -> tuple[float, ...]:
        """When the pieces or records of the worst of its streams arrived."""
        return self.streams[0].received_s


@dataclass(frozen=True, slots=True)
class FaultLocation:
    """What comparing the path with the app's own port tells."""

    place: FaultPlace
    summary: str  # one sentence
    evidence: tuple[Evidence, ...] = ()
    # Of two mounts: what lies between them, from the outermost, as docs/protocol.md has it.
    layers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hop:
    """One thing known of the programs between the app and the reader."""

    what: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Report:
    """Everything in one value; every output is a rendering of it."""

    target: str
    verdict: Verdict
    headline: str
    transports: tuple[TransportReport, ...]
    culprits: tuple[CulpritReport, ...]  # strongest first
    notes: tuple[str, ...] = ()
    tool: str = ""
    hops: tuple[Hop, ...] = ()  # what is known of the path, from the app towards the reader
    fault_location: FaultLocation | None = None  # None: there was no second vantage
    clients: tuple[tuple[Client, Verdict], ...] = ()  # what each Client got; `verdict` is the worst of them
    certificate: CertificateReport | None = None  # None: no TLS, or it was not looked at
    rungs: tuple[Rung, ...] = ()  # from the app to the reader; empty: one address only
    stream: StreamReport | None = None  # of the user's own app; None: a service or an origin was diagnosed
    is_origin: bool = False  # of the origin protocol: `target` is its one address
    began_at: str = ""  # these four are those of the Run
    took_s: float = 0.0
    observer: str = ""
    marker: str = ""
    tls_version: str = ""  # that the path spoke, for example "TLSv1.3"; "": no TLS, or it is not known
    clean: tuple[str, ...] = ()  # what was tried and found clean, one sentence each
    bundles: tuple[Bundle, ...] = ()  # for each server with lines to paste, in the order of `culprits`
