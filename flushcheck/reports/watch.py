"""A watched stream for a terminal: a line for each read while it runs, then what can be said; and as JSON."""

from __future__ import annotations

from typing import Any

from flushcheck.model import Verdict
from flushcheck.reports.text_writer import TextWriter, printable
from flushcheck.watching.analysis import StreamAnalysis
from flushcheck.watching.records import Record
from flushcheck.watching.sentences import compare_tokens, describe
from flushcheck.watching.tokens import token_metrics
from flushcheck.watching.verdict import WatchReport

SCHEMA = 3  # of `watch_document`, counted as that of a Report is

_COLOR = {Verdict.FLOWING: "green", Verdict.HELD: "red", Verdict.BROKEN: "red", Verdict.UNKNOWN: "yellow"}


def read_head(label: str) -> str:
    """Return the heading of the lines of `read_line`, with a label as wide as theirs."""
    return f"{'':{len(label)}}{'arrived':>11} {'after':>8} {'read':>9} {'records':>8}  text"


def read_line(
    at_s: float,
    gap_s: float,
    size_bytes: int,
    records: tuple[Record, ...],
    *,
    label: str,
    width: int,
) -> str:
    """Return one read as one line, no wider than the terminal.

    Args:
        at_s: when it arrived, since the request.
        gap_s: since the read before.
        size_bytes: as it arrived.
        records: that it completed.
        label: which of two streams; "" for the only one.
        width: columns of the terminal.
    """
    count = str(len(records)) if records else "-"
    head = f"{label}{at_s:9.3f} s {gap_s:+8.3f} {size_bytes:7d} B {count:>8}  "
    shown = printable(" ".join("".join(record.text for record in records).split()))
    return (head + shown)[: max(20, width - 1)]


def watch_text(report: WatchReport, *, width: int, color: bool) -> str:
    """Return what can be said, as lines of text, ending in a newline.

    Args:
        report: what was seen.
        width: columns of the terminal.
        color: whether to use ANSI colours.
    """
    page = TextWriter(width, color)
    url = report.streams[0].capture.url
    page.line(f"{report.verdict.upper()}  {url}", _COLOR[report.verdict], "bold")
    page.text(report.headline)
    for number, stream in enumerate(report.streams):
        page.gap()
        if len(report.streams) > 1:
            page.line(f"{'direct' if number else 'public'}: {stream.capture.url}", "bold")
        for sentence in _sentences(report, number):
            page.text(f"- {sentence}", hang=2)
    return page.done()


def watch_document(report: WatchReport) -> dict[str, Any]:
    """Return the same as plain dicts, lists, strings and numbers, ready for `json.dumps`."""
    return {
        "schema": SCHEMA,
        "verdict": report.verdict.value,
        "headline": report.headline,
        "streams": [
            {**_stream(stream), "sentences": list(_sentences(report, number))}
            for number, stream in enumerate(report.streams)
        ],
    }


def _sentences(report: WatchReport, number: int) -> tuple[str, ...]:
    """Return the sentences about one stream; what two of them show together belongs to the public one."""
    compared = compare_tokens(*report.streams) if len(report.streams) == 2 and number == 0 else ()
    return (*describe(report.streams[number]), *compared)


def _token_members(stream: StreamAnalysis) -> dict[str, Any]:
    """Return what is known of the tokens, with times in seconds."""
    metrics = token_metrics(stream.capture.records, has_end=bool(stream.capture.wire_end))
    gaps = metrics.gap_s
    per_delivery = stream.records / stream.deliveries if stream.deliveries else None
    return {
        "tokens": metrics.tokens,
        "reasoning_tokens": metrics.reasoning_tokens,
        "usage_tokens": metrics.usage_tokens or None,
        "ttft_s": _rounded(metrics.ttft_s),
        "ttfo_s": _rounded(metrics.ttfo_s),
        "gap_s": gaps and {name: round(getattr(gaps, name), 4) for name in ("p50", "p95", "max")},
        "tokens_per_s": _rounded(metrics.tokens_per_s),
        "records_per_delivery": _rounded(per_delivery),
        "ending": metrics.ending.value,
        "error": metrics.error,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _stream(stream: StreamAnalysis) -> dict[str, Any]:
    capture = stream.capture
    return {
        "url": capture.url,
        "status": capture.status,
        "format": capture.wire_format,
        "framing": capture.format.value,
        "pattern": stream.pattern.value,
        "records": stream.records,
        "deliveries": stream.deliveries,
        "block_bytes": stream.block_bytes or None,
        "period_s": round(stream.period_s, 4) or None,
        "headers_s": round(capture.headers_s, 4),
        "first_s": round(stream.first_s, 4) if stream.records else None,
        "last_s": round(stream.last_s, 4) if stream.records else None,
        "longest_gap_s": round(stream.longest_gap_s, 4),
        **_token_members(stream),
        "outcome": capture.outcome.value,
        "ended_s": round(capture.ended_s, 4),
        "done": capture.done,
        "detail": capture.detail,
        "arrivals": [
            {
                "at_s": round(arrival.at_s, 4),
                "size_bytes": arrival.size_bytes,
                "text_bytes": arrival.text_bytes,
                "records": len(arrival.pieces),
            }
            for arrival in capture.arrivals
        ],
    }
