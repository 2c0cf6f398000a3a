"""Apache mod_ratelimit."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block, Directive, Scope
from flushcheck.measurement.observations import Observations
from flushcheck.model import Culprit, Detection, Fix, Transport

CULPRIT = Culprit(
    id="apache-ratelimit",
    title="Apache mod_ratelimit lets the response out in ticks, at a rate of its own",
    why=(
        "The filter RATE_LIMIT sends a fifth of its rate every 200 ms, whatever the app has written; without "
        "a rate in the environment it does nothing. Measured on 2.4.71."
    ),
    symptoms="Ticks of 200 ms; a stream faster than the rate comes ever later.",
    fixes=(
        Fix(
            where="Apache, a <Location> for the stream's path",
            change="UnsetEnv rate-limit",
            caution="no rate is kept there; SetOutputFilter NONE helps too, but logs an error each time",
        ),
    ),
    references=("https://httpd.apache.org/docs/2.4/mod/mod_ratelimit.html",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """No run tells it from another hop with a timer; a configuration file does."""
    return None


SERVERS = (Server.APACHE,)


def lint(block: Block) -> Iterator[Finding]:
    """The filter, and its rate in KiB a second; <Location> sections that cover the pass come last and win."""
    if block.via == "php":
        return
    levels = (*reversed(block.related_scopes), *block.scope.chain())
    line = next((found for level in levels if (found := _filter(level)) is not None), None)
    if line is None or "rate_limit" not in ";".join(line.args).lower().split(";"):
        return
    rate = next((said for level in levels if (said := _rate(level)) is not None), "")
    if not rate:
        return
    yield block.finding(
        CULPRIT,
        Level.WARNING,
        f"{line.text}, {rate} KiB/s: the response comes in ticks of 200 ms, what is faster comes ever later",
        at=line,
        override="the app cannot free it by itself",
    )


def _filter(level: Scope) -> Directive | None:
    """The line of this level that says which filters there are; None if none does."""
    lines = level.own("setoutputfilter") or level.own("addoutputfilterbytype")
    return lines[-1] if lines else None


def _rate(level: Scope) -> str | None:
    """The rate that this level sets, "" if it takes it away; None if it says nothing of it."""
    found: str | None = level.cached("rate-limit", lambda: _said(level))
    return found


def _said(level: Scope) -> str | None:
    taken = any("rate-limit" in line.args for line in level.own("unsetenv"))
    rates = [one.args[1] for one in level.own("setenv") if one.args[:1] == ("rate-limit",) and one.args[1:]]
    if not taken and not rates:
        return None
    return "" if taken or rates[-1] == "0" else rates[-1]
