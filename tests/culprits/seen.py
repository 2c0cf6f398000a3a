"""Runs as values for tables of detectors: how each Probe arrived is stated, not measured.

`Seen` describes what one Transport saw, by default a hold by an HTTP hop that is not nginx. A row changes one thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import HELD_FLOWS
from flushcheck.measurement.timing import Timing
from flushcheck.model import (
    Arrival,
    Client,
    Confidence,
    Flow,
    Lag,
    Observation,
    Outcome,
    Probe,
    ReceivedPiece,
    RequestAtApp,
    Scenario,
    Transport,
    Vantage,
    Variant,
)

APP = RequestAtApp(protocol="HTTP/1.1", server="gunicorn/27.0.1")
Pair = tuple[Observation, Timing]


class Stated(Observations):
    """Observations with the Timings and the results of experiments that a test states."""

    def __init__(
        self, pairs: Mapping[Probe, Pair], frees: Mapping[tuple[Transport, Variant], Answer]
    ) -> None:
        self._seen = dict(pairs)
        self._frees = frees

    http1: Stated | None = None  # what an HTTP/1.1 client of the same run saw
    browser: Stated | None = None  # what a browser of the same run saw

    def beside(self, client: Client) -> Observations | None:
        """As stated."""
        return {Client.HTTP1: self.http1, Client.BROWSER: self.browser}.get(client)

    def frees(self, transport: Transport, variant: Variant) -> Answer:
        """As stated; NOT_TRIED where nothing is, or where there is nothing to free."""
        if not self.is_held(transport):
            return Answer.NOT_TRIED
        return self._frees.get((transport, variant), Answer.NOT_TRIED)


@dataclass(frozen=True)
class Seen:
    """What a run saw of one streamed Transport, and of those beside it."""

    transport: Transport = Transport.CHUNKED
    flow: Flow = Flow.HELD  # of the baseline at token size
    lag_s: float = 1.9
    period_s: float = 0.0
    rate_bps: float = 0.0
    queued_s: float = 0.0
    waits_for_next: bool = False
    outcome: Outcome = Outcome.COMPLETE
    ended_s: float = 2.0
    kilo: Flow = Flow.BLOCKS  # of the baseline at a kilobyte a Piece
    size: int | None = 8192  # of its blocks
    big: Flow | None = None  # of the baseline with the largest Pieces; None: not made
    big_reads: tuple[int, ...] = (20_000, 12_000)  # bytes of text
    headers: Mapping[str, str] = field(default_factory=dict)
    first_read: tuple[int, int] = (50, 50)  # bytes, and bytes of text
    request: RequestAtApp | None = APP
    frees: Mapping[Variant, Answer] = field(default_factory=lambda: {Variant.XAB: Answer.NO})
    stripped: bool = False  # X-Accel-Buffering did not arrive
    control: Flow | None = Flow.FLOWING  # over loopback; None: not made
    direct: Flow | None = None  # at the app's own port; None: not made
    outer: Flow | None = None  # at the outermost mount; None: not made
    control_headers: Mapping[str, str] = field(default_factory=dict)
    control_late_s: float = 0.0  # how late the controls began
    other: Flow | None = None  # of the other streamed Transport; None: not made
    other_ended_s: float = 2.0
    other_queued_s: float = 0.0
    other_size: int | None = None  # of its blocks
    other_headers: Mapping[str, str] | None = None  # None: as `headers`
    other_frees: Mapping[Variant, Answer] = field(default_factory=dict)
    websocket: Flow | None = Flow.FLOWING  # None: not made
    websocket_ended_s: float = 2.0
    websocket_at_kilo: Flow | None = None
    websocket_at_app: Flow | None = None  # at the app's own port; None: not made
    handshake_outcome: Outcome | None = None  # None: what goes with its Flow
    status: int = 101  # of the response to the handshake
    detail: str = ""  # of the handshake
    handshake: RequestAtApp | None = None  # what the app saw of it
    handshake_headers: Mapping[str, str] = field(default_factory=dict)
    polling: RequestAtApp | None = APP  # what the app saw of the poll; None: not made
    polling_flow: Flow = Flow.FLOWING
    empty: bool = False  # not one Piece came
    http_version: str = "1.1"  # of the baseline's response
    tls_version: str = ""
    together: tuple[float, ...] = ()  # of each stream that was asked for at once, how long it waited
    http1: Seen | None = None  # what an HTTP/1.1 client of the same run saw
    browser: Seen | None = None  # what a browser of the same run saw

    def observations(self) -> Stated:
        """The same as what detectors ask."""
        other = Transport.EVENTS if self.transport is Transport.CHUNKED else Transport.CHUNKED
        scenario = Scenario.TOKEN if self.flow in HELD_FLOWS else Scenario.KILO  # of the held baseline
        pairs = [
            self._pair(Probe(self.transport), self.flow, self._timing(), self.headers),
            self._pair(
                Probe(self.transport, Scenario.KILO), self.kilo, Timing(self.kilo, hold_bytes=self.size), {}
            ),
            *(
                self._pair(
                    Probe(self.transport, scenario, variant),
                    self.flow,
                    Timing(self.flow),
                    self._variant(variant),
                )
                for variant in self.frees
            ),
            *(
                self._pair(
                    Probe(self.transport, variant=Variant.TOGETHER, run=run),
                    Flow.FLOWING,
                    Timing(Flow.FLOWING, queued_s=queued_s),
                    {},
                )
                for run, queued_s in enumerate(self.together)
            ),
            *self._beside(other),
        ]
        frees = {(self.transport, variant): answer for variant, answer in self.frees.items()}
        frees |= {(other, variant): answer for variant, answer in self.other_frees.items()}
        stated = Stated({observation.probe: (observation, timing) for observation, timing in pairs}, frees)
        stated.http1 = self.http1.observations() if self.http1 else None
        stated.browser = self.browser.observations() if self.browser else None
        return stated

    def _held(self) -> Scenario:
        """That of the baseline that is held, or else of the first one."""
        only_kilo = self.flow not in HELD_FLOWS and self.kilo in HELD_FLOWS
        return Scenario.KILO if only_kilo else Scenario.TOKEN

    def _timing(self) -> Timing:
        return Timing(
            self.flow,
            Lag(self.lag_s, self.lag_s),
            deliveries=1,
            period_s=self.period_s,
            rate_bps=self.rate_bps,
            queued_s=self.queued_s,
            waits_for_next=self.waits_for_next,
        )

    def _variant(self, variant: Variant) -> dict[str, str]:
        header = {} if self.stripped or variant is not Variant.XAB else {"x-accel-buffering": "no"}
        return {"server": "something", **header}

    def _beside(self, other: Transport) -> list[Pair]:
        """What the other Transports and the controls saw."""
        pairs = []
        for vantage, flow in ((Vantage.LOOPBACK, self.control), (Vantage.DIRECT, self.direct)):
            if flow is not None:
                probe = Probe(self.transport, vantage=vantage)
                timing = Timing(flow, Lag(1.0, 1.0), late_s=self.control_late_s)
                pairs.append(self._pair(probe, flow, timing, self.control_headers))
        if self.outer is not None:
            probe = Probe(self.transport, self._held(), vantage=Vantage.OUTER)
            pairs.append(self._pair(probe, self.outer, Timing(self.outer), {}))
        if self.other is not None:
            headers = self.headers if self.other_headers is None else self.other_headers
            timing = Timing(self.other, hold_bytes=self.other_size, queued_s=self.other_queued_s)
            pair = self._pair(Probe(other), self.other, timing, headers, self.other_ended_s)
            pairs.append(pair)
            pairs += [
                self._pair(Probe(other, variant=variant), self.other, Timing(self.other), headers)
                for variant in self.other_frees
            ]
        if self.websocket is not None:
            probe = Probe(Transport.WEBSOCKET)
            observation, timing = self._pair(
                probe, self.websocket, Timing(self.websocket), self.handshake_headers, self.websocket_ended_s
            )
            opened = replace(
                observation,
                outcome=self.handshake_outcome or observation.outcome,
                status=self.status,
                detail=self.detail,
                request_at_app=self.handshake,
            )
            pairs.append((opened, timing))
        if self.big is not None:
            probe = Probe(self.transport, Scenario.BIG)
            observation, timing = self._pair(probe, self.big, Timing(self.big), self.headers)
            arrivals = tuple(Arrival(2.0, size, size) for size in self.big_reads)
            pairs.append((replace(observation, arrivals=arrivals), timing))
        if self.websocket_at_app is not None:
            probe = Probe(Transport.WEBSOCKET, vantage=Vantage.DIRECT)
            pairs.append(self._pair(probe, self.websocket_at_app, Timing(self.websocket_at_app), {}))
        if self.websocket_at_kilo is not None:
            probe = Probe(Transport.WEBSOCKET, Scenario.KILO)
            pairs.append(self._pair(probe, self.websocket_at_kilo, Timing(self.websocket_at_kilo), {}))
        if self.polling is not None:
            observation, timing = self._pair(
                Probe(Transport.POLLING), self.polling_flow, Timing(self.polling_flow), self.headers
            )
            pairs.append((replace(observation, request_at_app=self.polling), timing))
        return pairs

    def _pair(
        self, probe: Probe, flow: Flow, timing: Timing, headers: Mapping[str, str], ended_s: float = 0.0
    ) -> Pair:
        outcome = {Flow.CUT: Outcome.CUT, Flow.FAILED: Outcome.REFUSED}.get(flow, Outcome.COMPLETE)
        own = probe == Probe(self.transport)
        size, text = self.first_read
        return (
            Observation(
                probe,
                self.outcome if own and self.outcome is not Outcome.COMPLETE else outcome,
                detail=self.detail if own else "",
                status=0 if own and self.outcome is Outcome.UNREACHABLE else 200,
                headers=tuple(headers.items()),
                ended_s=ended_s or self.ended_s,
                arrivals=() if self.empty else (Arrival(0.1, size, text, (ReceivedPiece(0, 0.0),)),),
                request_at_app=self.request if probe.transport is self.transport else None,
                http_version=self.http_version,
                tls_version=self.tls_version,
            ),
            timing,
        )


Changes = dict[str, Any]  # of fields of a Seen
Row = tuple[str, Changes, Confidence | None]  # name, what is changed, and what is left; None: not named
Table = tuple[Any, Transport, Seen, list[Row]]  # detector, the Transport, what convicts it, the rows

CERTAIN, LIKELY, POSSIBLE = Confidence
YES, NO, NOT_TRIED = Answer
XAB, IDENTITY, HTTP10, OTHER_TYPE = Variant.XAB, Variant.IDENTITY, Variant.HTTP10, Variant.OTHER_TYPE
PADDED = Variant.PADDED
NO_TRANSFORM, TIMEOUT = Variant.NO_TRANSFORM, Outcome.TIMEOUT
FLOWING, HELD, BLOCKS, TICKS = Flow.FLOWING, Flow.HELD, Flow.BLOCKS, Flow.TICKS
LATE, THROTTLED, CUT, FAILED, REPLAYED, UNKNOWN = (
    Flow.LATE, Flow.THROTTLED, Flow.CUT, Flow.FAILED, Flow.REPLAYED, Flow.UNKNOWN,
)  # fmt: skip
CHUNKED, EVENTS, WEBSOCKET, POLLING = (
    Transport.CHUNKED,
    Transport.EVENTS,
    Transport.WEBSOCKET,
    Transport.POLLING,
)

GZIP = {"content-encoding": "gzip"}
LENGTH = {"content-length": "60"}
CLOSE = {"connection": "close"}
OLD_HTTP = RequestAtApp(protocol="HTTP/1.0", server="gunicorn/27.0.1")
FASTCGI = RequestAtApp(protocol="HTTP/1.1", gateway="CGI/1.1", server="Apache/2.4")
UWSGI = RequestAtApp(protocol="HTTP/1.1", gateway="uwsgi")
SCGI = RequestAtApp(protocol="HTTP/1.1", gateway="SCGI/1")
PHP = RequestAtApp(gateway="CGI/1.1", server="PHP/8.2 fpm-fcgi")
CLEAN: Changes = {"flow": FLOWING, "kilo": FLOWING, "size": None}

NGINX = Seen(frees={XAB: YES}, stripped=True, request=OLD_HTTP)  # obeyed the header and removed it
REMOVED = Seen(stripped=True, size=4096)  # removed it, and the stream is held all the same
HOP = Seen()  # the header arrived and changed nothing


def compressed(answer: Answer) -> Changes:
    """A hold of compressed text, and whether it flows uncompressed."""
    return {"headers": GZIP, "frees": {XAB: YES, IDENTITY: answer}}
