"""What several nginx culprits say about a block: the hold itself, and what the app can do against it."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import nginx
from flushcheck.configs.findings import Edit, Finding, Level
from flushcheck.configs.tree import Block
from flushcheck.model import Culprit


def hold(block: Block, culprit: Culprit, via: str) -> Iterator[Finding]:
    """The Finding of proxy_buffering and its like, where a block of this gate holds.

    Args:
        via: the gate that the culprit is about, for example "fastcgi".
    """
    if block.via != via or not nginx.holds(block):
        return
    value = nginx.buffering(block)
    off = f"{value.name} off;"
    asked = ""
    if via == "http":
        version = nginx.http_version(block)
        asked = f" and the app is asked over HTTP/{version.first} ({block.where(version)})"
    yield block.finding(
        culprit,
        Level.ERROR,
        f"{block.say(value)}{asked}: the response is passed on in pieces of "
        f"{nginx.block_bytes(block)} bytes, a shorter stream whole at its end{_myth(block)}",
        value=value,
        edits=block.edit(value.at, off),
        override=override(block),
    )


def override(block: Block) -> str:
    """What X-Accel-Buffering from the app does in this block."""
    ignored = nginx.ignored_x_accel(block)
    if ignored is not None:
        return f"the app cannot free it by itself: {ignored.place} ignores X-Accel-Buffering"
    if block.inner_strips_header and block.inner_server is not None:
        return (
            "the app cannot free it by itself: the nginx behind "
            f"({block.inner_server.place}) takes X-Accel-Buffering out of the response"
        )
    return "the app can free each response by itself with the header X-Accel-Buffering: no"


def free(block: Block) -> tuple[Edit, ...]:
    """The change that stops this block's buffering, whatever gate it has."""
    value = nginx.buffering(block)
    return block.edit(value.at, f"{value.name} off;")


def _myth(block: Block) -> str:
    """A line that was meant to help and does not."""
    for name in ("add_header", "proxy_set_header"):
        for line in block.scope.nearest(name):
            if line.args and line.args[0].lower() == "x-accel-buffering":
                return (
                    f"; {name} X-Accel-Buffering ({line.place}) changes nothing here: only the app's own "
                    "response header counts"
                )
    return ""
