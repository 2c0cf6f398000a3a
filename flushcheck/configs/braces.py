"""Languages of words, semicolons and braces (nginx, VCL): tokens in, Directives out."""

from __future__ import annotations

from collections.abc import Iterable

from flushcheck.configs.tree import (
    MAX_ARGS,
    MAX_DEPTH,
    MAX_DIRECTIVES,
    Directive,
    Parsed,
    ReadProblem,
    ellipsize,
)

Token = tuple[str, int, bool]  # text, line, quoted


def build(tokens: Iterable[Token], file: str) -> Parsed:
    """Build the tree.

    Args:
        tokens: all of a file. Whatever the iterator raises is the caller's to handle; see `Builder` for
            keeping what came before.
        file: the name to give to every Directive.
    """
    builder = Builder(file)
    for token in tokens:
        if not builder.feed(token):
            break
    return builder.done()


class Builder:
    """Takes tokens one by one, so that a lexer that gives up half way leaves a tree behind."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._words: list[str] = []
        self._line = 0
        # Blocks still open, outermost first: their statement so far, and what stood beside it.
        self._open: list[tuple[tuple[str, ...], int, int, list[Directive]]] = []
        self._here: list[Directive] = []
        self._skipped = 0  # braces open inside a block that is too deep
        self._count = 0
        self._troubles: list[ReadProblem] = []

    def feed(self, token: Token) -> bool:
        """Take one token. False: enough, the file is larger than anything real."""
        text, line, quoted = token
        if quoted or text not in (";", "{", "}"):
            if not quoted and text.startswith("#"):
                return True
            if not self._words:
                self._line = line
            if len(self._words) <= MAX_ARGS:
                self._words.append(text)
            return True
        if text == ";":
            if self._words and not self._skipped:
                self._add(line, None)
            self._words = []
        elif text == "{":
            self._enter(line)
        else:
            self._leave()
        if self._count > MAX_DIRECTIVES:
            self.trouble(line, f"more than {MAX_DIRECTIVES} statements: the rest was not read")
            return False
        return True

    def trouble(self, line: int, reason: str) -> None:
        """Note what is wrong with the file."""
        self._troubles.append(ReadProblem(self._file, line, reason))

    def done(self) -> Parsed:
        """The tree; blocks left open are closed at the end of the file."""
        if self._words:
            self.trouble(self._line, f"no ; after {ellipsize(' '.join(self._words), 60)}")
        while self._open:
            self._leave()
        return Parsed(tuple(self._here), tuple(self._troubles))

    def _add(self, end_line: int, block: tuple[Directive, ...] | None) -> None:
        self._count += 1
        name, *args = self._words
        self._here.append(Directive(name, tuple(args), self._file, self._line, end_line, block))

    def _enter(self, line: int) -> None:
        if self._skipped or len(self._open) >= MAX_DEPTH:
            if not self._skipped:
                self.trouble(line, f"blocks more than {MAX_DEPTH} deep are not read")
            self._skipped += 1
        else:
            self._open.append((tuple(self._words), self._line or line, line, self._here))
            self._here = []
        self._words = []

    def _leave(self) -> None:
        self._words = []
        if self._skipped:
            self._skipped -= 1
            return
        if not self._open:
            return  # the lexer has told of it
        words, line, end_line, outside = self._open.pop()
        inside, self._here = tuple(self._here), outside
        self._words, self._line = list(words) or [""], line
        self._add(end_line, inside)
        self._words = []
