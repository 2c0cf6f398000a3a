"""What the linters of several servers share: the content types of streams, and a sentence that repeats."""

from __future__ import annotations

# What streams are sent as.
STREAM_TYPES = ("text/event-stream", "text/plain", "application/x-ndjson")

# Of a setting that no response header overrides.
NO_OVERRIDE = "the app cannot switch it off with a response header"
