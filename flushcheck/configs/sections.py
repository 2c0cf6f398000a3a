"""Apache's syntax: text in, Directives out, sections inside each other.

A reader of its own, because the libraries lose line numbers or break continued lines. Statements are lines;
a backslash at a line's end continues it, comments included; names are not case-sensitive. Source:
"Configuration Files" of the httpd 2.4 manual, and measurements on 2.4.71.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from flushcheck.configs.tree import (
    MAX_ARGS,
    MAX_DEPTH,
    MAX_DIRECTIVES,
    Directive,
    Parsed,
    ReadProblem,
    ellipsize,
)

# Possessive throughout: an alternation that remembers every character takes 150 bytes for each.
_WORD = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"?|\'([^\'\\]*+(?:\\.[^\'\\]*+)*+)\'?|(\S++)', re.DOTALL)


def parse(text: str, file: str) -> Parsed:
    """Build the tree of one file, includes left as they are.

    Args:
        file: the name to give to every Directive.
    """
    return _Reader(file).read(text)


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file
        self._open: list[tuple[Directive, list[Directive]]] = []
        self._here: list[Directive] = []
        self._skipped: list[str] = []  # sections open inside one that is too deep
        self._troubles: list[ReadProblem] = []

    def read(self, text: str) -> Parsed:
        count = 0
        for line, end_line, content in _logical(text):
            if not content or content.startswith("#"):
                continue
            count += 1
            if count > MAX_DIRECTIVES:
                self._trouble(line, f"more than {MAX_DIRECTIVES} statements: the rest was not read")
                break
            if content.startswith("</"):
                self._leave(line, content[2:].rstrip("> \t").strip().lower())
            elif content.startswith("<"):
                self._enter(line, end_line, content)
            elif not self._skipped:
                words = content.split(None, 1)
                name, rest = words[0], words[1] if len(words) > 1 else ""
                self._here.append(
                    Directive(name.lower(), _words(rest), self._file, line, end_line, None, name)
                )
        while self._open:
            section = self._open[-1][0]
            self._trouble(section.line, f"<{section.word}> is not closed")
            self._close()
        return Parsed(tuple(self._here), tuple(self._troubles))

    def _enter(self, line: int, end_line: int, content: str) -> None:
        name, _, rest = content[1:].rstrip().removesuffix(">").strip().replace("\t", " ").partition(" ")
        if not name[:1].isalpha():
            self._trouble(line, f"not understood: {ellipsize(content, 60)}")
            return
        if self._skipped or len(self._open) >= MAX_DEPTH:
            if not self._skipped:
                self._trouble(line, f"sections more than {MAX_DEPTH} deep are not read")
            self._skipped.append(name.lower())
            return
        section = Directive(name.lower(), _words(rest), self._file, line, end_line, (), name)
        self._open.append((section, self._here))
        self._here = []

    def _leave(self, line: int, name: str) -> None:
        if self._skipped:
            self._skipped.pop()
        elif not self._open or self._open[-1][0].name != name:
            self._trouble(line, f"</{ellipsize(name, 40)}> closes nothing that is open")
        else:
            self._close()

    def _close(self) -> None:
        section, outside = self._open.pop()
        inside, self._here = tuple(self._here), outside
        self._here.append(section.with_block(inside))

    def _trouble(self, line: int, reason: str) -> None:
        if len(self._troubles) < 20:  # a file of another kind has one on every line
            self._troubles.append(ReadProblem(self._file, line, reason))


def _logical(text: str) -> Iterator[tuple[int, int, str]]:
    """Lines with their continuations: first and last number, and the text without outer space."""
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        first = number
        parts = []
        while True:
            line = lines[number].rstrip("\r")
            number += 1
            if line.endswith("\\") and number < len(lines):
                parts.append(line[:-1])
                continue
            parts.append(line)
            break
        yield first + 1, number, "".join(parts).strip()


def _words(text: str) -> tuple[str, ...]:
    return tuple(
        re.sub(r"\\([\"'\\])", r"\1", word[1] or word[2] or "") if word[3] is None else word[3]
        for word in islice(_WORD.finditer(text), MAX_ARGS)
    )
