"""What every format becomes: Directives with their place, Scopes that inherit, Blocks that pass to an app.

A Directive is one statement as written. A Scope is a block together with what it inherits, asked by name
in constant time: a file of a megabyte may hold tens of thousands of blocks, and every culprit looks up a
dozen names in each. A Block is a Scope that passes requests to an app, and the only thing that is judged.

Nothing here raises on bad input: what could not be read is a Trouble, with its place and reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from flushcheck.configs.findings import Action, Edit, Finding, Level, Server
from flushcheck.model import Culprit, Fix, UsageError

# Real configurations nest 6 deep. Below Python's recursion limit by far, includes within includes counted.
MAX_DEPTH = 60
# A 10,000-line file has about as many statements; a megabyte of "a;" would have half a million.
MAX_DIRECTIVES = 100_000
MAX_LINES = 500  # of one name that are looked at for one Block
MAX_ARGS = 500  # of one statement; the rest is dropped
MAX_INCLUDES = 2_000  # files put in place: Debian's largest default (Apache) comes to 40
MAX_BLOCKS = 1_000  # judged: each may bring several Findings, and a Finding is kilobytes of words

_SHOWN_ARGS = 12
_SHOWN = 160  # characters of a statement in a sentence
_SAID = 1_000  # characters of a Finding's message

# As the programs call themselves.
NAMES = {
    Server.NGINX: "nginx",
    Server.APACHE: "Apache",
    Server.HAPROXY: "HAProxy",
    Server.LIGHTTPD: "lighttpd",
    Server.CADDY: "Caddy",
    Server.VARNISH: "Varnish",
    Server.PHP: "PHP",
    Server.GUNICORN: "gunicorn",
}

Version = tuple[int, ...]  # of the server program; () where it is not known


@dataclass(frozen=True, slots=True, eq=False)
class Directive:
    """One statement, as written. Compared by identity: two lines that read the same are two lines."""

    name: str
    args: tuple[str, ...]
    file: str
    line: int  # where it starts, from 1
    end_line: int  # of its first line's end: the `;` or `{`, or the last continued line
    block: tuple[Directive, ...] | None = None  # what stands inside; None: a simple statement
    written: str = ""  # the name as written, where case does not count and `name` is in lower case

    @property
    def place(self) -> str:
        """For example "nginx.conf:12"."""
        return f"{self.file}:{self.line}"

    @property
    def whole(self) -> str:
        """On one line, with single spaces."""
        return " ".join((self.word, *self.args))

    @property
    def text(self) -> str:
        """The same for the middle of a sentence: cut where it is long."""
        return ellipsize(" ".join((self.word, *self.args[:_SHOWN_ARGS])), _SHOWN)

    @property
    def word(self) -> str:
        """The name as written."""
        return self.written or self.name

    def with_block(self, block: tuple[Directive, ...]) -> Directive:
        """The same statement with other ones inside."""
        return Directive(self.name, self.args, self.file, self.line, self.end_line, block, self.written)


@dataclass(frozen=True, slots=True)
class ReadProblem:
    """Something that could not be read, or not to its end."""

    file: str
    line: int  # 0: the file as a whole
    reason: str
    incomplete: bool = True  # silence about the rest proves nothing; False: a part that seldom matters


@dataclass(frozen=True, slots=True)
class Parsed:
    """One file's statements. With Troubles, as far as it could be read."""

    directives: tuple[Directive, ...]
    problems: tuple[ReadProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration to judge: all its files, each include in its place."""

    server: Server
    file: str  # the one that was named
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


class Scope:
    """A block with what it inherits."""

    __slots__ = ("_index", "_known", "children", "directive", "parent")

    def __init__(
        self, directive: Directive | None, children: Sequence[Directive], parent: Scope | None = None
    ) -> None:
        """Args:
        directive: the block's own statement; None for the top of the configuration.
        children: what stands in it, includes in their place.
        parent: where it looks when it has no line of its own.
        """
        self.directive = directive
        self.children = children
        self.parent = parent
        self._index: dict[str, list[Directive]] | None = None
        self._known: dict[str, Any] = {}

    def own(self, name: str) -> Sequence[Directive]:
        """The statements of this name in this very block; of a name in lower case, whatever is asked."""
        if self._index is None:
            self._index = {}
            for child in self.children:
                self._index.setdefault(child.name, []).append(child)
        return self._index.get(name.lower(), ())

    def chain(self) -> Iterator[Scope]:
        """This block, then the one around it, up to the top."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def level(self, name: str) -> Scope | None:
        """The innermost level that has a statement of this name; None if none has."""
        return next((scope for scope in self.chain() if scope.own(name)), None)

    def nearest(self, name: str) -> Sequence[Directive]:
        """The statements of this name at the innermost level that has any: how nginx inherits lists.

        The first MAX_LINES of them, because every Block asks anew.
        """
        level = self.level(name)
        return level.own(name)[:MAX_LINES] if level else ()

    def cached(self, key: str, make: Callable[[], Any]) -> Any:
        """What was made for this level under this key, made only once for all the Blocks below it."""
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]

    def unread_includes(self, names: Iterable[str]) -> tuple[Directive, ...]:
        """Includes here and further out that nobody could read; the first few of them."""
        found = (line for scope in self.chain() for name in names for line in scope.own(name))
        return tuple(islice(found, 5))

    def every(self, name: str) -> Iterator[Directive]:
        """The statements of this name at all levels, innermost first: how Apache inherits lists.

        The first MAX_LINES of them, because every Block asks anew.
        """
        found = (directive for scope in self.chain() for directive in scope.own(name))
        return islice(found, MAX_LINES)

    def value(self, name: str, default: str, *, whose: str) -> Value:
        """What is in force: the last line of the innermost level that has one, or the default.

        Args:
            default: what holds without a line.
            whose: the program, for the words.
        """
        level = self.level(name)
        if level is not None:
            last = level.own(name)[-1]
            return Value(name, last.args, last)
        return Value(name, (default,), None, f"{whose}'s default")


