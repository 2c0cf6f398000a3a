"""What a table of lines without effect is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from flushcheck.configs.findings import Finding
from flushcheck.configs.tree import Block, Directive, Scope


class Said(StrEnum):
    """When a line is reported."""

    ALWAYS = "always"  # it has no purpose there, or does harm, whether the block holds or not
    HELD = "held"  # it has a purpose of its own: only beside a hold it reads as a cure that is none


@dataclass(frozen=True, slots=True)
class Place:
    """A line, and where it stands."""

    block: Block
    line: Directive
    scope: Scope  # the level of the configuration that has the line
    held_by: str = ""  # the id of the culprit that holds this block; "" if none does

    def arg(self, index: int = 0) -> str:
        """An argument in lower case; "" if there is none."""
        return self.line.args[index].lower() if index < len(self.line.args) else ""

    @property
    def level(self) -> str:
        """The name of the block that has the line; "" at the top of the file."""
        return self.scope.directive.name if self.scope.directive is not None else ""


Condition = Callable[[Place], bool]


def everywhere(_place: Place) -> bool:
    """The condition of a line that needs none."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind of line."""

    names: tuple[str, ...]  # of directives, as `Directive.name` has them
    does: str  # a clause: what the line really does; {name} is replaced, and what `fields` returns
    works: str = ""  # the text to paste that works there; "" if the fix of the hold says it
    condition: Condition = everywhere
    said: Said = Said.HELD
    inherits: bool = True  # lines of outer levels count; False: those of the innermost level that has any
    breaks: bool = False  # the server refuses the file or every request: a warning wherever it stands
    evidence: str  # "measured on PROGRAM VERSION: result", or "from documentation: URL"
    fields: Callable[[Place], dict[str, str]] = field(default=lambda _place: {})

    def sentence(self, place: Place) -> str:
        """What the line really does."""
        return self.does.format(name=place.line.word, **self.fields(place))

    def cure(self, place: Place) -> str:
        """What works there, as text to paste; "" if the fix of the hold says it."""
        return self.works.format(name=place.line.word, **self.fields(place))


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one server."""

    rows: tuple[Row, ...]
    where: str  # for a fix: the kind of file and block
    lines: Callable[[Block, Row], Iterator[tuple[Directive, Scope]]] | None = None  # None: `candidates`
    written: Callable[[Directive], str] = lambda line: line.text  # a line as its file has it


def has_header(name: str, index: int = 0) -> Condition:
    """Whether a line names this header, as an argument of its own or in front of a colon."""

    def condition(place: Place) -> bool:
        return place.arg(index).partition(":")[0].strip() == name

    return condition


def first_is(*values: str) -> Condition:
    """Whether the first argument is one of these, in lower case."""
    return lambda place: place.arg() in values


def both(*conditions: Condition) -> Condition:
    """Whether all of these are true."""
    return lambda place: all(condition(place) for condition in conditions)


def holding(findings: Sequence[Finding]) -> Finding | None:
    """The first Finding that holds the block; None if nothing does."""
    return next((finding for finding in findings if finding.holds), None)
