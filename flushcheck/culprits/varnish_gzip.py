"""Varnish `beresp.do_gzip`."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import varnish
from flushcheck.configs.findings import Action, Finding, Level, Server
from flushcheck.configs.tree import Block, edit
from flushcheck.culprits import x_accel
from flushcheck.culprits.evidence import variant_evidence
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.model import Confidence, Culprit, Detection, Evidence, Fix, Transport, Variant

CULPRIT = Culprit(
    id="varnish-gzip",
    title="Varnish do_gzip keeps about 30 KB of text in its compressor",
    why=(
        "With beresp.do_gzip Varnish compresses what it fetches, and delivers what the compressor lets "
        "go, for clients without gzip as well, for whom it is unpacked again."
    ),
    symptoms=(
        "Held, for all clients: 10 bytes first, which are the header of gzip, then nothing until about 30"
        " KB of text are there."
    ),
    fixes=(
        Fix(
            where="VCL, sub vcl_backend_response",
            change="set beresp.do_gzip = false;",
            caution="for the addresses of streams; they travel uncompressed",
        ),
    ),
    references=("https://varnish-cache.org/docs/7.1/users-guide/compression.html",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Compressed by what writes X-Varnish, and held for clients without encodings too."""
    if (
        not x_accel.passed_through(seen, transport)
        or seen.has_content_length(transport)
        or not seen.compressed(transport)
    ):
        return None
    if seen.frees(transport, Variant.IDENTITY) is not Answer.NO or not seen.header(transport, "x-varnish"):
        return None
    facts = [
        *x_accel.passed_through_evidence(seen, transport),
        variant_evidence(seen, transport, Variant.IDENTITY),
        Evidence(f"{transport}: the answer has X-Varnish, via: {seen.header(transport, 'via')[:100]}"),
    ]
    if seen.compressor_header_only(transport):
        facts.append(Evidence(f"{transport}: the first read was the compressor's header alone, then silence"))
    return Detection(CULPRIT, Confidence.LIKELY, tuple(facts))


def lint(block: Block) -> Iterator[Finding]:
    """Off by default: only a line is guilty, and under a condition it may not concern streams."""
    if block.server is not Server.VARNISH:
        return
    for line, under in varnish.settings(block):
        if (line.args[0], line.args[-1]) != ("beresp.do_gzip", "true"):
            continue
        change = CULPRIT.fixes[0].change
        yield block.finding(
            CULPRIT,
            Level.WARNING if under else Level.ERROR,
            f"{line.text}: the response is passed on in pieces of about 30 KB of text"
            + (", where the condition around it holds" if under else ""),
            at=line,
            edits=(edit(Action.REPLACE, line, change),),
            override="the app cannot free it by itself",
        )
