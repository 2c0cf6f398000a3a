"""What every report writes of a fix: its members in JSON, and the remarks below its change."""

from __future__ import annotations

from typing import Any

from flushcheck.model import Fix
from flushcheck.model.versions import shown


def remarks(fix: Fix) -> tuple[tuple[str, str], ...]:
    """Label and text: "for" (versions), "cost" and "note", each only where the fix has one."""
    labelled = (("for", versions(fix)), ("cost", fix.cost), ("note", fix.note))
    return tuple((label, text) for label, text in labelled if text)


def versions(fix: Fix) -> str:
    """The versions that a fix is for, for example "nginx before 1.29.7"; "" for all of them."""
    parts = []
    if fix.until is not None:
        parts.append(f"{fix.until.program} before {shown(fix.until.since)}")
    if fix.since is not None:
        parts.append(f"{fix.since.program} {shown(fix.since.since)} and later")
    return ", ".join(parts)


def fix_document(fix: Fix) -> dict[str, Any]:
    """A fix as JSON."""
    return {
        "where": fix.where,
        "change": fix.change,
        "by": fix.by.value,
        "versions": versions(fix),
        "cost": fix.cost,
        "note": fix.note,
        "response_header": fix.response_header,
    }
