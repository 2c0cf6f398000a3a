"""lighttpd: keys and values, inside conditions that nest. Source: lighttpd's "Configuration" wiki, 1.4.69.

A value may go over several lines while a parenthesis is open. A condition becomes a Directive named "if";
it inherits from the block around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flushcheck.configs.findings import Server
from flushcheck.configs.tree import (
    MAX_ARGS,
    Block,
    Config,
    Directive,
    Format,
    Parsed,
    Scope,
    TreeBuilder,
    ellipsize,
)

INCLUDES = ("include",)
STREAMING = "server.stream-response-body"

# Settings that pass to an app, and how.
PASS_DIRECTIVES = {
    "proxy.server": "http",
    "fastcgi.server": "fastcgi",
    "scgi.server": "scgi",
    "uwsgi.server": "uwsgi",
    "cgi.assign": "cgi",
}

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+|\\\n)|(?P<line>\n)|(?P<comment>\#[^\n]*)|"""
    r""""(?P<double>[^"\\]*+(?:\\.[^"\\]*+)*+)"?|"""
    r"""'(?P<single>[^']*)'?|(?P<mark>=>|\+=|:=|==|!=|=~|!~|=\^|=\$|[={}(),+])|(?P<word>[^\s"'#={}(),+]+)""",
    re.DOTALL,
)
# Debian's file runs these scripts: they print a socket to listen on, and content types.
_HARMLESS_SCRIPTS = ("/usr/share/lighttpd/use-ipv6.pl", "/usr/share/lighttpd/create-mime.conf.pl")

_ASSIGNMENTS = ("=", "+=", ":=")


def parse(text: str, file: str) -> Parsed:
    """Build the tree of one file, includes left as they are."""
    return _Parser(text, file).parse()


class _Parser:
    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._builder = TreeBuilder(file)
        self._words: list[str] = []  # of the statement that has begun
        self._line = 1  # where it began

    def parse(self) -> Parsed:
        line = 1
        parens = 0
        for token in _TOKEN.finditer(self._text):
            kind, text = token.lastgroup, token[0]
            if kind == "line" and parens <= 0 and not (self._words and self._words[-1] in ("+", ",", "=")):
                self._statement(line)
            elif kind in ("double", "single"):
                self._word(token[kind], line)
            elif text == "{":
                words, self._words = self._words, []
                start = self._line if words else line
                self._builder.enter(Directive("if", tuple(words), self._file, start, line, written="$"))
                parens = 0
            elif text == "}":
                self._statement(line)
                if not self._builder.leave():
                    self._builder.problem(line, "} closes nothing that is open")
                parens = 0
            elif kind in ("word", "mark"):
                parens += (text == "(") - (text == ")")
                self._word(text, line)
            line += text.count("\n")
            if self._builder.is_full(line):
                break
        self._statement(line)
        return self._builder.done("a block is not closed")

    def _word(self, word: str, line: int) -> None:
        if not self._words:
            self._line = line
        if len(self._words) <= MAX_ARGS:
            self._words.append(word)

    def _statement(self, line: int) -> None:
        words, self._words = self._words, []
        if not words or self._builder.is_skipping:
            return
        if len(words) > 2 and words[1] in _ASSIGNMENTS:
            name, args = words[0], words[2:]
        elif words[0] == "include":
            name, args = words[0], words[1:]
        elif words[0] == "include_shell":
            command = " ".join(words[1:])
            if not any(script in command for script in _HARMLESS_SCRIPTS):
                reason = f"the output of {ellipsize(command, 60)} is not read: no command is run"
                self._builder.problem(self._line, reason, incomplete=False)
            return
        else:
            self._builder.problem(self._line, f"not understood: {ellipsize(' '.join(words), 60)}")
            return
        self._builder.add(Directive(name.lower(), tuple(args), self._file, self._line, line, written=name))


def blocks(config: Config) -> Iterator[Block]:
    """Every block that sets a backend."""
    yield from _walk(Scope(None, config.directives), config)


def fragments(config: Config) -> Iterator[Block]:
    """The lines of a file without a backend."""
    yield from _fragments(Scope(None, config.directives), config)


def _fragments(scope: Scope, config: Config) -> Iterator[Block]:
    """The blocks of a file without a backend that say how responses are sent, for other files' backends."""
    if own := (*scope.own(STREAMING), *scope.own("setenv.add-response-header")):
        yield Block(
            server=config.server,
            scope=scope,
            pass_directive=own[0],
            via="http",
            name="the backends of the including file" if scope.directive is None else _name(scope, own[0]),
            version=config.version,
            insert_scope=scope,
            is_fragment=True,
        )
    for child in scope.children:
        if child.block is not None:
            yield from _fragments(Scope(child, child.block, scope), config)


def frees(block: Block) -> bool:
    """Whether the fragment sets server.stream-response-body itself."""
    value = block.value(STREAMING, "")
    return value.at is not None and value.first != "0"


def _walk(scope: Scope, config: Config) -> Iterator[Block]:
    for name, via in PASS_DIRECTIVES.items():
        lines = (line for line in reversed(scope.own(name)) if set(line.args) - {"(", ")"})
        pass_directive = next(lines, None)
        if pass_directive is not None:
            yield Block(
                server=config.server,
                scope=scope,
                pass_directive=pass_directive,
                via=via,
                name=_name(scope, pass_directive),
                version=config.version,
                insert_scope=scope,
                unread_includes=scope.unread_includes(INCLUDES),
            )
    for child in scope.children:
        if child.block is not None:
            yield from _walk(Scope(child, child.block, scope), config)


def _name(scope: Scope, pass_directive: Directive) -> str:
    if scope.directive is None:
        return pass_directive.name
    return ellipsize(f"{pass_directive.name} in {''.join(scope.directive.args)}")


def upgrades(block: Block) -> bool:
    """Whether mod_proxy passes a WebSocket on: "upgrade" => "enable" in proxy.header (since 1.4.46)."""
    level = block.scope.level("proxy.header")
    return level is not None and bool(level.cached("upgrades", lambda: _enables(level)))


def _enables(level: Scope) -> bool:
    return any(
        line.args[start : start + 3] == ("upgrade", "=>", "enable")
        for line in level.own("proxy.header")
        for start in range(len(line.args))
    )


def pass_reason(block: Block) -> str:
    """Why a block without Findings lets a stream through."""
    return block.say(block.value("server.stream-response-body", "0"))


FORMAT = Format(
    server=Server.LIGHTTPD,
    blocks=blocks,
    pass_reason=pass_reason,
    decisive=lambda _block: ("server.stream-response-body", "deflate.mimetypes"),
    fragments=fragments,
    frees=frees,
    file_names=(r"(^|/)lighttpd[^/]*\.conf$|(^|/)lighttpd/.*\.conf$",),
    line_starts=(
        r"(server|proxy|fastcgi|scgi|uwsgi|cgi|ssl|url|deflate|setenv|var)\.[\w-]+\s*\+?=",
        r"(mimetype|index-file|static-file)\.[\w-]+\s*\+?=",
        r"\$(HTTP|SERVER|PHYSICAL|REQUEST_HEADER)\[",
        r"include_shell\s",
    ),
)
