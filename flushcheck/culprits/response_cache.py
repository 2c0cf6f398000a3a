"""A cache that plays an old stream back."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import varnish
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.measurement.observations import Observations
from flushcheck.model import Confidence, Culprit, Detection, Evidence, Fix, Flow, Transport

CULPRIT = Culprit(
    id="response-cache",
    title="a cache answers with an older stream",
    why=(
        "A cache on the path keeps the answer to an address and plays it back: everything at once, with "
        "the text and the times of a stream that is over."
    ),
    symptoms=("Pieces arrive before the service says it sent them. Age, X-Cache or X-Varnish may be there."),
    fixes=(
        Fix(
            where="the app, on each streamed response",
            change="Cache-Control: no-store",
            caution="a cache that ignores it has to be told by its own configuration",
        ),
        Fix(
            where="the cache",
            change="# no caching for the addresses of streams",
            caution="the line depends on the cache: proxy_cache off; in nginx, return (pass); in VCL",
        ),
    ),
    references=("https://www.rfc-editor.org/rfc/rfc9111.html#section-5.2.2.5",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Some Probe of this Transport was answered before its Pieces were sent."""
    replayed = [
        observation
        for observation in seen
        if observation.probe.transport is transport
        and (timing := seen.timing(observation.probe)) is not None
        and timing.flow is Flow.REPLAYED
    ]
    if not replayed:
        return None
    first = replayed[0]
    facts = [
        Evidence(
            f"{transport}: {len(first.pieces)} pieces arrived before they were sent: an older answer",
            tuple(observation.probe.id for observation in replayed),
        )
    ]
    facts += [
        Evidence(f"{transport}: the answer says {name}: {first.header(name)[:100]}")
        for name in ("age", "x-cache", "x-cache-status", "x-varnish", "via")
        if first.header(name)
    ]
    return Detection(CULPRIT, Confidence.CERTAIN, tuple(facts))


SERVERS = (Server.APACHE, Server.VARNISH)


def lint(block: Block) -> Iterator[Finding]:
    """Apache's mod_cache, and a time to live that VCL forces on everything; nginx has one of its own."""
    if block.server is Server.VARNISH and (line := varnish.ttl(block)) is not None:
        which = "that no return (pass) lets by " if varnish.returns(block, "pass") else ""
        message = (
            f"{line.text}: every response {which}is kept: "
            "who asks for the same address again gets the old stream"
        )
        yield block.finding(CULPRIT, Level.WARNING, message, at=line)
    if block.server is not Server.APACHE or block.via not in ("http", "fastcgi", "fcgid", "passenger"):
        return
    for line in block.scope.every("cacheenable"):
        forced = [
            value
            for name in ("CacheIgnoreCacheControl", "CacheStoreNoStore", "CacheIgnoreNoLastMod")
            if (value := block.value(name, "Off")).first.lower() == "on"
        ]
        who = "a response that says how long it may be kept" if not forced else "any response"
        because = f" ({', '.join(value.name for value in forced)})" if forced else ""
        yield block.finding(
            CULPRIT,
            Level.WARNING if forced else Level.NOTE,
            f"{line.text} keeps {who}{because}: who asks for the same address again gets the old stream",
            at=line,
            override="" if forced else "the app can prevent it with Cache-Control: no-store",
        )
