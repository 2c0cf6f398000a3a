"""A block that passes requests to an app: what is in force there, and where new lines for it go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flushcheck.configs.findings import Action, Edit, Finding, Level, Reader, Server
from flushcheck.configs.tree.directive import Directive, ellipsize
from flushcheck.configs.tree.listener import Listener
from flushcheck.configs.tree.scope import Scope, Value
from flushcheck.model import Culprit, Fix, Version, VersionChange

_MAX_MESSAGE = 1_000  # characters: a value may be as long as its file


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Block:
    """A block that passes requests to an app."""

    server: Server
    scope: Scope  # what is in force
    pass_directive: Directive  # the line that passes
    via: str  # how it passes: "http", "fastcgi", "uwsgi", "scgi", "fcgid", "passenger", ...
    name: str  # for people, for example "location /stream"
    version: Version = ()
    insert_scope: Scope  # where a line for this block may stand: for nginx's `if`, the location around it
    insert_before: Directive | None = None  # new lines go before this statement; None: the pass directive
    params: Mapping[str, Value] = field(default_factory=dict)  # set for the pass itself, beside its scope
    related_scopes: tuple[Scope, ...] = ()  # other blocks that take part, for example HAProxy's frontends
    inner_server: Directive | None = None  # the block of this same configuration that the pass leads to
    inner_strips_header: bool = False  # ... which removes X-Accel-Buffering from responses
    unread_includes: tuple[Directive, ...] = ()  # in its scope: their files could not be read
    is_loose: bool = False  # it passes no HTTP to an app: only lines without effect are looked for
    is_fragment: bool = False  # lines without a pass: they act where they are included, beside unknown ones
    listeners: tuple[Listener, ...] = ()  # where its server takes requests; (): the text does not show it
    called_over_tls: Directive | None = None  # the pass of another server here that leads to it over https
    doubts: tuple[str, ...] = ()  # why it is not known whether it lets a stream through, a clause each

    @property
    def at(self) -> Directive:
        """The block's own statement, or the pass directive where the block is a whole file."""
        return self.scope.directive or self.pass_directive

    def value(self, name: str, default: str, source: str = "") -> Value:
        """The value in force here.

        Args:
            source: where the default comes from, if it is more than "nginx's default".
        """
        return self.scope.value(name, default, server=self.server, source=source)

    def where(self, value: Value) -> str:
        """Where a setting comes from: "line 12" inside the block's own file, else with the file's name."""
        if value.at is not None and value.at.file == self.at.file:
            return f"line {value.at.line}"
        return value.source

    def say(self, value: Value) -> str:
        """A setting with its source, for the middle of a sentence."""
        return f"{value.text} ({self.where(value)})"

    @property
    def unread_names(self) -> str:
        """The includes that could not be read, for a sentence; "" if there are none."""
        return ", ".join(sorted({" ".join(line.args)[:60] for line in self.unread_includes}))

    def may_be_set_by_unread(self, name: str, *, is_list: bool = False) -> bool:
        """Whether an include that could not be read may change this setting: none outside of its level can.

        Args:
            is_list: several lines of one level count together; of a single setting a level has one line.
        """
        unread = {id(line) for line in self.unread_includes}
        names = {line.name for line in self.unread_includes}
        for scope in self.scope.chain():
            own = bool(scope.own(name.lower()))
            beside = any(id(line) in unread for include in names for line in scope.own(include))
            if beside and (is_list or not own):
                return True
            if own:
                return False
        return bool(unread)

    def owns(self, directive: Directive | None) -> bool:
        """Whether this line stands in this block itself, so that a new one would be a second."""
        if directive is None:
            return False
        own = (line for scope in (self.scope, self.insert_scope) for line in scope.own(directive.name))
        return any(directive is line for line in own)

    def edit(self, old: Directive | None, *lines: str) -> tuple[Edit, ...]:
        """Lines for this block: in place of `old` if that stands here, else new ones."""
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
        readers: tuple[Reader, ...] = (),
        lacks: str = "",
    ) -> Finding:
        """A Finding in this block.

        Args:
            value: the setting at fault; if it has no line, the Finding stands at the block.
            at: the line at fault, if it is not the value's.
            fix: the culprit's first one for this block's version if not given.
            readers: who meets it; (): every reader of the block.
            lacks: what the block has no line for and an include that could not be read may add, for example
                "these lines"; "" if only the value counts.
        """
        line = at or (value.at if value else None) or self.at
        explicit = at is not None or (value is not None and value.at is not None)
        unless = f"adds {lacks}" if lacks else ""
        if value is not None and self.may_be_set_by_unread(value.name):
            unless = unless or f"sets {value.name}"
        if unless and self.unread_includes:
            # An unread file may change it: the Finding is not certain.
            level = Level.WARNING if level is Level.ERROR else level
            message += f"; unless {self.unread_names}, which could not be read, {unless}"
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
            message=ellipsize(message, _MAX_MESSAGE),
            fix=self._for_gateway(fix or self._fix(culprit)),
            edits=edits,
            override=override,
            explicit=explicit,
            readers=readers,
        )

    def _fix(self, culprit: Culprit) -> Fix:
        """The first fix for this block's server and its version."""
        own = [fix for fix in culprit.fixes if fix.server in (None, self.server)]
        offered = (fix for fix in own if fix.is_offered(self._version_of))
        return next(offered, culprit.fixes[0])

    def _for_gateway(self, fix: Fix) -> Fix:
        """The fix with the directive for the gateway by which this block of nginx calls the app."""
        return fix.for_gateway("proxy" if self.via == "http" else self.via) if self.via else fix

    def _version_of(self, change: VersionChange) -> Version:
        """The version of the program that has this change; () if it is another program."""
        return self.version if change.program == self.server.display_name else ()


def edit(action: Action, directive: Directive, *lines: str) -> Edit:
    """An Edit at this statement."""
    return Edit(action, directive.file, directive.line, directive.end_line, directive.word, lines)
