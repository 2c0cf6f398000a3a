"""What several nginx culprits share: the Finding of a block that buffers, and what the app can do itself."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import nginx
from flushcheck.configs.findings import Edit, Finding, Level
from flushcheck.configs.tree import Block
from flushcheck.culprits import lint_common
from flushcheck.model import Culprit


def hold(block: Block, culprit: Culprit, via: str) -> Iterator[Finding]:
    """The Finding of proxy_buffering and its like, where a block of this gateway holds.

    Args:
        via: the gateway that the culprit is about, for example "fastcgi".
    """
    if block.via != via or not nginx.holds(block):
        return
    value = nginx.buffering(block)
    off = f"{value.name} off;"
    protocol = ""
    if via == "http":
        version = nginx.http_version(block)
        protocol = f" and the app is called over HTTP/{version.first} ({block.where(version)})"
    yield block.finding(
        culprit,
        Level.ERROR,
        f"{block.say(value)}{protocol}: nginx sends data only when a buffer of {nginx.block_bytes(block)} "
        f"bytes is full; a shorter response arrives when it ends",
        value=value,
        edits=block.edit(value.at, off),
        override=override(block),
    )


def override(block: Block) -> str:
    """What X-Accel-Buffering from the app does in this block."""
    ignored = nginx.ignored_x_accel(block)
    if ignored is not None:
        return f"{lint_common.NO_OVERRIDE}: {ignored.place} ignores X-Accel-Buffering"
    if block.inner_strips_header and block.inner_server is not None:
        return (
            f"{lint_common.NO_OVERRIDE}: the inner nginx "
            f"({block.inner_server.place}) removes X-Accel-Buffering from the response"
        )
    return "the app can switch it off for each response with the header X-Accel-Buffering: no"


def free(block: Block) -> tuple[Edit, ...]:
    """The change that stops this block's buffering, whatever its gateway."""
    value = nginx.buffering(block)
    return block.edit(value.at, f"{value.name} off;")
