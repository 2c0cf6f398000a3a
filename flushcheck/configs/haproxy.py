"""HAProxy: sections of lines; a proxy inherits from a `defaults` section. Source: HAProxy 2.6's manual.

`option http-no-delay` has its effect in the frontend and in the backend, own or inherited: measured on
2.6.12 for all four.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice, pairwise

from flushcheck.configs.address import Address, Route
from flushcheck.configs.findings import Server
from flushcheck.configs.templates import TEMPLATE, is_marked
from flushcheck.configs.tree import (
    MAX_ARGS,
    MAX_LINES,
    Block,
    Config,
    Directive,
    Format,
    Listener,
    Parsed,
    Scope,
    TreeBuilder,
    Value,
)
from flushcheck.configs.versions import HAPROXY_ALPN, HAPROXY_TLS_TICKS
from flushcheck.model import Side, Version

# Sections that hold settings of proxies; of the others only the name matters.
_SECTIONS = frozenset(
    {
        *("global", "defaults", "frontend", "backend", "listen", "resolvers", "peers", "userlist", "mailers"),
        *("cache", "program", "ring", "http-errors", "fcgi-app", "log-forward", "crt-store", "traces"),
    }
)
_MAX_DEFAULTS = 20  # sections that inherit from each other
_MAX_FRONTENDS = 50  # looked at for one backend
# Possessive throughout: an alternation that remembers every character takes 150 bytes for each.
_WORD = re.compile(r"""((?:\\.|"[^"\\]*+(?:\\.[^"\\]*+)*+"?|'[^']*+'?|[^\s#"'\\]++|\\$)++)|(\#)""", re.DOTALL)

_QUOTING = re.compile(r"[#\"'\\]")
_ESCAPED = re.compile(r"\\(.)")


def parse(text: str, file: str) -> Parsed:
    """Build the tree of one file: sections with their lines. `option x` is one name, off after `no`."""
    builder = TreeBuilder(file)
    for number, line in enumerate(text.split("\n"), start=1):
        words = _words(line)
        if not words:
            continue
        if words[0] in _SECTIONS:
            builder.leave()
            builder.enter(Directive(words[0], tuple(words[1:]), file, number, number))
        elif builder.depth:
            builder.add(_statement(words, file, number))
        elif (
            not words[0].startswith(".") and words[0] != TEMPLATE
        ):  # .if and the like are for HAProxy's own start
            builder.problem(number, f"{words[0][:40]}: outside of every section")
        if builder.is_full(number):
            break
    return builder.done()


def _words(line: str) -> list[str]:
    if not _QUOTING.search(line):
        return line.split(maxsplit=MAX_ARGS)[:MAX_ARGS]  # most lines: three times as fast
    words = []
    for match in islice(_WORD.finditer(line), MAX_ARGS):
        word = match[1]
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
    return Directive(name, tuple(args), file, line, line, written=written)


def blocks(config: Config) -> Iterator[Block]:
    """Every backend and listen section in mode http that has a server."""
    proxies = _proxies(config)
    frontends = _frontends(proxies)
    limits = _stream_limits(config)
    for section, scope in proxies:
        if section.name not in ("backend", "listen") or not _is_http(scope):
            continue
        servers = scope.own("server") or scope.own("server-template")
        if not servers:
            continue
        leading = (*frontends.get(section.args[0], ()), *frontends.get("", ()))
        yield Block(
            server=config.server,
            scope=scope,
            pass_directive=servers[0],
            via="http",
            name=name(scope),
            version=config.version,
            insert_scope=scope,
            related_scopes=leading if section.name == "backend" else (),
            params=limits,
            unread_includes=_filled_in((scope, *leading) if section.name == "backend" else (scope,)),
        )


def _stream_limits(config: Config) -> dict[str, Value]:
    """The limits of streams on an HTTP/2 connection, which the global section sets for every frontend."""
    lines = (
        line for section in config.directives if section.name == "global" for line in section.block or ()
    )
    return {
        line.name: Value(line.name, line.args, line) for line in lines if line.name.startswith("tune.h2.")
    }


def _filled_in(scopes: Sequence[Scope]) -> tuple[Directive, ...]:
    """The lines that a template fills in whole, in these sections and those that they inherit from."""
    lines = (line for scope in scopes for line in scope.unread_includes((TEMPLATE,)))
    return tuple(islice(lines, _MAX_DOUBTS))


def loose_blocks(config: Config) -> Iterator[Block]:
    """The sections that pass no HTTP: global, and every proxy in mode tcp."""
    for section in config.directives:
        if section.name == "global":
            yield _loose(config, Scope(section, section.block or ()), "global")
    for section, scope in _proxies(config):
        if scope.value("mode", "tcp", server=Server.HAPROXY).first == "tcp" and section.block:
            yield _loose(config, scope, "tcp")


def _loose(config: Config, scope: Scope, via: str) -> Block:
    section = scope.directive or config.directives[0]
    return Block(
        server=config.server,
        scope=scope,
        pass_directive=section,
        via=via,
        name=name(scope),
        version=config.version,
        insert_scope=scope,
        is_loose=True,
    )


def fragments(config: Config) -> Iterator[Block]:
    """Sections without a server, as a file of several may have: frontends and defaults."""
    sections = [(section, scope) for section, scope in _proxies(config) if _is_http(scope)]
    defaults = [line for line in config.directives if line.name == "defaults"]
    sections = sections or [(section, Scope(section, section.block or ())) for section in defaults]
    for section, scope in sections:
        yield Block(
            server=config.server,
            scope=scope,
            pass_directive=section,
            via="http",
            name=name(scope),
            version=config.version,
            insert_scope=scope,
            is_fragment=True,
        )


def frees(block: Block) -> bool:
    """Whether a section of mode tcp has a server, or a fragment sets `option http-no-delay` itself."""
    if block.is_loose:
        return bool(block.scope.own("server") or block.scope.own("server-template"))
    return no_delay(block.scope).first == "on"


def _proxies(config: Config) -> list[tuple[Directive, Scope]]:
    """Every proxy section that has a name, with the `defaults` section that it inherits from."""
    named: dict[str, Scope] = {}
    last: Scope | None = None
    proxies = []
    for section in config.directives:
        words = section.args
        start = next((named.get(name) for word, name in pairwise(words) if word == "from"), None)
        if section.name == "defaults":
            # A defaults section without "from" inherits nothing.
            last = Scope(section, section.block or (), start)
            if words and words[0] != "from":
                named[words[0]] = last
            if sum(1 for _ in last.chain()) > _MAX_DEFAULTS:
                last.parent = None
        elif section.name in ("frontend", "backend", "listen") and words:
            proxies.append((section, Scope(section, section.block or (), start or last)))
    return proxies


def _frontends(proxies: list[tuple[Directive, Scope]]) -> Mapping[str, list[Scope]]:
    """The frontends in mode http by the backend they lead to; under "" those that choose it at run time."""
    by_backend: dict[str, list[Scope]] = {}
    for section, scope in proxies:
        if section.name == "backend" or not _is_http(scope):
            continue
        lines = (*scope.own("default_backend"), *scope.own("use_backend"))
        for backend in dict.fromkeys(line.args[0] for line in lines if line.args):
            frontends = by_backend.setdefault("" if "%[" in backend else backend, [])
            if len(frontends) < _MAX_FRONTENDS:
                frontends.append(scope)
    return by_backend


def _is_http(scope: Scope) -> bool:
    mode = scope.value("mode", "tcp", server=Server.HAPROXY).first
    return mode == "http" or is_marked(mode)


def no_delay(scope: Scope) -> Value:
    """`option http-no-delay` in this section."""
    return scope.value("option http-no-delay", "off", server=Server.HAPROXY)


def name(scope: Scope) -> str:
    """For example "frontend web"."""
    return " ".join((scope.directive.name, *scope.directive.args[:1])) if scope.directive else ""


def listeners(frontend: Scope, version: Version) -> Sequence[Listener]:
    """The binds of a frontend over TCP that streams come in by.

    A bind without TLS beside one with TLS carries none where `redirect scheme https` stands. From 2.8 on
    (HAPROXY_ALPN) a bind with `ssl` offers HTTP/2 by itself; an unknown version counts as one that does.
    """
    found: Sequence[Listener] = frontend.cached(f"listeners {version}", lambda: _listeners(frontend, version))
    return found


def _listeners(frontend: Scope, version: Version) -> Sequence[Listener]:
    binds = [line for line in frontend.own("bind")[:_MAX_BINDS] if not _is_quic(line)]
    found = [Listener(line, "ssl" in line.args, _offers_h2(line, version)) for line in binds]
    if any(listener.tls for listener in found) and _redirects_to_https(frontend):
        found = [listener for listener in found if listener.tls]
    return found


_MAX_BINDS = 50  # of one frontend that are looked at


def _is_quic(bind: Directive) -> bool:
    """Whether it is for HTTP/3, which has no ticks, and which a browser learns of over TCP."""
    return bool(bind.args) and bind.args[0].startswith("quic")


def _offers_h2(bind: Directive, version: Version) -> bool:
    if "ssl" not in bind.args:
        return False
    offered = [names for word, names in pairwise(bind.args) if word == "alpn"]
    if offered:
        return "h2" in offered[-1].split(",")
    return "no-alpn" not in bind.args and HAPROXY_ALPN.side(version) is not Side.BEFORE


def _redirects_to_https(frontend: Scope) -> bool:
    lines = (*frontend.own("redirect"), *frontend.own("http-request"))[:MAX_LINES]
    return any(("scheme", "https") in pairwise(line.args) for line in lines)


def seconds(text: str) -> float | None:
    """HAProxy's time in seconds: milliseconds without a unit; None if it is no time."""
    match = re.fullmatch(r"(\d{1,12})(us|ms|s|m|h|d)?", text.strip())
    units = {"us": 1e-6, "ms": 0.001, None: 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
    return int(match[1]) * units[match[2]] if match else None


# Filters that HAProxy brings and that pass each piece on, or have a culprit of their own.
_KNOWN_FILTERS = frozenset({"cache", "compression", "fcgi-app", "opentracing", "otel", "spoe", "trace"})


def doubts(block: Block) -> Iterator[str]:
    """Why it is not known whether responses pass: other filters, and Lua on responses."""
    for scope in (block.scope, *block.related_scopes):
        named: Sequence[str] = scope.cached("doubts", partial(_doubts, scope))
        yield from named


def _doubts(scope: Scope) -> list[str]:
    """The same for one section."""
    filters = [
        f"{line.text} (line {line.line}): responses go through this filter, which may collect them"
        for line in scope.every("filter")
        if line.args and line.args[0] not in _KNOWN_FILTERS
    ]
    code = [
        f"{line.text} (line {line.line}): responses go through Lua code, which may wait for them"
        for line in scope.every("http-response")
        if line.args and line.args[0].startswith("lua.")
    ]
    return [*filters, *code][:_MAX_DOUBTS]


_MAX_DOUBTS = 3  # named of one section


def route(_config: Config, blocks: Sequence[Block], address: Address) -> Route:
    """The blocks that a bind on the port of this address leads to; all of them where no bind has the port."""
    port = str(address.port)
    return Route(tuple(block for block in blocks if _has_port(block, port)) or tuple(blocks))


def _has_port(block: Block, port: str) -> bool:
    scopes = block.related_scopes or (block.scope,)
    binds = (line for scope in scopes for line in scope.own("bind")[:_MAX_BINDS] if line.args)
    return any(where.rpartition(":")[2] == port for line in binds for where in line.args[0].split(","))


def pass_reason(block: Block) -> str:
    """Why a block without Findings lets a stream through."""
    own = no_delay(block.scope)
    if block.via == "tcp":
        return "mode tcp passes bytes on as they come"
    if own.first == "on":
        return f"option http-no-delay ({block.where(own)})"
    fronts = block.related_scopes or (block.scope,)
    slow = [front for front in fronts if no_delay(front).first != "on"]
    if any(listeners(front, block.version) for front in slow):
        return f"{HAPROXY_TLS_TICKS.sentence(block.version)}, and each bind without the option has ssl"
    return "option http-no-delay in every frontend that leads here"


FORMAT = Format(
    server=Server.HAPROXY,
    blocks=blocks,
    pass_reason=pass_reason,
    decisive=lambda _block: ("mode", "compression", "filter"),
    doubts=doubts,
    route=route,
    fragments=fragments,
    frees=frees,
    loose_blocks=loose_blocks,
    file_names=(r"(^|/)haproxy[^/]*\.(cfg|conf)$",),
    needs=re.compile(rf"^[ \t]*(?:{'|'.join(sorted(_SECTIONS))})\b", re.MULTILINE),
    line_starts=(
        r"(global|defaults|frontend|backend|listen|resolvers|peers|userlist)(\s+[\w.:*-]+)?(\s+from\s+\S+)?\s*$",
        r"option\s+(http|forward|tcp|dont|redis)\S*",
        r"timeout\s+(connect|client|server|tunnel|http-\S+)\s",
        r"mode\s+(http|tcp)",
        r"(bind|balance|default_backend|use_backend)\s+\S+\s*",
        r"server\s+\S+\s+[^=;{]+$",
    ),
)
