"""What every report writes below the change of a fix, under the same two labels."""

from __future__ import annotations

from flushcheck.model import Fix


def cost_and_note(fix: Fix) -> tuple[tuple[str, str], ...]:
    """Label and text: "cost" and "note", each only where the fix has one."""
    return tuple((label, text) for label, text in (("cost", fix.cost), ("note", fix.note)) if text)
