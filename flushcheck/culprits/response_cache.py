"""A cache that plays an old stream back."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import varnish
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits import lint_common
from flushcheck.culprits.evidence import header_evidence
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Evidence,
    Fix,
    Flow,
    Owner,
    Symptom,
    Transport,
)

CULPRIT = Culprit(
    id="response-cache",
    title="a cache responds with an older stream",
    why=(
        "A cache on the path stores the response to an address and plays it back: all at once, with the "
        "text and the times of an earlier stream."
    ),
    symptoms=(
        "Pieces arrive before the service says that it sent them. The response may have the header Age, "
        "X-Cache or X-Varnish."
    ),
    detection="Pieces of one probe of this transport arrived before they were sent.",
    fixes=(
        Fix(
            where="the app, on each streamed response",
            change="Cache-Control: no-store",
            by=Owner.APP,
            note="a cache that ignores this header needs a change in its own configuration",
            response_header=True,
        ),
        Fix(
            where="the cache",
            change="# no caching for the addresses of streams",
            by=Owner.SERVER,
            note="the line depends on the cache: proxy_cache off; in nginx, return (pass); in VCL",
        ),
    ),
    references=("https://www.rfc-editor.org/rfc/rfc9111.html#section-5.2.2.5",),
    looks_like=("nginx-proxy-cache",),
    shows=(Symptom(Flow.REPLAYED), Symptom(Flow.HELD)),
    measured_on=("nginx 1.22.1", "Apache 2.4.71", "Varnish 7.1.1"),
)

# Headers with which a cache gives itself away.
CACHE_HEADERS = ("Age", "X-Cache", "X-Cache-Status", "X-Varnish", "Via")


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Pieces of some Probe of this Transport came before they were sent."""
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
    count = f"{first.records} records" if first.is_own else f"{len(first.pieces)} pieces"
    early = Evidence(
        f"{transport}: {count} arrived before they were sent: the response is old",
        tuple(observation.probe.id for observation in replayed),
    )
    headers = (
        fact
        for name in CACHE_HEADERS
        for fact in header_evidence(transport, name, first.header(name.lower()))
    )
    return Detection(CULPRIT, Confidence.CERTAIN, (early, *headers))


SERVERS = (Server.APACHE, Server.VARNISH)


def lint(block: Block) -> Iterator[Finding]:
    """Apache's mod_cache, and a lifetime that VCL forces on every response. For nginx: nginx_proxy_cache."""
    if block.server is Server.VARNISH and (line := varnish.ttl(block)) is not None:
        which = " that no return (pass) exempts" if varnish.returns(block, "pass") else ""
        message = (
            f"{line.text}: Varnish stores every response{which}; the next request for the same address "
            "gets the old stream"
        )
        yield block.finding(CULPRIT, Level.WARNING, message, at=line, value=lint_common.filled_in(line))
    if block.server is not Server.APACHE or block.via not in ("http", "fastcgi", "fcgid", "passenger"):
        return
    for line in block.scope.every("cacheenable"):
        forced = [
            value
            for name in ("CacheIgnoreCacheControl", "CacheStoreNoStore", "CacheIgnoreNoLastMod")
            if (value := block.value(name, "Off")).first.lower() == "on"
        ]
        which = "every response" if forced else "each response that states its lifetime"
        because = f" ({', '.join(value.name for value in forced)})" if forced else ""
        yield block.finding(
            CULPRIT,
            Level.WARNING if forced else Level.NOTE,
            f"{line.text} stores {which}{because}: the next request for the same address gets the old stream",
            at=line,
            override="" if forced else "the app can prevent it with the header Cache-Control: no-store",
        )
