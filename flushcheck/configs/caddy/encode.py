"""What an `encode` directive of a Caddyfile compresses: which requests, types and sizes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flushcheck.configs.tree import Block, Directive


def encoded(line: Directive, kinds: Sequence[str]) -> list[str]:
    """Those of these content types that it compresses: those its `match` block names, by default all text."""
    patterns = []
    for child in line.block or ():
        if child.name == "match":
            inside = (child, *(child.block or ()))
            headers = [each.args for each in inside if "header" in (each.name, *each.args[:1])]
            patterns += [
                args[-1].lower() for args in headers if any("content-type" in arg.lower() for arg in args)
            ]
    if not patterns:
        return [kind for kind in kinds if kind.startswith("text/")]
    return [kind for kind in kinds if any(_matches(pattern, kind) for pattern in patterns)]


def _matches(pattern: str, kind: str) -> bool:
    parts = (re.escape(part) for part in pattern.split("*", 4))
    return re.fullmatch("[^\n]*".join(parts), kind) is not None


def matcher(line: Directive) -> str:
    """The matcher that limits a directive to some requests; "" if it is for all."""
    return next((arg for arg in line.args[:1] if arg.startswith(("@", "/")) and arg != "/*"), "")


def excludes(block: Block, matcher: str) -> bool:
    """Whether a named matcher excludes some paths: then its author may have excluded the streams."""
    for named in block.insert_scope.every(matcher.lower()):
        words = [*named.args[:1], *(child.name for child in named.block or ())]
        if "not" in words:
            return True
    return False


def minimum_length(line: Directive, default: int) -> int:
    """Bytes that the first write must have to be compressed."""
    for child in line.block or ():
        if child.name == "minimum_length" and child.args and child.args[0].isdecimal():
            return int(child.args[0][:9])
    return default
