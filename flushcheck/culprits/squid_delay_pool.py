"""Squid's delay pools."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import squid
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits.lint_common import NO_OVERRIDE
from flushcheck.model import Culprit, Fix, Flow, Owner, Source, Symptom

CULPRIT = Culprit(
    id="squid-delay-pool",
    title="a delay pool of Squid slows responses down to its own rate",
    why=(
        "A delay pool gives so many bytes a second to all responses in it. When its bucket is empty, Squid "
        "reads on once a second, and what the app has written waits. Measured on Squid 5.7."
    ),
    symptoms="A stream slower than the rate flows; a faster one arrives with a growing delay, in ticks.",
    detection="From outside it looks like any other hop with a rate; only Squid's configuration names it.",
    fixes=(
        Fix(
            where="squid.conf, in front of the other delay_access lines of the pool",
            change="acl streams urlpath_regex ^/stream\ndelay_access 1 deny streams",
            by=Owner.SERVER,
            cost="no rate limit for these addresses",
        ),
    ),
    references=("https://www.squid-cache.org/Doc/config/delay_parameters/",),
    looks_like=("http-hop",),
    shown_by=frozenset({Source.FILE}),
    holds=False,
    shows=(Symptom(Flow.THROTTLED),),
)

SERVERS = (Server.SQUID,)


def lint(block: Block) -> Iterator[Finding]:
    """A pool that some response may be in; who is in it depends on ACLs."""
    pool = squid.delay_pool(block)
    if pool is not None:
        line, rates = pool
        yield block.finding(
            CULPRIT,
            Level.WARNING,
            f"{line.text} (line {line.line}), bytes a second and size of the bucket ({rates}): a faster "
            "stream arrives with a growing delay, where delay_access lets it in",
            at=line,
            override=NO_OVERRIDE,
        )
