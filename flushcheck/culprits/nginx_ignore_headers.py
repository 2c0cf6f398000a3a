"""An nginx that ignores X-Accel-Buffering."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flushcheck.configs import nginx
from flushcheck.configs.findings import Finding, Level, Server, level_for
from flushcheck.configs.tree import Block
from flushcheck.culprits import nginx_blocks, own_stream, x_accel
from flushcheck.measurement.observations import Observations
from flushcheck.model import Culprit, Detection, Fix, Flow, Owner, Place, Symptom, Transport

BUFFERING_FIX = Fix(
    where="nginx, the location block with proxy_pass",
    change="proxy_buffering off;",
    by=Owner.SERVER,
    server=Server.NGINX,
    place=Place.ADDRESS,
    cost="a slow reader keeps the connection to the app busy for as long as it reads",
)

CULPRIT = Culprit(
    id="nginx-ignore-headers",
    title="nginx buffers, and proxy_ignore_headers makes it ignore X-Accel-Buffering",
    why=(
        "With proxy_ignore_headers X-Accel-Buffering the app can no longer switch proxy_buffering off. "
        "nginx removes the header from the response all the same."
    ),
    symptoms=(
        "X-Accel-Buffering: no was sent, was removed on the way, and the stream was still held. From "
        "outside this looks the same as a second, buffering proxy in front of an nginx that obeys the "
        "header."
    ),
    detection="The header X-Accel-Buffering: no is removed on the way and changes nothing.",
    fixes=(
        BUFFERING_FIX,
        Fix(
            where="nginx, the line with proxy_ignore_headers",
            change="# remove X-Accel-Buffering from the list of proxy_ignore_headers",
            by=Owner.SERVER,
            server=Server.NGINX,
            note="the app must send X-Accel-Buffering: no with each streamed response",
        ),
    ),
    references=("https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ignore_headers",),
    looks_like=("nginx-hint-taken", "nginx-proxy-buffering"),
    shows=(Symptom(Flow.BLOCKS, block_bytes=4096), Symptom(Flow.HELD)),
    measured_on=("nginx 1.22.1",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """The header was removed and freed nothing."""
    if seen.is_own(transport):
        return own_stream.detect_without_effect(seen, transport, CULPRIT)
    return x_accel.detect_without_effect(seen, transport, CULPRIT)


SERVERS = (Server.NGINX,)


def lint(block: Block) -> Iterator[Finding]:
    """The line, in a block where the header would switch a hold off."""
    if not nginx.prefix(block):
        return
    line = nginx.ignored_x_accel(block)
    held = nginx.hold(block)
    gzip = nginx.flushes_chunks(block) and block.value("gzip", "off").first == "on"
    if line is None or not (held or gzip):
        return
    value = nginx.buffering(block)
    yield block.finding(
        CULPRIT,
        level_for(held.readers) if held else Level.WARNING,
        f"{line.text} makes nginx ignore X-Accel-Buffering, with {block.say(value)}: the app cannot switch "
        "buffering off for its own responses" + ("" if held else ", which gzip holds"),
        at=line,
        fix=replace(BUFFERING_FIX, change=f"{value.name} off;"),
        edits=nginx_blocks.free(block),
        readers=held.readers if held and not gzip else (),
    )
