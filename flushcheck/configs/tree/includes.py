"""Included files in the place of the statements that include them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from flushcheck.configs.tree.directive import Directive, Parsed, ReadProblem
from flushcheck.configs.tree.limits import MAX_DEPTH, MAX_DIRECTIVES, MAX_INCLUDES

# From an include statement to the parsed files it names, in order (none for a pattern that matches no file),
# or None: a file that must be there could not be read.
Loader = Callable[[Directive], Sequence[Parsed] | None]


class IncludeResolver:
    """Replaces every include statement by the statements of the files it names.

    An include whose file could not be read stays in the tree as it is, so that a Block can tell that a
    value may come from a file that was not read.
    """

    def __init__(self, names: Iterable[str], load: Loader, *, opaque: Iterable[str] = ()) -> None:
        """Args:
        names: of the statements that include.
        load: reads and parses their files.
        opaque: names of blocks in which nothing is resolved, because they hold no Block: nginx's `geo` may
            include millions of lines.
        """
        self._names = frozenset(names)
        self._load = load
        self._opaque = frozenset(opaque)
        self._includes = 0
        self._count = 0
        self._full = False
        self._open: list[Parsed] = []  # files that are being resolved now, outermost first
        self.problems: list[ReadProblem] = []

    def resolve(self, directives: Sequence[Directive], depth: int = 0) -> tuple[Directive, ...]:
        """The same statements, with the statements of included files in place of each include."""
        resolved: list[Directive] = []
        for directive in directives:
            if self._full:
                break
            self._count += 1
            if self._count > MAX_DIRECTIVES:
                self._stop(directive, f"more than {MAX_DIRECTIVES} statements with its includes")
            elif directive.name in self._names and directive.block is None:
                resolved += self._included(directive, depth)
            elif directive.block is not None and directive.name not in self._opaque:
                resolved.append(self._inside(directive, directive.block, depth))
            else:
                resolved.append(directive)
        return tuple(resolved)

    def _inside(self, directive: Directive, block: tuple[Directive, ...], depth: int) -> Directive:
        if depth >= MAX_DEPTH:
            self._problem(directive, f"blocks more than {MAX_DEPTH} deep are not read")
            return directive.with_block(())
        return directive.with_block(self.resolve(block, depth + 1))

    def _included(self, directive: Directive, depth: int) -> Sequence[Directive]:
        if depth >= MAX_DEPTH:
            self._problem(directive, f"includes more than {MAX_DEPTH} deep are not read")
            return ()
        files = self._load(directive)
        if files is None:
            return (directive,)
        statements: list[Directive] = []
        for parsed in files:
            self._includes += 1
            if self._includes > MAX_INCLUDES:
                self._stop(directive, f"more than {MAX_INCLUDES} files included")
                break
            if any(parsed is other for other in self._open):
                self._problem(directive, "includes itself in a loop")
                continue
            self._open.append(parsed)
            statements += self.resolve(parsed.directives, depth + 1)
            self._open.pop()
        return statements

    def _stop(self, directive: Directive, reason: str) -> None:
        self._full = True
        self._problem(directive, f"{reason}: the rest was not read")

    def _problem(self, directive: Directive, reason: str) -> None:
        self.problems.append(ReadProblem(directive.file, directive.line, reason))
