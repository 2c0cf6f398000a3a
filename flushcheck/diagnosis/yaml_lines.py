"""Several pieces of YAML as one: a key that two of them have is written once, with what both have below it.

Block style with spaces, as the catalogue writes it. Of two values of one key the first one stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_INDENT = "  "


@dataclass(slots=True)
class _Branch:
    line: str
    below: dict[str, _Branch] = field(default_factory=dict)


def merged_yaml(texts: Iterable[str]) -> tuple[str, ...]:
    """The lines of all texts."""
    root = _Branch("")
    for text in texts:
        open_ = [(-1, root)]
        for line in text.splitlines():
            depth = len(line) - len(line.lstrip())
            while open_[-1][0] >= depth:
                open_.pop()
            content = line.strip()
            branch = open_[-1][1].below.setdefault(content.partition(":")[0], _Branch(content))
            open_.append((depth, branch))
    return tuple(_written(root, ""))


def _written(branch: _Branch, indent: str) -> Iterator[str]:
    for each in branch.below.values():
        yield f"{indent}{each.line}"
        yield from _written(each, indent + _INDENT)
