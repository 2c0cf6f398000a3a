"""What is to blame: a Culprit is a known cause of a hold, with the Fixes that were seen to work.

Code decides by the typed fields alone. The sentences are for people, and no code reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from flushcheck.model.fault_place import FaultPlace
from flushcheck.model.observation import Flow
from flushcheck.model.pieces import Transport
from flushcheck.model.probes import Variant
from flushcheck.model.servers import Place, Server
from flushcheck.model.versions import Side, Version, VersionChange


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


class Owner(StrEnum):
    """Who can apply a Fix."""

    APP = "app"  # the app's team: its code, or the app server that runs it
    CLIENT = "client"  # the page or program that reads the stream
    SERVER = "server"  # the operator of a web server, proxy, cache or CDN
    NETWORK = "network"  # the operator of the network below HTTP


@dataclass(frozen=True, slots=True)
class Fix:
    """The change to make: where, who can make it, and what it costs."""

    where: str  # for example "nginx, the location block with proxy_pass"
    change: str  # text to paste, one or more lines
    by: Owner
    cost: str = ""  # what gets worse; "" if nothing does
    note: str = ""  # versions, conditions, what else to write; "" if nothing
    response_header: bool = False  # the change is a header for the app to send with each streamed response
    server: Server | None = None  # the program whose configuration it changes; None: the app, or any proxy
    place: Place | None = None  # where `change` can be pasted as it stands; None: it is an instruction
    removes: tuple[str, ...] = ()  # names of the directives to delete, where that is the change
    joins: bool = False  # no run tells whether this or the one before it is needed: lines to paste have both
    # What rules it out on a path; see `diagnosis/fixes.py`, which decides.
    variant: Variant | None = None  # the Probe that tries this very change
    # It helps only where the app is called over this: "HTTP/1.0", or "HTTP/1.1" and later versions. Where
    # that is seen, it decides in place of the versions below.
    app_protocol: str = ""
    encodings: frozenset[str] = frozenset()  # it helps only where the response has one of these
    uncompressed: bool = False  # it helps only where nothing compresses the response
    fault: FaultPlace = FaultPlace.UNKNOWN  # it helps only if the fault lies there; UNKNOWN: anywhere
    moves_to: tuple[Transport, ...] = ()  # it moves the stream to one of these: one has to arrive
    # Of nginx: the name of its directive begins with the gateway's: proxy_, fastcgi_, uwsgi_, scgi_.
    per_gateway: bool = False
    # Offered unless the program is known to have this change: the change does the same.
    until: VersionChange | None = None
    # Offered only if the program is known to have this change.
    since: VersionChange | None = None

    def is_offered(self, version_of: Callable[[VersionChange], Version]) -> bool:
        """Whether it may help on the versions that are known; `version_of` returns () for an unknown one."""
        if self.until is not None and self.until.side(version_of(self.until)) is Side.SINCE:
            return False
        return self.since is None or self.since.side(version_of(self.since)) is Side.SINCE

    def for_gateway(self, prefix: str) -> Fix:
        """The same change for an app that nginx calls with `prefix`, for example "fastcgi"."""
        if not self.per_gateway:
            return self
        return replace(self, change=self.change.replace("proxy_", f"{prefix}_"), per_gateway=False)

    @property
    def gateway_note(self) -> str:
        """Its directive for other gateways, where it is not known which one there is; else ""."""
        if not self.per_gateway:
            return ""
        directive = self.change.split()[0].rstrip(";").removeprefix("proxy")
        return (
            f"with fastcgi_pass the directive is fastcgi{directive}, with uwsgi_pass uwsgi{directive}, with "
            f"scgi_pass scgi{directive}"
        )


class Source(StrEnum):
    """Where a Culprit can be seen."""

    PATH = "path"  # in a run: what arrives shows it
    FILE = "file"  # in the configuration of a server: a linter finds it
    APP = "app"  # in the app's code or process
    TAP = "tap"  # between two layers of the app: `flushcheck.testing` and taps name the layer
    NETWORK = "network"  # in the network below HTTP


@dataclass(frozen=True, slots=True)
class Symptom:
    """What becomes of a stream, as it looks from outside."""

    flow: Flow
    block_bytes: int = 0  # of Flow.BLOCKS; 0: any number
    tick_s: float = 0.0  # of Flow.TICKS
    compressed: bool = False  # of Flow.HELD: the header of the response comes at once, the text later
    with_next: bool = False  # of Flow.LATE: each piece comes with the next one


class Status(StrEnum):
    """Where the knowledge of a Culprit is from."""

    MEASURED = "measured"  # the laboratory ran the program and measured it
    DOCUMENTED = "documented"  # its documentation says so; no run of the laboratory shows it
    GENERIC = "generic"  # it names no program that could be run


@dataclass(frozen=True, slots=True)
class Culprit:
    """A known cause of a hold: why it happens, how it shows, how to fix it."""

    id: str  # the thing at fault, kebab-case
    title: str
    why: str  # a paragraph: how it comes to hold
    symptoms: str  # a paragraph: what a reader sees, and what tells it from its look-alikes
    detection: str  # a paragraph: what a run must show; for one that no run shows, why not
    fixes: tuple[Fix, ...]
    references: tuple[str, ...] = ()
    # Ids of Culprits that look the same from outside: a file that shows one of them explains this one.
    looks_like: tuple[str, ...] = ()
    shown_by: frozenset[Source] = frozenset({Source.PATH, Source.FILE})
    generic: bool = False  # names no program: any hold that a file shows may be this one
    idle_only: bool = False  # ends silent streams, and explains no other fault
    holds: bool = True  # keeps data back; False: a run that shows a hold is not explained by it
    versions: tuple[VersionChange, ...] = ()  # what other versions of the program do
    layers: tuple[str, ...] = ()  # where the layers of an app that are this culprit are defined
    shows: tuple[Symptom, ...] = ()  # the characteristic one first; (): as different as the causes
    measured_on: tuple[str, ...] = ()  # programs that the laboratory ran, each with its version

    @property
    def status(self) -> Status:
        """Whether it was measured, or is from documentation."""
        if self.measured_on:
            return Status.MEASURED
        return Status.GENERIC if self.generic else Status.DOCUMENTED


@dataclass(frozen=True, slots=True)
class Detection:
    """A Culprit that the Evidence of one Transport speaks for."""

    culprit: Culprit
    confidence: Confidence
    evidence: tuple[Evidence, ...]
    refuted: frozenset[Fix] = frozenset()  # fixes that this evidence shows to have no effect here
