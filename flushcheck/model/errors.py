"""The error that is the caller's: what was given, what was expected, and a good example."""

from __future__ import annotations


class UsageError(ValueError):
    """The caller asked for something that cannot be: says what was given, expected, and an example."""
