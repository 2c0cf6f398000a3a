"""Observations in, Report out. Pure: the same run gives the same Report, here, later and elsewhere.

Each Client is judged by itself: see `clients`. For each Transport the baseline's Flow counts; the other
Probes only explain it. Every detector of the catalogue is asked; no culprit is reported for a Transport that
flows, and all that is left is reported, strongest first. The verdict is decided in `path_verdict`, the
sentences are written in `report_sentences`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flushcheck.culprits import DETECTORS, FALLBACK_DETECTORS
from flushcheck.diagnosis.bundles import bundles, site_of
from flushcheck.diagnosis.certificates import certificate_report, interceptor
from flushcheck.diagnosis.clients import (
    RANK,
    ClientVerdict,
    client_notes,
    culprit_reports,
    transport_reports,
    worst,
)
from flushcheck.diagnosis.connection_notes import connection_notes
from flushcheck.diagnosis.fault_location import locate_fault
from flushcheck.diagnosis.fixes import with_fixes
from flushcheck.diagnosis.hops import hops
from flushcheck.diagnosis.http3_notes import http3_notes
from flushcheck.diagnosis.ladder import ladder
from flushcheck.diagnosis.origin_notes import no_run, origin_notes
from flushcheck.diagnosis.own_notes import own_notes, repeat_note
from flushcheck.diagnosis.own_stream import own_stream, own_transport_report, stream_report
from flushcheck.diagnosis.path_verdict import first_verdict_note, path_verdict
from flushcheck.diagnosis.pretence import pretended_sentence
from flushcheck.diagnosis.report_sentences import could_not_tell, headline, notes, transport_summary
from flushcheck.diagnosis.response_notes import response_notes
from flushcheck.diagnosis.service_absent import absence_sentence, service_absent
from flushcheck.diagnosis.tried import tried_and_clean
from flushcheck.diagnosis.two_mounts import layers_between, layers_evidence, mounts_fault, of_the_app
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.idle_timeouts import idle_result
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.tokens import fault
from flushcheck.model import (
    Client,
    Confidence,
    Detection,
    Ending,
    FaultLocation,
    FaultPlace,
    Observation,
    Outcome,
    Report,
    Run,
    Transport,
    TransportReport,
    Vantage,
    Variant,
    Verdict,
)

# Variants that an app can switch to by itself; those that work on this path are a report's `freed_by`.
APP_VARIANTS = (
    Variant.XAB,
    Variant.NO_TRANSFORM,
    Variant.NOSNIFF,
    Variant.PADDED,
    Variant.OTHER_TYPE,
)

# Of two addresses, `fault_location` says where the fault is.
MIN_LADDER = 2


def judge(run: Run) -> Report:
    """Say how each Transport flows in this run, what holds it, and how to free it."""
    return with_provenance(_judge(run), run)


def with_provenance(report: Report, run: Run) -> Report:
    """The Report with the time, the observer and the marker of its run, and the version of TLS in it."""
    on_path = (o.tls_version for o in run.observations if o.probe.vantage is Vantage.PATH)
    return replace(
        report,
        began_at=run.began_at,
        took_s=run.took_s,
        observer=run.observer,
        marker=run.marker,
        tls_version=next(filter(None, on_path), ""),
    )


def _judge(run: Run) -> Report:
    seen = Observations(run.observations)
    # A browser falls back to TCP where UDP brings nothing.
    asked = [client for client in seen.clients if client is not Client.HTTP3 or not seen.http3_unreachable]
    views = {client: seen.of_client(client) for client in asked} or {Client.BROWSER: seen}
    own = own_stream(seen)
    layers = layers_between(run)
    results = [_client_verdict(client, view, own, layers) for client, view in views.items()]
    reports = transport_reports(results)
    if sentence := no_run(run):
        return Report(run.target, Verdict.UNKNOWN, sentence, (), (), origin_notes(run, ()), run.tool)
    if sentence := pretended_sentence(seen):
        return _report_of_pretence(run, reports, sentence)
    is_origin = run.capabilities is not None and not run.capabilities.paths
    if own is None and not is_origin and service_absent(seen):
        return _report_of_absence(run, seen, reports)
    view = _view_of_the_fault(results, own)
    if sentence := next(filter(None, (mounts_fault(run, result.seen) for result in results)), ""):
        return _report_of_mounts(run, reports, sentence)
    steps = ladder(run, view)
    located = steps.locate() if steps and len(steps.rungs) > MIN_LADDER else _located(run, view)
    culprits = with_fixes(culprit_reports(results), results, located, layers)
    return Report(
        target=run.target,
        verdict=worst(results),
        headline=headline(results, culprits),
        transports=reports,
        culprits=culprits,
        notes=(
            *connection_notes(run),
            *http3_notes(run, seen),
            *client_notes(
                [
                    (result.client, notes(result.seen, result.transports, probes_itself=not is_origin))
                    for result in results
                ]
            ),
            *origin_notes(run, reports),
            *first_verdict_note(run, worst(results)),
            *(own_notes(seen, own) if own else ()),
            *(repeat_note(seen, is_named=bool(culprits)) if worst(results) is Verdict.HELD and own else ()),
            *(response_notes(seen, own, run.method) if own else ()),
        ),
        tool=run.tool,
        hops=(*hops(seen), *interceptor(run)),
        fault_location=located,
        clients=tuple((result.client, result.verdict) for result in results),
        certificate=certificate_report(run),
        rungs=steps.rungs if steps else (),
        stream=stream_report(run, own) if own else None,
        is_origin=is_origin,
        clean=() if own else tried_and_clean(results[0].seen, reports),
        bundles=bundles(culprits, site_of(run.target, run.direct)),
    )


def _view_of_the_fault(results: Sequence[ClientVerdict], own: Observation | None) -> Observations:
    """What the Client saw that the fault is located for: the first that got the worst.

    Of the user's own stream it is the Client of the first look: only that one asked at every address.
    """
    verdict = worst(results)
    for result in results:
        if own is not None and result.client is own.probe.client:
            return result.seen
    return next(result.seen for result in results if result.verdict is verdict)


def _located(run: Run, view: Observations) -> FaultLocation | None:
    """Where the fault is; between two mounts with the layers that lie there."""
    located, layers = locate_fault(run, view), layers_between(run)
    if located is None or not layers:
        return located
    return replace(located, layers=layers, evidence=(*located.evidence, *layers_evidence(layers)))


def _client_verdict(
    client: Client, seen: Observations, own: Observation | None, layers: Sequence[str] = ()
) -> ClientVerdict:
    """What this Client got, from its own view of the run.

    The first look at the user's own stream, `own`, shows whether that breaks the rules of its format: a
    repeat may meet a limit of the app.
    """
    own_fault = fault(own) if own is not None and own.probe.client is client else Ending.COMPLETE
    reports = tuple(
        _transport_report(seen, transport, layers)
        for transport in Transport
        if seen.get(seen.first(transport)) is not None
    )
    verdict = path_verdict(seen, reports)
    if own_fault is not Ending.COMPLETE and verdict is not Verdict.HELD:
        verdict = Verdict.BROKEN
    return ClientVerdict(client, seen, reports, verdict, own_fault)


def _report_of_absence(run: Run, seen: Observations, reports: tuple[TransportReport, ...]) -> Report:
    """The Report on an address without a flushcheck service: what failed, and nothing about a cause."""
    sentence = absence_sentence(run.target, seen, proxied=bool(run.proxy)) or could_not_tell(reports)
    report = _report_without_a_cause(run, reports, sentence)
    return replace(report, hops=interceptor(run), fault_location=locate_fault(run, seen))


def _report_of_pretence(run: Run, reports: tuple[TransportReport, ...], sentence: str) -> Report:
    """The Report on streams that the service held itself: what arrived, and no cause."""
    return _report_without_a_cause(run, reports, f"could not tell: {sentence}")


def _report_of_mounts(run: Run, reports: tuple[TransportReport, ...], sentence: str) -> Report:
    """The Report on two mounts that contradict each other: what arrived, and no cause."""
    report = _report_without_a_cause(run, reports, f"could not tell: {sentence}")
    return replace(
        report,
        notes=(*report.notes, *origin_notes(run, reports)),
        fault_location=FaultLocation(FaultPlace.UNKNOWN, sentence),
    )


def _report_without_a_cause(run: Run, reports: tuple[TransportReport, ...], sentence: str) -> Report:
    """What arrived, and how the run got there: nothing that would name or free a cause."""
    return Report(
        target=run.target,
        verdict=Verdict.UNKNOWN,
        headline=sentence,
        transports=tuple(replace(report, culprits=(), clients=(), freed_by=()) for report in reports),
        culprits=(),
        notes=connection_notes(run),
        tool=run.tool,
        certificate=certificate_report(run),
        is_origin=run.capabilities is not None and not run.capabilities.paths,
    )


def _transport_report(
    seen: Observations, transport: Transport, layers: Sequence[str] = ()
) -> TransportReport:
    observation, timing = seen[seen.first(transport)]
    pieces = observation.pieces
    received = len({piece.seq for piece in pieces})
    held = seen.held_baseline(transport)
    held_timing = seen.timing(held)
    idle = idle_result(seen, transport)
    report = TransportReport(
        transport=transport,
        flow=timing.flow,
        summary=transport_summary(seen, observation, timing) + (f"; {idle.summary}" if idle else ""),
        held_at=held.scenario if held else None,
        hold_bytes=seen.hold_bytes(transport),
        hold_s=max(held_timing.lag_s.max, held_timing.queued_s) if held_timing else 0.0,
        headers_s=observation.headers_s,
        first_piece_s=pieces[0].at_s if pieces else 0.0,
        lag_s=timing.lag_s,
        pieces_sent=observation.end.count if observation.end else received,
        pieces_received=received,
        complete=observation.outcome is Outcome.COMPLETE,
        culprits=_detections(seen, transport, layers),
        freed_by=tuple(variant for variant in APP_VARIANTS if seen.frees(transport, variant) is Answer.YES),
        sent_s=tuple(piece.sent_s for piece in pieces),
        received_s=tuple(piece.at_s - timing.latency_s for piece in pieces),
        idle=idle,
    )
    return own_transport_report(report, observation, timing) if observation.is_own else report


def _detections(
    seen: Observations, transport: Transport, layers: Sequence[str] = ()
) -> tuple[Detection, ...]:
    detections: list[Detection] = []
    for detectors in (DETECTORS, FALLBACK_DETECTORS):
        detected = (detector.detect(seen, transport) for detector in detectors)
        detections += [detection for detection in detected if detection is not None]
        if any(_settles(detection) for detection in detections):
            break
    detections = of_the_app(detections, seen, transport, layers)
    return tuple(sorted(detections, key=lambda detection: RANK.index(detection.confidence)))


def _settles(detection: Detection) -> bool:
    """Whether no other hop has to be thought of. What ends silent streams explains no other fault."""
    return not detection.culprit.idle_only and detection.confidence is not Confidence.POSSIBLE
