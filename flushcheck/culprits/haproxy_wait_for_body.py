"""HAProxy `http-response wait-for-body`."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.measurement.observations import Observations
from flushcheck.model import Culprit, Detection, Fix, Transport

CULPRIT = Culprit(
    id="haproxy-wait-for-body",
    title="HAProxy waits for the response's body before it passes anything on",
    why=(
        "http-response wait-for-body keeps the response until it is complete, its buffer is full or the "
        "given time is over, so that rules can look at the body. Measured on HAProxy 2.6.12."
    ),
    symptoms="Held to the end, or for the time in the rule, headers too; http-no-delay changes nothing.",
    fixes=(
        Fix(
            where="HAProxy, the section with the rule",
            change="# remove http-response wait-for-body, or give it an unless { ... } for the stream's path",
            caution="rules that look into the body see nothing of such responses any more",
        ),
    ),
    references=("https://docs.haproxy.org/2.6/configuration.html#4.2-http-response%20wait-for-body",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """No run tells it apart yet; a configuration file does."""
    return None


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
            f"{line.text}: the response is kept until it is complete or the time is over"
            + (", where the condition holds" if limited else ""),
            at=line,
            override="the app cannot free it by itself",
        )
