"""The errors of flushcheck, under one base class."""

from __future__ import annotations


class FlushcheckError(Exception):
    """Base of the exceptions that a caller of flushcheck may want to handle."""


class UsageError(FlushcheckError, ValueError):
    """The caller's mistake. Says what was given, what is expected, and an example."""
