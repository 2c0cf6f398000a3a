"""The sentences that several detectors put forward, each with the numbers and Probes that it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.model import Evidence, Probe, Transport, Variant

# What each difference is called in a sentence.
LABELS: Mapping[Variant, str] = {
    Variant.XAB: "the response header X-Accel-Buffering: no",
    Variant.NO_TRANSFORM: "the response header Cache-Control: no-cache, no-transform",
    Variant.NOSNIFF: "the response header X-Content-Type-Options: nosniff",
    Variant.PADDED: "padding in front of the stream",
    Variant.OTHER_TYPE: "the content type application/octet-stream",
    Variant.IDENTITY: "a client that offers no encodings",
    Variant.HTTP10: "a client that speaks HTTP/1.0",
}

_EFFECT = {Answer.YES: "frees it", Answer.NO: "does not free it", Answer.NOT_TRIED: "did not tell"}


def hold_evidence(seen: Observations, transport: Transport) -> Evidence:
    """How the baseline was held, with numbers. Only for a Transport that is."""
    probe = seen.held_baseline(transport) or Probe(transport)
    observation, timing = seen[probe]
    size = seen.hold_bytes(transport)
    blocks = f"; larger streams come in blocks of {size} bytes" if size else ""
    return Evidence(
        f"{transport}: {len(observation.pieces)} pieces came in {timing.deliveries} "
        f"{'delivery' if timing.deliveries == 1 else 'deliveries'}, kept for up to "
        f"{timing.lag_s.max:.2f} s{blocks}",
        (probe.id,),
    )


def variant_evidence(seen: Observations, transport: Transport, variant: Variant) -> Evidence:
    """What one difference did to a held baseline, with numbers. Only for a Probe that was made."""
    baseline = seen.held_baseline(transport) or Probe(transport)
    probe = replace(baseline, variant=variant)
    (_, before), (_, after) = seen[baseline], seen[probe]
    return Evidence(
        f"{transport}: {LABELS[variant]} {_EFFECT[seen.frees(transport, variant)]} (longest wait "
        f"{after.lag_s.max:.2f} s instead of {before.lag_s.max:.2f} s)",
        (baseline.id, probe.id),
    )
