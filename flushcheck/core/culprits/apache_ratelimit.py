"""Apache mod_ratelimit."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.core.configs.tree import Block
from flushcheck.core.model import Culprit, Finding, Fix, Level, Server, Suspicion, Transport
from flushcheck.core.observations import Observations

CULPRIT = Culprit(
    id="apache-ratelimit",
    title="Apache mod_ratelimit lets the response out in ticks, at a rate of its own",
    why=(
        "The filter RATE_LIMIT sends a fifth of its rate every 200 ms, whatever the app has written. "
        "Measured on 2.4.71."
    ),
    shows="Ticks of 200 ms; a stream faster than the rate comes ever later.",
    fixes=(
        Fix(
            where="Apache, a <Location> for the stream's path",
            change="SetOutputFilter NONE",
            caution="other output filters for this path are gone as well; the rate is not limited there",
        ),
    ),
    references=("https://httpd.apache.org/docs/2.4/mod/mod_ratelimit.html",),
)


def suspect(seen: Observations, transport: Transport) -> Suspicion | None:
    """No run tells it from another hop with a timer; a configuration file does."""
    return None


def lint(block: Block) -> Iterator[Finding]:
    """The filter, and its rate in KiB a second."""
    if block.server is not Server.APACHE or block.via == "php":
        return
    for name in ("setoutputfilter", "addoutputfilterbytype"):
        for line in block.scope.every(name):
            if not any("rate_limit" in arg.lower().split(";") for arg in line.args):
                continue
            rates = [
                one.args[1]
                for one in block.scope.every("setenv")
                if one.args[:1] == ("rate-limit",) and one.args[1:]
            ]
            rate = f", {rates[0]} KiB/s" if rates else ""
            yield block.finding(
                CULPRIT,
                Level.WARNING,
                f"{line.text}{rate}: the response comes in ticks of 200 ms, what is faster comes ever later",
                at=line,
                override="the app cannot free it by itself",
            )
            return
