"""The lines that a row may be about: those of its names, in a block and around it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from flushcheck.configs.tree import Block, Directive, Scope
from flushcheck.culprits.no_effect.row import Row

MAX_LINES = 50  # of one name, at one level: a person pastes a few


def candidates(block: Block, row: Row) -> Iterator[tuple[Directive, Scope]]:
    """Each line with the level that has it, innermost first.

    `related_scopes` are the sections that a request passes as well, for example HAProxy's frontends.
    """
    seen: set[int] = set()
    for start in dict.fromkeys((block.scope, block.insert_scope, *block.related_scopes)):
        # Nearly every row is about lines that a Block does not have.
        levels = [scope for scope in start.chain() if scope.has_any(row.names)]
        for name in row.names if levels else ():
            for scope in levels:
                own = scope.own(name)
                for line in islice(own, MAX_LINES):
                    if id(line) not in seen:
                        seen.add(id(line))
                        yield line, scope
                if own and not row.inherits:
                    break
