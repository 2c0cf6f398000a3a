"""The catalogue as a reader meets it: look a Culprit up by its id, and say how each one is told.

The words are the Culprit's own. How a live run tells it is what its `suspect` says of itself in the first
paragraph of its docstring: the rule and its description stand in one place and cannot drift apart.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from flushcheck.culprits import DETECTORS, FALLBACK_DETECTORS, STATIC_ONLY, Detector
from flushcheck.model import Culprit, UsageError

MOST_NEAR = 4  # names offered in place of one that nobody has


@dataclass(frozen=True, slots=True)
class Entry:
    """One Culprit and how it is told."""

    culprit: Culprit
    told_live: str  # what a diagnosis looks at; "" where Python was told to leave docstrings out (-OO)
    in_files: bool  # whether a server's configuration shows it: see `check`


def _entry(case: Detector) -> Entry:
    rule = (case.detect.__doc__ or "").strip().partition("\n\n")[0]
    return Entry(case.CULPRIT, " ".join(rule.split()), hasattr(case, "lint"))


ENTRIES: tuple[Entry, ...] = tuple(_entry(case) for case in (*DETECTORS, *FALLBACK_DETECTORS, *STATIC_ONLY))


def find(name: str) -> Entry:
    """The Culprit of this id.

    Raises:
        UsageError: nobody is called so; the nearest names are said.
    """
    for entry in ENTRIES:
        if entry.culprit.id == name:
            return entry
    shown = name if len(name) <= 60 else f"{name[:60]}…"
    examples = near(name) or (ENTRIES[0].culprit.id,)
    raise UsageError(
        f"{shown!r} is no culprit's id: expected one of those that `flushcheck explain` lists, for example "
        f"{' or '.join(examples)}"
    )


def near(name: str) -> tuple[str, ...]:
    """The ids that may have been meant, likeliest first: alike as a whole, or sharing a word of it."""
    wanted = "-".join(name.lower()[:60].replace("_", " ").replace("-", " ").split())
    ids = [entry.culprit.id for entry in ENTRIES]
    alike = difflib.get_close_matches(wanted, ids, n=MOST_NEAR)
    words = [word for word in wanted.split("-") if len(word) > 2]
    sharing = sorted(
        (one for one in ids if any(word in one for word in words)),
        key=lambda one: -sum(word in one for word in words),
    )
    return tuple(dict.fromkeys((*alike, *sharing)))[:MOST_NEAR]
