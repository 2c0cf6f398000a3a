"""Middlewares by name: where a Traefik configuration uses one, and how its names are compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flushcheck.configs.tree import MAX_LINES, Directive
from flushcheck.configs.yaml_nodes import children, scalar

MAX_CHAIN = 100  # middlewares of one router, and of one list: each router looks at each of them


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A middleware's name where something uses it."""

    name: str  # as written
    key: str  # by which it is looked up
    at: Directive  # the line with the name
    within: Directive  # the list that it stands in


def key(entry: Directive | None, name: str) -> Directive | None:
    """The entry of this key, whatever its case: Traefik compares without it. The last one counts."""
    lowered = name.lower()
    return next((line for line in reversed(children(entry)) if line.name.lower() == lowered), None)


def bare(name: str) -> str:
    """A name without its provider."""
    return name.strip().partition("@")[0]


def references_in(within: Directive | None, namespace: str) -> Iterator[Reference]:
    """The names in a list. In Kubernetes an entry has a name and perhaps a namespace."""
    if within is None:
        return
    entries = children(within)[:MAX_LINES] if within.block is not None else (within,)
    for entry in entries:
        name = scalar(key(entry, "name")) if entry.block is not None else scalar(entry)
        if not name:
            continue
        place = scalar(key(entry, "namespace")) or namespace
        for part in name.split(","):
            lookup = f"{place}-{bare(part)}" if place and "@" not in part else bare(part)
            yield Reference(part.strip(), lookup, entry, within)


def extend(references: dict[str, Reference], more: Iterable[Reference]) -> None:
    """Add each name once, and one more than a router is asked for: then its chain says that some are left."""
    for reference in more:
        if len(references) > MAX_CHAIN:
            return
        references.setdefault(reference.key, reference)


def by_key(references: Iterable[Reference]) -> dict[str, Reference]:
    """References by their keys, as `extend` adds them."""
    own: dict[str, Reference] = {}
    extend(own, references)
    return own


def split(value: str, entry: Directive) -> list[Reference]:
    """The names in a text with commas."""
    parts = [part.strip() for part in value.split(",", MAX_LINES)]
    return [Reference(part, bare(part), entry, entry) for part in parts if part]
