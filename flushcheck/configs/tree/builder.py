"""From statements in the order of a text to the tree of one file.

A parser finds where a statement begins and ends; the TreeBuilder keeps the stack of open blocks, so that
depth, size and the number of problems are bounded in one place for every format. What must stay true: any
sequence of calls gives a tree, with no more than MAX_DEPTH levels and without recursion.
"""

from __future__ import annotations

from flushcheck.configs.tree.directive import Directive, Parsed, ReadProblem
from flushcheck.configs.tree.limits import MAX_DEPTH, MAX_DIRECTIVES, MAX_PROBLEMS


class TreeBuilder:
    """Takes statements and block ends one by one; a parser that stops early leaves a tree as well."""

    def __init__(self, file: str, max_directives: int | None = None) -> None:
        """Args:
        file: the name for problems; the parser names the same one in its Directives.
        max_directives: that are read of it; None: as many as of any format.
        """
        self._file = file
        self._max_directives = MAX_DIRECTIVES if max_directives is None else max_directives
        self._open: list[tuple[Directive, list[Directive]]] = []  # outermost first, with what stood beside
        self._siblings: list[Directive] = []
        self._skipped = 0  # open blocks below one that is too deep
        self._count = 0
        self._problems: list[ReadProblem] = []

    @property
    def depth(self) -> int:
        """How many blocks are open, blocks that are too deep to be read included."""
        return len(self._open) + self._skipped

    @property
    def is_skipping(self) -> bool:
        """Whether what is added now stands in a block that is too deep to be read."""
        return self._skipped > 0

    def add(self, directive: Directive) -> None:
        """Add a simple statement to the block that is open."""
        self._count += 1
        if not self._skipped:
            self._siblings.append(directive)

    def enter(self, directive: Directive) -> None:
        """Open a block: what is added from now on stands inside this statement."""
        self._count += 1
        if self._skipped or len(self._open) >= MAX_DEPTH:
            if not self._skipped:
                self.problem(directive.line, f"blocks more than {MAX_DEPTH} deep are not read")
            self._skipped += 1
            return
        self._open.append((directive, self._siblings))
        self._siblings = []

    def leave(self, name: str = "") -> bool:
        """Close the innermost block. False: none is open, or it has another name, and nothing happens.

        Args:
            name: of the block that ends here; "" where the format does not say it.
        """
        if self._skipped:
            self._skipped -= 1
            return True
        if not self._open or (name and self._open[-1][0].name != name):
            return False
        directive, siblings = self._open.pop()
        siblings.append(directive.with_block(tuple(self._siblings)))
        self._siblings = siblings
        return True

    def problem(self, line: int, reason: str, *, incomplete: bool = True) -> None:
        """Report what is wrong with the file; the first MAX_PROBLEMS are kept."""
        if len(self._problems) < MAX_PROBLEMS:
            self._problems.append(ReadProblem(self._file, line, reason, incomplete))

    def is_full(self, line: int) -> bool:
        """Whether the file has more statements than are read; if so, that is reported at this line."""
        if self._count <= self._max_directives:
            return False
        reason = f"more than {self._max_directives} statements: the rest was not read"
        self._problems.append(ReadProblem(self._file, line, reason))
        return True

    def done(self, unclosed: str = "") -> Parsed:
        """The tree. Blocks that are still open end with the file.

        Args:
            unclosed: what to report of each block left open, with {} for its name; "": nothing, because the
                format closes blocks by itself, or its lexer has reported it.
        """
        self._skipped = 0
        while self._open:
            if unclosed:
                directive = self._open[-1][0]
                self.problem(directive.line, unclosed.format(directive.word))
            self.leave()
        return Parsed(tuple(self._siblings), tuple(self._problems))
