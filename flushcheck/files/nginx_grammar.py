"""Does nginx accept these lines? crossplane's table of directives decides: names, contexts, arguments.

nginx does not start with a line that it refuses, so nothing that the rest of the file says is in force. Of a
text without http { } the outermost context is not known, and only what all contexts have in common is
checked. A directive of a module that nginx does not bring is no error by itself: the module may be loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache

from crossplane.analyzer import CONTEXTS, DIRECTIVES, analyze, enter_block_ctx
from crossplane.errors import NgxParserDirectiveContextError, NgxParserDirectiveError

from flushcheck.configs.nginx.modules import OWN_DIRECTIVES, module_of
from flushcheck.configs.templates import is_marked
from flushcheck.configs.tree import Config, Directive, ReadProblem

MAX_REFUSED = 20  # lines of one configuration that are reported

# Blocks whose lines are not directives.
_DATA_BLOCKS = frozenset({"map", "geo", "types", "split_clients", "charset_map", "match"})

_NEAR = 0.8  # similarity of a name that is a slip of the pen: proxy_bufering 0.97, proxy_buffer 0.89
_MAX_NAME = 60  # the longest directive of nginx has 34 characters

Context = tuple[str, ...]


def refused_lines(config: Config) -> tuple[ReadProblem, ...]:
    """The lines that nginx refuses, or accepts only with a module that is not known here."""
    problems: list[ReadProblem] = []
    for directive, context in _directives(config.directives, _outermost(config.directives)):
        reason = _reason(directive, context)
        if reason:
            problem = ReadProblem(directive.file, directive.line, reason, refused=True)
            if problem not in problems:
                problems.append(problem)
        if len(problems) >= MAX_REFUSED:
            break
    return tuple(problems)


def _outermost(directives: Sequence[Directive]) -> Context | None:
    """The context of the outermost lines; None if the text does not show it."""
    names = {directive.name for directive in directives if directive.block is not None}
    if names & {"http", "events", "stream", "mail"}:
        return ()
    if any(directive.name == "server" and _has_location(directive) for directive in directives):
        return ("http",)  # a server without a location may belong to stream { }
    return ("http", "server") if "location" in names else None


def _has_location(server: Directive) -> bool:
    return any(line.name == "location" for line in server.block or ())


def _directives(
    directives: Sequence[Directive], context: Context | None
) -> Iterator[tuple[Directive, Context | None]]:
    """Every directive with its context, except data and the code of other languages."""
    pending = [(iter(directives), context)]
    while pending:
        lines, around = pending[-1]
        directive = next(lines, None)
        if directive is None:
            pending.pop()
            continue
        yield directive, around
        if (
            directive.block is not None
            and directive.name not in _DATA_BLOCKS
            and not module_of(directive.name)
        ):
            inner = None if around is None else enter_block_ctx({"directive": directive.name}, around)
            pending.append((iter(directive.block), inner))


def _reason(directive: Directive, context: Context | None) -> str:
    """Why nginx refuses this line; "" if it does not, as far as is known."""
    name = directive.name
    if is_marked(directive.whole):
        return ""
    if name not in DIRECTIVES:
        return "" if name in OWN_DIRECTIVES or module_of(name) else _unknown_name(name)
    if context is not None and context not in CONTEXTS:
        return ""
    statement = {"directive": name, "args": list(directive.args), "line": directive.line}
    term = ";" if directive.block is None else "{"
    try:
        analyze(
            directive.file, statement, term, ctx=context or (), check_ctx=context is not None, check_args=True
        )
    except NgxParserDirectiveContextError:
        return _not_here(name, context or ())
    except NgxParserDirectiveError as error:
        return f"nginx refuses this file: {error.strerror}"
    return ""


def _not_here(name: str, context: Context) -> str:
    """Why nginx refuses a directive that it has, in this context."""
    contexts = [around for around, bit in CONTEXTS.items() if any(mask & bit for mask in DIRECTIVES[name])]
    same = [around for around in contexts if around[:1] == context[:1]]
    if context and not same and (near := get_close_matches(name, _names(context), 1, _NEAR)):
        return f"nginx refuses this file: no directive {name!r} in {context[0]}; did you mean {near[0]}?"
    names = dict.fromkeys(around[-1] if around else "the main context" for around in same or contexts)
    where = context[-1] if context else "the main context"
    return f"nginx refuses this file: {name} is not allowed in {where}; expected in {' or '.join(names)}"


@lru_cache(maxsize=256)  # a file may hold one wrong name ten thousand times
def _unknown_name(name: str) -> str:
    bare = re.sub(r"[^a-z0-9_]", "", name[:_MAX_NAME].lower().replace("-", "_"))
    near = [bare] if bare in DIRECTIVES else get_close_matches(bare, _names(("http",)), 1, _NEAR)
    shown = name[:_MAX_NAME]
    if near:
        return f"nginx refuses this file: unknown directive {shown!r}; did you mean {near[0]}?"
    return (
        f"{shown!r} is no directive of nginx: nginx refuses this file, unless a module has it that is not "
        "known here"
    )


@lru_cache(maxsize=8)
def _names(context: Context) -> list[str]:
    """The directives that may stand somewhere inside of this outermost block."""
    bits = [bit for around, bit in CONTEXTS.items() if around[:1] == context[:1]]
    return [
        *(name for name, masks in DIRECTIVES.items() if any(m & b for m in masks for b in bits)),
        *OWN_DIRECTIVES,
    ]
