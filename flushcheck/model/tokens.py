"""The tokens of a stream of the user's own app, in numbers. docs/tokens.md has their definitions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Ending(StrEnum):
    """Whether a stream came to the end that its format has."""

    COMPLETE = "complete"
    ERROR = "error"  # a record says that something failed
    MISSING = "missing"  # its format has an end, and it did not come
    STOPPED = "stopped"  # it was not followed to its end
    UNMARKED = "unmarked"  # its format has none


@dataclass(frozen=True, slots=True)
class Gaps:
    """Times between tokens, in seconds."""

    p50: float
    p95: float
    max: float


@dataclass(frozen=True, slots=True)
class TokenMetrics:
    """The tokens of one stream. A time is None where there is no such token."""

    tokens: int = 0
    reasoning_tokens: int = 0  # of these
    usage_tokens: int = 0  # that the service counted; 0: it does not say
    ttft_s: float | None = None  # the first token, reasoning included
    ttfo_s: float | None = None  # the first token that is not reasoning
    gap_s: Gaps | None = None  # None for fewer than two tokens
    tokens_per_s: float | None = None  # after the first; None where all came at once
    ending: Ending = Ending.UNMARKED
    error: str = ""  # the message of the first error


NO_TOKENS = TokenMetrics()
