"""What a report says of the origin: what it is, how much it serves, and what was left out because of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flushcheck.culprits.evidence import LABELS
from flushcheck.measurement.plan import HELD_FLOWS, SHAPES
from flushcheck.model import Capabilities, Omission, OmissionReason, Run, Scenario, TransportReport, Variant
from flushcheck.model.wording import count_of

_SHOWN = 200  # characters of a text of the origin

_REASONS = {
    OmissionReason.NOT_OFFERED: "not offered by the origin",
    OmissionReason.TOO_LONG: "left out, because the origin allows no stream of that length",
    OmissionReason.TOO_LARGE: "left out, because the origin allows no stream of that size",
    OmissionReason.AT_ONCE: "left out, because the origin serves fewer requests at the same time",
    OmissionReason.NO_TIME: "left out, because no time was left; a longer --timeout makes room",
}


def no_run(run: Run) -> str:
    """The headline of a run without a probe; "" if there was one."""
    if run.observations:
        return ""
    if run.origin_fault:
        return f"could not tell: {run.origin_fault}"
    if run.capabilities is not None and run.omissions:
        offers = ", ".join(run.capabilities.transports)
        return f"could not tell: the origin offers {offers}, and none of that was asked for"
    return ""


def origin_notes(run: Run, transport_reports: Sequence[TransportReport]) -> tuple[str, ...]:
    """The sentences about the origin; none for a flushcheck service with its own paths."""
    capabilities = run.capabilities
    if capabilities is None or capabilities.paths:
        return ()
    notes = [_what(capabilities)]
    notes += [
        f"{_REASONS[why]}: {', '.join(names)}"
        for why in OmissionReason
        if (names := _names(omission for omission in run.omissions if omission.reason is why))
    ]
    if any(report.flow in HELD_FLOWS for report in transport_reports) and not (run.direct or run.outer):
        notes.append(
            "no control run: an origin cannot probe itself; --direct compares with the app's own port, and "
            "--outer with a second mount outside of the app's layers"
        )
    return tuple(notes)


def _what(capabilities: Capabilities) -> str:
    """What the origin says of itself, in one sentence."""
    name = f"an origin ({capabilities.origin[:_SHOWN]})" if capabilities.origin else "an origin"
    sentence = f"{name} responded; it serves {count_of(capabilities.max_streams, 'request')} at the same time"
    if capabilities.until:
        sentence += f", until {capabilities.until[:_SHOWN]}"
    return sentence


def _names(omissions: Iterable[Omission]) -> tuple[str, ...]:
    """What was left out, each once."""
    return tuple(dict.fromkeys(map(_name, omissions)))


def _name(omission: Omission) -> str:
    probe = omission.probe
    if probe.variant is Variant.TOGETHER:
        return "several streams at once"
    if probe.variant is not Variant.BASELINE:
        return LABELS[probe.variant]
    if probe.scenario in SHAPES and probe.scenario is not Scenario.TOKEN:
        return f"{probe.transport} with pieces of {SHAPES[probe.scenario].size_bytes} bytes"
    if probe.lasts_s:
        return f"{probe.transport} for {probe.lasts_s:g} s"
    return str(probe.transport)
