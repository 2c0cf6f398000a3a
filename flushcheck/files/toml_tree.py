"""TOML as statements, in the same shape as `flushcheck.files.yaml_tree` gives YAML.

The text is cut into statements here, at line ends outside of strings and brackets; `tomllib` reads each of
them, so that quoting, dotted keys and values are its own. That keeps the lines, which `tomllib` does not.
What must stay true: any text gives a tree or ReadProblems, in time that grows with the text.

    [a.b]   key = 1     Directive("a", block=(Directive("b", block=(Directive("key", ("1",)),)),))
    [[a]]               Directive("a", block=(Directive("-", block=(…)),))

Source: TOML 1.0, as Python reads it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flushcheck.configs.templates import for_yaml
from flushcheck.configs.tree import MAX_DEPTH, MAX_DIRECTIVES, Directive, Parsed, TreeBuilder

DOCUMENT = "document"
ITEM = "-"

_MAX_BRACKETS = 30  # open at once in one value
_MAX_KEY = 400  # characters of a key or header: a long one with dots takes tomllib quadratic time

_TOKEN = re.compile(
    r'(?P<long>"""(?:[^"\\]|\\.|"(?!""))*+"{3,5}|\'\'\'(?:[^\']|\'(?!\'\'))*+\'{3,5})|'
    r'(?P<string>"(?:[^"\\\n]|\\.)*+"|\'[^\'\n]*+\')|(?P<comment>\#[^\n]*+)|(?P<open>[\[{])|(?P<close>[\]}])|'
    r"(?P<line>\n)|(?P<other>[^\"'#\[\]{}\n]++|[\"'])",
    re.DOTALL,
)
_HEADER = re.compile(r"\s*\[")


@dataclass(slots=True)
class _Node:
    """An entry that may still get entries."""

    name: str
    line: int
    end_line: int
    args: tuple[str, ...] = ()
    children: list[_Node] | None = None
    by_name: dict[str, _Node] = field(default_factory=dict)

    def child(self, name: str, line: int) -> _Node:
        """The entry of this name below this one; a new one if there is none."""
        if self.children is None:
            self.children = []
        found = self.by_name.get(name)
        if found is None:
            found = self.by_name[name] = _Node(name, line, line)
            self.children.append(found)
        return found

    def item(self, line: int) -> _Node:
        """A new entry of an array."""
        if self.children is None:
            self.children = []
        node = _Node(ITEM, line, line)
        self.children.append(node)
        return node


def parse_toml(text: str, file: str) -> Parsed:
    """The statements of one TOML file; a statement that cannot be read is a problem, and is left out."""
    parser = _Parser(file)
    for statement, line, depth in _statements(for_yaml(text)):
        if not parser.feed(statement, line, depth):
            break
    return parser.done()


def _statements(text: str) -> Iterator[tuple[str, int, int]]:
    """Each statement with its first line, and how many brackets it has open at once at most."""
    line = start = 1
    depth = deepest = 0
    parts: list[str] = []
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "open":
            depth += 1
            deepest = max(deepest, depth)
        elif kind == "close":
            depth = max(depth - 1, 0)
        if kind == "line" and depth == 0:
            yield "".join(parts), start, deepest
            parts, deepest = [], 0
            line += 1
            start = line
            continue
        if kind != "comment":
            parts.append(token[0])
        line += token[0].count("\n")
    yield "".join(parts), start, deepest


class _Parser:
    """Takes statements in their order."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._builder = TreeBuilder(file)
        self._top = _Node(DOCUMENT, 1, 1, children=[])
        self._table = self._top
        self._count = 0

    def feed(self, statement: str, line: int, depth: int) -> bool:
        """Take one statement. False: the rest is not read."""
        if not statement.strip():
            return True
        if depth > _MAX_BRACKETS or len(statement.partition("=")[0]) > _MAX_KEY:
            self._builder.problem(line, "a key is too long, or a value too deep, to be read")
            return True
        is_header = _HEADER.match(statement) is not None
        try:
            read = tomllib.loads(statement.rstrip("\r"))
        except ValueError:
            if is_header:
                self._table = _Node("?", line, line)  # what stands below it belongs to no table that was read
            self._builder.problem(line, "not understood as TOML: this line was not read")
            return True
        if is_header:
            self._table = self._header(read, line)
        else:
            self._entries(self._table, read, line, line + statement.strip("\n").count("\n"), 0)
        if self._count > MAX_DIRECTIVES:
            self._builder.problem(line, f"more than {MAX_DIRECTIVES} statements: the rest was not read")
            return False
        return True

    def _header(self, read: Mapping[str, Any], line: int) -> _Node:
        """The table that a header names, [a.b] or [[a.b]]."""
        node = self._top
        value: Any = read
        for _ in range(MAX_DEPTH):
            if not value:
                break
            name, value = next(iter(value.items()))
            self._count += 1
            node = node.child(name, line)
            if isinstance(value, list):
                return node.item(line)
            if value and node.children and node.children[-1].name == ITEM:
                node = node.children[-1]  # [a.b] behind [[a]] is part of its last entry
        if node.children is None:
            node.children = []
        return node

    def _entries(self, node: _Node, read: Mapping[str, Any], line: int, end_line: int, depth: int) -> None:
        for name, value in read.items():
            self._value(node.child(name, line), value, line, end_line, depth)

    def _value(self, node: _Node, value: Any, line: int, end_line: int, depth: int) -> None:
        self._count += 1
        node.end_line = end_line
        if depth > MAX_DEPTH or self._count > MAX_DIRECTIVES:
            return
        if isinstance(value, Mapping):
            node.children = node.children or []
            self._entries(node, value, line, end_line, depth + 1)
        elif isinstance(value, list):
            node.children = node.children or []
            for item in value:
                self._value(node.item(line), item, line, end_line, depth + 1)
        else:
            node.args = (_text(value),)

    def done(self) -> Parsed:
        """The tree."""
        parsed = self._builder.done()
        return Parsed((_directive(self._top, self._file, 0),), parsed.problems)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _directive(node: _Node, file: str, depth: int) -> Directive:
    block: Sequence[Directive] | None = None
    if node.children is not None:
        inner = node.children if depth <= MAX_DEPTH else []
        block = [_directive(child, file, depth + 1) for child in inner]
    return Directive(
        node.name[:200], node.args, file, node.line, node.end_line, None if block is None else tuple(block)
    )
