"""Varnish: VCL, read for what it says about responses from the backend. Source: vcl(7), seen on 7.1.1.

VCL is a program. A line under an `if` holds under a condition: that is all that is understood of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from flushcheck.configs.braces import Token, build
from flushcheck.configs.tree import MAX_DEPTH, Block, Config, Directive, Parsed, Scope

INCLUDES = ("include",)

_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<comment>(?:\#|//)[^\n]*|/\*.*?(?:\*/|$))|(?P<inline>C\{.*?(?:\}C|$))|"
    r'\{"(?P<long>.*?)(?:"\}|$)|"(?P<string>[^"\n]*)"?|(?P<mark>[;{}])|(?P<word>[^\s;{}"\#]+)',
    re.DOTALL,
)


def parse(text: str, file: str) -> Parsed:
    """Build the tree of one file, includes left as they are."""
    return build(_tokens(text), file)


def _tokens(text: str) -> Iterator[Token]:
    line = 1
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind in ("long", "string"):
            yield token[kind], line, True
        elif kind in ("mark", "word"):
            yield token[0], line, False
        line += token[0].count("\n")


def blocks(config: Config) -> tuple[Block, ...]:
    """The whole file is one Block: what leads to which backend is decided by the program."""
    top = Scope(None, config.directives)
    backends = top.own("backend")
    subs = [line for line in top.own("sub") if "vcl_backend_response" in line.args]
    gate = next(iter((*subs, *backends)), None)
    if gate is None:
        return ()
    name = " ".join((gate.name, *gate.args[:1]))
    scope = Scope(gate, (), top)
    return (Block(config.server, scope, gate, "http", name, config.version),)


def settings(block: Block) -> Iterator[tuple[Directive, bool]]:
    """Every `set beresp.do_...` line, with whether it stands under a condition."""
    top = block.scope.parent
    for line in top.children if top else ():
        if line.name == "sub" and line.block is not None:
            yield from _sets(line.block, False, 0)


def _sets(lines: Iterable[Directive], under: bool, depth: int) -> Iterator[tuple[Directive, bool]]:
    for line in lines:
        if line.name == "set" and line.args and line.args[0].startswith("beresp.do_"):
            yield line, under
        elif line.block is not None and depth < MAX_DEPTH:
            yield from _sets(line.block, True, depth + 1)


def returns(block: Block, action: str) -> bool:
    """Whether any line ends with this action, for example `return (pipe)`."""
    top = block.scope.parent
    todo = [line for line in (top.children if top else ()) if line.name == "sub"]
    while todo:
        line = todo.pop()
        if line.name == "return" and "".join(line.args).strip("()") == action:
            return True
        todo += line.block or ()
    return False


def ttl(block: Block) -> Directive | None:
    """The line that keeps responses for a time of its own choice, for every address."""
    top = block.scope.parent
    for line in top.children if top else ():
        if line.name == "sub" and "vcl_backend_response" in line.args:
            for own in line.block or ():
                if own.name == "set" and own.args[:1] == ("beresp.ttl",) and not own.args[-1].startswith("0"):
                    return own
    return None


def pass_reason(block: Block) -> str:
    """Why a block without Findings lets a stream through."""
    return "responses are streamed, neither compressed nor searched for ESI"
