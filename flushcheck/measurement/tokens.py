"""What a stream of tokens looked like to its reader: arithmetic over the moments of its records.

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

from flushcheck.model import Arrival, Ending, Gaps, Observation, Outcome, TokenMetrics

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


def token_metrics(observation: Observation) -> TokenMetrics:
    """Return the metrics of one stream of the user's own app."""
    counts = [(arrival.at_s, *_counts(arrival)) for arrival in observation.arrivals]
    moments_s = [at_s for at_s, tokens, _ in counts for _ in range(tokens)]
    output_s = [at_s for at_s, tokens, reasoning in counts if tokens > reasoning]
    gaps_s = [after_s - before_s for before_s, after_s in itertools.pairwise(moments_s)]
    return TokenMetrics(
        tokens=len(moments_s),
        reasoning_tokens=sum(reasoning for _, _, reasoning in counts),
        usage_tokens=observation.usage_tokens,
        ttft_s=moments_s[0] if moments_s else None,
        ttfo_s=output_s[0] if output_s else None,
        gap_s=Gaps(percentile(gaps_s, 0.5), percentile(gaps_s, 0.95), max(gaps_s)) if gaps_s else None,
        tokens_per_s=len(gaps_s) / sum(gaps_s) if sum(gaps_s) > 0 else None,
        ending=_ending(observation),
        error=observation.error,
    )


def _counts(arrival: Arrival) -> tuple[int, int]:
    """Return the tokens of one read, and how many of them are reasoning.

    A run from elsewhere may claim any number: there are no more tokens than records.
    """
    tokens = max(0, min(arrival.tokens, len(arrival.records)))
    return tokens, max(0, min(arrival.reasoning_tokens, tokens))


def _ending(observation: Observation) -> Ending:
    if observation.error:
        return Ending.ERROR
    if observation.done:
        return Ending.COMPLETE
    if not observation.format_end:
        return Ending.UNMARKED
    return Ending.STOPPED if observation.outcome is Outcome.STOPPED else Ending.MISSING


def fault(observation: Observation) -> Ending:
    """Return ERROR or MISSING where a stream of the user's own breaks the rules of its format, else COMPLETE.

    A format that is not known has no such rules: a record that looks like an error may be data. Many servers
    leave out the last record behind the one that says why the model stopped, and no reader minds.
    """
    ending = _ending(observation)
    if ending is Ending.ERROR and observation.format_end:
        return ending
    if ending is Ending.MISSING and not observation.finished:
        return ending
    return Ending.COMPLETE


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
