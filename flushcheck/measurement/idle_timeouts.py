"""How long a stream may be silent on this path, and whether the silence is what ends it.

For each silence to try, one stream sends a Piece, is silent that long, and sends another. Beside them
one stream sends small Pieces without a pause, for as long as the longest silence. If a silent stream is cut
and that one is not, the cause is an idle timeout. If both are cut at the same age, the cause is a deadline
for the whole stream, and no heartbeat helps. A middlebox that forgets a connection without closing it shows
as a stream that never ends.
"""

from __future__ import annotations

from collections.abc import Sequence

from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    CutCause,
    Evidence,
    IdleResult,
    Observation,
    Outcome,
    Scenario,
    Transport,
    Vantage,
)

# How far two cuts by one deadline may lie apart, in seconds and as a share of it: proxies look at their
# timers once a second or so.
SAME_CUT_S = 0.5
SAME_CUT = 0.1

GATEWAY_TIMEOUT = 504  # RFC 9110, section 15.6.5


def idle_result(
    seen: Observations, transport: Transport, vantage: Vantage = Vantage.PATH, run: int = 0
) -> IdleResult | None:
    """What the silent streams showed on one Transport; None if it was not tried.

    Args:
        seen: the Observations.
        transport: of the streams.
        vantage: from where they were made.
        run: of their Probes: see `Probe.run`.
    """
    asked = [
        observation
        for observation in seen
        if (observation.probe.transport, observation.probe.vantage, observation.probe.run)
        == (transport, vantage, run)
    ]
    silent = sorted(
        (observation for observation in asked if observation.probe.scenario is Scenario.IDLE),
        key=lambda observation: observation.probe.lasts_s,
    )
    steady = next(
        (observation for observation in asked if observation.probe.scenario is Scenario.STEADY), None
    )
    if not silent:
        return None
    passed_s = max(
        (stream.probe.lasts_s for stream in silent if stream.outcome is Outcome.COMPLETE), default=0.0
    )
    cuts = [stream for stream in silent if _is_cut(stream)]
    return _of_cuts(cuts, steady, passed_s) if cuts else _without_cuts(silent, passed_s)


def _without_cuts(silent: Sequence[Observation], passed_s: float) -> IdleResult:
    failed = next((stream for stream in silent if stream.outcome is not Outcome.COMPLETE), None)
    if failed is None:
        return IdleResult(CutCause.NONE, f"silences of up to {passed_s:g} s pass", passed_s)
    reason = failed.detail or failed.outcome
    summary = f"a silence of {failed.probe.lasts_s:g} s could not be tried: {reason}"
    return IdleResult(CutCause.UNKNOWN, summary, passed_s)


def _of_cuts(cuts: Sequence[Observation], steady: Observation | None, passed_s: float) -> IdleResult:
    deadline_s = steady.ended_s if steady is not None and _is_cut(steady) else 0.0
    idle = [stream for stream in cuts if not deadline_s or not _by_deadline(stream, deadline_s)]
    probes = tuple(stream.probe.id for stream in (cuts[0], steady) if stream is not None)
    if not idle:
        summary = (
            f"cut after {deadline_s:.1f} s, silent or not: a deadline for the whole stream, no idle timeout"
        )
        return IdleResult(CutCause.DEADLINE, summary, passed_s, 0.0, deadline_s, probes)
    first = idle[0]
    forgotten = first.outcome is Outcome.TIMEOUT
    after_s = first.probe.lasts_s if forgotten else _silent_s(first)
    summary = (
        f"forgotten within {after_s:g} s of silence: nothing more arrives, not even the end"
        if forgotten
        else f"cut after {after_s:.1f} s of silence"
    )
    if passed_s:
        summary += f"; {passed_s:g} s of silence pass"
    if steady is None or steady.outcome not in (Outcome.COMPLETE, Outcome.CUT):
        summary += "; no stream without pauses to compare with"
        return IdleResult(CutCause.UNKNOWN, summary, passed_s, after_s, 0.0, probes)
    summary += (
        f"; a stream without pauses is cut after {deadline_s:.1f} s"
        if deadline_s
        else f"; a stream without pauses is not cut within {steady.probe.lasts_s:g} s"
    )
    return IdleResult(CutCause.IDLE, summary, passed_s, after_s, deadline_s, probes)


def idle_evidence(transport: Transport, result: IdleResult) -> Evidence:
    """What the silent streams showed, as Evidence."""
    return Evidence(f"{transport}: {result.summary}", result.probes)


def _is_cut(stream: Observation) -> bool:
    """Whether this stream was ended, or forgotten, before it was over, and its silence had not passed."""
    if stream.probe.scenario is Scenario.IDLE and len(stream.pieces) > 1:
        return False  # the Piece behind the silence arrived: whatever happened then, the silence passed
    # A proxy that still holds all of the response can send one of its own.
    gave_up = stream.outcome is Outcome.REFUSED and stream.status == GATEWAY_TIMEOUT
    return gave_up or stream.outcome in (Outcome.CUT, Outcome.TIMEOUT)


def _silent_s(stream: Observation) -> float:
    """Seconds from the last byte to the cut; from the request if no byte arrived."""
    return stream.ended_s - (stream.arrivals[-1].at_s if stream.arrivals else 0.0)


def _by_deadline(stream: Observation, deadline_s: float) -> bool:
    return stream.ended_s >= deadline_s - max(SAME_CUT_S, SAME_CUT * deadline_s)
