"""HAProxy `http-response wait-for-body`."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits.lint_common import NO_OVERRIDE
from flushcheck.model import Culprit, Fix, Flow, Owner, Source, Symptom

CULPRIT = Culprit(
    id="haproxy-wait-for-body",
    title="HAProxy waits for the response's body before it sends anything on",
    why=(
        "http-response wait-for-body holds the response until it is complete, its buffer is full or the "
        "given time is over, so that rules can read the body. Measured on HAProxy 2.6.12."
    ),
    symptoms=(
        "Held to the end, or for the time in the rule, headers included; option http-no-delay has no effect."
    ),
    detection=(
        "From outside it looks like any other hop that stores the response first; only the configuration "
        "names it."
    ),
    fixes=(
        Fix(
            where="HAProxy, the section with the rule",
            change="# remove http-response wait-for-body, or give it an unless { ... } for the stream's path",
            by=Owner.SERVER,
            server=Server.HAPROXY,
            cost="rules that read the body no longer see such responses",
        ),
    ),
    references=("https://docs.haproxy.org/2.6/configuration.html#4.2-http-response%20wait-for-body",),
    shown_by=frozenset({Source.FILE}),
    shows=(Symptom(Flow.HELD), Symptom(Flow.LATE)),
    measured_on=("HAProxy 2.6.12", "HAProxy 3.0.11", "HAProxy 3.2.26"),
)


SERVERS = (Server.HAPROXY,)


def lint(block: Block) -> Iterator[Finding]:
    """A rule in this section, in what it inherits, or in a frontend before it."""
    scopes = (block.scope, *block.related_scopes)
    for line in dict.fromkeys(line for scope in scopes for line in scope.every("http-response")):
        if line.args[:1] != ("wait-for-body",):
            continue
        limited = bool({"if", "unless"} & set(line.args))
        yield block.finding(
            CULPRIT,
            Level.WARNING if limited else Level.ERROR,
            f"{line.text}: HAProxy holds the response until it is complete or the time is over"
            + (", where the condition holds" if limited else ""),
            at=line,
            override=NO_OVERRIDE,
        )
