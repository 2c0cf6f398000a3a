"""What the linters of several servers share: the content types of streams, and a sentence that repeats."""

from __future__ import annotations

from flushcheck.configs.templates import is_marked
from flushcheck.configs.tree import Directive, Value

# What streams are sent as.
STREAM_TYPES = ("text/event-stream", "text/plain", "application/x-ndjson")

# Of a setting that no response header overrides.
NO_OVERRIDE = "the app cannot switch it off with a response header"


def filled_in(line: Directive) -> Value | None:
    """The setting of a line that a template fills in, so that its effect is not known; None if none does."""
    return Value(line.word, line.args, line) if is_marked(line.text) else None
