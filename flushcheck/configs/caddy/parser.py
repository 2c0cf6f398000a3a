"""Caddyfile: text in, Directives out. Source: Caddy's "Caddyfile Concepts", seen on 2.6.2.

Tokens are separated by space; a brace opens a block only as a token of its own at a line's end; `#` begins
a comment only at a token's beginning. A single site may go without braces.
"""

from __future__ import annotations

import re
from dataclasses import replace

from flushcheck.configs.tree import MAX_ARGS, Directive, Parsed, TreeBuilder

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+|\\\r?\n)|(?P<line>\n)|(?P<comment>\#[^\n]*)|"""
    r""""(?P<double>[^"\\]*+(?:\\.[^"\\]*+)*+)"?|"""
    r"""`(?P<back>[^`]*)`?|(?P<word>\S+)""",
    re.DOTALL,
)


def parse(text: str, file: str) -> Parsed:
    """Build the tree of one file, imports left as they are."""
    parsed = _Parser(text, file).parse()
    return replace(parsed, directives=_with_site(parsed.directives))


class _Parser:
    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._builder = TreeBuilder(file)

    def parse(self) -> Parsed:
        line = 1
        words: list[str] = []
        start = 1
        for token in _TOKEN.finditer(self._text):
            kind, text = token.lastgroup, token[0]
            if kind == "line":
                # A comma at the line's end continues a list of addresses.
                if not (words and words[-1].endswith(",") and not self._builder.depth):
                    self._statement(words, start, line)
                    words = []
            elif kind in ("double", "back", "word"):
                if not words:
                    start = line
                if len(words) <= MAX_ARGS or text in "{}":
                    words.append(token[kind])
            line += text.count("\n")
            if self._builder.is_full(line):
                words = []
                break
        self._statement(words, start, line)
        return self._builder.done("a block is not closed")

    def _statement(self, words: list[str], line: int, end_line: int) -> None:
        while words and words[0] == "}":
            if not self._builder.leave():
                self._builder.problem(line, "} closes nothing that is open")
            words = words[1:]
        if not words:
            return
        opens = words[-1] == "{"
        name, *args = (words[:-1] or [""]) if opens else words
        directive = Directive(name.lower(), tuple(args), self._file, line, end_line, written=name)
        if opens:
            self._builder.enter(directive)
        else:
            self._builder.add(directive)


def _with_site(top: tuple[Directive, ...]) -> tuple[Directive, ...]:
    """The top level. A file that is one site without braces gets a block for it."""
    for index, directive in enumerate(top):
        if directive.block is None and directive.name != "import":
            return (*top[:index], directive.with_block(top[index + 1 :]))
    return top
