"""Results as metrics in Prometheus' text format, for the textfile collector of node_exporter.

Labels have few values: names that the caller gave, words of flushcheck, ids of culprits. Source: "Exposition
formats" of Prometheus, text format 0.0.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from flushcheck.model import Flow, Verdict
from flushcheck.reports.results import Result
from flushcheck.reports.text_writer import printable

Sample = tuple[dict[str, str], float]


def prometheus(results: Sequence[Result]) -> str:
    """The metrics of all results, ending in a newline."""
    return "".join(_metric(name, text, samples) for name, text, samples in _metrics(results) if samples)


def _metrics(results: Sequence[Result]) -> Iterable[tuple[str, str, list[Sample]]]:
    yield (
        "flushcheck_verdict",
        "1 for the verdict of the path, 0 for the other verdicts",
        [
            ({"target": result.name, "verdict": verdict}, float(result.report.verdict is verdict))
            for result in results
            for verdict in Verdict
        ],
    )
    yield (
        "flushcheck_as_expected",
        "1 if the path is as expected, 0 if it is not or could not be told",
        [({"target": result.name}, float(result.exit_code == 0)) for result in results],
    )
    streams = [(result.name, transport) for result in results for transport in result.report.transports]
    yield (
        "flushcheck_flow",
        "1 for how the stream of a transport arrives, 0 for the other ways",
        [
            (
                {"target": name, "transport": transport.transport, "flow": flow},
                float(transport.flow is flow),
            )
            for name, transport in streams
            for flow in Flow
        ],
    )
    for metric, text, field in (
        ("hold_seconds", "the longest time a piece was kept", "hold_s"),
        ("headers_seconds", "time from the request to the response header", "headers_s"),
        ("first_piece_seconds", "time from the request to the first piece", "first_piece_s"),
    ):
        yield (
            f"flushcheck_{metric}",
            text,
            [
                ({"target": name, "transport": transport.transport}, float(getattr(transport, field)))
                for name, transport in streams
            ],
        )
    yield (
        "flushcheck_culprit",
        "1 for each culprit that was found",
        [
            ({"target": result.name, "culprit": found.id, "confidence": found.confidence}, 1.0)
            for result in results
            for found in result.report.culprits
        ],
    )
    yield (
        "flushcheck_measured_timestamp_seconds",
        "when the run began",
        [
            ({"target": result.name}, at_s)
            for result in results
            if (at_s := _unix_s(result.report.began_at)) is not None
        ],
    )
    yield (
        "flushcheck_duration_seconds",
        "how long the run took",
        [({"target": result.name}, result.report.took_s) for result in results],
    )


def _unix_s(began_at: str) -> float | None:
    try:
        return datetime.strptime(began_at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _metric(name: str, text: str, samples: Iterable[Sample]) -> str:
    lines = [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
    for labels, value in samples:
        shown = ",".join(f'{key}="{_label(label)}"' for key, label in labels.items())
        lines.append(f"{name}{{{shown}}} {value:.10g}")
    return "\n".join(lines) + "\n"


def _label(value: str) -> str:
    return printable(value).replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
