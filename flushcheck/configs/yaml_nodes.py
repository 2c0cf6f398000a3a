"""To walk a tree that `flushcheck.files.yaml_tree` made: entries by key and path, scalars, items.

An entry is a Directive: its name is the key, its args are its scalar, its block what is below it. Aliases and
what a template fills in are not known: `is_unknown` says so, and a format must not take them for a default.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from flushcheck.configs.templates import is_marked
from flushcheck.configs.tree import Directive

DOCUMENT, ITEM, INCLUDE, MERGE = "document", "-", "include", "<<"

_ALIAS = re.compile(r"\*[\w-]{1,200}")
_YES, _NO = ("true", "yes", "on", "y"), ("false", "no", "off", "n")


def documents(directives: Sequence[Directive]) -> Iterator[Directive]:
    """The documents of a file, in order."""
    return (line for line in directives if line.name == DOCUMENT)


def children(entry: Directive | None) -> Sequence[Directive]:
    """What is below an entry; nothing below a scalar, and below None."""
    return () if entry is None else entry.block or ()


def child(entry: Directive | None, key: str) -> Directive | None:
    """The entry with this key below another one; the last one if there are two, as parsers take it."""
    # A loop: a generator takes three times as long, and a hostile file has 100,000 entries to look below.
    if entry is not None and entry.block:
        for line in reversed(entry.block):
            if line.name == key:
                return line
    return None


def at(entry: Directive | None, *path: str) -> Directive | None:
    """The entry at the end of this path of keys; None where one is missing."""
    for key in path:
        entry = child(entry, key)
    return entry


def scalar(entry: Directive | None, default: str = "") -> str:
    """The scalar of an entry, without the line end in front of a block's text."""
    return entry.args[0].removeprefix("\n") if entry is not None and entry.args else default


def text_at(entry: Directive | None, *path: str, default: str = "") -> str:
    """The scalar at the end of a path."""
    return scalar(at(entry, *path), default)


def items(entry: Directive | None) -> Sequence[Directive]:
    """The entries of a sequence."""
    return tuple(line for line in children(entry) if line.name == ITEM)


def scalars(entry: Directive | None) -> tuple[str, ...]:
    """The scalars of a sequence; of an entry with one scalar, that one."""
    if entry is not None and entry.block is None:
        return (scalar(entry),) if entry.args else ()
    return tuple(scalar(line) for line in items(entry) if line.args)


def is_alias(entry: Directive | None) -> bool:
    """Whether the value of an entry is one that stands elsewhere."""
    return entry is not None and bool(entry.args) and _ALIAS.fullmatch(entry.args[0]) is not None


def is_unknown(entry: Directive | None) -> bool:
    """Whether an entry's own value is not in this place: an alias, or filled in by a template."""
    return is_alias(entry) or (entry is not None and any(is_marked(arg) for arg in entry.args))


def unread(entry: Directive | None) -> tuple[Directive, ...]:
    """The lines directly below an entry that stand for entries which are not in this place."""
    return tuple(line for line in children(entry) if line.name in (INCLUDE, MERGE))


def is_true(text: str) -> bool:
    """Whether a scalar means yes, in any spelling of YAML 1.1."""
    return text.strip().lower() in _YES


def is_false(text: str) -> bool:
    """Whether a scalar means no."""
    return text.strip().lower() in _NO


def walk(directives: Sequence[Directive]) -> Iterator[Directive]:
    """Every entry, each before what is below it, without recursion."""
    pending = [iter(directives)]
    while pending:
        entry = next(pending[-1], None)
        if entry is None:
            pending.pop()
        else:
            yield entry
            pending.append(iter(entry.block or ()))
