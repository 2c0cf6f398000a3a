"""Caddyfile: sites, directives, snippets. Source: Caddy's "Caddyfile Concepts", seen on 2.6.2.

Tokens are separated by space; a brace opens a block only as a token of its own at a line's end; `#` begins
a comment only at a token's beginning. A single site may go without braces. `import` puts a snippet in its
place; one of a file was put there before (`flushcheck.files`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

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

INCLUDES = ("import",)

PASS_DIRECTIVES = {"reverse_proxy": "http", "php_fastcgi": "fastcgi"}
_ROUTES = frozenset({"handle", "handle_path", "route", "handle_errors", "handle_response"})
_MAX_IMPORTS = 1_000
_MAX_WRITTEN = 20_000  # statements that imports bring

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+|\\\r?\n)|(?P<line>\n)|(?P<comment>\#[^\n]*)|"""
    r""""(?P<double>[^"\\]*+(?:\\.[^"\\]*+)*+)"?|"""
    r"""`(?P<back>[^`]*)`?|(?P<word>\S+)""",
    re.DOTALL,
)


def parse(text: str, file: str) -> Parsed:
    """Build the tree of one file, imports left as they are."""
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

    def read(self) -> Parsed:
        line = 1
        words: list[str] = []
        start = 1
        for token in _TOKEN.finditer(self._text):
            kind, text = token.lastgroup, token[0]
            if kind == "line":
                # An address list goes on after a comma.
                if not (words and words[-1].endswith(",") and not self._open):
                    self._statement(words, start, line)
                    words = []
            elif kind in ("double", "back", "word"):
                if not words:
                    start = line
                if len(words) <= MAX_ARGS or text in "{}":
                    words.append(token[kind])
            line += text.count("\n")
            if self._count > MAX_DIRECTIVES:
                self._trouble(line, f"more than {MAX_DIRECTIVES} statements: the rest was not read")
                words = []
                break
        self._statement(words, start, line)
        while self._open:
            self._trouble(self._open[-1][0].line, "a block is not closed")
            self._close()
        return Parsed(self._sites(), tuple(self._troubles))

    def _statement(self, words: list[str], start: int, end: int) -> None:
        # `}` may be followed by nothing; `{` at the end opens.
        while words and words[0] == "}":
            self._leave(start)
            words = words[1:]
        if not words:
            return
        opens = words[-1] == "{"
        words = words[:-1] if opens else words
        if self._skipped:
            self._skipped += opens
            return
        self._count += 1
        name = words[0] if words else ""
        statement = Directive(name.lower(), tuple(words[1:]), self._file, start, end, None, name)
        if not opens:
            self._here.append(statement)
        elif len(self._open) >= MAX_DEPTH:
            self._trouble(start, f"blocks more than {MAX_DEPTH} deep are not read")
            self._skipped = 1
        else:
            self._open.append((statement, self._here))
            self._here = []

    def _leave(self, line: int) -> None:
        if self._skipped:
            self._skipped -= 1
        elif self._open:
            self._close()
        else:
            self._trouble(line, "} closes nothing that is open")

    def _close(self) -> None:
        statement, outside = self._open.pop()
        inside, self._here = tuple(self._here), outside
        self._here.append(statement.with_block(inside))

    def _sites(self) -> tuple[Directive, ...]:
        """The top level; where the file is one site without braces, as if it had them."""
        top = self._here
        loose = [one for one in top if one.block is None and one.name != "import"]
        if not loose:
            return tuple(top)
        first = next(index for index, one in enumerate(top) if one is loose[0])
        site = top[first].with_block(tuple(top[first + 1 :]))
        return (*top[:first], site)

    def _trouble(self, line: int, reason: str) -> None:
        if len(self._troubles) < 20:
            self._troubles.append(ReadProblem(self._file, line, reason))


@dataclass(slots=True)
class _Snippets:
    by_name: dict[str, Directive] = field(default_factory=dict)
    imports: int = 0
    written: int = 0

    def room(self) -> bool:
        """Count one statement more; whether there is room for it."""
        self.written += 1
        return self.written <= _MAX_WRITTEN


def blocks(config: Config) -> tuple[Block, ...]:
    """Every directive that passes to an app; at most MAX_BLOCKS."""
    snippets = _Snippets()
    for one in config.directives:
        if one.name.startswith("(") and one.name.endswith(")") and one.block is not None:
            snippets.by_name[one.name[1:-1]] = one
    top = Scope(None, config.directives)
    found: list[Block] = []
    for site in config.directives:
        # Snippets, and the global options, which have no name.
        if site.block is None or not site.name or site.name.startswith("("):
            continue
        scope = Scope(site, _imported(site.block, snippets, 0), top)
        for block in _walk(scope, config, snippets, 0):
            found.append(block)
            if len(found) >= MAX_BLOCKS:
                return tuple(found)
    return tuple(found)


