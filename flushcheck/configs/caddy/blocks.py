"""Which directives of a Caddyfile pass to an app, once its snippets are written out.

`import` puts a snippet in its place; an imported file was put there before (`flushcheck.files`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice

from flushcheck.configs.tree import MAX_DEPTH, Block, Config, Directive, Scope, ellipsize

INCLUDES = ("import",)

PASS_DIRECTIVES = {"reverse_proxy": "http", "php_fastcgi": "fastcgi"}
_ROUTES = frozenset({"handle", "handle_path", "route", "handle_errors", "handle_response"})
_MAX_IMPORTS = 1_000  # of snippets
_MAX_WRITTEN = 20_000  # statements that they bring

_PLACEHOLDER = re.compile(r"\{args(?:\.(\d{1,3})|\[(\d{1,3})\])\}")


@dataclass(slots=True)
class _Snippets:
    by_name: dict[str, Directive] = field(default_factory=dict)
    imports: int = 0
    written: int = 0

    def has_room(self) -> bool:
        """Count one statement more; False if there is no room for it."""
        self.written += 1
        return self.written <= _MAX_WRITTEN


def blocks(config: Config) -> Iterator[Block]:
    """Every directive that passes to an app."""
    snippets = _Snippets()
    for directive in config.directives:
        if directive.name.startswith("(") and directive.name.endswith(")") and directive.block is not None:
            snippets.by_name[directive.name[1:-1]] = directive
    top = Scope(None, config.directives)
    for site in config.directives:
        # The global options have no name.
        if site.block is not None and site.name and not site.name.startswith("("):
            scope = Scope(site, _written_out(site.block, snippets, 0), top)
            yield from _walk(scope, config, snippets, 0)


def _written_out(children: Sequence[Directive], snippets: _Snippets, depth: int) -> tuple[Directive, ...]:
    """The same statements, with each snippet's in place of its import."""
    if not any(child.name == "import" for child in children):
        return tuple(children)
    written: list[Directive] = []
    for child in children:
        imports = child.name == "import" and len(child.args) > 0
        snippet = snippets.by_name.get(child.args[0].lower()) if imports else None
        if snippet is None or depth > MAX_DEPTH or snippets.imports >= _MAX_IMPORTS:
            written.append(child)
            continue
        snippets.imports += 1
        inside = snippet.block or ()
        filled = [_filled(line, child.args[1:], snippets) for line in inside if snippets.has_room()]
        written += _written_out(filled, snippets, depth + 1)
    return tuple(written)


def _filled(directive: Directive, given: Sequence[str], snippets: _Snippets) -> Directive:
    """A snippet's statement with the arguments of its import: {args[0]}, or {args.0} in older files."""

    def argument(match: re.Match[str]) -> str:
        number = int(match[1] or match[2])
        return given[number] if number < len(given) else ""

    block = directive.block
    if block is not None:
        block = tuple(_filled(child, given, snippets) for child in block if snippets.has_room())
    args = tuple(_PLACEHOLDER.sub(argument, arg) for arg in directive.args)
    return replace(directive, args=args, block=block)


def _walk(scope: Scope, config: Config, snippets: _Snippets, depth: int) -> Iterator[Block]:
    for child in scope.children:
        if child.name in PASS_DIRECTIVES:
            yield Block(
                server=config.server,
                scope=Scope(child, child.block or (), scope),
                pass_directive=child,
                via=PASS_DIRECTIVES[child.name],
                name=_name(child, scope),
                version=config.version,
                insert_scope=scope,
                unread_includes=scope.unread_includes(INCLUDES),
            )
        elif child.name in _ROUTES and child.block is not None and depth < MAX_DEPTH:
            inner = Scope(child, _written_out(child.block, snippets, 0), scope)
            yield from _walk(inner, config, snippets, depth + 1)


def _name(pass_directive: Directive, scope: Scope) -> str:
    """For example "reverse_proxy app:8000 in example.org"."""
    outer = [level.directive.whole for level in scope.chain() if level.directive]
    return ellipsize(" in ".join([ellipsize(pass_directive.text, 40), *outer]))


# Directives of Caddy 2.11 itself. Source: "Directives" of its manual.
_OWN_DIRECTIVES = frozenset(
    {
        *(
            "abort",
            "acme_server",
            "basic_auth",
            "basicauth",
            "bind",
            "copy_response",
            "copy_response_headers",
        ),
        *("encode", "error", "file_server", "forward_auth", "fs", "handle", "handle_errors", "handle_path"),
        *("handle_response", "header", "import", "intercept", "invoke", "log", "log_append", "log_name"),
        *("log_skip", "map", "method", "metrics", "php_fastcgi", "push", "redir", "request_body"),
        *("request_header", "respond", "reverse_proxy", "rewrite", "root", "route", "skip_log", "templates"),
        *("tls", "tracing", "try_files", "uri", "vars"),
    }
)
_MAX_DOUBTS = 3  # named of one block


def doubts(block: Block) -> Iterator[str]:
    """Why it is not known whether responses pass: templates, and directives of other modules."""
    for line in islice(block.insert_scope.every("templates"), 1):
        yield f"templates (line {line.line}) collects whole responses of text/html, text/plain, text/markdown"
    scopes = block.insert_scope.chain()
    others = (line for scope in scopes for line in scope.cached("others", partial(_others, scope)))
    for line in islice(others, _MAX_DOUBTS):
        yield f"{ellipsize(line.word, 40)} (line {line.line}) is of a module that flushcheck does not know"


def _others(scope: Scope) -> list[Directive]:
    """The first directives of a site or route that are not Caddy's own."""
    if scope.directive is None:
        return []
    others = (
        line
        for line in scope.children
        if line.name not in _OWN_DIRECTIVES and not line.name.startswith(("@", "&"))
    )
    return list(islice(others, _MAX_DOUBTS))


def pass_reason(_block: Block) -> str:
    """Why a block without Findings lets a stream through."""
    return "nothing encodes or buffers this response"
