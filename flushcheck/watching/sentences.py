"""One stream in words: its response, how its records arrived, how it ended. Nothing here is a verdict."""

from __future__ import annotations

from flushcheck.watching.analysis import Pattern, StreamAnalysis
from flushcheck.watching.records import DONE, NOUNS, StreamFormat
from flushcheck.watching.stream_capture import StreamCapture, WatchOutcome
from flushcheck.watching.token_sentences import describe_shrunk, describe_tokens
from flushcheck.watching.tokens import gaps_shrank, token_metrics

# The header of gzip has this length, those of the other encodings are shorter.
GZIP_HEADER_BYTES = 10

# A response header that arrives this long before the first record shows that the app had begun to respond; a
# pause of this length is worth a sentence.
EARLY_S = 0.5


NOT_VERIFIED = "the certificate was not verified (-k): another program may have responded in its place"


def describe(analysis: StreamAnalysis) -> tuple[str, ...]:
    """Return the sentences about one stream."""
    return (
        *(() if analysis.capture.verified else (NOT_VERIFIED,)),
        *_response(analysis.capture),
        *(() if analysis.pattern is Pattern.NOTHING else _arrivals(analysis)),
        *_tokens(analysis),
        _end(analysis.capture),
    )


def _tokens(analysis: StreamAnalysis) -> list[str]:
    """Describe the tokens of a stream whose format has some."""
    capture = analysis.capture
    if not capture.wire_end:
        return []
    metrics = token_metrics(capture.records, has_end=True)
    per_delivery = analysis.records / max(1, analysis.deliveries)
    return describe_tokens(capture.wire_format, capture.wire_end, metrics, per_delivery)


def compare_tokens(public: StreamAnalysis, direct: StreamAnalysis) -> tuple[str, ...]:
    """Return the sentence that tokens at two addresses of one app add; nothing if they show no hold."""
    shrunk = gaps_shrank(
        token_metrics(public.capture.records, has_end=bool(public.capture.wire_end)),
        token_metrics(direct.capture.records, has_end=bool(direct.capture.wire_end)),
    )
    return (describe_shrunk(shrunk),) if shrunk else ()


def count_deliveries(count: int) -> str:
    """Return for example "1 delivery"."""
    return f"{count} {'delivery' if count == 1 else 'deliveries'}"


def _response(capture: StreamCapture) -> list[str]:
    if not capture.status:
        return []
    content_type = capture.header("content-type") or "no content type"
    sentences = [f"status {capture.status} after {capture.headers_s:.2f} s, {content_type[:100]}"]
    if encoding := capture.header("content-encoding"):
        text_bytes = sum(arrival.text_bytes for arrival in capture.arrivals)
        sentences.append(
            f"compressed with {encoding[:40]}: {_size_bytes(capture)} bytes for {text_bytes} bytes of text"
        )
    if length := capture.header("content-length"):
        sentences.append(
            f"Content-Length: {length[:20]}, so the sender had the whole response, or knew its size, before "
            "it sent the header"
        )
    return sentences


def _arrivals(analysis: StreamAnalysis) -> list[str]:
    capture = analysis.capture
    sentences = [_summary(analysis)]
    lead_s = analysis.first_s - capture.headers_s
    if analysis.pattern is Pattern.ONCE and lead_s >= EARLY_S:
        sentences.append(f"the header arrived {lead_s:.1f} s before")
    if analysis.cuts_records:
        sentences.append("most deliveries end in the middle of a record: something collects bytes")
    if analysis.longest_gap_s >= EARLY_S:
        sentences.append(f"the longest time without data: {analysis.longest_gap_s:.1f} s")
    first = capture.arrivals[0]
    if first.text_bytes == 0 and 0 < first.size_bytes <= GZIP_HEADER_BYTES:
        sentences.append(
            f"first {first.size_bytes} bytes without text: the header of a compressor that does not flush"
        )
    return sentences


def _summary(analysis: StreamAnalysis) -> str:
    """Say how many records arrived, in how many deliveries, when."""
    capture = analysis.capture
    size = f"{sum(arrival.text_bytes for arrival in capture.arrivals)} bytes"
    singular, plural = NOUNS[capture.format]
    records = f"{analysis.records} {singular if analysis.records == 1 else plural}"
    what = size if capture.format is StreamFormat.PLAIN else f"{records}, {size}"
    span = f"from {analysis.first_s:.2f} to {analysis.last_s:.2f} s"
    deliveries = f"{what}, in {count_deliveries(analysis.deliveries)}"
    match analysis.pattern:
        case Pattern.ONCE:
            return f"{what}, all in one read after {analysis.first_s:.1f} s"
        case Pattern.BLOCKS:
            return (
                f"{deliveries} of {analysis.block_bytes} bytes each, {span}, whatever the time between them"
            )
        case Pattern.TICKS:
            return f"{deliveries}, one every {analysis.period_s * 1000:.0f} ms, {span}, whatever their size"
    return f"{deliveries}, {span}"


def _end(capture: StreamCapture) -> str:
    after = f"after {capture.ended_s:.1f} s"
    marker = f" with its end marker ({capture.wire_end or DONE})" if capture.done else ""
    match capture.outcome:
        case WatchOutcome.ENDED:
            return f"ended{marker} {after}"
        case WatchOutcome.CLOSED:
            doubt = "" if marker else ": a stream that was cut would look the same"
            return f"ended by closing the connection{marker} {after}{doubt}"
        case WatchOutcome.CUT:
            return f"cut {after}{marker or ', before the end of the response'}: {capture.detail}"
        case WatchOutcome.STOPPED:
            return f"not followed to its end: {capture.detail}"
    return capture.detail


def _size_bytes(capture: StreamCapture) -> int:
    return sum(arrival.size_bytes for arrival in capture.arrivals)
