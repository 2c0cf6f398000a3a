"""HAProxy: sections of lines; a proxy inherits from a `defaults` section. Source: HAProxy 2.6's manual.

`option http-no-delay` counts where it stands in the frontend or in the backend, own or inherited: measured on
2.6.12 for all four.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice

from flushcheck.configs.tree import (
    MAX_ARGS,
    MAX_BLOCKS,
    MAX_DIRECTIVES,
    Block,
    Config,
    Directive,
    Parsed,
    ReadProblem,
    Scope,
    Value,
)

# Sections that hold settings of proxies; of the others only the name matters.
_SECTIONS = frozenset(
    {
        *("global", "defaults", "frontend", "backend", "listen", "resolvers", "peers", "userlist", "mailers"),
        *("cache", "program", "ring", "http-errors", "fcgi-app", "log-forward", "crt-store", "traces"),
    }
)
_DEEPEST = 20  # defaults that build on defaults
_MOST_FRONTS = 50  # looked at for one backend
# Possessive throughout: an alternation that remembers every character takes 150 bytes for each.
_WORD = re.compile(r"""((?:\\.|"[^"\\]*+(?:\\.[^"\\]*+)*+"?|'[^']*+'?|[^\s#"'\\]++|\\$)++)|(\#)""", re.DOTALL)

_QUOTING = re.compile(r"[#\"'\\]")
_ESCAPED = re.compile(r"\\(.)")


def parse(text: str, file: str) -> Parsed:
    """Build the tree of one file: sections with their lines. `option x` is one name, off after `no`."""
    sections: list[tuple[Directive, list[Directive]]] = []
    troubles: list[ReadProblem] = []
    for number, line in enumerate(text.split("\n"), start=1):
        words = _words(line)
        if not words:
            continue
        if number > MAX_DIRECTIVES:
            troubles.append(
                ReadProblem(file, number, f"more than {MAX_DIRECTIVES} lines: the rest was not read")
            )
            break
        if words[0] in _SECTIONS:
            section = Directive(words[0], tuple(words[1:]), file, number, number, ())
            sections.append((section, []))
        elif sections:
            sections[-1][1].append(_statement(words, file, number))
        elif not words[0].startswith("."):  # .if and its like are for HAProxy's own start
            if len(troubles) < 5:
                troubles.append(ReadProblem(file, number, f"{words[0][:40]}: outside of every section"))
    return Parsed(tuple(section.with_block(tuple(lines)) for section, lines in sections), tuple(troubles))


def _words(line: str) -> list[str]:
    if not _QUOTING.search(line):
        return line.split(maxsplit=MAX_ARGS)[:MAX_ARGS]  # most lines, and three times as quick
    words = []
    for found in islice(_WORD.finditer(line), MAX_ARGS):
        word = found[1]
        if word is None:  # a comment
            break
        words.append(_ESCAPED.sub(r"\1", word).replace('"', "").replace("'", ""))
    return words


def _statement(words: list[str], file: str, line: int) -> Directive:
    off = words[0] == "no" and len(words) > 1
    words = words[1:] if off else words
    if words[0] in ("option", "timeout") and len(words) > 1:
        name, args = f"{words[0]} {words[1]}", words[2:]
    else:
        name, args = words[0], words[1:]
    if words[0] == "option":
        args = ["off"] if off else ["on", *args]
    written = f"no {words[0]}" if off else words[0]
    return Directive(name, tuple(args), file, line, line, None, written)


def blocks(config: Config) -> tuple[Block, ...]:
    """Every backend and listen section in mode http that has a server; at most MAX_BLOCKS."""
    return tuple(found for found, _ in zip(_blocks(config), range(MAX_BLOCKS), strict=False))


def _blocks(config: Config) -> Iterator[Block]:
    proxies = _proxies(config)
    fronts = _fronts(proxies)
    for scope in proxies:
        section = scope.directive
        if section is None or section.name not in ("backend", "listen"):
            continue
        servers = scope.own("server") or scope.own("server-template")
        if not servers or scope.value("mode", "tcp", whose="HAProxy").first != "http":
            continue
        name = " ".join((section.name, *section.args[:1]))
        mine = tuple(fronts.get(section.args[0] if section.args else "", ()))
        partners = mine + tuple(fronts.get("", ())) if section.name == "backend" else ()
        yield Block(config.server, scope, servers[0], "http", name, config.version, related_scopes=partners)


def _proxies(config: Config) -> list[Scope]:
    named: dict[str, Scope] = {}
    last: Scope | None = None
    found = []
    for section in config.directives:
        words = section.args
        start = words[words.index("from") + 1] if "from" in words[:-1] else ""
        if section.name == "defaults":
            # A section without "from" starts anew.
            last = Scope(section, section.block or (), named.get(start))
            if words and words[0] != "from":
                named[words[0]] = last
            if sum(1 for _ in last.chain()) > _DEEPEST:
                last.parent = None
        elif section.name in ("frontend", "backend", "listen"):
            found.append(Scope(section, section.block or (), named.get(start, last)))
    return found


def _fronts(proxies: list[Scope]) -> Mapping[str, list[Scope]]:
    """The frontends in mode http that lead to each backend; under "" those that choose while running."""
    found: dict[str, list[Scope]] = {}
    for scope in proxies:
        if scope.directive is None or scope.directive.name == "backend":
            continue
        if scope.value("mode", "tcp", whose="HAProxy").first != "http":
            continue
        lines = (*scope.own("default_backend"), *scope.own("use_backend"))
        for name in dict.fromkeys(line.args[0] for line in lines if line.args):
            fronts = found.setdefault("" if "%[" in name else name, [])
            if len(fronts) < _MOST_FRONTS:
                fronts.append(scope)
    return found


def no_delay(scope: Scope) -> Value:
    """`option http-no-delay` in this section."""
    return scope.value("option http-no-delay", "off", whose="HAProxy")


def name(scope: Scope) -> str:
    """For example "frontend web"."""
    return " ".join((scope.directive.name, *scope.directive.args[:1])) if scope.directive else ""


def offers_h2(front: Scope) -> bool:
    """Whether every bind of a frontend offers HTTP/2, which browsers then take."""
    binds = front.own("bind")
    return bool(binds) and all("alpn" in bind.args and "h2" in " ".join(bind.args) for bind in binds)


def seconds(text: str) -> float | None:
    """HAProxy's time: milliseconds unless a unit says otherwise; None if it is none."""
    match = re.fullmatch(r"(\d{1,12})(us|ms|s|m|h|d)?", text.strip())
    units = {"us": 1e-6, "ms": 0.001, None: 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
    return int(match[1]) * units[match[2]] if match else None


def pass_reason(block: Block) -> str:
    """Why a block without Findings lets a stream through."""
    own = no_delay(block.scope)
    if own.first == "on":
        return f"option http-no-delay ({block.where(own)})"
    return "option http-no-delay in every frontend that leads here"
