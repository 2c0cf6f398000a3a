"""Languages of words, semicolons and braces (nginx, VCL): tokens in, Directives out."""

from __future__ import annotations

from collections.abc import Iterable

from flushcheck.configs.tree import MAX_ARGS, Directive, Parsed, TreeBuilder, ellipsize

Token = tuple[str, int, bool]  # text, line, quoted


def parse_tokens(tokens: Iterable[Token], file: str) -> Parsed:
    """Build the tree of one file, includes left as they are.

    Args:
        tokens: of the whole file. An exception from this iterator goes to the caller; with a `BraceParser`
            of its own the caller keeps what came before.
        file: the name for every Directive.
    """
    parser = BraceParser(file)
    for token in tokens:
        if not parser.feed(token):
            break
    return parser.done()


class BraceParser:
    """Takes tokens one by one, so that the statements before a lexer's error are kept."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._builder = TreeBuilder(file)
        self._words: list[str] = []  # of the statement that has begun
        self._line = 0  # where it began

    def feed(self, token: Token) -> bool:
        """Take one token. False: the file is larger than any real one, the rest is not read."""
        text, line, quoted = token
        if quoted or text not in (";", "{", "}"):
            if quoted or not text.startswith("#"):
                if not self._words:
                    self._line = line
                if len(self._words) <= MAX_ARGS:
                    self._words.append(text)
            return True
        if text == "{":
            name, *args = self._words or [""]
            start = self._line if self._words else line
            self._builder.enter(Directive(name, tuple(args), self._file, start, line))
        elif text == "}":
            self._builder.leave()  # the lexer reports a brace that closes nothing
        elif self._words:
            name, *args = self._words
            self._builder.add(Directive(name, tuple(args), self._file, self._line, line))
        self._words = []
        return not self._builder.is_full(line)

    def problem(self, line: int, reason: str) -> None:
        """Report what is wrong with the file."""
        self._builder.problem(line, reason)

    def done(self) -> Parsed:
        """The tree; blocks left open end with the file."""
        if self._words:
            self.problem(self._line, f"no ; after {ellipsize(' '.join(self._words), 60)}")
        return self._builder.done()
