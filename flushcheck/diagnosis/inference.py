"""Observations in, Report out. Pure: the same run gives the same Report, here, later and elsewhere.

For each Transport the baseline's Flow is the verdict; the other Probes only explain it. Every Culprit
of the catalogue is asked what speaks for it; no culprit is reported for a Transport that flows, and all that
is left is reported, strongest first. A path on which nothing can be said is `unknown`, never clean.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from flushcheck.culprits import DETECTORS, FALLBACK_DETECTORS
from flushcheck.diagnosis.connection_notes import connection_notes
from flushcheck.diagnosis.fault_location import locate_fault
from flushcheck.diagnosis.hops import hops
from flushcheck.diagnosis.service_absent import absence_sentence, service_absent
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.idle_timeouts import idle_result
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import HELD_FLOWS, SHAPES
from flushcheck.measurement.timing import Timing
from flushcheck.model import (
    Confidence,
    CulpritReport,
    Detection,
    Flow,
    Observation,
    Outcome,
    Probe,
    Report,
    Run,
    Scenario,
    Transport,
    TransportReport,
    Vantage,
    Variant,
    Verdict,
)

# What an app can do by itself, and what it is called in a Report.
HINTS = (
    Variant.XAB,
    Variant.NO_TRANSFORM,
    Variant.NOSNIFF,
    Variant.PADDED,
    Variant.OTHER_TYPE,
)

RANK = tuple(Confidence)

# Flows of a stream that did not come whole.
BROKEN = frozenset({Flow.CUT, Flow.FAILED})


def judge(run: Run) -> Report:
    """Say how each Transport flows in this run, what holds it, and how to free it."""
    seen = Observations(run.observations)
    verdicts = tuple(
        _verdict(seen, transport) for transport in Transport if seen.get(Probe(transport)) is not None
    )
    if service_absent(seen):
        return _report_of_absence(run, seen, verdicts)
    culprit_reports = _culprit_reports(verdicts)
    health = _health(seen, verdicts)
    return Report(
        target=run.target,
        verdict=health,
        headline=_headline(seen, health, verdicts, culprit_reports),
        transports=verdicts,
        culprits=culprit_reports,
        notes=(*connection_notes(run), *_notes(seen, verdicts)),
        tool=run.tool,
        hops=hops(seen),
        fault_location=locate_fault(run, seen),
    )


def _report_of_absence(run: Run, seen: Observations, transports: tuple[TransportReport, ...]) -> Report:
    """The Report on an address without a flushcheck service: what failed, and nothing about a cause."""
    summary = transports[0].summary if transports else "nothing was observed"
    return Report(
        target=run.target,
        verdict=Verdict.UNKNOWN,
        headline=absence_sentence(run.target, seen) or f"could not tell: {summary}",
        transports=tuple(replace(transport, culprits=()) for transport in transports),
        culprits=(),
        notes=connection_notes(run),
        tool=run.tool,
        fault_location=locate_fault(run, seen),
    )


def _verdict(seen: Observations, transport: Transport) -> TransportReport:
    probe = Probe(transport)
    observation, timing = seen.get(probe), seen.timing(probe)
    assert observation is not None and timing is not None  # the caller picked Transports that were seen
    pieces = observation.pieces
    received = len({piece.seq for piece in pieces})
    held = seen.held_baseline(transport)
    held_timing = seen.timing(held)
    idle = idle_result(seen, transport)
    return TransportReport(
        transport=transport,
        flow=timing.flow,
        summary=_summary(seen, observation, timing) + (f"; {idle.summary}" if idle else ""),
        held_at=held.scenario if held else None,
        hold_bytes=seen.hold_bytes(transport) if held else None,
        hold_s=max(held_timing.lag_s.max, held_timing.queued_s) if held_timing else 0.0,
        headers_s=observation.headers_s,
        first_piece_s=pieces[0].at_s if pieces else 0.0,
        lag_s=timing.lag_s,
        pieces_sent=observation.end.count if observation.end else received,
        pieces_received=received,
        complete=observation.outcome is Outcome.COMPLETE,
        culprits=_detections(seen, transport),
        freed_by=tuple(variant for variant in HINTS if seen.frees(transport, variant) is Answer.YES),
        sent_s=tuple(piece.sent_s for piece in pieces),
        received_s=tuple(piece.at_s - timing.latency_s for piece in pieces),
        idle=idle,
    )


def _detections(seen: Observations, transport: Transport) -> tuple[Detection, ...]:
    found: list[Detection] = []
    for cases in (DETECTORS, FALLBACK_DETECTORS):
        detected = (case.detect(seen, transport) for case in cases)
        found += [detection for detection in detected if detection is not None]
        if any(_settles(detection) for detection in found):
            break
    return tuple(sorted(found, key=lambda detection: RANK.index(detection.confidence)))


def _settles(detection: Detection) -> bool:
    """Whether no other hop has to be thought of. What ends silent streams explains no other fault."""
    return not detection.culprit.idle_only and detection.confidence is not Confidence.POSSIBLE


def _culprit_reports(verdicts: Iterable[TransportReport]) -> tuple[CulpritReport, ...]:
    """One report for each Culprit, with the evidence of all Transports."""
    merged: dict[str, CulpritReport] = {}
    for verdict in verdicts:
        for detection in verdict.culprits:
            known = merged.get(detection.culprit.id)
            if known is None:
                merged[detection.culprit.id] = CulpritReport(
                    detection.culprit, detection.confidence, (verdict.transport,), detection.evidence
                )
                continue
            # The first Transport tells the whole story; of the others the first fact will do.
            new = tuple(fact for fact in detection.evidence[:1] if fact not in known.evidence)
            merged[detection.culprit.id] = CulpritReport(
                known.culprit,
                min(known.confidence, detection.confidence, key=RANK.index),
                (*known.transports, verdict.transport),
                (*known.evidence, *new),
            )
    return tuple(sorted(merged.values(), key=lambda culprit_report: RANK.index(culprit_report.confidence)))


def _health(seen: Observations, verdicts: tuple[TransportReport, ...]) -> Verdict:
    flows = {verdict.flow for verdict in verdicts}
    if not verdicts or not any(_answered(seen, verdict) for verdict in verdicts):
        return Verdict.UNKNOWN
    if any(_held(seen, verdict) for verdict in verdicts):
        return Verdict.HELD
    if flows & BROKEN or any(verdict.idle and verdict.idle.cuts for verdict in verdicts):
        return Verdict.BROKEN
    if Flow.UNKNOWN in flows:
        return Verdict.UNKNOWN
    return Verdict.FLOWING


def _held(seen: Observations, verdict: TransportReport) -> bool:
    """Whether this Transport's streams are held.

    A rate that large Pieces exceed may be nothing but a slow link: it counts when a Culprit is found, or
    when a WebSocket went faster.
    """
    held = seen.held_baseline(verdict.transport)
    timing = seen.timing(held)
    if timing is None or held is None:
        return False
    slow_link = (
        timing.flow is Flow.THROTTLED
        and held.scenario is not Scenario.TOKEN
        and seen.flow(Transport.WEBSOCKET, held.scenario) is not Flow.FLOWING
    )
    return bool(verdict.culprits) or not slow_link


def _answered(seen: Observations, verdict: TransportReport) -> bool:
    """Whether the response was the service's, and not another program's at its address."""
    observation = seen.get(Probe(verdict.transport))
    return observation is not None and observation.from_service


def _summary(seen: Observations, observation: Observation, timing: Timing) -> str:
    """One sentence with numbers."""
    count = len(observation.pieces)
    late_s = timing.lag_s.max
    match timing.flow:
        case Flow.FLOWING:
            sentence = f"{count} pieces arrived one by one, at most {late_s * 1000:.0f} ms late"
        case Flow.HELD:
            sentence = (
                f"all {count} pieces arrived together at the end, the first one {late_s:.1f} s after it "
                "was sent"
            )
        case Flow.BLOCKS:
            sentence = f"{count} pieces came in {timing.deliveries} blocks, up to {late_s:.1f} s late"
        case Flow.TICKS:
            sentence = f"{count} pieces came in ticks of {timing.period_s * 1000:.0f} ms"
        case Flow.LATE:
            sentence = _late(count, timing)
        case Flow.THROTTLED:
            sentence = f"{count} pieces arrived with a growing delay, at {timing.rate_bps:.0f} bytes a second"
        case Flow.REPLAYED:
            sentence = f"an older stream was played back: {count} pieces came before they were sent"
        case Flow.CUT:
            sentence = f"cut after {count} pieces at {observation.ended_s:.1f} s: {observation.detail}"
        case Flow.FAILED:
            sentence = f"did not open: {observation.detail or observation.outcome}"
        case _:
            sentence = f"{count} pieces came without a pattern, up to {late_s:.1f} s late"
    return sentence + _at_larger_size(seen, observation.probe.transport)


def _late(count: int, timing: Timing) -> str:
    if timing.waits_for_next:
        return f"each of {count} pieces came only with the next one"
    if timing.queued_s:
        return f"began {timing.queued_s:.1f} s after others of this run, then came piece by piece"
    if timing.late_s > timing.lag_s.max:
        return f"began {timing.late_s:.1f} s after the quickest response, then came piece by piece"
    return f"nothing came for {timing.late_s:.1f} s, then everything held so far at once, then piece by piece"


def _at_larger_size(seen: Observations, transport: Transport) -> str:
    """What larger Pieces show beyond the token-size ones; "" if nothing."""
    held = seen.held_baseline(transport)
    timing = seen.timing(held)
    if held is None or timing is None:
        return ""
    if held.scenario is not Scenario.TOKEN:
        size = SHAPES[held.scenario].size_bytes
        blocks = f" of {timing.hold_bytes} bytes" if timing.hold_bytes else ""
        return f"; pieces of {size} bytes: {timing.flow}{blocks}, up to {timing.lag_s.max:.1f} s late"
    size_bytes = seen.hold_bytes(transport)
    return f"; longer streams arrive in blocks of {size_bytes} bytes" if size_bytes else ""


def _headline(
    seen: Observations,
    health: Verdict,
    verdicts: tuple[TransportReport, ...],
    culprit_reports: tuple[CulpritReport, ...],
) -> str:
    match health:
        case Verdict.FLOWING:
            return f"flowing on {_all(verdicts)}"
        case Verdict.UNKNOWN:
            return "could not tell: " + (verdicts[0].summary if verdicts else "nothing was observed")
    held = tuple(verdict for verdict in verdicts if _held(seen, verdict))
    broken = tuple(verdict for verdict in verdicts if verdict.flow in BROKEN)
    cut = tuple(verdict for verdict in verdicts if verdict.idle and verdict.idle.cuts)
    sentences = []
    for word, bad in (("held", held), ("broken", broken), ("streams that last are cut", cut)):
        if bad:
            ids = {
                detection.culprit.id
                for verdict in bad
                for detection in verdict.culprits
                if detection.culprit.idle_only is (bad is cut)
            }
            blamed = [a.culprit.title for a in culprit_reports if a.culprit.id in ids]
            because = " or ".join(blamed) or "the cause could not be named"
            sentences.append(f"{word} on {_all(bad)}: {because}")
    return "; ".join(sentences)


def _all(verdicts: tuple[TransportReport, ...]) -> str:
    if len(verdicts) == len(Transport):
        return "all four transports"
    return ", ".join(verdict.transport for verdict in verdicts)


def _notes(seen: Observations, verdicts: tuple[TransportReport, ...]) -> tuple[str, ...]:
    """Facts worth knowing that name no culprit."""
    notes: list[str] = []
    for verdict in verdicts:
        transport = verdict.transport
        if verdict.flow in HELD_FLOWS:
            if seen.compressed(transport) and seen.frees(transport, Variant.IDENTITY) is Answer.YES:
                notes.append(f"{transport}: only clients that accept compression are affected")
            if seen.frees(transport, Variant.HTTP10) is Answer.YES:
                notes.append(f"{transport}: HTTP/1.0 clients are not affected")
            continue
        notes += [
            f"{transport}: {label} ({timing.flow}, held for up to {timing.lag_s.max:.2f} s)"
            for variant, label in (
                (Variant.IDENTITY, "held for clients that accept no compression"),
                (Variant.HTTP10, "held for clients that speak HTTP/1.0"),
            )
            if (timing := seen.timing(replace(Probe(transport), variant=variant)))
            and timing.flow in HELD_FLOWS
        ]
    controls = [
        observation
        for observation in seen
        if observation.probe.vantage is not Vantage.PATH and observation.pieces
    ]
    if not controls and any(verdict.flow in HELD_FLOWS for verdict in verdicts):
        notes.append("no control run: the service could not probe itself over loopback")
    return tuple(notes)
