"""Which value is in force: a block, the blocks around it, and how they inherit.

Every linter looks up a dozen names in every Block, and a megabyte may hold tens of thousands of Blocks: so
a Scope answers by name in constant time, and keeps what was computed for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Any, TypeVar

from flushcheck.configs.findings import Server
from flushcheck.configs.tree.directive import Directive, shown
from flushcheck.configs.tree.limits import MAX_LINES

_MAX_UNREAD = 5  # unread includes named in a message

T = TypeVar("T")


class Scope:
    """A block with what it inherits."""

    __slots__ = ("_by_name", "_cache", "children", "defaults", "directive", "parent")

    def __init__(
        self,
        directive: Directive | None,
        children: Sequence[Directive],
        parent: Scope | None = None,
        defaults: Mapping[str, Value] = MappingProxyType({}),
    ) -> None:
        """Args:
        directive: the block's own statement; None for the top of the configuration.
        children: the statements in it, includes in their place.
        parent: the block around it, from which it inherits.
        defaults: what a program that writes the configuration puts here where no line of a person does.
        """
        self.defaults = defaults
        self.directive = directive
        self.children = children
        self.parent = parent
        self._by_name: dict[str, list[Directive]] | None = None
        self._cache: dict[str, Any] = {}

    def own(self, name: str) -> Sequence[Directive]:
        """The statements of this name in this block alone.

        Args:
            name: as `Directive.name` has it: in lower case where case does not count.
        """
        return self._named().get(name, ())

    def has_any(self, names: Iterable[str]) -> bool:
        """Whether this block alone has a statement of one of these names."""
        return not self._named().keys().isdisjoint(names)

    def _named(self) -> Mapping[str, list[Directive]]:
        if self._by_name is None:
            self._by_name = {}
            for child in self.children:
                self._by_name.setdefault(child.name, []).append(child)
        return self._by_name

    def chain(self) -> Iterator[Scope]:
        """This block, then the one around it, up to the top."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    @property
    def outermost(self) -> Scope:
        """The top of the configuration."""
        *_, top = self.chain()
        return top

    def level(self, name: str) -> Scope | None:
        """The innermost level that has a statement of this name; None if none has."""
        return next((scope for scope in self.chain() if scope.own(name)), None)

    def nearest(self, name: str) -> Sequence[Directive]:
        """The statements of this name at the innermost level that has any: how nginx inherits lists.

        The first MAX_LINES of them, because every Block asks again.
        """
        level = self.level(name)
        return level.own(name)[:MAX_LINES] if level else ()

    def every(self, name: str) -> Iterator[Directive]:
        """The statements of this name at all levels, innermost first: how Apache inherits lists.

        The first MAX_LINES of them, because every Block asks again.
        """
        lines = (directive for scope in self.chain() for directive in scope.own(name))
        return islice(lines, MAX_LINES)

    def cached(self, key: str, make: Callable[[], T]) -> T:
        """What `make` returns for this level; called once for all Blocks below it."""
        if key not in self._cache:
            self._cache[key] = make()
        value: T = self._cache[key]
        return value

    def unread_includes(self, names: Iterable[str]) -> tuple[Directive, ...]:
        """Include statements left in this block and around it, because their files could not be read.

        Args:
            names: of the statements that include.
        """
        lines = (line for scope in self.chain() for name in names for line in scope.own(name))
        return tuple(islice(lines, _MAX_UNREAD))

    def value(self, name: str, default: str, *, server: Server, source: str = "") -> Value:
        """The value in force: the last line of the innermost level that has one, or the default.

        Args:
            name: as the server's manual writes it; it is looked up in lower case.
            default: the server's own, without any line.
            server: for the text that says where a default comes from.
            source: that text, if it says more.
        """
        key = name.lower()
        for level in self.chain():
            if own := level.own(key):
                return Value(name, own[-1].args, own[-1])
            if key in level.defaults:
                return level.defaults[key]
        return Value(name, (default,), None, source or f"{server.display_name}'s default")


@dataclass(frozen=True, slots=True)
class Value:
    """A setting in force, and where it comes from."""

    name: str
    args: tuple[str, ...]
    at: Directive | None = None  # its line; None: there is none
    default: str = ""  # where it comes from if there is no line

    @property
    def first(self) -> str:
        """The first argument, "" if there is none."""
        return self.args[0] if self.args else ""

    @property
    def text(self) -> str:
        """For example "proxy_buffering on"; shortened where it is long."""
        return shown(self.name, self.args)

    @property
    def source(self) -> str:
        """For example "nginx.conf:12" or "nginx's default"."""
        return self.at.place if self.at else self.default
