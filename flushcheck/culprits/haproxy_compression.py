"""HAProxy compressing a stream."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import haproxy
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block, Directive, Scope
from flushcheck.culprits.lint_common import STREAM_TYPES
from flushcheck.model import Culprit, Fix, Owner, Source

CULPRIT = Culprit(
    id="haproxy-compression",
    title="HAProxy compression delivers each piece only with the next one",
    why=(
        "HAProxy flushes its compressor after every chunk, but keeps the last bytes of it: what the reader "
        "can decompress ends inside the newest piece. Measured on HAProxy 2.6.12, with option "
        "http-no-delay."
    ),
    symptoms=(
        "Each piece arrives with the next one, at every size, for clients that offer gzip; the last piece "
        "arrives with the end. Without compression the stream flows; Cache-Control: no-transform from the "
        "app switches the compression off."
    ),
    detection=(
        "From outside it looks like any other hop that is one piece late; only the configuration names it."
    ),
    fixes=(
        Fix(
            where="HAProxy, the section with the compression lines",
            change="compression type text/html text/css application/javascript application/json",
            by=Owner.SERVER,
            cost="HAProxy compresses only the listed types",
            note="leave text/plain and text/event-stream out of the list",
        ),
        Fix(
            where="the app, on each streamed response",
            change="Cache-Control: no-cache, no-transform",
            by=Owner.APP,
            cost="no hop on the path may compress the response",
            response_header=True,
        ),
    ),
    references=("https://docs.haproxy.org/2.6/configuration.html#4-compression%20algo",),
    shown_by=frozenset({Source.FILE}),
)


SERVERS = (Server.HAPROXY,)


def lint(block: Block) -> Iterator[Finding]:
    """Off unless a line says otherwise; without a list of types it takes all of them."""
    for scope in (block.scope, *block.related_scopes):
        algo = _line(scope, "algo")
        if algo is None or algo.args[1:] in ((), ("identity",)):
            continue
        types = _line(scope, "type")
        listed = types.args[1:] if types else ()
        hit = [kind for kind in STREAM_TYPES if not listed or kind in listed]
        if not hit:
            continue
        yield block.finding(
            CULPRIT,
            Level.WARNING,
            f"{algo.text} in {haproxy.name(scope)}: each piece of a stream sent as {' or '.join(hit)} "
            "arrives only with the next one, for every client that offers a compression",
            at=algo,
            override="the app can switch it off for each response with Cache-Control: no-transform",
        )
        return


def _line(scope: Scope, word: str) -> Directive | None:
    return next((line for line in scope.every("compression") if line.args[:1] == (word,)), None)
