"""What has to be true for a block to let a stream through, where its file does not show it.

A block that passes under a condition says so in its reason. A person who knows that the condition holds
gives the assumption to the check, which then leaves the condition out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Assumption(StrEnum):
    """What a person may state about the parts that a file does not show."""

    CHUNKED = "chunked"
    EMPTY_INCLUDES = "empty-includes"
    PLAIN_HTTP = "plain-http"
    UPSTREAM_FLUSHES = "upstream-flushes"

    @property
    def meaning(self) -> str:
        """The statement, for the help of its option."""
        return _MEANINGS[self]


_MEANINGS = {
    Assumption.CHUNKED: "the app sends its streams in chunks, without a Content-Length and not over HTTP/1.0",
    Assumption.EMPTY_INCLUDES: "files that could not be read change nothing about streams",
    Assumption.PLAIN_HTTP: "lines without a server around them are used without TLS",
    Assumption.UPSTREAM_FLUSHES: "what is called over https flushes each piece before it encrypts",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """Under which a block lets a stream through."""

    assumption: Assumption
    clause: str  # for the end of the reason, for example "while the app sends chunks"
