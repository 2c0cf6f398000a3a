"""The Report as JSON: the one stable schema that CI, scripts and pages rely on. See docs in the README.

`SCHEMA` goes up when a field changes its meaning or goes away; new fields may come at any time.
"""

from __future__ import annotations

from typing import Any

from flushcheck.model import Accusation, Localisation, Report, Silence, Verdict
from flushcheck.model.codec import to_json

SCHEMA = 1


def document(report: Report) -> dict[str, Any]:
    """The Report as plain dicts, lists, strings and numbers, ready for `json.dumps`."""
    return {
        "schema": SCHEMA,
        "target": report.target,
        "verdict": report.health.value,
        "headline": report.headline,
        "transports": {verdict.transport.value: _verdict(verdict) for verdict in report.verdicts},
        "culprits": [_accusation(accusation) for accusation in report.accusations],
        "located": _located(report.located),
        "hops": [{"what": hop.what, "evidence": hop.evidence.sentence} for hop in report.hops],
        "notes": list(report.notes),
        "tool": report.tool,
    }


def _located(located: Localisation | None) -> dict[str, Any] | None:
    if located is None:
        return None
    return {
        "place": located.place.value,
        "summary": located.summary,
        "evidence": [fact.sentence for fact in located.evidence],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "flow": verdict.flow.value,
        "summary": verdict.summary,
        "held_at": verdict.held_at.value if verdict.held_at else None,
        "hold_bytes": verdict.hold_bytes,
        "hold_s": _seconds(verdict.hold_s),
        "headers_s": _seconds(verdict.headers_s),
        "first_piece_s": _seconds(verdict.first_piece_s),
        "lag_s": {"p50": _seconds(verdict.lag_s.p50), "max": _seconds(verdict.lag_s.max)},
        "pieces_sent": verdict.pieces_sent,
        "pieces_received": verdict.pieces_received,
        "complete": verdict.complete,
        "culprits": [suspicion.culprit.id for suspicion in verdict.suspicions],
        "freed_by": [variant.value for variant in verdict.freed_by],
        "silence": _silence(verdict.silence),
        "sent_s": [_seconds(at_s) for at_s in verdict.sent_s],
        "received_s": [_seconds(at_s) for at_s in verdict.received_s],
    }


def _silence(silence: Silence | None) -> dict[str, Any] | None:
    if silence is None:
        return None
    return {
        "cause": silence.cause.value,
        "summary": silence.summary,
        "passed_s": _seconds(silence.passed_s),
        "cut_after_s": _seconds(silence.cut_after_s) if silence.cut_after_s else None,
        "deadline_s": _seconds(silence.deadline_s) if silence.deadline_s else None,
    }


def _accusation(accusation: Accusation) -> dict[str, Any]:
    culprit = accusation.culprit
    return {
        "id": culprit.id,
        "title": culprit.title,
        "confidence": accusation.confidence.value,
        "transports": [transport.value for transport in accusation.transports],
        "evidence": [fact.sentence for fact in accusation.evidence],
        "fixes": [to_json(fix) for fix in culprit.fixes],
        "references": list(culprit.references),
    }


def _seconds(value: float) -> float:
    return round(value, 4)
