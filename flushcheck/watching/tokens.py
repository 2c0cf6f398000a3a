"""What a stream of tokens looked like to its reader: pure arithmetic over the moments of its records.

A token is a record with content: text, reasoning, or a part of a tool call. Services put one token into a
record, rarely several, so counts are of records; what the service itself counted stands beside them. Names
and definitions are those of AIPerf and of OpenTelemetry's GenAI conventions; docs/tokens.md says where they
differ.

Records of one read have one moment. So a path that holds a stream makes gaps of zero, and the stream looks
like that of a very fast model: gaps alone never show that all is well. `gaps_shrank` compares with a second
address.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from flushcheck.watching.formats.wire_format import TOKEN_KINDS, RecordKind

# Gaps shrank across a proxy: the median is at most this share of the direct one's ...
SMALLER_GAP = 0.5
# ... where the direct one is at least this long (a shorter one is the pace of reads, not of a model) ...
MIN_GAP_S = 0.02
# ... while the first token came so much later ...
LATER_S = 0.3
# ... in streams of at least this many tokens ...
MIN_TOKENS = 5
# ... that differ in length by no more than this: a model gives another text each time.
SIMILAR_RATIO = 2.5


@dataclass(frozen=True, slots=True)
class TimedRecord:
    """A record without its text, and when it arrived."""

    at_s: float  # since the request was sent
    kind: RecordKind
    ends: bool = False  # with it the stream is complete, by the rules of its format
    output_tokens: int = 0  # that the service counted by then
    error: str = ""  # of an ERROR: its message


class Ending(StrEnum):
    """Whether a stream came to the end that its format has."""

    COMPLETE = "complete"
    ERROR = "error"  # a record says that something failed
    MISSING = "missing"  # its format has an end, and it did not come
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

    tokens: int
    reasoning_tokens: int  # of these
    usage_tokens: int  # that the service counted; 0: it does not say
    first_record_s: float | None
    ttft_s: float | None  # the first token, reasoning included
    ttfo_s: float | None  # the first token that is not reasoning
    gap_s: Gaps | None  # None for fewer than two tokens
    tokens_per_s: float | None  # after the first; None where all came at once
    ending: Ending
    error: str  # the message of the first error


def token_metrics(records: Sequence[TimedRecord], *, has_end: bool) -> TokenMetrics:
    """Return the metrics of one stream.

    Args:
        records: all of it, pings and end markers too, by ascending `at_s`.
        has_end: whether its format says when a stream is complete.
    """
    counted = [record for record in records if record.kind not in (RecordKind.PING, RecordKind.DONE)]
    tokens = [record for record in records if record.kind in TOKEN_KINDS]
    output = [record for record in tokens if record.kind is not RecordKind.REASONING]
    gaps_s = [after.at_s - before.at_s for before, after in itertools.pairwise(tokens)]
    return TokenMetrics(
        tokens=len(tokens),
        reasoning_tokens=len(tokens) - len(output),
        usage_tokens=max((record.output_tokens for record in records), default=0),
        first_record_s=counted[0].at_s if counted else None,
        ttft_s=tokens[0].at_s if tokens else None,
        ttfo_s=output[0].at_s if output else None,
        gap_s=Gaps(percentile(gaps_s, 0.5), percentile(gaps_s, 0.95), max(gaps_s)) if gaps_s else None,
        tokens_per_s=len(gaps_s) / sum(gaps_s) if sum(gaps_s) > 0 else None,
        ending=_ending(records, has_end=has_end),
        error=next((record.error for record in records if record.kind is RecordKind.ERROR), ""),
    )


def _ending(records: Sequence[TimedRecord], *, has_end: bool) -> Ending:
    if any(record.kind is RecordKind.ERROR for record in records):
        return Ending.ERROR
    if any(record.ends for record in records):
        return Ending.COMPLETE
    return Ending.MISSING if has_end else Ending.UNMARKED


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies, between two of them where it falls there.

    Args:
        values: at least one.
        share: 0 to 1.
    """
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


@dataclass(frozen=True, slots=True)
class ShrunkGaps:
    """Tokens came later through the proxy, and closer together: it had collected them."""

    later_s: float  # the first token
    gap_s: float  # the median through the proxy
    direct_gap_s: float  # the median without it


def gaps_shrank(public: TokenMetrics, direct: TokenMetrics) -> ShrunkGaps | None:
    """Return how a proxy collects tokens, by the same stream with and without it; None if nothing shows it.

    A slower model makes the first token later and the gaps longer, a faster one the reverse. Only something
    that collects tokens makes the first one later and the gaps shorter.
    """
    if min(public.tokens, direct.tokens) < MIN_TOKENS:
        return None
    if max(public.tokens, direct.tokens) > SIMILAR_RATIO * min(public.tokens, direct.tokens):
        return None
    if public.gap_s is None or direct.gap_s is None or public.ttft_s is None or direct.ttft_s is None:
        return None
    later_s = public.ttft_s - direct.ttft_s
    if later_s < LATER_S or direct.gap_s.p50 < MIN_GAP_S:
        return None
    if public.gap_s.p50 > SMALLER_GAP * direct.gap_s.p50:
        return None
    return ShrunkGaps(later_s, public.gap_s.p50, direct.gap_s.p50)