@dataclass(frozen=True, slots=True)
class Value:
    """A setting in force, and where it comes from."""

    name: str
    args: tuple[str, ...]
    at: Directive | None = None  # the line; None: there is none
    default: str = ""  # where it comes from when there is no line

    @property
    def first(self) -> str:
        """The first argument, "" if there is none."""
        return self.args[0] if self.args else ""

    @property
    def text(self) -> str:
        """For example "proxy_buffering on"; cut where it is long."""
        return ellipsize(" ".join((self.name, *self.args[:_SHOWN_ARGS])), _SHOWN)

    @property
    def source(self) -> str:
        """For example "nginx.conf:12" or "nginx's default"."""
        return self.at.place if self.at else self.default


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A block that passes requests to an app."""

    server: Server
    scope: Scope
    pass_directive: Directive  # the line that passes
    via: str  # how it passes: "http", "fastcgi", "uwsgi", "scgi", "fcgid", "passenger", ...
    name: str  # for people, for example "location /stream"
    version: Version = ()
    params: Mapping[str, Value] = field(default_factory=dict)  # what counts for this gate beside its scope
    related_scopes: tuple[Scope, ...] = ()  # other blocks that take part, for example HAProxy's frontends
    inner_server: Directive | None = None  # the block of this same configuration that the gate leads to
    inner_strips_header: bool = False  # ... and that one takes X-Accel-Buffering out of responses
    unread_includes: tuple[Directive, ...] = ()  # includes in its chain that could not be read
    place: Scope | None = None  # where its lines may stand, if not in the block itself (nginx's `if`)
    insert_before: Directive | None = None  # new lines go before this statement; the gate if not given

    @property
    def at(self) -> Directive:
        """The block's own statement, or the gate where the block is a whole file."""
        return self.scope.directive or self.pass_directive

    def where(self, value: Value) -> str:
        """Where a setting comes from, in short: "line 12" within the block's own file."""
        if value.at is not None and value.at.file == self.at.file:
            return f"line {value.at.line}"
        return value.source

    def say(self, value: Value) -> str:
        """A setting with its source, for the middle of a sentence."""
        return f"{value.text} ({self.where(value)})"

    def value(self, name: str, default: str) -> Value:
        """What is in force here."""
        return self.scope.value(name, default, whose=NAMES[self.server])

    @property
    def insert_scope(self) -> Scope:
        """The scope in which a line for this block may stand."""
        return self.place or self.scope

    def owns(self, directive: Directive | None) -> bool:
        """Whether this line stands in this very block, so that another one would be a second."""
        if directive is None:
            return False
        return any(
            directive is own for scope in (self.scope, self.insert_scope) for own in scope.own(directive.name)
        )

    def edit(self, old: Directive | None, *lines: str) -> tuple[Edit, ...]:
        """The lines in this block: in the place of `old` where that stands here, else as new ones."""
        if old is not None and old.block is None and self.owns(old):
            return (edit(Action.REPLACE, old, *lines),)
        return (edit(Action.BEFORE, self.insert_before or self.pass_directive, *lines),)

    def finding(
        self,
        culprit: Culprit,
        level: Level,
        message: str,
        *,
        value: Value | None = None,
        at: Directive | None = None,
        fix: Fix | None = None,
        edits: tuple[Edit, ...] = (),
        override: str = "",
    ) -> Finding:
        """A Finding in this block.

        Args:
            value: the guilty setting; without a line of its own the Finding stands at the block.
            at: the guilty line, where it is not the value's.
            fix: the culprit's first one if not given.
        """
        line = at or (value.at if value else None) or self.at
        if value is not None and value.at is None and self.unread_includes and level is Level.ERROR:
            # A default that an unread file may have changed is no certainty.
            names = ", ".join(sorted({" ".join(directive.args)[:60] for directive in self.unread_includes}))
            level = Level.WARNING
            message += f"; unless {names}, which could not be read, sets {value.name}"
        return Finding(
            culprit=culprit,
            level=level,
            server=self.server,
            file=line.file,
            line=line.line,
            block=self.name,
            block_file=self.at.file,
            block_line=self.at.line,
            value=value.text if value else "",
            source=value.source if value else "",
            message=ellipsize(message, _SAID),  # a value may be as long as its file
            fix=fix or culprit.fixes[0],
            edits=edits,
            override=override,
        )


