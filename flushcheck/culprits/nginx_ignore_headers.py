"""nginx told to ignore X-Accel-Buffering."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flushcheck.configs import nginx
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits import nginx_blocks, x_accel
from flushcheck.culprits.nginx_hint_taken import SEPARATE
from flushcheck.measurement.observations import Observations
from flushcheck.model import Confidence, Culprit, Detection, Fix, Transport

CULPRIT = Culprit(
    id="nginx-ignore-headers",
    title="nginx buffers, and proxy_ignore_headers makes it deaf to X-Accel-Buffering",
    why=(
        "proxy_ignore_headers X-Accel-Buffering switches off the app's way to stop proxy_buffering. nginx "
        "removes the header from the response all the same."
    ),
    symptoms=(
        "Held although the app sends X-Accel-Buffering: no, and the header does not arrive. From outside "
        "this cannot be told from a second, buffering nginx in front of an obedient one."
    ),
    fixes=(
        Fix(
            where="nginx, the location block with proxy_pass",
            change="proxy_buffering off;",
            caution="a slow reader now keeps the app's connection busy for as long as it reads",
        ),
        Fix(
            where="nginx, wherever proxy_ignore_headers stands",
            change="# remove X-Accel-Buffering from the list of proxy_ignore_headers",
            caution="the app has to send X-Accel-Buffering: no on each streamed response",
        ),
    ),
    references=("https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ignore_headers",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """The hint was taken and freed nothing."""
    if not x_accel.stripped_without_effect(seen, transport) or seen.size_bytes(transport) is None:
        return None
    return Detection(CULPRIT, Confidence.POSSIBLE, (*x_accel.header_evidence(seen, transport), SEPARATE))


def lint(block: Block) -> Iterator[Finding]:
    """The line, in a block that the hint would free."""
    if block.server is not Server.NGINX or not nginx.prefix(block):
        return
    line = nginx.ignored_hint(block)
    gzip = nginx.flushes_chunks(block) and block.value("gzip", "off").first == "on"
    if line is None or not (nginx.holds(block) or gzip):
        return
    value = nginx.buffering(block)
    yield block.finding(
        CULPRIT,
        Level.ERROR if nginx.holds(block) else Level.WARNING,
        f"{line.text} makes nginx deaf to X-Accel-Buffering, and {block.say(value)}: the app "
        "cannot free its own responses" + ("" if nginx.holds(block) else " where gzip holds them"),
        at=line,
        fix=replace(CULPRIT.fixes[0], change=f"{value.name} off;"),
        edits=nginx_blocks.free(block),
    )