def _imported(children: Sequence[Directive], snippets: _Snippets, depth: int) -> tuple[Directive, ...]:
    if not any(child.name == "import" for child in children):
        return tuple(children)
    done: list[Directive] = []
    for child in children:
        name = child.args[0].lower() if child.name == "import" and child.args else ""
        if name not in snippets.by_name or depth > MAX_DEPTH or snippets.imports >= _MAX_IMPORTS:
            done.append(child)
            continue
        snippets.imports += 1
        inside = snippets.by_name[name].block or ()
        filled = [_filled(one, child.args[1:], snippets, 0) for one in inside if snippets.room()]
        done += _imported(filled, snippets, depth + 1)
    return tuple(done)


def _filled(directive: Directive, given: Sequence[str], snippets: _Snippets, depth: int) -> Directive:
    """A snippet's statement with the importer's arguments: {args[0]}, or {args.0} in older files."""

    def fill(text: str) -> str:
        return re.sub(
            r"\{args(?:\.(\d{1,3})|\[(\d{1,3})\])\}",
            lambda match: given[int(match[1] or match[2])] if int(match[1] or match[2]) < len(given) else "",
            text,
        )

    block = directive.block
    if block is not None and depth < MAX_DEPTH:
        block = tuple(_filled(child, given, snippets, depth + 1) for child in block if snippets.room())
    args = tuple(fill(arg) for arg in directive.args)
    return Directive(
        directive.name, args, directive.file, directive.line, directive.end_line, block, directive.written
    )


def _walk(scope: Scope, config: Config, snippets: _Snippets, depth: int) -> Iterator[Block]:
    for child in scope.children:
        if child.name in PASS_DIRECTIVES:
            own = Scope(child, child.block or (), scope)
            yield Block(
                config.server,
                own,
                child,
                PASS_DIRECTIVES[child.name],
                _name(child, scope),
                config.version,
                unread_includes=scope.unread_includes(INCLUDES),
                place=scope,
            )
        elif child.name in _ROUTES and child.block is not None and depth < MAX_DEPTH:
            inner = Scope(child, _imported(child.block, snippets, 0), scope)
            yield from _walk(inner, config, snippets, depth + 1)


def _name(gate: Directive, scope: Scope) -> str:
    outer = [" ".join((one.directive.word, *one.directive.args)) for one in scope.chain() if one.directive]
    return ellipsize(" in ".join([ellipsize(gate.text, 40), *outer]))


# What an `encode` line takes.


def encoded(line: Directive, kinds: Sequence[str]) -> list[str]:
    """Those of these content types that it compresses: its `match` block says which, else all text."""
    patterns = []
    for child in line.block or ():
        if child.name == "match":
            inside = (child, *(child.block or ()))
            headers = [one.args for one in inside if "header" in (one.name, *one.args[:1])]
            patterns += [args[-1].lower() for args in headers if "content-type" in " ".join(args).lower()]
    if not patterns:
        return [kind for kind in kinds if kind.startswith("text/")]
    return [kind for kind in kinds if any(_fits(pattern, kind) for pattern in patterns)]


def _fits(pattern: str, kind: str) -> bool:
    parts = (re.escape(part) for part in pattern.split("*", 4))
    return re.fullmatch("[^\n]*".join(parts), kind) is not None


def matcher(line: Directive) -> str:
    """Which requests a directive is for; "" for all."""
    first = line.args[0] if line.args else ""
    return first if first[:1] in ("@", "/") and first != "/*" else ""


def excludes(block: Block, matcher: str) -> bool:
    """Whether a named matcher leaves out some paths: then its author has thought of it."""
    for named in block.insert_scope.every(matcher) if matcher.startswith("@") else ():
        words = [*named.args[:1], *(child.name for child in named.block or ())]
        if "not" in words:
            return True
    return False


def minimum_length(line: Directive, default: int) -> int:
    """Bytes that the first write must have to be compressed."""
    for child in line.block or ():
        if child.name == "minimum_length" and child.args and child.args[0].isdecimal():
            return int(child.args[0][:9])
    return default


def pass_reason(block: Block) -> str:
    """Why a block without Findings lets a stream through."""
    return "nothing encodes or buffers this response"
