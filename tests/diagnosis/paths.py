"""Paths as values: what each Probe would see on them. The other half of a test of the inference."""

from __future__ import annotations

from dataclasses import dataclass, field

from flushcheck.measurement import plan
from flushcheck.measurement.timing import measure
from flushcheck.model import (
    Arrival,
    EndRecord,
    Observation,
    Outcome,
    Probe,
    ReceivedPiece,
    RequestAtApp,
    Run,
    Scenario,
    Transport,
    Vantage,
    Variant,
)
from tests.measurement.arrivals import Reads, at_the_end, in_blocks, one_by_one, sent

RECORD_BYTES = {Scenario.TOKEN: 50, Scenario.KILO: 1040, Scenario.BIG: 16_040}


@dataclass(frozen=True)
class Path:
    """How a path behaves, in the terms that separate one Culprit from another."""

    hold_bytes: int = 0  # 0: passes everything on at once
    freed_by: frozenset[Variant] = frozenset()  # differences that make it pass everything on
    removes_header: bool = False  # X-Accel-Buffering does not reach the client
    encoding: str = ""  # it compresses for a client that offers encodings
    origin: RequestAtApp = field(default_factory=lambda: RequestAtApp(protocol="HTTP/1.1", server="gunicorn"))
    upgrades: bool = True  # WebSocket passes
    websocket_status: int = 400  # of the refusal, where it does not
    control: bool = True  # the service can ask itself, ...
    control_hold_bytes: int = 0  # ... and meets this

    def observe(self, probe: Probe) -> Observation:
        """What this Probe sees here."""
        if probe.transport is Transport.WEBSOCKET and not self.upgrades:
            return Observation(
                probe,
                Outcome.REFUSED,
                detail="the handshake was refused",
                status=self.websocket_status,
                request_at_app=RequestAtApp(
                    protocol=self.origin.protocol, gateway=self.origin.gateway, websocket_key=True
                ),
            )
        shape = plan.SHAPES[probe.scenario]
        offsets = sent(shape.count, shape.interval_s, shape.jitter_s)
        record = RECORD_BYTES[probe.scenario]
        hold = self._hold_bytes(probe)
        reads = _reads(offsets, record, hold)
        return Observation(
            probe,
            Outcome.COMPLETE,
            status=200,
            http_version="1.1",
            headers=self._headers(probe),
            headers_s=reads[0][0],
            ended_s=reads[-1][0],
            arrivals=tuple(
                Arrival(at_s, size, size, tuple(ReceivedPiece(seq, offset) for seq, offset in pieces))
                for at_s, size, pieces in reads
            ),
            end=EndRecord(shape.count, offsets[-1], self.origin),
            request_at_app=self.origin,
        )

    def run(self, *, quick: bool = False) -> Run:
        """What a whole diagnosis gathers here."""
        first = [self.observe(probe) for probe in plan.baselines(Transport, quick=quick)]
        flows = {seen.probe: measure(seen).flow for seen in first}
        more = [self.observe(probe) for probe in plan.experiments(flows, quick=quick)]
        controls = [
            self.observe(Probe(transport, vantage=Vantage.LOOPBACK))
            for transport in plan.STREAMED
            if self.control
        ]
        return Run("http://test", (*first, *more, *controls))

    def _hold_bytes(self, probe: Probe) -> int:
        if probe.vantage is Vantage.LOOPBACK:
            return self.control_hold_bytes
        if probe.transport in (Transport.POLLING, Transport.WEBSOCKET):
            return 0
        if self.encoding and probe.variant is Variant.IDENTITY:
            return 0
        return 0 if probe.variant in self.freed_by else self.hold_bytes

    def _headers(self, probe: Probe) -> tuple[tuple[str, str], ...]:
        headers = [("server", "something")]
        if probe.variant is Variant.XAB and not self.removes_header:
            headers.append(("x-accel-buffering", "no"))
        if self.encoding and probe.variant is not Variant.IDENTITY:
            headers.append(("content-encoding", self.encoding))
        return tuple(headers)


def _reads(offsets: list[float], record: int, hold_bytes: int) -> Reads:
    if not hold_bytes:
        return one_by_one(offsets, record=record)
    if hold_bytes > 2 * record * len(offsets):
        return at_the_end(offsets, record)
    return in_blocks(offsets, hold_bytes, record)
