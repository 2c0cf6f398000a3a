"""The tokens of a stream in words: how many, when, how close together, and how they ended."""

from __future__ import annotations

from flushcheck.measurement.tokens import ShrunkGaps
from flushcheck.model import Ending, TokenMetrics


def describe_tokens(end: str, metrics: TokenMetrics, records_per_delivery: float) -> list[str]:
    """Return the sentences about one stream of a known format.

    Args:
        end: what its format ends with.
        metrics: its tokens.
        records_per_delivery: how many records came together, on average.
    """
    sentences = [_counts(metrics)]
    if metrics.ttft_s is not None:
        sentences = [
            f"{_counts(metrics)}, {_first(metrics)}, {records_per_delivery:.1f} records per delivery"
        ]
    if metrics.gap_s is not None:
        gaps = metrics.gap_s
        pace = f", {metrics.tokens_per_s:.1f} tokens per second" if metrics.tokens_per_s else ""
        sentences.append(
            f"between tokens: median {gaps.p50 * 1000:.0f} ms, 95 % within {gaps.p95 * 1000:.0f} ms, longest "
            f"{gaps.max * 1000:.0f} ms{pace}"
        )
    return [*sentences, *filter(None, [describe_ending(metrics.ending, end, metrics.error)])]


def describe_ending(ending: Ending, end: str, error: str) -> str:
    """Return the sentence about what is wrong with the end of a stream; "" if nothing is.

    Args:
        ending: how it ended.
        end: what its format ends with; "" for a format that is not known.
        error: the message of the first error.
    """
    match ending:
        case Ending.ERROR if end:
            return f"the stream reports an error: {error}"
        case Ending.ERROR:
            return f"a record looks like an error: {error}"
        case Ending.MISSING:
            return f"the end of its format did not come: {end}"
    return ""


def describe_shrunk(shrunk: ShrunkGaps) -> str:
    """Return the sentence about tokens that came later and closer together through the proxy."""
    return (
        f"through the proxy the first token comes {shrunk.later_s:.1f} s later and the tokens follow each "
        f"other faster ({shrunk.gap_s * 1000:.0f} ms instead of {shrunk.direct_gap_s * 1000:.0f} ms): "
        "something collects them"
    )


def _counts(metrics: TokenMetrics) -> str:
    count = f"{metrics.tokens} {'token' if metrics.tokens == 1 else 'tokens'}"
    if metrics.reasoning_tokens:
        count += f", {metrics.reasoning_tokens} of them reasoning"
    return f"{count} (the service counted {metrics.usage_tokens})" if metrics.usage_tokens else count


def _first(metrics: TokenMetrics) -> str:
    first = f"first token after {metrics.ttft_s:.2f} s"
    if metrics.ttfo_s is None:
        return f"{first}, and none that is not reasoning"
    if metrics.ttfo_s == metrics.ttft_s:
        return first
    return f"{first} (reasoning), first of the response after {metrics.ttfo_s:.2f} s"
