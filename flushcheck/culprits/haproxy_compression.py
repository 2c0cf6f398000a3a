"""HAProxy compressing a stream."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import haproxy, versions
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block, Directive, Scope
from flushcheck.culprits import compression
from flushcheck.culprits.lint_common import STREAM_TYPES, filled_in
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Evidence,
    Fix,
    Flow,
    Owner,
    Place,
    Side,
    Symptom,
    Transport,
    Variant,
)

CULPRIT = Culprit(
    id="haproxy-compression",
    title="HAProxy compression delivers each piece only with the next one",
    why=(
        "HAProxy before 2.9 flushes its compressor after every chunk, but keeps the last bytes of it: what "
        "the reader can decompress ends inside the newest piece. Measured on HAProxy 2.6.12, with option "
        "http-no-delay and over TLS."
    ),
    symptoms=(
        "Each piece arrives with the next one, at every size, for clients that offer gzip; the last piece "
        "arrives with the end. Without compression the stream flows; Cache-Control: no-transform from the "
        "app switches the compression off."
    ),
    detection=(
        "Each piece arrives with the next one as gzip or deflate, and at once uncompressed, for an HTTP/1.0 "
        "client, and with Cache-Control: no-transform. h2o, which is one piece late too, ignores that header."
    ),
    fixes=(
        Fix(
            where="HAProxy, the section with the compression lines",
            change="compression type text/html text/css application/javascript application/json",
            by=Owner.SERVER,
            server=Server.HAPROXY,
            place=Place.SITE,
            cost="HAProxy compresses only the listed types",
            note="leave text/plain and text/event-stream out of the list",
        ),
        Fix(
            where="HAProxy itself",
            change="# install HAProxy 2.9 or later",
            by=Owner.SERVER,
            server=Server.HAPROXY,
            until=versions.HAPROXY_COMPRESSION_FLUSH,
        ),
        compression.NO_TRANSFORM_FIX,
    ),
    references=("https://docs.haproxy.org/2.6/configuration.html#4-compression%20algo",),
    versions=(versions.HAPROXY_COMPRESSION_FLUSH,),
    shows=(Symptom(Flow.LATE, with_next=True),),
    measured_on=("HAProxy 2.6.12",),
)

ENCODINGS = frozenset({"gzip", "deflate"})  # all that HAProxy has


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Each Piece with the next one, compressed; at once with no-transform."""
    timing = seen.held_timing(transport)
    if (
        timing is None
        or not timing.waits_for_next
        or seen.compressed(transport) not in ENCODINGS
        or not compression.holds(seen, transport)
        or compression.no_transform(seen, transport) is not Answer.YES
        or seen.frees(transport, Variant.HTTP10) is Answer.NO  # HAProxy compresses nothing for HTTP/1.0
    ):
        return None
    late = Evidence(f"{transport}: each piece arrived only with the next one", (seen.baseline(transport).id,))
    return Detection(CULPRIT, Confidence.LIKELY, (late, *compression.evidence(seen, transport)))


SERVERS = (Server.HAPROXY,)


def lint(block: Block) -> Iterator[Finding]:
    """Off unless a line says otherwise; without a list of types it takes all. Newer versions flush."""
    side = versions.HAPROXY_COMPRESSION_FLUSH.side(block.version)
    if side is Side.SINCE:
        return
    older = f"; {versions.HAPROXY_COMPRESSION_FLUSH.sentence()}" if side is Side.UNKNOWN else ""
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
            f"arrives only with the next one, for every client that offers a compression{older}",
            at=algo,
            value=filled_in(algo),
            override="the app can switch it off for each response with Cache-Control: no-transform",
        )
        return


def _line(scope: Scope, word: str) -> Directive | None:
    return next((line for line in scope.every("compression") if line.args[:1] == (word,)), None)
