"""nginx `limit_rate`."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import nginx
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits import nginx_blocks, x_accel
from flushcheck.measurement.observations import Observations
from flushcheck.model import Confidence, Culprit, Detection, Evidence, Fix, Flow, Transport

CULPRIT = Culprit(
    id="nginx-limit-rate",
    title="nginx limit_rate slows the response down",
    why=(
        "limit_rate lets a buffered response out at so many bytes a second and no faster. With buffering "
        "off it has no effect."
    ),
    symptoms=(
        "The delay grows from piece to piece, and the bytes of every second are the same. A stream that is "
        "slower than the limit flows."
    ),
    fixes=(
        Fix(
            where="nginx, the location block that passes to the app",
            change="limit_rate 0;",
            caution="one reader can take the whole bandwidth of the server again",
        ),
        Fix(
            where="nginx, the location block that passes to the app",
            change="proxy_buffering off;",
            caution=(
                "limit_rate then does nothing in this block; a slow reader keeps the app's connection busy "
                "for as long as it reads (fastcgi_buffering or uwsgi_buffering where those pass)"
            ),
        ),
        x_accel.APP_FIX,
    ),
    references=("https://nginx.org/en/docs/http/ngx_http_core_module.html#limit_rate",),
)

# Twenty pieces of a kilobyte a second, several times over: what a chat, a log or a progress bar sends stays
# below, and a limit above it never shows.
FAST_BYTES_PER_S = 65_536


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """At a constant rate, ever later, until nginx is told not to buffer."""
    held = seen.held_baseline(transport)
    timing = seen.timing(held) if held else None
    if timing is None or timing.flow is not Flow.THROTTLED or not x_accel.honored(seen, transport):
        return None
    rate = Evidence(f"{transport}: text came at {timing.rate_bps:.0f} bytes a second, ever later")
    return Detection(CULPRIT, Confidence.CERTAIN, (rate, *x_accel.header_evidence(seen, transport)))


def lint(block: Block) -> Iterator[Finding]:
    """A limit, in a block that buffers."""
    if block.server is not Server.NGINX or not nginx.prefix(block) or nginx.buffering(block).first == "off":
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
        f"{speed} comes ever later",
        value=value,
        edits=block.edit(value.at, "limit_rate 0;"),
        override=nginx_blocks.override(block),
    )
