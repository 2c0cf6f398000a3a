"""The metrics of the exporter: the last result of each target, and what the exporter itself does.

`/metrics` has every target, told apart by the label `target`. `/probe` has one target and no such label: by
the conventions of blackbox_exporter, Prometheus' own configuration puts a label there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from flushcheck.exporter.runs import Ending, Outcome
from flushcheck.reports.prometheus import TARGET, Family, exposition


@dataclass(frozen=True, slots=True)
class Status:
    """What the exporter does, at one moment."""

    intervals_s: Mapping[str, float]  # of each target, by its name
    outcomes: Mapping[str, Outcome]  # the last ones, by the name of the target
    ended: Mapping[tuple[str, Ending], int] = field(default_factory=dict)  # how many runs
    running: int = 0
    queued: int = 0
    reload_ok: bool = True
    reloaded_at_s: float = 0.0  # when the file was read successfully, in seconds since 1970
    responses: Mapping[int, int] = field(default_factory=dict)  # by their status
    probes_late: int = 0  # requests of /probe whose time was over before the run was


def probe_text(outcome: Outcome) -> str:
    """The result of one target for `/probe`."""
    return exposition(map(_without_target, (*_probe_families("", outcome), *outcome.families)))


def metrics_text(status: Status, process: Iterable[Family]) -> str:
    """Everything, for `/metrics`."""
    results = [
        family
        for name, outcome in status.outcomes.items()
        for family in (*_probe_families(name, outcome), *outcome.families)
    ]
    return exposition((*results, *_exporter_families(status), *process))


def _probe_families(name: str, outcome: Outcome) -> Iterable[Family]:
    labels = ((TARGET, name),)
    yield Family(
        "probe_success",
        "1 if the run was made and the path is as expected",
        ((labels, float(outcome.is_as_expected)),),
    )
    yield Family(
        "probe_duration_seconds",
        "how long the run took, with the start of its process and the analysis",
        ((labels, outcome.took_s),),
    )


def _without_target(family: Family) -> Family:
    samples = tuple(
        (tuple(label for label in labels if label[0] != TARGET), value) for labels, value in family.samples
    )
    return Family(family.name, family.help, samples, family.kind)


def _exporter_families(status: Status) -> Iterable[Family]:
    yield Family(
        "flushcheck_exporter_interval_seconds",
        "time between two runs of a target; 0: it runs only on request",
        tuple((((TARGET, name),), interval_s) for name, interval_s in status.intervals_s.items()),
    )
    yield Family(
        "flushcheck_exporter_runs_total",
        "runs that have ended, by how they ended",
        tuple(
            (((TARGET, name), ("ending", ending)), float(status.ended.get((name, ending), 0)))
            for name in status.intervals_s
            for ending in Ending
        ),
        "counter",
    )
    yield _gauge("flushcheck_exporter_running", "runs at this moment", status.running)
    yield _gauge("flushcheck_exporter_queued", "requested runs that wait for room", status.queued)
    yield _gauge(
        "flushcheck_exporter_config_last_reload_successful",
        "1 if the targets file was read successfully the last time",
        status.reload_ok,
    )
    yield _gauge(
        "flushcheck_exporter_config_last_reload_success_timestamp_seconds",
        "when the targets file in force was read, in seconds since 1970",
        status.reloaded_at_s,
    )
    yield Family(
        "flushcheck_exporter_http_responses_total",
        "responses of the exporter, by status",
        tuple(((("code", str(code)),), float(count)) for code, count in sorted(status.responses.items())),
        "counter",
    )
    yield Family(
        "flushcheck_exporter_probes_late_total",
        "requests of /probe whose scrape timeout was over before the run",
        (((), float(status.probes_late)),),
        "counter",
    )


def _gauge(name: str, text: str, value: float) -> Family:
    return Family(name, text, (((), float(value)),))
