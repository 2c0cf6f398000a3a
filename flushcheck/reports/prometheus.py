"""Results as metrics in Prometheus' text format, for node_exporter's textfile collector and our exporter.

Labels have few values: names that the caller gave, words of flushcheck, ids of culprits. Source: "Exposition
formats" of Prometheus, text format 0.0.4, and "Metric and label naming".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flushcheck.model import Flow, TransportReport, Verdict
from flushcheck.reports.results import Result
from flushcheck.reports.text_writer import printable

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

TARGET = "target"  # the label with the name of the address

Labels = tuple[tuple[str, str], ...]
Sample = tuple[Labels, float]


@dataclass(frozen=True, slots=True)
class Family:
    """All samples of one metric."""

    name: str
    help: str
    samples: tuple[Sample, ...]
    kind: str = "gauge"  # or "counter"


def prometheus(results: Sequence[Result]) -> str:
    """The metrics of all results, ending in a newline."""
    return exposition(families(results))


def exposition(parts: Iterable[Family]) -> str:
    """Families as text: each name once, with the samples of all its parts, and none without a sample."""
    merged: dict[str, Family] = {}
    for part in parts:
        known = merged.setdefault(part.name, Family(part.name, part.help, (), part.kind))
        merged[part.name] = Family(known.name, known.help, (*known.samples, *part.samples), known.kind)
    return "".join(map(_text, (family for family in merged.values() if family.samples)))


def families(results: Sequence[Result]) -> tuple[Family, ...]:
    """The metrics of all results."""
    return (*_of_paths(results), *_of_streams(results), *_of_runs(results))


def _of_paths(results: Sequence[Result]) -> Iterable[Family]:
    yield Family(
        "flushcheck_verdict",
        "1 for the verdict of the path, 0 for the other verdicts",
        tuple(
            (_labels(result, verdict=verdict), float(result.report.verdict is verdict))
            for result in results
            for verdict in Verdict
        ),
    )
    yield Family(
        "flushcheck_client_verdict",
        "1 for the verdict of the path as this kind of client meets it, 0 for the other verdicts",
        tuple(
            (_labels(result, client=client, verdict=verdict), float(met is verdict))
            for result in results
            for client, met in result.report.clients
            for verdict in Verdict
        ),
    )
    yield Family(
        "flushcheck_as_expected",
        "1 if the path is as expected, 0 if it is not or could not be told",
        tuple((_labels(result), float(result.exit_code == 0)) for result in results),
    )
    yield Family(
        "flushcheck_culprit",
        "1 for each culprit that was found",
        tuple(
            (_labels(result, culprit=found.id, confidence=found.confidence), 1.0)
            for result in results
            for found in result.report.culprits
        ),
    )


def _of_streams(results: Sequence[Result]) -> Iterable[Family]:
    streams = [(result, transport) for result in results for transport in result.report.transports]
    yield Family(
        "flushcheck_flow",
        "1 for how the stream of a transport arrives, 0 for the other ways",
        tuple(
            (_labels(result, transport=transport.transport, flow=flow), float(transport.flow is flow))
            for result, transport in streams
            for flow in Flow
        ),
    )
    # Of a stream without a piece nothing is known: no sample, rather than 0.
    read = [(result, transport) for result, transport in streams if transport.pieces_received]
    yield Family(
        "flushcheck_lag_seconds",
        "how long pieces were under way beyond the quickest of them",
        tuple(
            (_labels(result, transport=transport.transport, stat=stat), lag_s)
            for result, transport in read
            for stat, lag_s in _lags(transport)
        ),
    )
    for metric, text, field in (
        ("hold_seconds", "the longest time a piece was kept", "hold_s"),
        ("headers_seconds", "time from the request to the response header, its first byte", "headers_s"),
        ("first_piece_seconds", "time from the request to the first piece", "first_piece_s"),
    ):
        yield Family(
            f"flushcheck_{metric}",
            text,
            tuple(
                (_labels(result, transport=transport.transport), float(getattr(transport, field)))
                for result, transport in read
            ),
        )


def _lags(transport: TransportReport) -> tuple[tuple[str, float], ...]:
    return (("median", transport.lag_s.p50), ("max", transport.lag_s.max))


def _of_runs(results: Sequence[Result]) -> Iterable[Family]:
    yield Family(
        "flushcheck_tls_info",
        "1 for the version of TLS that the path speaks",
        tuple(
            (_labels(result, version=result.report.tls_version), 1.0)
            for result in results
            if result.report.tls_version
        ),
    )
    yield Family(
        "flushcheck_measured_timestamp_seconds",
        "when the run began",
        tuple(
            (_labels(result), at_s)
            for result in results
            if (at_s := _unix_s(result.report.began_at)) is not None
        ),
    )
    yield Family(
        "flushcheck_duration_seconds",
        "how long the run took",
        tuple((_labels(result), result.report.took_s) for result in results),
    )


def _labels(result: Result, **more: str) -> Labels:
    return ((TARGET, result.name), *((name, str(value)) for name, value in more.items()))


def _unix_s(began_at: str) -> float | None:
    try:
        return datetime.strptime(began_at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _text(family: Family) -> str:
    lines = [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}"]
    for labels, value in family.samples:
        shown = ",".join(f'{name}="{_escaped(label)}"' for name, label in labels)
        # 10 digits: a time in seconds since 1970 is whole.
        lines.append(f"{family.name}{{{shown}}} {value:.10g}" if shown else f"{family.name} {value:.10g}")
    return "\n".join(lines) + "\n"


def _escaped(label: str) -> str:
    return printable(label).replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
