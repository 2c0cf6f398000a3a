"""Kubernetes files: YAML, with the nginx text of snippets as nginx lines in place of a scalar."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from flushcheck.configs.findings import Server
from flushcheck.configs.templates import parseable
from flushcheck.configs.tree import Directive, Parsed, ReadProblem
from flushcheck.configs.yaml_nodes import walk
from flushcheck.files.nginx_lexer import parse_nginx
from flushcheck.files.yaml_tree import parse_yaml

# Settings of ingress-nginx and of F5's controller whose value is nginx text.
_SNIPPET = re.compile(r"(^|/)(configuration|server|location|http)-snippets?$")
_MAX_SNIPPETS = 200  # of one file; each is read by nginx's lexer
_TELLING = re.compile(r"\b(apiVersion|kind|controller):|\.(io|org|com)/")


def parse_kubernetes(text: str, file: str) -> Parsed:
    """The objects of one file, with the lines of their snippets."""
    parsed = parse_yaml(text, file)
    reader = _SnippetReader()
    directives = reader.resolve(parsed.directives)
    return Parsed(directives, (*parsed.problems, *reader.problems))


def may_be_kubernetes(text: str) -> bool:
    """Whether a YAML text is worth a look at its objects."""
    return _TELLING.search(text) is not None


def snippet_lines(trees: Iterable[Sequence[Directive]]) -> frozenset[int]:
    """The lines at which the texts of snippets begin that were read as nginx lines here."""
    lines = (line for tree in trees for line in walk(tree))
    found = [line.line for line in lines if _SNIPPET.search(line.name) and line.block is not None]
    return frozenset(number for line in found for number in (line, line + 1))


class _SnippetReader:
    """Puts nginx lines in the place of nginx text."""

    def __init__(self) -> None:
        self._count = 0
        self.problems: list[ReadProblem] = []

    def resolve(self, directives: Sequence[Directive]) -> tuple[Directive, ...]:
        return tuple(self._resolved(directives))

    def _resolved(self, directives: Sequence[Directive]) -> Iterator[Directive]:
        for line in directives:
            if line.block is not None:
                yield line.with_block(self.resolve(line.block))
            elif line.args and _SNIPPET.search(line.name) and self._count < _MAX_SNIPPETS:
                self._count += 1
                yield replace(line, args=(), block=self._nginx(line))
            else:
                yield line

    def _nginx(self, entry: Directive) -> tuple[Directive, ...]:
        parsed = parse_nginx(parseable(entry.args[0], Server.NGINX), entry.file)
        shift, last = entry.line - 1, entry.end_line
        for problem in parsed.problems:
            self.problems.append(replace(problem, line=min(problem.line + shift, last)))
        return _moved(parsed.directives, shift, last)


def _moved(directives: Sequence[Directive], shift: int, last: int) -> tuple[Directive, ...]:
    """The same statements on their lines of the file around."""
    return tuple(
        replace(
            line,
            line=min(line.line + shift, last),
            end_line=min(line.end_line + shift, last),
            block=None if line.block is None else _moved(line.block, shift, last),
        )
        for line in directives
    )
