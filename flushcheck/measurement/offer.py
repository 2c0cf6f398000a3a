"""What of a plan an origin can serve, and how it is asked for it. See docs/protocol.md.

The plan says which Probes a run calls for. An origin may offer less than a flushcheck service: what it does
not offer is left out and said, never measured and found broken.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlencode

from flushcheck.measurement import plan
from flushcheck.model import Capabilities, Omission, OmissionReason, Probe, Transport, Variant

# The optional parameter of the protocol that a Variant needs. The others differ in the client alone.
PARAMETERS = {
    Variant.XAB: "xab",
    Variant.NO_TRANSFORM: "cache",
    Variant.NOSNIFF: "nosniff",
    Variant.PADDED: "pad",
    Variant.OTHER_TYPE: "type",
    **dict.fromkeys(plan.FLUSHES, "flush"),
}


def address(probe: Probe, nonce: str, capabilities: Capabilities | None, *, short: bool = False) -> str:
    """What follows the address of a service ("/stream/…?…") or of an origin ("?fc=…") for this Probe.

    Args:
        probe: what to ask for.
        nonce: makes it an address of its own.
        capabilities: of the origin; None for a service with its own paths.
        short: for a first look: see `plan.SHORT_SHAPES`.
    """
    if capabilities is None or capabilities.paths:
        return plan.address(probe, nonce, short=short)
    asked = plan.params(probe, short=short)
    pairs: list[tuple[str, object]] = [
        ("fc", probe.transport),
        ("count", asked.count),
        ("interval", f"{asked.interval_s:g}"),
        ("jitter", f"{asked.jitter_s:g}"),
        ("size", asked.size_bytes),
        ("spread", asked.spread_bytes),
        *((name, 1) for name in ("xab", "cache", "nosniff") if getattr(asked, name)),
    ]
    if asked.pad_bytes:
        pairs.append(("pad", asked.pad_bytes))
    if asked.content_type:
        pairs.append(("type", asked.content_type))
    if probe.variant in plan.FLUSHES:
        pairs.append(("flush", plan.FLUSHES[probe.variant]))
    return f"?{urlencode([*pairs, ('nonce', nonce)])}"


def flushes(capabilities: Capabilities | None) -> tuple[str, ...]:
    """The ways of flushing of this origin that differ from its baseline, which is the last one."""
    return () if capabilities is None or capabilities.paths else capabilities.flush[:-1]


def offered(probes: Iterable[Probe], capabilities: Capabilities | None) -> tuple[Probe, ...]:
    """The Probes that this origin can serve, in order; all of them for a service."""
    return tuple(probe for probe in probes if reason(probe, capabilities) is None)


def omissions(probes: Iterable[Probe], capabilities: Capabilities | None) -> tuple[Omission, ...]:
    """The Probes that this origin cannot serve, each with the reason."""
    return tuple(Omission(probe, why) for probe in probes if (why := reason(probe, capabilities)) is not None)


def omitted_transports(
    wanted: Iterable[Transport], capabilities: Capabilities | None
) -> tuple[Omission, ...]:
    """The Transports that this origin does not offer, each as its first Probe."""
    if capabilities is None or capabilities.paths:
        return ()
    return tuple(
        Omission(Probe(transport), OmissionReason.NOT_OFFERED)
        for transport in wanted
        if transport not in capabilities.transports
    )


def reason(probe: Probe, capabilities: Capabilities | None) -> OmissionReason | None:
    """Why this origin cannot serve a Probe; None if it can."""
    if capabilities is None or capabilities.paths:
        return None
    parameter = PARAMETERS.get(probe.variant)
    if probe.transport not in capabilities.transports or (parameter and parameter not in capabilities.params):
        return OmissionReason.NOT_OFFERED
    if probe.variant is Variant.TOGETHER and not probe.run < capabilities.max_streams > 1:
        return OmissionReason.AT_ONCE
    asked = plan.params(probe)
    if probe.transport is Transport.POLLING:
        return None
    if (asked.count - 1) * asked.interval_s + asked.jitter_s > capabilities.max_duration_s:
        return OmissionReason.TOO_LONG
    if asked.pad_bytes + asked.count * (asked.size_bytes + asked.spread_bytes / 2) > capabilities.max_bytes:
        return OmissionReason.TOO_LARGE
    return None


def at_once(*origins: Capabilities | None) -> int:
    """How many requests these origins serve at the same time, which may be one; 0: as many as a run makes."""
    return min((caps.max_streams for caps in origins if caps is not None and not caps.paths), default=0)
