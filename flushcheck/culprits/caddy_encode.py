"""Caddy `encode`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from flushcheck.configs import caddy, versions
from flushcheck.configs.findings import Action, Edit, Finding, Level, Server
from flushcheck.configs.tree import Block, Directive, edit, ellipsize
from flushcheck.culprits import compression, envoy, lint_common, own_stream
from flushcheck.culprits.lint_common import STREAM_TYPES
from flushcheck.measurement.observations import Observations
from flushcheck.model import Confidence, Culprit, Detection, Fix, Flow, Owner, Place, Side, Symptom, Transport

CULPRIT = Culprit(
    id="caddy-encode",
    title="a compressor holds the stream and never flushes (Caddy encode, for example)",
    why=(
        "A hop compresses the response, and the text stays inside the compressor until it has enough for a "
        "block. Caddy before 2.9 never flushes the compressor: not for event streams, and not with "
        "flush_interval -1."
    ),
    symptoms=(
        "Only clients that offer a compression are affected: they get the 10 bytes of the gzip header, then "
        "nothing. Caddy does not compress a response whose first write is under 512 bytes, so streams of "
        "tokens flow and larger pieces do not. X-Accel-Buffering changes nothing."
    ),
    detection=(
        "The stream is held compressed and flows uncompressed, Caddy names itself, and "
        "X-Accel-Buffering: no reaches the reader, so no nginx is the cause. With zstd and without a name, "
        "Envoy is as likely."
    ),
    fixes=(
        Fix(
            where="Caddy, the encode directive",
            change="@streams not path /stream/*\nencode @streams gzip",
            by=Owner.SERVER,
            server=Server.CADDY,
            place=Place.SITE,
            cost="these paths are not compressed",
            note="write the paths of your own streams",
        ),
        Fix(
            where="Caddy itself",
            change="# install Caddy 2.9 or later",
            by=Owner.SERVER,
            server=Server.CADDY,
            until=versions.CADDY_ENCODE_FLUSH,
        ),
        Fix(
            where="the app, on each streamed response",
            change="Content-Encoding: identity",
            by=Owner.APP,
            cost="these responses are not compressed",
            note="tested with Caddy, nginx and Flask-Compress",
            response_header=True,
        ),
    ),
    references=("https://caddyserver.com/docs/caddyfile/directives/encode",),
    looks_like=("envoy-compressor",),
    versions=(versions.CADDY_ENCODE_FLUSH,),
    shows=(Symptom(Flow.HELD, compressed=True),),
    measured_on=("Caddy 2.6.2", "Caddy 2.8.4"),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Compressed and held, uncompressed and flowing, and no nginx that would have removed the header."""
    if seen.is_own(transport):
        return _detect_own(seen, transport)
    if not compression.holds(seen, transport) or _flushes(seen, transport):
        return None
    facts = compression.evidence(seen, transport)
    if "caddy" in seen.header(transport, "server").lower():
        return Detection(CULPRIT, Confidence.LIKELY, facts)
    if seen.compressed(transport) != compression.ZSTD or envoy.named(seen):
        return None
    return Detection(CULPRIT, Confidence.POSSIBLE, (*facts, compression.TWO_HOLD_ZSTD))


def _flushes(seen: Observations, transport: Transport) -> bool:
    """Whether each piece came with the next one: this compressor gives nothing before it is full."""
    held = seen.held_timing(transport)
    return held is not None and held.waits_for_next


def _detect_own(seen: Observations, transport: Transport) -> Detection | None:
    """As above, without X-Accel-Buffering: the app behind this Caddy may compress by itself."""
    names = f"{seen.header(transport, 'server')} {seen.header(transport, 'via')}".lower()
    if not own_stream.by_compressor(seen, transport) or own_stream.CADDY not in names:
        return None
    sure = Confidence.LIKELY if seen.control(transport) is Flow.FLOWING else Confidence.POSSIBLE
    return Detection(CULPRIT, sure, own_stream.compressor_evidence(seen, transport))


MINIMUM_LENGTH = 512  # bytes, Caddy's default for the first write
MAX_LINES = 20  # encode lines around one pass
SMALL = 64  # hardly any first piece is shorter


SERVERS = (Server.CADDY,)


def lint(block: Block) -> Iterator[Finding]:
    """In the site or route around the pass, for every request or for some. Newer versions flush."""
    side = versions.CADDY_ENCODE_FLUSH.side(block.version)
    if side is Side.SINCE:
        return
    older = f"; {versions.CADDY_ENCODE_FLUSH.sentence()}" if side is Side.UNKNOWN else ""
    for line in islice(block.insert_scope.every("encode"), MAX_LINES):
        hit = caddy.encoded(line, STREAM_TYPES)
        if not hit:
            continue
        matcher = caddy.matcher(line)
        least = caddy.minimum_length(line, MINIMUM_LENGTH)
        named = caddy.excludes(block, matcher)
        if named:
            continue
        conditions = [f"its first write has {least} bytes or more"] if least > 1 else []
        conditions += [f"the request matches {matcher}"] if matcher else []
        some = f", if {' and '.join(conditions)}" if conditions else ""
        yield block.finding(
            CULPRIT,
            Level.WARNING if matcher or least > SMALL or older else Level.ERROR,
            f"{line.text}: a stream sent as {' or '.join(hit)} is held to its end for every client that "
            f"offers a compression{some}{older}",
            at=line,
            value=lint_common.filled_in(line),
            fix=_fix(line),
            edits=_edits(line),
            override="the app can switch it off for each response with the header Content-Encoding: identity",
        )


# The same for every path, where the addresses of the streams are not known. Seen to work on 2.6.2.
_MATCH = (
    "\tmatch {",
    "\t\theader Content-Type text/html*",
    "\t\theader Content-Type text/css*",
    "\t\theader Content-Type application/json*",
    "\t\theader Content-Type application/javascript*",
    "\t}",
    "}",
)


def _fix(encode: Directive) -> Fix:
    if encode.block is None:
        where, lines = "Caddyfile, the encode directive", [f"{ellipsize(encode.whole)} {{", *_MATCH]
    else:
        where, lines = "Caddyfile, inside the encode block", [line.removeprefix("\t") for line in _MATCH[:-1]]
    return Fix(
        where=where,
        change="\n".join(lines).expandtabs(4),
        by=Owner.SERVER,
        cost="Caddy compresses only the listed types: text/plain and text/event-stream are not among them",
    )


def _edits(line: Directive) -> tuple[Edit, ...]:
    if line.block is not None:
        return ()
    lines = (f"{line.whole} {{", *_MATCH)
    return (edit(Action.REPLACE, line, *lines),)
