"""lighttpd: keys and values, inside conditions that nest. Source: lighttpd's "Configuration" wiki, 1.4.69.

A value may go over several lines as long as a parenthesis is open. A condition becomes a Directive named
"if"; what holds inside it is its own line, else that of the block around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flushcheck.configs.tree import (
    MAX_ARGS,
    MAX_BLOCKS,
    MAX_DEPTH,
    MAX_DIRECTIVES,
    Block,
    Config,
    Directive,
    Parsed,
    ReadProblem,
    Scope,
    ellipsize,
)

INCLUDES = ("include",)

# What passes to an app, and how.
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
# What Debian's file runs: they print a socket to listen on, and types.
_HARMLESS = ("/usr/share/lighttpd/use-ipv6.pl", "/usr/share/lighttpd/create-mime.conf.pl")

_SETS = ("=", "+=", ":=")


def parse(text: str, file: str) -> Parsed:
    """Build the tree of one file, includes left as they are."""
    return _Reader(text, file).read()


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._troubles: list[ReadProblem] = []
        self._open: list[tuple[Directive, list[Directive]]] = []
        self._here: list[Directive] = []
        self._skipped = 0
        self._count = 0
        self._words: list[str] = []
        self._line = 1

    def read(self) -> Parsed:
        line = 1
        parens = 0
        for token in _TOKEN.finditer(self._text):
            kind, text = token.lastgroup, token[0]
            if kind == "line" and parens <= 0 and not (self._words and self._words[-1] in ("+", ",", "=")):
                self._statement(line)
            elif kind in ("double", "single"):
                self._word(token[kind], line)
            elif kind == "word" or (kind == "mark" and text not in "{}"):
                parens += (text == "(") - (text == ")")
                self._word(text, line)
            elif text == "{":
                self._enter(line)
                parens = 0
            elif text == "}":
                self._statement(line)
                self._leave(line)
                parens = 0
            line += text.count("\n")
            if self._count > MAX_DIRECTIVES:
                self._trouble(line, f"more than {MAX_DIRECTIVES} statements: the rest was not read")
                break
        self._statement(line)
        while self._open:
            self._trouble(self._open[-1][0].line, "a block is not closed")
            self._close()
        return Parsed(tuple(self._here), tuple(self._troubles))

    def _word(self, word: str, line: int) -> None:
        if not self._words:
            self._line = line
        if len(self._words) <= MAX_ARGS:
            self._words.append(word)

    def _statement(self, line: int) -> None:
        words, self._words = self._words, []
        if not words or self._skipped:
            return
        self._count += 1
        if len(words) > 2 and words[1] in _SETS:
            name, args = words[0], words[2:]
        elif words[0] == "include":
            name, args = words[0], words[1:]
        elif words[0] == "include_shell":
            if any(one in " ".join(words[1:]) for one in _HARMLESS):
                return
            reason = f"what {ellipsize(' '.join(words[1:]), 60)} would print is not read: no command is run"
            self._troubles.append(ReadProblem(self._file, self._line, reason, incomplete=False))
            return
        else:
            self._trouble(self._line, f"not understood: {ellipsize(' '.join(words), 60)}")
            return
        self._here.append(Directive(name.lower(), tuple(args), self._file, self._line, line, None, name))

    def _enter(self, line: int) -> None:
        words, self._words = self._words, []
        if self._skipped or len(self._open) >= MAX_DEPTH:
            if not self._skipped:
                self._trouble(line, f"blocks more than {MAX_DEPTH} deep are not read")
            self._skipped += 1
            return
        self._count += 1
        start = self._line if words else line
        self._open.append((Directive("if", tuple(words), self._file, start, line, (), "$"), self._here))
        self._here = []

    def _leave(self, line: int) -> None:
        if self._skipped:
            self._skipped -= 1
        elif not self._open:
            self._trouble(line, "} closes nothing that is open")
        else:
            self._close()

    def _close(self) -> None:
        condition, outside = self._open.pop()
        inside, self._here = tuple(self._here), outside
        self._here.append(condition.with_block(inside))

    def _trouble(self, line: int, reason: str) -> None:
        if len(self._troubles) < 20:
            self._troubles.append(ReadProblem(self._file, line, reason))


def blocks(config: Config) -> tuple[Block, ...]:
    """Every block that sets a backend; at most MAX_BLOCKS."""
    top = Scope(None, config.directives)
    return tuple(found for found, _ in zip(_walk(top, config, 0), range(MAX_BLOCKS), strict=False))


def _walk(scope: Scope, config: Config, depth: int) -> Iterator[Block]:
    for name, via in PASS_DIRECTIVES.items():
        gate = next((line for line in reversed(scope.own(name)) if set(line.args) - {"(", ")"}), None)
        if gate is not None:
            yield Block(
                config.server,
                scope,
                gate,
                via,
                _name(scope, gate),
                config.version,
                unread_includes=scope.unread_includes(INCLUDES),
            )
    for child in scope.children:
        if child.block is not None and depth < MAX_DEPTH:
            yield from _walk(Scope(child, child.block, scope), config, depth + 1)


def _name(scope: Scope, gate: Directive) -> str:
    if scope.directive is None:
        return gate.name
    return ellipsize(f"{gate.name} in {''.join(scope.directive.args)}")


def upgrades(block: Block) -> bool:
    """Whether mod_proxy passes a WebSocket on: "upgrade" => "enable" in proxy.header (since 1.4.46)."""
    level = block.scope.level("proxy.header")
    return level is not None and bool(level.cached("upgrades", lambda: _enables(level)))


def _enables(level: Scope) -> bool:
    for line in level.own("proxy.header"):
        for key, arrow, value in zip(line.args, line.args[1:], line.args[2:], strict=False):
            if (key, arrow, value) == ("upgrade", "=>", "enable"):
                return True
    return False


def pass_reason(block: Block) -> str:
    """Why a block without Findings lets a stream through."""
    return block.say(block.value("server.stream-response-body", "0"))
