"""The Report as JSON: the stable schema that CI, scripts and pages rely on.

`SCHEMA` goes up when a field changes its meaning or goes away; new fields may appear at any time.
"""

from __future__ import annotations

from typing import Any

from flushcheck.model import (
    CertificateReport,
    ClientReport,
    CulpritReport,
    FaultLocation,
    IdleResult,
    Report,
    Rung,
    RungStream,
    StreamReport,
    TokenMetrics,
    TransportReport,
)
from flushcheck.model.codec import to_json
from flushcheck.reports.clients import asked_as
from flushcheck.reports.fixes import bundle_document, offered_document
from flushcheck.reports.provenance import in_logs, measured

SCHEMA = 2


def document(report: Report) -> dict[str, Any]:
    """The Report as plain dicts, lists, strings and numbers, ready for `json.dumps`."""
    return {
        "schema": SCHEMA,
        "target": report.target,
        "verdict": report.verdict.value,
        "headline": report.headline,
        "measured_as": asked_as(report),
        "clients": {client.value: verdict.value for client, verdict in report.clients},
        "transports": {transport.transport.value: _transport(transport) for transport in report.transports},
        "culprits": [_culprit(culprit) for culprit in report.culprits],
        "fault_location": _fault_location(report.fault_location),
        "certificate": _certificate(report.certificate),
        "hops": [{"what": hop.what, "evidence": hop.evidence.sentence} for hop in report.hops],
        "stream": _stream(report.stream),
        "rungs": [_rung(rung) for rung in report.rungs],
        "is_origin": report.is_origin,
        "notes": list(report.notes),
        "tool": report.tool,
        "began_at": report.began_at,
        "took_s": _seconds(report.took_s),
        "observer": report.observer,
        "marker": report.marker,
        "tls_version": report.tls_version,
        "measured": measured(report),
        "in_access_logs": in_logs(report),
        "clean": list(report.clean),
        "bundles": [bundle_document(bundle) for bundle in report.bundles],
    }


def _fault_location(found: FaultLocation | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "place": found.place.value,
        "summary": found.summary,
        "evidence": [fact.sentence for fact in found.evidence],
        "layers": list(found.layers),
    }


def _certificate(found: CertificateReport | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        **to_json(found.presented),
        "match": found.match.value,
        "site": to_json(found.site) if found.site else None,
    }


def _stream(found: StreamReport | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "method": found.method,
        "status": found.status,
        "format": found.format,
        "framing": found.framing,
        "records": found.records,
        "deliveries": found.deliveries,
        "records_per_delivery": round(found.records_per_delivery, 2),
        **_tokens(found.tokens),
        "longest_gap_s": _seconds(found.longest_gap_s),
        "done": found.done,
        "ended_s": _seconds(found.ended_s),
        "summary": found.summary,
        "sentences": list(found.token_sentences),
    }


def _tokens(found: TokenMetrics) -> dict[str, Any]:
    gaps = found.gap_s
    return {
        "tokens": found.tokens,
        "reasoning_tokens": found.reasoning_tokens,
        "usage_tokens": found.usage_tokens,
        "ttft_s": _known_seconds(found.ttft_s),
        "ttfo_s": _known_seconds(found.ttfo_s),
        "gap_s": gaps and {"p50": _seconds(gaps.p50), "p95": _seconds(gaps.p95), "max": _seconds(gaps.max)},
        "tokens_per_s": None if found.tokens_per_s is None else round(found.tokens_per_s, 2),
        "ending": found.ending.value,
        "error": found.error,
    }


def _rung(found: Rung) -> dict[str, Any]:
    return {
        "name": found.name,
        "url": found.url,
        "flow": found.flow.value,
        "summary": found.summary,
        "received_s": [_seconds(at_s) for at_s in found.received_s],
        "transports": {stream.transport.value: _rung_stream(stream) for stream in found.streams},
        "hops": list(found.hops),
    }


def _rung_stream(found: RungStream) -> dict[str, Any]:
    return {
        "flow": found.flow.value,
        "summary": found.summary,
        "first": found.first,
        "received_s": [_seconds(at_s) for at_s in found.received_s],
    }


def _transport(found: TransportReport) -> dict[str, Any]:
    return {
        "flow": found.flow.value,
        "summary": found.summary,
        "held_at": found.held_at.value if found.held_at else None,
        "hold_bytes": found.hold_bytes,
        "hold_s": _seconds(found.hold_s),
        "headers_s": _seconds(found.headers_s),
        "first_piece_s": _seconds(found.first_piece_s),
        "lag_s": {"p50": _seconds(found.lag_s.p50), "max": _seconds(found.lag_s.max)},
        "pieces_sent": found.pieces_sent,
        "pieces_received": found.pieces_received,
        "complete": found.complete,
        "culprits": [detection.culprit.id for detection in found.culprits],
        "freed_by": [variant.value for variant in found.freed_by],
        "idle": _idle(found.idle),
        "sent_s": [_seconds(at_s) for at_s in found.sent_s],
        "received_s": [_seconds(at_s) for at_s in found.received_s],
        "clients": {client.client.value: _client(client) for client in found.clients},
    }


def _client(found: ClientReport) -> dict[str, Any]:
    return {
        "flow": found.flow.value,
        "summary": found.summary,
        "http_version": found.http_version,
        "hold_bytes": found.hold_bytes,
        "hold_s": _seconds(found.hold_s),
        "culprits": [detection.culprit.id for detection in found.culprits],
        "freed_by": [variant.value for variant in found.freed_by],
        "sent_s": [_seconds(at_s) for at_s in found.sent_s],
        "received_s": [_seconds(at_s) for at_s in found.received_s],
    }


def _idle(idle: IdleResult | None) -> dict[str, Any] | None:
    if idle is None:
        return None
    return {
        "cause": idle.cause.value,
        "summary": idle.summary,
        "passed_s": _seconds(idle.passed_s),
        "cut_after_s": _seconds(idle.cut_after_s) if idle.cut_after_s else None,
        "deadline_s": _seconds(idle.deadline_s) if idle.deadline_s else None,
    }


def _culprit(found: CulpritReport) -> dict[str, Any]:
    culprit = found.culprit
    return {
        "id": culprit.id,
        "title": culprit.title,
        "confidence": found.confidence.value,
        "transports": [transport.value for transport in found.transports],
        "clients": [client.value for client in found.clients],
        "evidence": [fact.sentence for fact in found.evidence],
        "versions": list(found.versions),
        "fixes": [offered_document(offered) for offered in found.offered],
        "references": list(culprit.references),
    }


def _seconds(value: float) -> float:
    return round(value, 4)


def _known_seconds(value: float | None) -> float | None:
    return None if value is None else _seconds(value)
