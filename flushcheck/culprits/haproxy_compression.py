"""HAProxy compressing a stream."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import haproxy
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block, Directive, Scope
from flushcheck.measurement.observations import Observations
from flushcheck.model import Culprit, Detection, Fix, Transport

CULPRIT = Culprit(
    id="haproxy-compression",
    title="HAProxy's compression delivers each piece only with the next one",
    why=(
        "HAProxy flushes its compressor after every chunk, and still keeps the last bytes of it: what the "
        "reader can unpack ends in the midst of the newest piece. Measured on HAProxy 2.6.12, with "
        "option http-no-delay."
    ),
    symptoms=(
        "One piece late, at every size, for clients that offer gzip; the last one comes with the end. "
        "Identity streams; Cache-Control: no-transform from the app switches it off."
    ),
    fixes=(
        Fix(
            where="HAProxy, the section with the compression lines",
            change="compression type text/html text/css application/javascript application/json",
            caution="only the listed types are compressed: leave text/plain and text/event-stream out",
        ),
        Fix(
            where="the app, on each streamed response",
            change="Cache-Control: no-cache, no-transform",
            caution="nobody on the path may compress the response any more",
        ),
    ),
    references=("https://docs.haproxy.org/2.6/configuration.html#4-compression%20algo",),
)

# What streams are sent as.
STREAM_TYPES = ("text/event-stream", "text/plain", "application/x-ndjson")


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """No run tells it from another hop that is one piece late; a configuration file does."""
    return None


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
            f"{algo.text} in {haproxy.name(scope)}: a stream sent as {' or '.join(hit)} comes "
            "one piece late for every client that offers an encoding",
            at=algo,
            override="the app can free each response by itself with Cache-Control: no-transform",
        )
        return


def _line(scope: Scope, word: str) -> Directive | None:
    return next((line for line in scope.every("compression") if line.args[:1] == (word,)), None)
