"""YAML as statements: each entry of a mapping, each entry of a sequence, each document, with its lines.

The parser's events are read, not its values: nothing is built, no tag is obeyed, and an alias stays a name,
so that it costs nothing. What must stay true: any text gives a tree or a ReadProblem with its line, within
the bounds of `TreeBuilder`. `flushcheck.configs.yaml_nodes` walks such a tree.

    key: value      Directive("key", ("value",))
    key:            Directive("key", ())
    key: {a: b}     Directive("key", (), block=(Directive("a", ("b",)),))
    key: [a]        Directive("key", (), block=(Directive("-", ("a",)),))
    key: *name      Directive("key", ("*name",)), and Directive("<<", ("*name",)) for a merge
    ---             Directive("document", (), block=(…))
    {{ mark }}      Directive("include", ("⟨mark⟩",)): a template writes unknown lines here

The text of a block scalar (| and >) begins with a line end, because its first line is the one below its key.
Source: YAML 1.1, as PyYAML reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import yaml

from flushcheck.configs.templates import CLOSE, OPEN, for_yaml
from flushcheck.configs.tree import MAX_DEPTH, MAX_INCLUDES, Directive, Parsed, ReadProblem, TreeBuilder
from flushcheck.files.yaml_events import MAX_STATEMENTS, TooLarge, events

DOCUMENT = "document"
ITEM = "-"
INCLUDE = "include"
COMPLEX = "?"  # the name of an entry whose key is a mapping or a sequence
MAX_NAME = 200  # characters of a key

_BLOCK_STYLES = ("|", ">")
_REFUSED = "not understood as YAML: what follows was not read"


def parse_yaml(text: str, file: str) -> Parsed:
    """The documents of one YAML file; up to the first error in it."""
    # Bytes that are no UTF-8 stand in comments and strings, as a rule.
    readable = text.encode("utf-8", errors="replace").decode("utf-8")
    masked = for_yaml(readable)
    parser = _EventParser(file, masked)
    try:
        for event in events(masked):
            if not parser.feed(event):
                break
    except TooLarge as error:
        return Parsed((), (ReadProblem(file, 0, str(error)),))
    except (yaml.YAMLError, ValueError) as error:
        parser.refuse(error)
    return parser.done()


@dataclass(slots=True)
class _Level:
    """A mapping or sequence that is open."""

    is_mapping: bool
    opened: bool  # whether a statement was opened for it; not for the content of a document
    in_key: bool  # whether it is part of a key that is no scalar
    key: str | None = None  # of the value that comes next
    line: int = 0  # of that key


class _EventParser:
    """Takes the parser's events one by one."""

    def __init__(self, file: str, masked: str) -> None:
        self._file = file
        self._lines = masked.split("\n")
        self._builder = TreeBuilder(file, MAX_STATEMENTS)
        self._levels: list[_Level] = []
        self._marks = islice(self._marked_lines(), MAX_INCLUDES)
        self._mark: Directive | None = next(self._marks, None)

    def _marked_lines(self) -> Iterator[Directive]:
        """What a template writes on lines of its own."""
        for number, line in enumerate(self._lines, start=1):
            mark = line.strip().removeprefix("#")
            if mark.startswith(OPEN) and mark.endswith(CLOSE):
                yield Directive(INCLUDE, (mark,), self._file, number, number)

    def feed(self, event: yaml.Event) -> bool:
        """Take one event. False: the rest is not read."""
        line = event.start_mark.line + 1 if event.start_mark is not None else 1
        if self._mark is not None:
            self._add_marks(line)
        if isinstance(event, yaml.ScalarEvent):  # first: most events are
            self._scalar(event, line)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._builder.enter(Directive(DOCUMENT, (), self._file, line, line))
        elif isinstance(event, yaml.DocumentEndEvent):
            self._builder.leave(DOCUMENT)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._open(line, is_mapping=isinstance(event, yaml.MappingStartEvent))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            self._add(f"*{event.anchor}"[:MAX_NAME], line, line)
        if self._builder.is_skipping:
            return False  # the builder has reported it
        if len(self._levels) > MAX_DEPTH:  # keys that are mappings or sequences
            self._builder.problem(line, f"blocks more than {MAX_DEPTH} deep are not read")
            return False
        return not self._builder.is_full(line)

    def refuse(self, error: Exception) -> None:
        """Report where the text stops being YAML."""
        mark = getattr(error, "problem_mark", None)
        position = getattr(error, "position", None)
        if mark is not None:
            line = mark.line + 1
        elif isinstance(position, int):
            line = "\n".join(self._lines).count("\n", 0, position) + 1
        else:
            line = 0
        self._builder.problem(min(line, len(self._lines)), _REFUSED)

    def done(self) -> Parsed:
        """The tree, with what a template writes after the last statement."""
        self._add_marks(len(self._lines) + 1)
        return self._builder.done()

    def _add_marks(self, line: int) -> None:
        """The marks on lines before this one, in the block that is open."""
        while self._mark is not None and self._mark.line < line:
            self._builder.add(self._mark)
            self._mark = next(self._marks, None)

    def _entry(self, args: tuple[str, ...], line: int, end_line: int) -> Directive:
        """The statement of a value that stands here."""
        level = self._levels[-1]
        if not level.is_mapping:
            return Directive(ITEM, args, self._file, line, end_line)
        name, key_line = level.key or "", level.line
        level.key = None
        return Directive(name, args, self._file, key_line, max(end_line, key_line))

    def _open(self, line: int, *, is_mapping: bool) -> None:
        around = self._levels[-1] if self._levels else None
        in_key = around is not None and (around.in_key or (around.is_mapping and around.key is None))
        if around is not None and in_key and not around.in_key:
            around.line = line
        opened = around is not None and not in_key
        if opened:
            entry = self._entry((), line, 0)
            # As everywhere, the statement itself ends where its block begins.
            self._builder.enter(Directive(entry.name, (), self._file, entry.line, entry.line))
        self._levels.append(_Level(is_mapping, opened, in_key))

    def _close(self) -> None:
        level = self._levels.pop()
        if level.opened:
            self._builder.leave()
        elif level.in_key and not self._levels[-1].in_key:
            self._levels[-1].key = COMPLEX

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        is_block = event.style in _BLOCK_STYLES
        end = event.end_mark
        end_line = end.line + 1 if end is not None else line
        if is_block:
            # A block ends where the next line begins, if there is one.
            end_line = self._last_line(line, end_line - 1 if end is not None and not end.column else end_line)
        elif not event.value and event.style is None:
            end_line = line
        text = f"\n{event.value}" if is_block else event.value
        is_null = not event.value and not event.style
        self._add(text, line, end_line, is_null=is_null)

    def _last_line(self, first: int, last: int) -> int:
        """The last line of a block scalar, without the empty lines behind it."""
        # YAML counts more characters as line ends than a file has lines.
        last = min(last, len(self._lines))
        while last > first and not self._lines[last - 1].strip():
            last -= 1
        return max(first, last)

    def _add(self, text: str, line: int, end_line: int, *, is_null: bool = False) -> None:
        """A key, or a value that is no block."""
        args = () if is_null else (text,)
        if not self._levels:
            self._builder.add(Directive(ITEM, args, self._file, line, end_line))
            return
        level = self._levels[-1]
        if level.in_key:
            return
        if level.is_mapping and level.key is None:
            level.key, level.line = text[:MAX_NAME], line
            return
        self._builder.add(self._entry(args, line, line if is_null else end_line))
