"""Next.js, which compresses what its pages/api routes and its rewrites send."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import hosting
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.model import Culprit, Fix, Flow, Owner, Source, Symptom

CULPRIT = Culprit(
    id="next-compress",
    title="Next.js compresses pages/api routes and rewrites, and does not flush",
    why=(
        "`next start` compresses by default (`compress`). Route handlers of the App Router are passed on "
        "uncompressed, but pages/api routes and the responses of rewrites to another server are not."
    ),
    symptoms="10 bytes of gzip arrive with the first write, the rest at the end. A route handler flows.",
    detection="next.config.js leaves `compress` on. A watched stream shows it as compressor.",
    fixes=(
        Fix(
            where="next.config.js",
            change="compress: false",
            by=Owner.APP,
            cost="Next.js compresses nothing; a proxy in front of it may",
            note="measured on Next.js 15.5",
        ),
        Fix(
            where="the app, on each streamed response",
            change="Content-Encoding: none",
            by=Owner.APP,
            cost="these responses are not compressed",
            response_header=True,
        ),
        Fix(
            where="the app, in place of a pages/api route or a rewrite",
            change="a route handler (app/…/route.js) that returns the stream or passes the body on",
            by=Owner.APP,
        ),
    ),
    references=("https://nextjs.org/docs/app/api-reference/config/next-config-js/compress",),
    looks_like=("compressor",),
    shown_by=frozenset({Source.APP, Source.FILE}),
    shows=(Symptom(Flow.HELD, compressed=True),),
)

SERVERS = (Server.HOSTING,)


def lint(block: Block) -> Iterator[Finding]:
    """On by default, so silence counts, unless the setting may come from elsewhere."""
    if block.via != hosting.NEXT or any(hosting.doubts(block)):
        return
    value = hosting.compress(block)
    if value.first == "true":
        yield block.finding(
            CULPRIT,
            Level.WARNING,
            f"{block.say(value)}: next start compresses what pages/api routes and rewrites send, and does "
            "not flush; route handlers of the App Router flow",
            value=value,
            at=value.at or block.pass_directive,
            override="the app can switch it off for each response with the header Content-Encoding: none",
        )
