"""Varnish `beresp.do_gzip`."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import varnish
from flushcheck.configs.findings import Action, Finding, Level, Server
from flushcheck.configs.tree import Block, edit
from flushcheck.culprits import own_stream, x_accel
from flushcheck.culprits.evidence import (
    compressor_header_evidence,
    header_evidence,
    hold_evidence,
    variant_evidence,
)
from flushcheck.culprits.lint_common import NO_OVERRIDE
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Fix,
    Flow,
    Owner,
    Place,
    Symptom,
    Transport,
    Variant,
)

FIX = Fix(
    where="VCL, sub vcl_backend_response",
    change="set beresp.do_gzip = false;",
    by=Owner.SERVER,
    server=Server.VARNISH,
    cost="streams are not compressed",
    note=(
        "set it only for the addresses of streams, and not where VCL sets beresp.filters: Varnish then "
        "responds with an error"
    ),
)
# Measured on 7.1.1: it frees the stream after do_gzip = true and after filters = "gzip" alike.
NO_FILTERS_FIX = Fix(
    where="VCL, the end of sub vcl_backend_response",
    change='set beresp.filters = "";',
    by=Owner.SERVER,
    server=Server.VARNISH,
    place=Place.RESPONSE,
    cost="streams are not compressed, and ESI does not work for these addresses",
    note="set it only for the addresses of streams, and no beresp.do_gzip or beresp.do_esi after it",
)
FILTERS_FIX = Fix(
    where="VCL, the line that sets beresp.filters",
    change="# take gzip out of the list",
    by=Owner.SERVER,
    server=Server.VARNISH,
    cost="streams are not compressed",
)

CULPRIT = Culprit(
    id="varnish-gzip",
    title="Varnish do_gzip holds about 30 KB of text in its compressor",
    why=(
        "With beresp.do_gzip Varnish compresses what it fetches and delivers what the compressor puts out. "
        "Clients that do not accept gzip get the same data, decompressed again."
    ),
    symptoms=(
        "Held, for all clients: the first 10 bytes, which are the gzip header, then nothing until the "
        "compressor has about 30 KB of text."
    ),
    detection=(
        "The response is compressed by a server that adds X-Varnish, and held for clients that accept no "
        "compression too."
    ),
    fixes=(FIX, FILTERS_FIX, NO_FILTERS_FIX),
    references=("https://varnish-cache.org/docs/7.1/users-guide/compression.html",),
    shows=(Symptom(Flow.HELD, compressed=True),),
    measured_on=("Varnish 7.1.1",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Compressed by what writes X-Varnish, and held for clients without encodings too."""
    if seen.is_own(transport):
        return _detect_own(seen, transport)
    if (
        not x_accel.passed_through(seen, transport)
        or seen.has_content_length(transport)
        or not seen.compressed(transport)
    ):
        return None
    varnish_id = seen.header(transport, "x-varnish")
    if seen.frees(transport, Variant.IDENTITY) is not Answer.NO or not varnish_id:
        return None
    facts = (
        *x_accel.passed_through_evidence(seen, transport),
        variant_evidence(seen, transport, Variant.IDENTITY),
        *header_evidence(transport, "X-Varnish", varnish_id),
        *header_evidence(transport, "Via", seen.header(transport, "via")),
        *compressor_header_evidence(seen, transport),
    )
    return Detection(CULPRIT, Confidence.LIKELY, facts)


def _detect_own(seen: Observations, transport: Transport) -> Detection | None:
    """The header of a compressor alone, by what writes X-Varnish."""
    varnish_id = seen.header(transport, "x-varnish")
    held = own_stream.is_held(seen, transport) and seen.compressor_header_only(transport)
    if not held or not varnish_id:
        return None
    sure = Confidence.LIKELY if seen.control(transport) is Flow.FLOWING else Confidence.POSSIBLE
    facts = (
        hold_evidence(seen, transport),
        *header_evidence(transport, "X-Varnish", varnish_id),
        *compressor_header_evidence(seen, transport),
        *own_stream.server_evidence(seen, transport),
    )
    return Detection(CULPRIT, sure, facts)


SERVERS = (Server.VARNISH,)


def lint(block: Block) -> Iterator[Finding]:
    """Off by default: only a line is guilty, and under a condition it may not concern streams."""
    for line, under in varnish.settings(block):
        by_filter = "gzip" in varnish.filters(line)
        if not by_filter and (line.args[0], line.args[-1]) != ("beresp.do_gzip", "true"):
            continue
        yield block.finding(
            CULPRIT,
            Level.WARNING if under else Level.ERROR,
            f"{line.text}: Varnish sends data only when its compressor has about 30 KB of text"
            + (", where the condition around it is true" if under else ""),
            at=line,
            edits=() if by_filter else (edit(Action.REPLACE, line, FIX.change),),
            override=NO_OVERRIDE,
        )
