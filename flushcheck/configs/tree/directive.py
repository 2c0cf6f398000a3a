"""One statement with its place, and what reading a file gives: Directive, ReadProblem, Parsed, Config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flushcheck.configs.findings import Server
from flushcheck.model import UsageError, Version

_MAX_SHOWN_ARGS = 12
_MAX_SHOWN = 160  # characters of a statement in a sentence


@dataclass(frozen=True, slots=True, eq=False)
class Directive:
    """One statement, as written. Compared by identity: two equal lines are two statements."""

    name: str
    args: tuple[str, ...]
    file: str
    line: int  # where it starts, from 1
    end_line: int  # the line of its `;` or `{`, or its last continued line
    block: tuple[Directive, ...] | None = None  # the statements inside; None: a simple statement
    written: str = ""  # the name as written, where case does not count and `name` is in lower case

    @property
    def place(self) -> str:
        """For example "nginx.conf:12"."""
        return f"{self.file}:{self.line}"

    @property
    def whole(self) -> str:
        """The statement without its block, on one line, with single spaces."""
        return " ".join((self.word, *self.args))

    @property
    def text(self) -> str:
        """The same for the middle of a sentence: shortened where it is long."""
        return shown(self.word, self.args)

    @property
    def word(self) -> str:
        """The name as written."""
        return self.written or self.name

    def with_block(self, block: tuple[Directive, ...]) -> Directive:
        """The same statement around other statements."""
        # Not `replace`: a megabyte of text has 100,000 blocks, and that takes five times as long.
        return Directive(self.name, self.args, self.file, self.line, self.end_line, block, self.written)


@dataclass(frozen=True, slots=True)
class ReadProblem:
    """Text that could not be read, or only in part."""

    file: str
    line: int  # 0: the file as a whole
    reason: str
    incomplete: bool = True  # the unread part may hold culprits; False: it seldom does
    refused: bool = False  # the server does not start because of this line, as far as is known


@dataclass(frozen=True, slots=True)
class Parsed:
    """One file's statements. With problems: as far as the file could be read."""

    directives: tuple[Directive, ...]
    problems: tuple[ReadProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration to check: all its files, each include in its place."""

    server: Server
    file: str  # the main file
    directives: tuple[Directive, ...]
    problems: tuple[ReadProblem, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)  # of every file read, by name
    version: Version = ()


def version(text: str) -> Version:
    """Read a version number, for example "1.22.1" or "nginx/1.22.1".

    Raises:
        UsageError: there is no number in it.
    """
    digits = text.rpartition("/")[2].strip().lstrip("v").partition("-")[0].split(".")
    if not text.strip() or not all(part.isdecimal() and len(part) < 6 for part in digits):
        raise UsageError(f"version {text[:40]!r}: expected numbers with dots, for example 1.22.1")
    return tuple(int(part) for part in digits)


def shown(name: str, args: tuple[str, ...]) -> str:
    """A statement in the middle of a sentence."""
    return ellipsize(" ".join((name, *args[:_MAX_SHOWN_ARGS])), _MAX_SHOWN)


def ellipsize(text: str, max_length: int = 80) -> str:
    """Text of a file on one line, cut to this length, for the middle of a sentence."""
    flat = " ".join(text.split())
    return flat if len(flat) <= max_length else f"{flat[: max_length - 3]}..."
