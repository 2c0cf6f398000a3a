"""Apache's syntax: text in, Directives out, sections inside each other.

A parser of its own, because the libraries lose line numbers or break continued lines. Statements are lines;
a backslash at a line's end continues it, comments included; names are not case-sensitive. Source:
"Configuration Files" of the httpd 2.4 manual, and measurements on 2.4.71.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from flushcheck.configs.tree import MAX_ARGS, Directive, Parsed, TreeBuilder, ellipsize

# Possessive throughout: an alternation that remembers every character takes 150 bytes for each.
_WORD = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"?|\'([^\'\\]*+(?:\\.[^\'\\]*+)*+)\'?|(\S++)', re.DOTALL)


def parse(text: str, file: str) -> Parsed:
    """Build the tree of one file, includes left as they are.

    Args:
        file: the name for every Directive.
    """
    builder = TreeBuilder(file)
    for line, end_line, content in _logical_lines(text):
        if not content or content.startswith("#"):
            continue
        if content.startswith("</"):
            name = content[2:].rstrip("> \t").strip().lower()
            if not builder.leave(name):
                builder.problem(line, f"</{ellipsize(name, 40)}> closes nothing that is open")
        elif content.startswith("<"):
            name, _, rest = content[1:].removesuffix(">").strip().replace("\t", " ").partition(" ")
            if name[:1].isalpha():
                builder.enter(Directive(name.lower(), _words(rest), file, line, end_line, written=name))
            else:
                builder.problem(line, f"not understood: {ellipsize(content, 60)}")
        else:
            name, rest = (*content.split(None, 1), "")[:2]
            builder.add(Directive(name.lower(), _words(rest), file, line, end_line, written=name))
        if builder.is_full(line):
            break
    return builder.done("<{}> is not closed")


def _logical_lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Lines joined with their continuations: first and last number, and the text without outer space."""
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
