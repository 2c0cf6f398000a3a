"""Apache mod_ratelimit."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block, Directive, Scope
from flushcheck.culprits.lint_common import NO_OVERRIDE
from flushcheck.model import Culprit, Fix, Flow, Owner, Place, Source, Symptom

CULPRIT = Culprit(
    id="apache-ratelimit",
    title="Apache mod_ratelimit sends the response in ticks, at its own rate",
    why=(
        "The filter RATE_LIMIT sends a fifth of its rate every 200 ms, whatever the app has written; "
        "without a rate in the environment it does nothing. Measured on 2.4.71."
    ),
    symptoms="Ticks of 200 ms; a stream faster than the rate arrives with a growing delay.",
    detection="From outside it looks like any other hop with a timer; only the configuration names it.",
    fixes=(
        Fix(
            where="Apache, a <Location> for the stream's path",
            change="UnsetEnv rate-limit",
            by=Owner.SERVER,
            server=Server.APACHE,
            place=Place.ADDRESS,
            cost="no rate limit on this path",
            note="SetOutputFilter NONE works too, but logs an error for each request",
        ),
    ),
    references=("https://httpd.apache.org/docs/2.4/mod/mod_ratelimit.html",),
    shown_by=frozenset({Source.FILE}),
    shows=(Symptom(Flow.THROTTLED),),
    measured_on=("Apache 2.4.71",),
)


SERVERS = (Server.APACHE,)


def lint(block: Block) -> Iterator[Finding]:
    """The filter, and its rate in KiB a second; <Location> sections that cover the pass come last and win."""
    if block.via == "php":
        return
    levels = (*reversed(block.related_scopes), *block.scope.chain())
    line = next((filters for level in levels if (filters := _filter(level)) is not None), None)
    if line is None or "rate_limit" not in ";".join(line.args).lower().split(";"):
        return
    rate = next((own for level in levels if (own := _rate(level)) is not None), None)
    if not rate:
        return
    yield block.finding(
        CULPRIT,
        Level.WARNING,
        f"{line.text}, {rate} KiB/s: the response arrives in ticks of 200 ms, and a faster stream with a "
        "growing delay",
        at=line,
        override=NO_OVERRIDE,
    )


def _filter(level: Scope) -> Directive | None:
    """The line of this level that says which filters there are; None if none does."""
    lines = level.own("setoutputfilter") or level.own("addoutputfilterbytype")
    return lines[-1] if lines else None


def _rate(level: Scope) -> str | None:
    """The rate that this level sets, "" if it unsets it; None if it does neither."""
    rate: str | None = level.cached("rate-limit", lambda: _own_rate(level))
    return rate


def _own_rate(level: Scope) -> str | None:
    unset = any("rate-limit" in line.args for line in level.own("unsetenv"))
    rates = [
        line.args[1] for line in level.own("setenv") if line.args[:1] == ("rate-limit",) and line.args[1:]
    ]
    if not unset and not rates:
        return None
    return "" if unset or rates[-1] == "0" else rates[-1]
