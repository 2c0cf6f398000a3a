"""Apache with an output filter that collects: an external program, mod_xml2enc, mod_substitute, mod_sed."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import apache
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits.lint_common import NO_OVERRIDE
from flushcheck.model import Culprit, Fix, Flow, Owner, Place, Source, Symptom

CULPRIT = Culprit(
    id="apache-output-filter",
    title="an output filter of Apache collects the response (ExtFilterDefine, ProxyHTMLEnable)",
    why=(
        "The response goes through a filter before it is sent. What an external program writes is not "
        "flushed: Apache keeps it until 4096 bytes are there. ProxyHTMLEnable puts mod_xml2enc in, which "
        "keeps the first 4096 bytes of each text type to find its encoding, of text/event-stream too. "
        "SUBSTITUTE keeps a line until it ends, and SED until the next one comes. BUFFER, DEFLATE, "
        "BROTLI_COMPRESS and INCLUDES pass each write on. Measured on Debian's Apache 2.4.71."
    ),
    symptoms=(
        "The stream arrives at its end or in blocks; with ProxyHTMLEnable it flows after the first 4096 "
        "bytes; with SUBSTITUTE a piece waits for the end of its line."
    ),
    detection=(
        "From outside it looks like any other hop that fills a buffer; only the configuration names the "
        "filter."
    ),
    fixes=(
        Fix(
            where="Apache, a <Location> for the stream's path",
            change="SetOutputFilter NONE\n<IfModule mod_proxy_html.c>\n    ProxyHTMLEnable Off\n</IfModule>",
            by=Owner.SERVER,
            server=Server.APACHE,
            place=Place.ADDRESS,
            cost="nothing is filtered there, compression included",
            note="Apache logs an error for NONE with each request; better is a section without the stream",
        ),
    ),
    references=(
        "https://httpd.apache.org/docs/2.4/mod/mod_ext_filter.html",
        "https://httpd.apache.org/docs/2.4/mod/mod_xml2enc.html",
        "https://httpd.apache.org/docs/2.4/mod/mod_substitute.html",
    ),
    looks_like=("http-hop", "buffering-hop"),
    shown_by=frozenset({Source.FILE}),
    shows=(Symptom(Flow.HELD),),
    measured_on=("Apache 2.4.71",),
)

SERVERS = (Server.APACHE,)

_SENTENCES = {
    apache.Effect.EXTERNAL: (
        "Apache does not flush what the program writes; it waits until 4096 bytes are there"
    ),
    apache.Effect.FIRST_BYTES: (
        "mod_xml2enc keeps the first 4096 bytes of a response of any text type, so a shorter stream arrives "
        "at its end"
    ),
    apache.Effect.LINE_BEHIND: "the filter keeps the last line until the next one comes",
    apache.Effect.BY_LINE: "the filter keeps each line until it ends, so a piece without a line end waits",
}


def lint(block: Block) -> Iterator[Finding]:
    """Each filter that the block's responses go through."""
    if block.via == "php":
        return
    for output_filter in apache.output_filters(block):
        sentence = _SENTENCES.get(output_filter.effect)
        if sentence is not None:
            yield block.finding(
                CULPRIT,
                Level.WARNING if output_filter.effect is apache.Effect.BY_LINE else Level.ERROR,
                f"{output_filter.at.text} (line {output_filter.at.line}): {sentence}",
                at=output_filter.at,
                override=NO_OVERRIDE,
            )
