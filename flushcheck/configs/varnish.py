"""Varnish: the lines of a VCL program that concern responses from the backend. Source: vcl(7), seen on 7.1.1.

Nothing of the program is evaluated: a line inside an `if` counts as conditional.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from flushcheck.configs.braces import Token, parse_tokens
from flushcheck.configs.findings import Server
from flushcheck.configs.templates import is_marked
from flushcheck.configs.tree import Block, Config, Directive, Format, Parsed, Scope, ellipsize

INCLUDES = ("include",)
_MAX_UNREAD = 5  # unread includes named in a message

_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<comment>(?:\#|//)[^\n]*|/\*.*?(?:\*/|$))|(?P<inline>C\{.*?(?:\}C|$))|"
    r'\{"(?P<long>.*?)(?:"\}|$)|"(?P<string>[^"\n]*)"?|(?P<mark>[;{}])|(?P<word>[^\s;{}"\#]+)',
    re.DOTALL,
)


def parse(text: str, file: str) -> Parsed:
    """Build the tree of one file, includes left as they are."""
    return parse_tokens(_tokens(text), file)


def _tokens(text: str) -> Iterator[Token]:
    line = 1
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind in ("long", "string"):
            yield token[kind], line, True
        elif kind in ("mark", "word"):
            yield token[0], line, False
        line += token[0].count("\n")


def blocks(config: Config) -> Iterator[Block]:
    """One Block for the whole file: only the running program decides which request goes to which backend."""
    top = Scope(None, config.directives)
    subs = [line for line in top.own("sub") if "vcl_backend_response" in line.args]
    first = next(iter((*subs, *top.own("backend"))), None)
    if first is not None:
        scope = Scope(first, (), top)
        yield Block(
            server=config.server,
            scope=scope,
            pass_directive=first,
            via="http",
            name=" ".join((first.name, *first.args[:1])),
            version=config.version,
            insert_scope=scope,
            unread_includes=tuple(islice(_includes(top.children), _MAX_UNREAD)),
        )


def _includes(lines: Iterable[Directive]) -> Iterator[Directive]:
    """The include statements that are left, because their files could not be read."""
    for line in lines:
        if line.name in INCLUDES:
            yield line
        elif line.block is not None:
            yield from _includes(line.block)


def _top_level(block: Block) -> Sequence[Directive]:
    *_, top = block.scope.chain()
    return top.children


# What decides how a response of the backend is processed.
_SETTINGS = ("beresp.do_", "beresp.filters")
# Varnish's own filters: `esi` is do_esi's, `gzip` do_gzip's; gunzip and testgunzip pass each write on.
_FILTERS = frozenset({"esi", "esi_gzip", "gunzip", "gzip", "testgunzip"})


def filters(line: Directive) -> tuple[str, ...]:
    """The names in a `set beresp.filters` line; () for another line."""
    return tuple(line.args[-1].split()) if line.args[0] == "beresp.filters" else ()


def settings(block: Block) -> Iterator[tuple[Directive, bool]]:
    """Every line that sets beresp.do_... or beresp.filters, and whether it is under a condition."""
    for line in _top_level(block):
        if line.block is not None:
            yield from _assignments(line.block, conditional=False)


def _assignments(lines: Iterable[Directive], *, conditional: bool) -> Iterator[tuple[Directive, bool]]:
    for line in lines:
        if line.name == "set" and line.args and line.args[0].startswith(_SETTINGS):
            yield line, conditional
        elif line.block is not None:
            yield from _assignments(line.block, conditional=True)


def returns(block: Block, action: str) -> bool:
    """Whether any line ends with this action, for example `return (pipe)`."""
    pending = [line for line in _top_level(block) if line.name == "sub"]
    while pending:
        line = pending.pop()
        if line.name == "return" and "".join(line.args).strip("()") == action:
            return True
        pending += line.block or ()
    return False


def ttl(block: Block) -> Directive | None:
    """The line that sets how long every response is cached; None if there is none."""
    for line in _top_level(block):
        if line.name == "sub" and "vcl_backend_response" in line.args:
            for own in line.block or ():
                if own.name == "set" and own.args[:1] == ("beresp.ttl",) and not own.args[-1].startswith("0"):
                    return own
    return None


def doubts(block: Block) -> Iterator[str]:
    """Why it is not known whether responses are streamed: a filter of a module, or a template."""
    for line, _ in settings(block):
        if is_marked(line.text):
            yield f"a template fills in {line.text} (line {line.line})"
            continue
        for name in filters(line):
            if name not in _FILTERS:
                short = ellipsize(name, 40)
                yield f"{line.text} (line {line.line}): what the filter {short} does is not known"


def pass_reason(_block: Block) -> str:
    """Why a block without Findings lets a stream through."""
    return "responses are streamed, neither compressed nor searched for ESI"


FORMAT = Format(
    server=Server.VARNISH,
    blocks=blocks,
    pass_reason=pass_reason,
    doubts=doubts,
    file_names=(r"\.vcl$",),
    line_starts=(r"vcl\s+4\.\d\s*;", r"sub\s+vcl_\w+", r"set\s+(be)?resp\.", r"backend\s+\w+\s*\{"),
)
