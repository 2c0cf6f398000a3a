"""Caddy `encode`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from flushcheck.configs import caddy
from flushcheck.configs.findings import Action, Edit, Finding, Level, Server
from flushcheck.configs.tree import Block, Directive, edit, said
from flushcheck.culprits import x_accel
from flushcheck.culprits.evidence import variant_evidence
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.model import Confidence, Culprit, Detection, Evidence, Fix, Transport, Variant

CULPRIT = Culprit(
    id="caddy-encode",
    title="a compressor keeps the stream and never flushes (Caddy encode, and its like)",
    why=(
        "The response is compressed on the way, and what was written stays inside the compressor until it"
        " has enough for a block. Caddy flushes the compressor for nobody: not for event streams, and not"
        " with flush_interval -1."
    ),
    symptoms=(
        "Only a client that offers encodings meets it: 10 bytes, which are the header of gzip, and then "
        "silence. In Caddy a first write under 512 bytes escapes compression, so streams of tokens flow "
        "and larger pieces do not. X-Accel-Buffering changes nothing."
    ),
    fixes=(
        Fix(
            where="Caddy, the encode directive",
            change="@streams not path /stream/*\nencode @streams gzip",
            caution="name the paths of your streams; they are not compressed any more",
        ),
        Fix(
            where="the app, on each streamed response",
            change="Content-Encoding: identity",
            caution="stops Caddy, nginx and Flask-Compress; seen to do so",
        ),
    ),
    references=("https://caddyserver.com/docs/caddyfile/directives/encode",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Compressed and held, uncompressed and flowing, and no nginx that would have taken the hint."""
    if (
        not x_accel.passed_through(seen, transport)
        or x_accel.needs_compression(seen, transport) is not Answer.YES
    ):
        return None
    if "caddy" not in seen.header(transport, "server").lower():
        return None
    facts = [
        *x_accel.passed_through_evidence(seen, transport),
        variant_evidence(seen, transport, Variant.IDENTITY),
        Evidence(f"{transport}: the answer says server: {seen.header(transport, 'server')[:100]}"),
    ]
    if seen.compressor_header_only(transport):
        facts.append(Evidence(f"{transport}: the first read was the compressor's header alone, then silence"))
    return Detection(CULPRIT, Confidence.LIKELY, tuple(facts))


# What streams are sent as.
STREAM_TYPES = ("text/event-stream", "text/plain", "application/x-ndjson")
MINIMUM_LENGTH = 512  # bytes, Caddy's default for the first write
MOST = 20  # encode lines around one pass
SMALL = 64  # hardly any first piece is shorter


def lint(block: Block) -> Iterator[Finding]:
    """In the site or route around the pass, for every request or for some."""
    if block.server is not Server.CADDY:
        return
    for line in islice(block.home.every("encode"), MOST):
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
            Level.WARNING if matcher or least > SMALL else Level.ERROR,
            f"{line.text}: a stream sent as {' or '.join(hit)} is held to its end for every client that "
            f"offers an encoding{some}",
            at=line,
            fix=_fix(line),
            edits=_edits(line),
            override="the app can free each response by itself with the header Content-Encoding: identity",
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


def _fix(line: Directive) -> Fix:
    if line.block is None:
        where, lines = "Caddyfile, the encode directive", [f"{said(line.whole)} {{", *_MATCH]
    else:
        where, lines = "Caddyfile, inside the encode block", [one.removeprefix("\t") for one in _MATCH[:-1]]
    return Fix(
        where=where,
        change="\n".join(lines).expandtabs(4),
        caution="only the listed types are compressed: text/plain and text/event-stream are not any more",
    )


def _edits(line: Directive) -> tuple[Edit, ...]:
    if line.block is not None:
        return ()
    lines = (f"{line.whole} {{", *_MATCH)
    return (edit(Action.REPLACE, line, *lines),)
