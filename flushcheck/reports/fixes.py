"""What every report writes of a fix: its members in JSON, and the remarks below its change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flushcheck.model import Bundle, Fix, OfferedFix
from flushcheck.model.versions import shown
from flushcheck.model.wording import all_of, any_of


def remarks(fix: Fix) -> tuple[tuple[str, str], ...]:
    """Label and text: "for" (versions, conditions), "cost" and "note", each only where the fix has one."""
    notes = "; ".join(filter(None, (fix.note, fix.gateway_note)))
    labelled = (("for", versions(fix)), ("cost", fix.cost), ("note", notes))
    return tuple((label, text) for label, text in labelled if text)


def remarks_here(offered: OfferedFix) -> tuple[tuple[str, str], ...]:
    """As `remarks`, with what came of the fix where it was tried: "tested here"."""
    if not offered.transports:
        return remarks(offered.fix)
    first, *others = offered.transports
    also = f"; on {all_of(others)} too" if others else ""
    return (("tested here", f"{first}, {offered.tested}{also}"), *remarks(offered.fix))


def versions(fix: Fix) -> str:
    """What a fix is for, for example "nginx before 1.29.7" or "responses in gzip"; "" for all."""
    parts = []
    if fix.until is not None:
        parts.append(f"{fix.until.program} before {shown(fix.until.since)}")
    if fix.since is not None:
        parts.append(f"{fix.since.program} {shown(fix.since.since)} and later")
    if fix.app_protocol and parts:
        return f"an app that is called over {fix.app_protocol}, the default of {any_of(parts)}"
    if fix.encodings:
        parts.append(f"responses in {any_of(sorted(fix.encodings))}")
    return ", ".join(parts)


def fix_document(fix: Fix) -> dict[str, Any]:
    """A fix as JSON, without a run."""
    return {
        "where": fix.where,
        "change": fix.change,
        "by": fix.by.value,
        "versions": versions(fix),
        "cost": fix.cost,
        "note": "; ".join(filter(None, (fix.note, fix.gateway_note))),
        "response_header": fix.response_header,
    }


def offered_document(offered: OfferedFix) -> dict[str, Any]:
    """A fix of a report as JSON."""
    tested = {
        "transports": [transport.value for transport in offered.transports],
        "before_s": round(offered.before_s, 4),
        "after_s": round(offered.after_s, 4),
    }
    return {**fix_document(offered.fix), "tested": tested if offered.transports else None}


def bundle_document(bundle: Bundle) -> dict[str, Any]:
    """All lines for one server as JSON."""
    return {
        "server": bundle.server.value,
        "where": bundle.where,
        "change": bundle.change,
        "culprits": list(bundle.culprits),
        "notes": list(bundle.notes),
    }


def joining(bundles: Iterable[Bundle]) -> tuple[Bundle, ...]:
    """Those that have lines of several culprits: the others repeat a fix that stands beside its culprit."""
    return tuple(bundle for bundle in bundles if len(bundle.culprits) > 1)
