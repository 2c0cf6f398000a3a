"""The sentences that several detectors put forward, each with the numbers and Probes that it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.own_wording import own_summary
from flushcheck.model import Evidence, RequestAtApp, Transport, Variant

# What each difference is called in a sentence, behind "with".
LABELS: Mapping[Variant, str] = {
    Variant.XAB: "the response header X-Accel-Buffering: no",
    Variant.NO_TRANSFORM: "the response header Cache-Control: no-cache, no-transform",
    Variant.NOSNIFF: "the response header X-Content-Type-Options: nosniff",
    Variant.PADDED: "padding in front of the stream",
    Variant.OTHER_TYPE: "the content type application/octet-stream",
    Variant.IDENTITY: "a client that accepts no compression",
    Variant.HTTP10: "an HTTP/1.0 client",
    Variant.GZIP: "a client that accepts gzip alone",
    Variant.DEFLATE: "a client that accepts deflate alone",
    Variant.BR: "a client that accepts br alone",
    Variant.ZSTD: "a client that accepts zstd alone",
    Variant.EVENT_STREAM: "a client that accepts text/event-stream alone",
    Variant.NO_FLUSH: "an app that does not flush",
    Variant.FLUSH: "flush() alone after each piece",
    Variant.OB_FLUSH: "ob_flush() and flush() after each piece",
}

_EFFECT = {
    Answer.YES: "the stream flows",
    Answer.NO: "the stream is still held",
    Answer.NOT_TRIED: "the result is unclear",
}

MAX_HEADER = 100  # characters of a header's value in a sentence


def hold_evidence(seen: Observations, transport: Transport) -> Evidence:
    """How the baseline was held, with numbers. Only for a Transport that is."""
    probe = seen.baseline(transport)
    observation, timing = seen[probe]
    if observation.is_own:
        return Evidence(f"{transport}: {own_summary(observation, timing)}", (probe.id,))
    size = seen.hold_bytes(transport)
    blocks = f"; longer streams arrive in blocks of {size} bytes" if size else ""
    return Evidence(
        f"{transport}: {len(observation.pieces)} pieces arrived in {timing.deliveries} "
        f"{'delivery' if timing.deliveries == 1 else 'deliveries'}, held for up to "
        f"{timing.lag_s.max:.2f} s{blocks}",
        (probe.id,),
    )


def variant_evidence(seen: Observations, transport: Transport, variant: Variant) -> Evidence:
    """What one difference did to a held baseline, with numbers. Only for a Probe that was made."""
    baseline = seen.baseline(transport)
    probe = replace(baseline, variant=variant)
    (_, before), (observation, after) = seen[baseline], seen[probe]
    if observation.is_own:
        effect = f"{_EFFECT[seen.frees(transport, variant)]}: {own_summary(observation, after)}"
        return Evidence(f"{transport}: with {LABELS[variant]} {effect}", (baseline.id, probe.id))
    return Evidence(
        f"{transport}: with {LABELS[variant]} {_EFFECT[seen.frees(transport, variant)]} (longest wait "
        f"{after.lag_s.max:.2f} s instead of {before.lag_s.max:.2f} s)",
        (baseline.id, probe.id),
    )


def header_evidence(transport: Transport, name: str, value: str) -> tuple[Evidence, ...]:
    """A header of the response, cut where it is long; nothing if it did not come."""
    return (Evidence(f"{transport}: the response has {name}: {value[:MAX_HEADER]}"),) if value else ()


def content_length_evidence(transport: Transport) -> Evidence:
    """A length that the service never sends with a stream: a hop had all of the response first."""
    return Evidence(f"{transport}: the response has a Content-Length that the service did not send")


def compressor_header_evidence(seen: Observations, transport: Transport) -> tuple[Evidence, ...]:
    """The first read held the header of a compressed format and no text; nothing if it did not."""
    if not seen.compressor_header_only(transport):
        return ()
    return (Evidence(f"{transport}: the first read was only the compressor's header, then nothing"),)


def gateway_evidence(transport: Transport, request: RequestAtApp) -> Evidence:
    """The app was called through a gateway."""
    return Evidence(f"{transport}: the app was called through a gateway ({request.gateway})")
