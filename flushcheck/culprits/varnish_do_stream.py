"""Varnish `beresp.do_stream`."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import varnish
from flushcheck.configs.findings import Action, Finding, Level, Server
from flushcheck.configs.tree import Block, edit
from flushcheck.culprits import own_stream
from flushcheck.culprits.evidence import (
    content_length_evidence,
    header_evidence,
    hold_evidence,
    variant_evidence,
)
from flushcheck.culprits.lint_common import NO_OVERRIDE
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import HELD_FLOWS
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

STREAM_FIX = Fix(
    where="VCL, sub vcl_backend_response",
    change="set beresp.do_stream = true;",
    by=Owner.SERVER,
    server=Server.VARNISH,
    place=Place.RESPONSE,
    cost="an error of the app can no longer be replaced once its response has begun",
)
ESI_FIX = Fix(
    where="VCL, sub vcl_backend_response",
    change="set beresp.do_esi = false;",
    by=Owner.SERVER,
    joins=True,
    server=Server.VARNISH,
    place=Place.RESPONSE,
    cost="ESI does not work for these addresses: it needs whole pages",
    note=(
        "set it only for the addresses of streams, and not where VCL sets beresp.filters: Varnish then "
        "responds with an error"
    ),
)

CULPRIT = Culprit(
    id="varnish-do-stream",
    title="Varnish fetches the whole response before it delivers any of it (do_stream off, or ESI on)",
    why=(
        "With beresp.do_stream = false, or beresp.do_esi = true, Varnish needs the whole object before it "
        "sends the first byte."
    ),
    symptoms=(
        "Held to the end at any size; the response has X-Varnish, and a Content-Length that the app "
        "did not send."
    ),
    detection="The response was stored first, by a server that adds X-Varnish.",
    fixes=(STREAM_FIX, ESI_FIX),
    references=("https://varnish-cache.org/docs/7.1/reference/vcl-var.html",),
    shows=(Symptom(Flow.HELD),),
    measured_on=("Varnish 7.1.1",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Stored and forwarded by what writes X-Varnish."""
    if seen.is_own(transport):
        return _detect_own(seen, transport)
    if not seen.has_content_length(transport) or seen.control(transport) in HELD_FLOWS:
        return None
    varnish_id = seen.header(transport, "x-varnish")
    if seen.frees(transport, Variant.XAB) is not Answer.NO or not varnish_id:
        return None
    facts = (
        hold_evidence(seen, transport),
        variant_evidence(seen, transport, Variant.XAB),
        content_length_evidence(transport),
        *header_evidence(transport, "X-Varnish", varnish_id),
        *header_evidence(transport, "Via", seen.header(transport, "via")),
    )
    return Detection(CULPRIT, Confidence.LIKELY, facts)


def _detect_own(seen: Observations, transport: Transport) -> Detection | None:
    """Joined by what writes X-Varnish; without a second address the app behind it may have done that."""
    varnish_id = seen.header(transport, "x-varnish")
    length = own_stream.length_evidence(seen, transport)
    if not varnish_id or not length or not own_stream.without_compressor(seen, transport):
        return None
    sure = Confidence.LIKELY if seen.control(transport) is Flow.FLOWING else Confidence.POSSIBLE
    facts = (
        hold_evidence(seen, transport),
        *length,
        *header_evidence(transport, "X-Varnish", varnish_id),
        *own_stream.server_evidence(seen, transport),
    )
    return Detection(CULPRIT, sure, facts)


SERVERS = (Server.VARNISH,)


def lint(block: Block) -> Iterator[Finding]:
    """Varnish streams by default: only a line is guilty."""
    for line, under in varnish.settings(block):
        setting = (line.args[0], line.args[-1])
        if setting not in (("beresp.do_stream", "false"), ("beresp.do_esi", "true")):
            continue
        fix = STREAM_FIX if setting[0] == "beresp.do_stream" else ESI_FIX
        yield block.finding(
            CULPRIT,
            Level.WARNING if under else Level.ERROR,
            f"{line.text}: Varnish fetches the whole response before it sends any of it"
            + (", where the condition around it is true" if under else ""),
            at=line,
            fix=fix,
            edits=(edit(Action.REPLACE, line, fix.change),),
            override=NO_OVERRIDE,
        )
