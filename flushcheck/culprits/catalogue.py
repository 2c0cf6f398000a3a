"""Find a culprit by its id, or the ids that a misspelt one may have meant."""

from __future__ import annotations

import difflib

from flushcheck.culprits import CULPRITS
from flushcheck.model import Culprit, UsageError

MAX_NEAR = 4  # ids offered in place of an unknown one
MAX_SHOWN = 60  # characters of an unknown id in the error


def find(name: str) -> Culprit:
    """The culprit of this id.

    Raises:
        UsageError: there is none; the nearest ids are offered.
    """
    if name in CULPRITS:
        return CULPRITS[name]
    shown = name if len(name) <= MAX_SHOWN else f"{name[:MAX_SHOWN]}…"
    meant = near(name)
    if meant:
        raise UsageError(f"no culprit is called {shown!r}. Did you mean {', '.join(meant)}?")
    raise UsageError(
        f"no culprit is called {shown!r}: expected an id that `flushcheck explain` lists, for example "
        f"{next(iter(CULPRITS))}"
    )


def near(name: str) -> tuple[str, ...]:
    """The ids that may have been meant, likeliest first: alike as a whole, or sharing a word of it."""
    wanted = "-".join(name.lower()[:MAX_SHOWN].replace("_", " ").replace("-", " ").split())
    alike = difflib.get_close_matches(wanted, CULPRITS, n=MAX_NEAR)
    words = [word for word in wanted.split("-") if len(word) > 2]
    sharing = sorted(
        (culprit_id for culprit_id in CULPRITS if any(word in culprit_id for word in words)),
        key=lambda culprit_id: -sum(word in culprit_id for word in words),
    )
    return tuple(dict.fromkeys((*alike, *sharing)))[:MAX_NEAR]
