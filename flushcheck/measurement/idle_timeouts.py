"""How long a stream may be silent on this path, and whether it is the silence that ends it.

One stream for each rung of the ladder says a word, is silent, and says another. Beside them one talks all the
while for as long as the longest. A silent stream that is cut while the talking one lives met an idle
time-out; one that is cut when the talking one is cut too met a deadline for the whole, which no heartbeat
helps against. A box that forgets a connection without telling anybody is met by a stream that never ends.
"""

from __future__ import annotations

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


def idle_result(
    seen: Observations, transport: Transport, vantage: Vantage = Vantage.PATH
) -> IdleResult | None:
    """What the ladder showed on one Transport; None if there was none."""
    asked = (one for one in seen if _is(one, transport, Scenario.IDLE, vantage))
    rungs = sorted(asked, key=lambda one: one.probe.lasts_s)
    if not rungs:
        return None
    passed_s = max((one.probe.lasts_s for one in rungs if one.outcome is Outcome.COMPLETE), default=0.0)
    talker = next((one for one in seen if _is(one, transport, Scenario.STEADY, vantage)), None)
    cuts = [one for one in rungs if _is_cut(one)]
    if not cuts:
        odd = next((one for one in rungs if one.outcome is not Outcome.COMPLETE), None)
        if odd is not None:
            told = f"a silence of {odd.probe.lasts_s:g} s could not be tried: {odd.detail or odd.outcome}"
            return IdleResult(CutCause.UNKNOWN, told, passed_s=passed_s)
        return IdleResult(CutCause.NONE, f"silences of up to {passed_s:g} s pass", passed_s=passed_s)
    deadline_s = talker.ended_s if talker is not None and _is_cut(talker) else 0.0
    idle = [one for one in cuts if not deadline_s or not _by_deadline(one, deadline_s)]
    probes = tuple(one.probe.id for one in (cuts[0], *((talker,) if talker else ())))
    if not idle:
        told = f"cut after {deadline_s:.1f} s however much is said: a deadline for the whole, not a silence"
        return IdleResult(CutCause.DEADLINE, told, passed_s, 0.0, deadline_s, probes)
    first = idle[0]
    forgotten = first.outcome is Outcome.TIMEOUT
    after_s = first.probe.lasts_s if forgotten else _silent_s(first)
    told = (
        f"forgotten within {after_s:g} s of silence: nothing came any more, not even an end"
        if forgotten
        else f"cut after {after_s:.1f} s of silence"
    )
    if passed_s:
        told += f"; {passed_s:g} s of silence pass"
    if talker is None or talker.outcome not in (Outcome.COMPLETE, Outcome.CUT):
        return IdleResult(
            CutCause.UNKNOWN, f"{told}; silent or not could not be told apart", passed_s, after_s, 0.0, probes
        )
    told += (
        f"; whoever talks all the while is cut after {deadline_s:.1f} s"
        if deadline_s
        else f"; who talked all the while for {talker.probe.lasts_s:g} s was not cut"
    )
    return IdleResult(CutCause.IDLE, told, passed_s, after_s, deadline_s, probes)


def idle_evidence(transport: Transport, found: IdleResult) -> Evidence:
    """What the ladder showed, as Evidence."""
    return Evidence(f"{transport}: {found.summary}", found.probes)


def _is(one: Observation, transport: Transport, scenario: Scenario, vantage: Vantage) -> bool:
    probe = one.probe
    return (probe.transport, probe.scenario, probe.vantage) == (transport, scenario, vantage)


def _is_cut(one: Observation) -> bool:
    """Whether somebody ended, or forgot, this stream before it was over, and not for its first word."""
    if one.probe.scenario is Scenario.IDLE and len(one.pieces) > 1:
        return False  # the word behind the silence came: whatever happened then, the silence passed
    # A proxy that still held all of it has its header free to say so (RFC 9110, section 15.6.5).
    gave_up = one.outcome is Outcome.REFUSED and one.status == 504
    return gave_up or one.outcome in (Outcome.CUT, Outcome.TIMEOUT)


def _silent_s(one: Observation) -> float:
    """Seconds from the last byte to the cut; from the request where nothing had come yet."""
    return one.ended_s - (one.arrivals[-1].at_s if one.arrivals else 0.0)


def _by_deadline(one: Observation, deadline_s: float) -> bool:
    return one.ended_s >= deadline_s - max(SAME_CUT_S, SAME_CUT * deadline_s)
