"""How much memory a parser keeps."""

from __future__ import annotations

import sys


def size_of(thing: object, seen: set[int] | None = None) -> int:
    """Return the bytes of an object and of all that it holds."""
    seen = set() if seen is None else seen
    if id(thing) in seen or isinstance(thing, type):
        return 0
    seen.add(id(thing))
    size = sys.getsizeof(thing)
    if isinstance(thing, dict):
        return size + sum(size_of(key, seen) + size_of(value, seen) for key, value in thing.items())
    if isinstance(thing, list | tuple | set | frozenset):
        return size + sum(size_of(entry, seen) for entry in thing)
    return size + size_of(getattr(thing, "__dict__", {}), seen)
