"""The verdict: the one word for the whole path.

A Transport counts as held by its own flow and, for a rate, by what the other observations show. The verdict
is the worst that any Transport shows. A path on which nothing can be said is `unknown`, never clean.
"""

from __future__ import annotations

from flushcheck.measurement.observations import Observations
from flushcheck.model import Flow, Run, Scenario, Transport, TransportReport, Verdict

# Flows of a stream that did not arrive whole.
BROKEN = frozenset({Flow.CUT, Flow.FAILED})


def path_verdict(seen: Observations, transport_reports: tuple[TransportReport, ...]) -> Verdict:
    """The worst that any Transport shows; UNKNOWN if no response was the service's."""
    flows = {report.flow for report in transport_reports}
    if not any(_from_service(seen, report) for report in transport_reports):
        return Verdict.UNKNOWN
    if any(is_held(seen, report) for report in transport_reports):
        return Verdict.HELD
    if flows & BROKEN or any(map(is_cut_when_idle, transport_reports)):
        return Verdict.BROKEN
    if Flow.UNKNOWN in flows:
        return Verdict.UNKNOWN
    return Verdict.FLOWING


def first_verdict_note(run: Run, verdict: Verdict) -> tuple[str, ...]:
    """The sentence about what a first look cannot see, where it found nothing; else none."""
    if not run.short_s or verdict is not Verdict.FLOWING:
        return ()
    length = f"a first verdict (--quick): the streams lasted {run.short_s:g} s"
    return (f"{length}; a cut or a limit that comes later was not looked for",)


def is_held(seen: Observations, transport_report: TransportReport) -> bool:
    """Whether this Transport's streams are held.

    A rate that large Pieces exceed may be nothing but a slow link: it counts when a Culprit is found, or
    when a WebSocket went faster.
    """
    held = seen.held_baseline(transport_report.transport)
    if held is None:
        return False
    _, timing = seen[held]
    slow_link = (
        timing.flow is Flow.THROTTLED
        and held.scenario is not Scenario.TOKEN
        and seen.flow(Transport.WEBSOCKET, held.scenario) is not Flow.FLOWING
    )
    return bool(transport_report.culprits) or not slow_link


def is_cut_when_idle(transport_report: TransportReport) -> bool:
    """Whether a silent stream of this Transport was cut before its end."""
    return transport_report.idle is not None and bool(transport_report.idle.cuts)


def _from_service(seen: Observations, transport_report: TransportReport) -> bool:
    """Whether it was the service's response, and not another program's, or brought the user's own stream."""
    observation, _ = seen[seen.first(transport_report.transport)]
    return observation.from_service or observation.has_arrived
