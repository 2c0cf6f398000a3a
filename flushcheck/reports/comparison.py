"""Two reports beside each other, as text and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flushcheck.diagnosis.comparison import Change, Comparison, Trend
from flushcheck.model import Flow, Report
from flushcheck.reports.provenance import measured
from flushcheck.reports.text_writer import TextWriter

SCHEMA = 1

_COLORS = {Trend.BETTER: "green", Trend.WORSE: "red", Trend.UNCLEAR: "yellow", Trend.SAME: ""}


def comparison_text(comparison: Comparison, before: Report, after: Report, *, width: int, color: bool) -> str:
    """The comparison for a person, ending in a newline."""
    page = TextWriter(width, color)
    page.line(
        f"{comparison.trend.upper()}  {after.target}", *filter(None, (_COLORS[comparison.trend], "bold"))
    )
    if before.target != after.target:
        page.text(f"before: another address, {before.target}", hang=2)
    page.text(f"was {before.verdict}, is {after.verdict}: {after.headline}", hang=2)
    page.gap()
    for change in comparison.changes:
        label = f"  {change.trend:<8} {change.name:<18}"
        page.text(f"{label} {sentence(change)}", hang=len(label) + 1, style=_COLORS[change.trend])
    for remark in _alone(comparison):
        page.text(f"  {remark}", hang=4)
    for remark in _culprits(comparison):
        page.text(remark, hang=2)
    for word, report in (("before", before), ("after", after)):
        if when := measured(report):
            page.text(f"{word}: {when}", hang=2)
    return page.done()


def sentence(change: Change) -> str:
    """What a stream was, and what it is."""
    return (
        f"was {_state(change.before, change.before_hold_s)}, now {_state(change.after, change.after_hold_s)}"
    )


def _alone(comparison: Comparison) -> list[str]:
    before = [f"{name}: only measured before" for name in comparison.only_before]
    return before + [f"{name}: only measured after" for name in comparison.only_after]


def _culprits(comparison: Comparison) -> list[str]:
    pairs = (("no longer found", comparison.culprits_gone), ("newly found", comparison.culprits_new))
    return [f"{words}: {', '.join(ids)}" for words, ids in pairs if ids]


def _state(flow: Flow, hold_s: float) -> str:
    return f"{flow}, {hold_s:.2f} s" if hold_s >= 0.005 else flow


def comparison_document(comparison: Comparison, before: Report, after: Report) -> dict[str, Any]:
    """The comparison as plain dicts, ready for `json.dumps`."""
    return {
        "schema": SCHEMA,
        "trend": comparison.trend,
        "before": _head(before),
        "after": _head(after),
        "changes": [{**asdict(change), "sentence": sentence(change)} for change in comparison.changes],
        "only_before": list(comparison.only_before),
        "only_after": list(comparison.only_after),
        "culprits_gone": list(comparison.culprits_gone),
        "culprits_new": list(comparison.culprits_new),
        "remarks": [*_alone(comparison), *_culprits(comparison)],
    }


def _head(report: Report) -> dict[str, Any]:
    return {
        "target": report.target,
        "verdict": report.verdict,
        "headline": report.headline,
        "began_at": report.began_at,
        "measured": measured(report),
    }
