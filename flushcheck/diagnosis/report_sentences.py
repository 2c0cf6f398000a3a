"""The sentences of a Report: a summary for each Transport, the headline, the notes.

They only say what is decided elsewhere: the flow by `measurement.timing`, the verdict by `path_verdict`, the
culprits by their detectors. No code decides anything on their wording.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flushcheck.culprits.http2_stream_limit import waiting_note
from flushcheck.diagnosis.clients import ClientVerdict
from flushcheck.diagnosis.flushing import flushing_notes
from flushcheck.diagnosis.own_stream import own_could_not_tell, own_stream
from flushcheck.diagnosis.path_verdict import BROKEN, is_cut_when_idle, is_held
from flushcheck.diagnosis.token_sentences import describe_ending
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.own_wording import arriving, own_summary
from flushcheck.measurement.plan import HELD_FLOWS, SHAPES
from flushcheck.measurement.timing import Timing
from flushcheck.model import (
    CulpritReport,
    Ending,
    Flow,
    Observation,
    Scenario,
    Transport,
    TransportReport,
    Vantage,
    Variant,
    Verdict,
)
from flushcheck.model.wording import any_of, count_of


def transport_summary(seen: Observations, observation: Observation, timing: Timing) -> str:
    """One sentence with numbers: how the pieces of this Transport arrived, the larger ones too."""
    sentence = stream_summary(observation, timing)
    return sentence if observation.is_own else sentence + _at_larger_size(seen, observation.probe.transport)


def stream_summary(observation: Observation, timing: Timing) -> str:
    """One sentence with numbers: how one stream arrived."""
    if observation.is_own:
        return own_summary(observation, timing)
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
            sentence = f"{count} pieces arrived in {timing.deliveries} blocks, up to {late_s:.1f} s late"
        case Flow.TICKS:
            sentence = f"{count} pieces arrived in ticks of {timing.period_s * 1000:.0f} ms"
        case Flow.LATE:
            sentence = _late(count, timing)
        case Flow.THROTTLED:
            sentence = f"{count} pieces arrived with a growing delay, at {timing.rate_bps:.0f} bytes a second"
        case Flow.REPLAYED:
            sentence = f"an older stream was played back: {count} pieces arrived before they were sent"
        case Flow.CUT:
            sentence = (
                f"cut after {count_of(count, 'piece')} at {observation.ended_s:.1f} s: {observation.detail}"
            )
        case Flow.FAILED:
            sentence = f"did not open: {observation.detail or observation.outcome}"
        case _ if timing.late_s:
            sentence = (
                f"began {timing.late_s:.1f} s after the quickest response, when another stream ended, then "
                "arrived piece by piece: a queue at the app or a busy machine"
            )
        case _:
            sentence = f"{count} pieces arrived without a pattern, up to {late_s:.1f} s late"
    return sentence


def _late(count: int, timing: Timing) -> str:
    if timing.waits_for_next:
        return f"each of {count} pieces arrived only with the next one"
    if timing.queued_s:
        return f"began {timing.queued_s:.1f} s after others of this run, then arrived piece by piece"
    if timing.late_s > timing.lag_s.max:
        return f"began {timing.late_s:.1f} s after the quickest response, then arrived piece by piece"
    return (
        f"nothing arrived for {timing.late_s:.1f} s, then everything held so far at once, then piece by piece"
    )


def _at_larger_size(seen: Observations, transport: Transport) -> str:
    """What larger Pieces show beyond the token-size ones; "" if nothing."""
    held = seen.held_baseline(transport)
    if held is None:
        return ""
    _, timing = seen[held]
    if held.scenario is not Scenario.TOKEN:
        size = SHAPES[held.scenario].size_bytes
        blocks = f" of {timing.hold_bytes} bytes" if timing.hold_bytes else ""
        late_s = max(timing.lag_s.max, timing.queued_s, timing.late_s)
        return f"; pieces of {size} bytes: {timing.flow}{blocks}, up to {late_s:.1f} s late"
    size_bytes = seen.hold_bytes(transport)
    return f"; longer streams arrive in blocks of {size_bytes} bytes" if size_bytes else ""


def headline(results: Sequence[ClientVerdict], culprits: tuple[CulpritReport, ...]) -> str:
    """The verdict in one sentence, with the Transports, Clients and culprits it is due to.

    Clients that got the same are not told apart. One that asked alone, over a protocol that others do not
    speak, is named: they may get something else.
    """
    sentences = [_headline(result, culprits, "") for result in results]
    alone = len(results) == 1 and results[0].multiplexed
    if len(set(sentences)) == 1 and not alone:
        return sentences[0]
    return "; ".join(_headline(result, culprits, f" {result.who}") for result in results)


def _headline(result: ClientVerdict, culprits: tuple[CulpritReport, ...], who: str) -> str:
    """What one Client got, in one sentence."""
    reports = result.transports
    own = own_stream(result.seen)
    match result.verdict:
        case Verdict.FLOWING if own:
            return f"flowing{who}: {arriving(own)} one by one"
        case Verdict.UNKNOWN if own:
            return own_could_not_tell(result.seen, own, who)
        case Verdict.FLOWING:
            return f"flowing{who} on {_names(reports)}"
        case Verdict.UNKNOWN:
            return could_not_tell(reports, who)
    held = tuple(report for report in reports if is_held(result.seen, report))
    broken = tuple(report for report in reports if report.flow in BROKEN)
    cut = tuple(filter(is_cut_when_idle, reports))
    sentences = []
    for word, bad in (("held", held), ("broken", broken), ("long or silent streams are cut", cut)):
        if bad:
            ids = {
                detection.culprit.id
                for report in bad
                for detection in report.culprits
                if detection.culprit.idle_only is (bad is cut)
            }
            titles = [report.culprit.title for report in culprits if report.culprit.id in ids]
            because = any_of(titles) or "the cause could not be named"
            sentences.append(f"{word}{who} on {_names(bad)}: {because}")
    # A stream that was cut has no end: that is said already.
    is_cut_too = result.own_fault is Ending.MISSING and any(report.flow is Flow.CUT for report in reports)
    if own is not None and result.own_fault is not Ending.COMPLETE and not is_cut_too:
        wrong = describe_ending(result.own_fault, own.format_end, own.error)
        sentences.append(wrong if sentences else f"broken{who}: {wrong}")
    return "; ".join(sentences)


def could_not_tell(transport_reports: tuple[TransportReport, ...], who: str = "") -> str:
    """The headline of a run that shows nothing: what its first Transport saw."""
    summary = transport_reports[0].summary if transport_reports else "nothing was observed"
    return f"could not tell{who}: {summary}"


def _names(transport_reports: tuple[TransportReport, ...]) -> str:
    if len(transport_reports) == len(Transport):
        return "all four transports"
    return ", ".join(report.transport for report in transport_reports)


def notes(
    seen: Observations, transport_reports: tuple[TransportReport, ...], *, probes_itself: bool = True
) -> tuple[str, ...]:
    """Facts worth knowing that name no culprit.

    Args:
        seen: what one client saw.
        transport_reports: what was concluded from that.
        probes_itself: whether the service can, so that a missing control says something.
    """
    sentences: list[str] = []
    for report in transport_reports:
        transport = report.transport
        if report.flow in HELD_FLOWS:
            if seen.compressed(transport) and seen.frees(transport, Variant.IDENTITY) is Answer.YES:
                sentences.append(f"{transport}: only clients that accept compression are affected")
            if seen.frees(transport, Variant.HTTP10) is Answer.YES:
                sentences.append(f"{transport}: HTTP/1.0 clients are not affected")
            continue
        sentences += [
            f"{transport}: {label} ({timing.flow}, held for up to {timing.held_s:.2f} s)"
            for variant, label in (
                (Variant.IDENTITY, "held for clients that accept no compression"),
                (Variant.HTTP10, "held for clients that speak HTTP/1.0"),
            )
            if (timing := seen.timing(replace(seen.first(transport), variant=variant)))
            and timing.flow in HELD_FLOWS
            and not timing.queued_s
        ]
    sentences += filter(None, (waiting_note(seen, report.transport) for report in transport_reports))
    sentences += flushing_notes(seen)
    controls = [
        observation
        for observation in seen
        if observation.probe.vantage in (Vantage.LOOPBACK, Vantage.DIRECT) and observation.pieces
    ]
    wants_control = probes_itself and own_stream(seen) is None and not controls
    if wants_control and any(report.flow in HELD_FLOWS for report in transport_reports):
        sentences.append("no control run: the service could not probe itself over loopback")
    return tuple(sentences)
