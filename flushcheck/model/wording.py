"""Counts and lists inside sentences, the same in every output."""

from __future__ import annotations

from collections.abc import Sequence


def any_of(names: Sequence[str]) -> str:
    """The names as alternatives, for example "A, B or C"; "" if there are none."""
    return " or ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def all_of(names: Sequence[str]) -> str:
    """The names together, for example "A, B and C"; "" if there are none."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def count_of(number: int, noun: str) -> str:
    """For example "1 process" or "2 processes"."""
    plural = "es" if noun.endswith("s") else "s"
    return f"{number} {noun}{'' if number == 1 else plural}"
