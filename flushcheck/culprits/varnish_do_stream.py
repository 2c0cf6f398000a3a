"""Varnish `beresp.do_stream`."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import varnish
from flushcheck.configs.findings import Action, Finding, Level, Server
from flushcheck.configs.tree import Block, edit
from flushcheck.culprits.evidence import hold_evidence, variant_evidence
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import HELD_FLOWS
from flushcheck.model import Confidence, Culprit, Detection, Evidence, Fix, Transport, Variant

CULPRIT = Culprit(
    id="varnish-do-stream",
    title="Varnish fetches the whole answer before it delivers (do_stream off, or ESI on)",
    why=(
        "With beresp.do_stream = false, or beresp.do_esi = true, Varnish must have the whole object "
        "before it sends the first byte."
    ),
    symptoms=(
        "Held to the end at any size; a Content-Length appears that the app did not send, beside X-Varnish."
    ),
    fixes=(
        Fix(
            where="VCL, sub vcl_backend_response",
            change="set beresp.do_stream = true;",
            caution="bad answers of the app can no longer be replaced once they have begun",
        ),
        Fix(
            where="VCL, sub vcl_backend_response",
            change="set beresp.do_esi = false;",
            caution="for the addresses of streams; ESI needs whole pages",
        ),
    ),
    references=("https://varnish-cache.org/docs/7.1/reference/vcl-var.html",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Stored and forwarded by what writes X-Varnish."""
    if (
        not seen.is_held(transport)
        or not seen.has_content_length(transport)
        or seen.control(transport) in HELD_FLOWS
    ):
        return None
    if seen.frees(transport, Variant.XAB) is not Answer.NO or not seen.header(transport, "x-varnish"):
        return None
    facts = (
        hold_evidence(seen, transport),
        variant_evidence(seen, transport, Variant.XAB),
        Evidence(f"{transport}: a Content-Length appeared that the service did not send"),
        Evidence(f"{transport}: the answer has X-Varnish, via: {seen.header(transport, 'via')[:100]}"),
    )
    return Detection(CULPRIT, Confidence.LIKELY, facts)


def lint(block: Block) -> Iterator[Finding]:
    """Varnish streams by default: only a line is guilty."""
    if block.server is not Server.VARNISH:
        return
    for line, under in varnish.settings(block):
        setting = (line.args[0], line.args[-1])
        if setting not in (("beresp.do_stream", "false"), ("beresp.do_esi", "true")):
            continue
        fix = CULPRIT.fixes[0 if setting[1] == "false" else 1]
        yield block.finding(
            CULPRIT,
            Level.WARNING if under else Level.ERROR,
            f"{line.text}: the response is fetched whole before it is passed on"
            + (", where the condition around it holds" if under else ""),
            at=line,
            fix=fix,
            edits=(edit(Action.REPLACE, line, fix.change),),
            override="the app cannot free it by itself",
        )
