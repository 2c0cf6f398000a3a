"""Next.js, which compresses what its pages/api routes and its rewrites send."""

from __future__ import annotations

from flushcheck.model import Culprit, Fix, Owner, Source

CULPRIT = Culprit(
    id="next-compress",
    title="Next.js compresses pages/api routes and rewrites, and does not flush",
    why=(
        "`next start` compresses by default (`compress`). Route handlers of the App Router are passed on "
        "uncompressed, but pages/api routes and the responses of rewrites to another server are not."
    ),
    symptoms="10 bytes of gzip arrive with the first write, the rest at the end. A route handler flows.",
    detection="No tap of flushcheck runs in Next.js. A watched stream shows it as compressor.",
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
    shown_by=frozenset({Source.APP}),
)
