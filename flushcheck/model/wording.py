"""Lists inside sentences, the same in every output."""

from __future__ import annotations

from collections.abc import Sequence


def any_of(names: Sequence[str]) -> str:
    """The names as alternatives, for example "A, B or C"; "" if there are none."""
    return " or ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
