"""IIS dynamic compression."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import iis
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits.lint_common import STREAM_TYPES
from flushcheck.model import Culprit, Fix, Flow, Owner, Place, Source, Symptom

TYPES_FIX = Fix(
    where="applicationHost.config, httpCompression, dynamicTypes",
    change='<add mimeType="text/event-stream" enabled="false" />',
    by=Owner.SERVER,
    server=Server.IIS,
    cost="streams are not compressed",
    note="and the other types of streams; a type with a charset is a type of its own",
)

CULPRIT = Culprit(
    id="iis-dynamic-compression",
    title="IIS compresses the stream and collects what it has compressed (doDynamicCompression)",
    why=(
        "Dynamic compression is for text/* by default, text/event-stream included, and for clients that "
        "offer gzip. The documents give it a buffer for compressed data (dynamicCompressionBufferLimit) and "
        "no flush after a write of the app. From Microsoft's documentation; not measured."
    ),
    symptoms="Held for clients that offer gzip, as browsers do; plain curl shows no fault.",
    detection="From outside it looks like any other compressor that does not flush.",
    fixes=(
        Fix(
            where="web.config, system.webServer, or a <location> for the stream's path",
            change='<urlCompression doDynamicCompression="false" />',
            by=Owner.SERVER,
            server=Server.IIS,
            place=Place.ADDRESS,
            cost="responses of apps are not compressed there",
        ),
        TYPES_FIX,
    ),
    references=(
        "https://learn.microsoft.com/en-us/iis/configuration/system.webserver/httpcompression/",
        "https://learn.microsoft.com/en-us/iis/configuration/system.webserver/urlcompression",
        "https://learn.microsoft.com/en-us/iis/configuration/system.webserver/httpcompression/dynamictypes/",
    ),
    looks_like=("compressor", "http-hop"),
    shown_by=frozenset({Source.FILE}),
    shows=(Symptom(Flow.HELD, compressed=True),),
)

SERVERS = (Server.IIS,)


def lint(block: Block) -> Iterator[Finding]:
    """Where a line switches it on, for the types of streams. A warning: it is from documentation."""
    line = iis.compression(block)
    if line is None or iis.attribute(line, "doDynamicCompression").lower() != "true":
        return
    kinds = [kind for kind in STREAM_TYPES if iis.is_compressed(block, kind)]
    if kinds:
        yield block.finding(
            CULPRIT,
            Level.WARNING,
            f"doDynamicCompression true (line {line.line}): for clients that offer gzip IIS compresses "
            f"{kinds[0]}, and by documentation it collects what it has compressed",
            at=line,
            override="the app can set Content-Encoding: identity on its streams, which was not tried",
        )
