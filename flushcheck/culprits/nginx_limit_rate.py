"""nginx `limit_rate`."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import nginx
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits import nginx_blocks, x_accel
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Evidence,
    Fix,
    Flow,
    Owner,
    Place,
    Symptom,
    Transport,
)

CULPRIT = Culprit(
    id="nginx-limit-rate",
    title="nginx limit_rate slows the response down",
    why=(
        "limit_rate sends a buffered response at a fixed number of bytes a second. With buffering off it "
        "has no effect."
    ),
    symptoms=(
        "The delay grows from piece to piece, and every second brings the same number of bytes. A stream "
        "slower than the limit flows."
    ),
    detection=(
        "The stream arrives at a constant rate, with a growing delay, and flows when the response header "
        "X-Accel-Buffering: no switches nginx's buffering off."
    ),
    fixes=(
        Fix(
            where="nginx, the location block that passes to the app",
            change="limit_rate 0;",
            by=Owner.SERVER,
            server=Server.NGINX,
            place=Place.ADDRESS,
            cost="one reader can use the whole bandwidth of the server",
        ),
        Fix(
            where="nginx, the location block that passes to the app",
            change="proxy_buffering off;",
            by=Owner.SERVER,
            server=Server.NGINX,
            place=Place.ADDRESS,
            per_gateway=True,
            cost=(
                "limit_rate does nothing in this block any more; a slow reader keeps the connection to the "
                "app busy for as long as it reads"
            ),
        ),
        x_accel.APP_FIX,
    ),
    references=("https://nginx.org/en/docs/http/ngx_http_core_module.html#limit_rate",),
    shows=(Symptom(Flow.THROTTLED),),
    measured_on=("nginx 1.22.1",),
)

# Twenty pieces of a kilobyte a second, several times over: what a chat, a log or a progress bar sends stays
# below, and a limit above it never shows.
FAST_BYTES_PER_S = 65_536


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """At a constant rate, with a growing delay, until nginx does not buffer."""
    timing = seen.held_timing(transport)
    if timing is None or timing.flow is not Flow.THROTTLED or not x_accel.honored(seen, transport):
        return None
    rate = Evidence(
        f"{transport}: text arrived at {timing.rate_bps:.0f} bytes a second, with a growing delay"
    )
    return Detection(CULPRIT, Confidence.CERTAIN, (rate, *x_accel.stripped_evidence(seen, transport)))


SERVERS = (Server.NGINX,)


def lint(block: Block) -> Iterator[Finding]:
    """A limit, in a block that buffers."""
    if not nginx.prefix(block) or nginx.buffering(block).first == "off":
        return
    value = block.value("limit_rate", "0")
    rate = nginx.size_bytes(value.first)
    if rate == 0:
        return
    slow = rate is not None and rate < FAST_BYTES_PER_S
    speed = f"{rate} bytes/s" if rate is not None else f"the rate in {value.first}"
    yield block.finding(
        CULPRIT,
        Level.WARNING if slow else Level.NOTE,
        f"{block.say(value)} with {nginx.buffering(block).name} on: a stream faster than "
        f"{speed} arrives with a growing delay",
        value=value,
        edits=block.edit(value.at, "limit_rate 0;"),
        override=nginx_blocks.override(block),
    )
