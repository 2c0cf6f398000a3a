"""Apache's output filters: which of them a response goes through, and what each does to a stream.

SetOutputFilter of an inner section replaces that of an outer one; lines of AddOutputFilterByType add up, and
act on their types alone. Measured on Debian's 2.4.71: BUFFER, DEFLATE, BROTLI_COMPRESS, INCLUDES, proxy-html
and mod_charset_lite pass each write on; SUBSTITUTE keeps a line until it ends, SED until the next one comes;
xml2enc, which ProxyHTMLEnable puts in, keeps the first 4096 bytes of every text type; an external program's
output is not flushed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from flushcheck.configs.tree import Block, Directive, Scope

# What streams are sent as.
_STREAM_TYPES = frozenset({"text/event-stream", "text/plain", "application/x-ndjson"})

_FLOWING = frozenset(
    {
        *("buffer", "deflate", "inflate", "brotli_compress", "includes", "proxy-html", "xlate", "rate_limit"),
        *("none", "cache", "cache_save", "content_length", "byterange", "http_header", "old_write"),
    }
)
_BY_LINE = frozenset({"substitute"})


class Effect(StrEnum):
    """What a filter does to a stream."""

    FLOWS = "flows"
    BY_LINE = "by line"  # keeps a line until it ends
    LINE_BEHIND = "line behind"  # keeps a line until the next one comes
    FIRST_BYTES = "first bytes"  # keeps the first 4096
    EXTERNAL = "external"  # a program's output, not flushed
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class OutputFilter:
    """One filter that responses of streams go through."""

    name: str  # as written
    at: Directive
    effect: Effect


def output_filters(block: Block) -> Iterator[OutputFilter]:
    """The filters of a block, in no order; those for types of files alone are left out."""
    levels = (*reversed(block.related_scopes), *block.scope.chain())
    chosen = next((line for level in levels for line in level.own("setoutputfilter")[-1:]), None)
    lines = [chosen] if chosen is not None and chosen.args else []
    by_type = (line for level in levels for line in level.own("addoutputfilterbytype"))
    lines += [line for line in by_type if _STREAM_TYPES & {kind.lower() for kind in line.args[1:]}]
    external = _external(block)
    for line in lines:
        for name in line.args[0].split(";"):
            yield OutputFilter(name, line, _effect(name.strip().lower(), external))
    for level in levels:
        for line in level.own("filterprovider"):
            if line.args[1:]:
                yield OutputFilter(line.args[1], line, _effect(line.args[1].lower(), external))
    enabled = next((line for level in levels for line in level.own("proxyhtmlenable")[-1:]), None)
    if enabled is not None and enabled.args[:1] and enabled.args[0].lower() == "on":
        yield OutputFilter("xml2enc", enabled, Effect.FIRST_BYTES)


def _external(block: Block) -> frozenset[str]:
    """The names that ExtFilterDefine gives to programs."""
    top: Scope = block.scope.outermost
    names: frozenset[str] = top.cached(
        "external filters",
        lambda: frozenset(
            line.args[0].lower()
            for line in top.own("extfilterdefine")
            if line.args and "mode=input" not in line.args
        ),
    )
    return names


def _effect(name: str, external: frozenset[str]) -> Effect:
    if name in external:
        return Effect.EXTERNAL
    if name == "sed":
        return Effect.LINE_BEHIND
    if name == "xml2enc":
        return Effect.FIRST_BYTES
    if name in _BY_LINE:
        return Effect.BY_LINE
    return Effect.FLOWS if name in _FLOWING else Effect.UNKNOWN
