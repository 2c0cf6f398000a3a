"""What culprits ask of a compressor on the path that is not nginx's: held compressed, flowing without.

Compressors differ in three ways that a run shows: in the encoding, in whether a piece waits for the next one
or for the end, and in whether Cache-Control: no-transform switches them off. Names of programs only choose
among those that behave so.
"""

from __future__ import annotations

from flushcheck.culprits import x_accel
from flushcheck.culprits.evidence import compressor_header_evidence, header_evidence, variant_evidence
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import STREAMED
from flushcheck.model import Evidence, Fix, Owner, Transport, Variant

# For compressors that obey it, as seen in the laboratory: HAProxy and Envoy.
NO_TRANSFORM_FIX = Fix(
    where="the app, on each streamed response",
    change="Cache-Control: no-cache, no-transform",
    by=Owner.APP,
    variant=Variant.NO_TRANSFORM,
    cost="no hop on the path may compress the response",
    response_header=True,
)


def holds(seen: Observations, transport: Transport) -> bool:
    """Whether only clients that offer a compression meet the hold, and no nginx took part."""
    passed = x_accel.passed_through(seen, transport)
    return passed and x_accel.needs_compression(seen, transport) is Answer.YES


def evidence(seen: Observations, transport: Transport) -> tuple[Evidence, ...]:
    """The hold, what frees it, and how the hop names itself."""
    tried_on = x_accel.transport_with_identity_probe(seen, transport)
    facts = (
        *x_accel.passed_through_evidence(seen, transport),
        variant_evidence(seen, tried_on, Variant.IDENTITY),
    )
    if no_transform(seen, transport) is Answer.YES:
        facts += (variant_evidence(seen, _tried_on(seen, transport), Variant.NO_TRANSFORM),)
    return (
        *facts,
        *header_evidence(transport, "Content-Encoding", seen.compressed(transport)),
        *header_evidence(transport, "Server", seen.header(transport, "server")),
        *compressor_header_evidence(seen, transport),
    )


def no_transform(seen: Observations, transport: Transport) -> Answer:
    """Whether Cache-Control: no-transform frees the stream. It is tried on one Transport only, for both."""
    return seen.frees(_tried_on(seen, transport), Variant.NO_TRANSFORM)


def _tried_on(seen: Observations, transport: Transport) -> Transport:
    """The Transport on which no-transform decided something: this one if it did."""
    decided = (
        candidate
        for candidate in (transport, *STREAMED)
        if seen.frees(candidate, Variant.NO_TRANSFORM) is not Answer.NOT_TRIED
    )
    return next(decided, transport)


ZSTD = "zstd"

# Both hold zstd to its end, and a response without a name says nothing of the two.
TWO_HOLD_ZSTD = Evidence("Caddy before 2.9 and Envoy both hold zstd so; the response names neither")