def edit(action: Action, directive: Directive, *lines: str) -> Edit:
    """An Edit around this statement."""
    return Edit(action, directive.file, directive.line, directive.end_line, directive.word, lines)


def ellipsize(text: str, most: int = 80) -> str:
    """Text of a file on one line, cut: for the middle of a sentence."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[: most - 3]}..."


Loader = Callable[[Directive], Sequence[Parsed] | None]


class IncludeResolver:
    """Puts included files in their place.

    The caller's loader says what an include brings: the parsed files in order (none for a pattern that
    matches nothing), or None for a file that should be there and is not; such an include stays in the
    tree as it was, so that a Block knows what it has not seen.
    """

    def __init__(self, names: Iterable[str], load: Loader, *, closed: Iterable[str] = ()) -> None:
        """Args:
        names: the statements that include.
        load: what they bring.
        closed: blocks to leave as they are: nginx's `geo` may include millions of lines, none of a Block.
        """
        self._names = frozenset(names)
        self._load = load
        self._closed = frozenset(closed)
        self._includes = 0
        self._count = 0
        self._full = False
        self._open: list[Parsed] = []  # files being put in place right now, outermost first
        self.problems: list[ReadProblem] = []

    def resolve(self, directives: Sequence[Directive], depth: int = 0) -> tuple[Directive, ...]:
        """The same statements with every include replaced by what it brings."""
        done: list[Directive] = []
        for directive in directives:
            if self._full:
                break
            self._count += 1
            if self._count > MAX_DIRECTIVES:
                self._stop(directive, f"more than {MAX_DIRECTIVES} statements with its includes")
            elif directive.name in self._names and directive.block is None:
                done += self._included(directive, depth)
            elif directive.block is not None and directive.name not in self._closed:
                done.append(self._inside(directive, depth))
            else:
                done.append(directive)
        return tuple(done)

    def _inside(self, directive: Directive, depth: int) -> Directive:
        assert directive.block is not None
        if depth >= MAX_DEPTH:
            self.problems.append(
                ReadProblem(directive.file, directive.line, f"blocks more than {MAX_DEPTH} deep are not read")
            )
            return directive.with_block(())
        return directive.with_block(self.resolve(directive.block, depth + 1))

    def _included(self, directive: Directive, depth: int) -> Sequence[Directive]:
        if depth >= MAX_DEPTH:
            self.problems.append(
                ReadProblem(
                    directive.file, directive.line, f"includes more than {MAX_DEPTH} deep are not read"
                )
            )
            return ()
        files = self._load(directive)
        if files is None:
            return (directive,)
        found: list[Directive] = []
        for parsed in files:
            self._includes += 1
            if self._includes > MAX_INCLUDES:
                self._stop(directive, f"more than {MAX_INCLUDES} files included")
                break
            if any(parsed is other for other in self._open):
                self.problems.append(ReadProblem(directive.file, directive.line, "includes itself in a loop"))
                continue
            self._open.append(parsed)
            found += self.resolve(parsed.directives, depth + 1)
            self._open.pop()
        return found

    def _stop(self, directive: Directive, reason: str) -> None:
        self._full = True
        self.problems.append(ReadProblem(directive.file, directive.line, f"{reason}: the rest was not read"))
