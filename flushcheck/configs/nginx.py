"""nginx: tokens in, Directives out; which blocks pass to an app, and what is in force there.

The tokens come from crossplane's lexer, a hand because it reads files by itself. The tree is built here
rather than by crossplane's parser: that one recurses (2,000 open braces end it), keeps nothing of a file
with one brace missing, opens whatever an include names, and reads a file only in the first place that
includes it.

Inheritance, as nginx does it: a setting comes from the innermost level that has one. Lists
(proxy_set_header, proxy_ignore_headers, gzip_types) are replaced as a whole, not added to. The pass itself
is not inherited by a location inside another, but by `if` and `limit_except`. Source: nginx's
"ngx_http_proxy_module" and the merge functions of nginx 1.22.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from flushcheck.configs.tree import MAX_BLOCKS, MAX_DEPTH, Block, Config, Directive, Scope, Value, ellipsize

INCLUDES = ("include",)
OPAQUE_BLOCKS = ("map", "geo", "types", "split_clients", "charset_map", "stream", "mail", "events")

# What passes to an app, and how. grpc_pass and memcached_pass lead to no stream of these transports.
PASS_DIRECTIVES = {
    "proxy_pass": "http",
    "fastcgi_pass": "fastcgi",
    "uwsgi_pass": "uwsgi",
    "scgi_pass": "scgi",
    "passenger_enabled": "passenger",
}
PREFIX = {"http": "proxy", "fastcgi": "fastcgi", "uwsgi": "uwsgi", "scgi": "scgi"}

# Blocks in which a pass may stand. stream { } and mail { } pass bytes and buffer no responses; map, types,
# upstream and others hold no directives of their own.
CONTAINERS = frozenset({"http", "server", "location", "if", "limit_except"})

_MOST_SERVERS = 50  # of an upstream that are looked at
_INSIDE = ("if", "limit_except")  # blocks inside a location, with the location's settings

# An `if` without a pass of its own inherits it; judged by itself only if it changes something that counts.
_CHANGES = ("gzip", "limit_rate")

# Endings of files that are no streams, whoever serves them.
_FILES = frozenset(
    {
        *("avif", "bmp", "css", "eot", "gif", "ico", "jpeg", "jpg", "js", "map", "mjs", "otf", "pdf", "png"),
        *("svg", "svgz", "ttf", "webp", "woff", "woff2", "zip", "gz", "tgz", "mp3", "mp4", "ogg", "webm"),
    }
)
_ENDINGS = re.compile(r"\\\.\(?(?:\?:)?([\w|?]+)\)?\$")  # \.(js|css)$

HTTP11_DEFAULT_SINCE = (1, 29, 7)  # proxy_http_version; 1.0 before

# Shipped with nginx or by Debian: lists of parameters and types, nothing that buffers. A pasted file that
# includes them is not less certain for it.
HARMLESS = frozenset(
    {
        *("fastcgi_params", "fastcgi.conf", "uwsgi_params", "scgi_params", "proxy_params", "mime.types"),
        *("fastcgi-php.conf", "koi-win", "koi-utf", "win-utf"),
    }
)


def blocks(config: Config) -> tuple[Block, ...]:
    """The blocks that pass to an app, in the order of the file; at most MAX_BLOCKS."""
    found: list[Block] = []
    asides = _asides(config.directives)
    for block in _walk(Scope(None, config.directives), config):
        if _carries_no_stream(block.insert_scope.directive, asides):
            continue
        found.append(block)
        if len(found) >= MAX_BLOCKS:
            break
    return _with_inner(found, config)


def _asides(directives: Iterable[Directive]) -> frozenset[str]:
    """The addresses that are asked beside a request: nobody reads their responses."""
    found = set()
    todo = [iter(directives)]
    while todo:
        for one in todo.pop():
            if one.name in ("auth_request", "mirror") and one.args:
                found.add(one.args[0])
            elif one.block is not None and one.name in CONTAINERS:
                todo.append(iter(one.block))
    return frozenset(found)


def _carries_no_stream(location: Directive | None, asides: frozenset[str]) -> bool:
    """Whether a location is for responses that nobody reads, or for files alone, by the names it lists."""
    if location is None or location.name != "location" or not location.args:
        return False
    pattern = location.args[-1]
    if pattern in asides:
        return True
    if location.args[0] == "=":
        return pattern == "/robots.txt" or pattern.rpartition(".")[2] in _FILES
    endings = _ENDINGS.search(pattern) if location.args[0] in ("~", "~*") else None
    return endings is not None and all(one.replace("?", "") in _FILES for one in endings[1].split("|"))


def _walk(scope: Scope, config: Config) -> Iterator[Block]:
    gate = _gate(scope)
    if gate is not None:
        unread = tuple(
            line
            for line in scope.unread_includes(INCLUDES)
            if "".join(line.args[:1]).rpartition("/")[2] not in HARMLESS
        )
        via = PASS_DIRECTIVES[gate.name]
        home = _home(scope)
        yield Block(
            config.server,
            scope,
            gate,
            via,
            _name(scope),
            config.version,
            unread_includes=unread,
            place=home,
            insert_before=_anchor(home, gate),
        )
    for child in scope.children:
        if child.block is not None and child.name in CONTAINERS:
            yield from _walk(Scope(child, child.block, scope), config)


def _gate(scope: Scope) -> Directive | None:
    for name in PASS_DIRECTIVES:
        for directive in reversed(scope.own(name)):
            if _passes(directive):
                return directive
    inherits = scope.directive is not None and scope.directive.name in _INSIDE
    if inherits and scope.parent is not None and any(scope.own(name) for name in _CHANGES):
        return _gate(scope.parent)
    return None


def _passes(directive: Directive) -> bool:
    first = directive.args[0] if directive.args else ""
    if directive.name == "passenger_enabled":
        return first == "on"
    # An address without a scheme is one of stream { }, whose files may be read by themselves.
    return directive.name != "proxy_pass" or "://" in first or first.startswith("$")


def _home(scope: Scope) -> Scope:
    """Where proxy_buffering and most others may stand: the location around an `if`."""
    while scope.parent is not None and scope.directive is not None and scope.directive.name in _INSIDE:
        scope = scope.parent
    return scope


def _anchor(home: Scope, gate: Directive) -> Directive:
    """One place for all that is added to a location, so that its `if` blocks do not add it twice."""
    if any(gate is own for own in home.own(gate.name)):
        return gate
    first_own = next((own for name in PASS_DIRECTIVES for own in home.own(name)), None)
    return first_own or next((child for child in home.children if child.name in _INSIDE), gate)


def _name(scope: Scope) -> str:
    """For example "location /stream"; an `if` is named with the location that it stands in."""
    directive = scope.directive
    if directive is None:
        return "top of the file"
    own = ellipsize(directive.text)
    if directive.name in _INSIDE and scope.parent is not None and scope.parent.directive:
        return f"{_name(scope.parent)}, {own}"
    return own


# What is in force in a Block.


def prefix(block: Block) -> str:
    """The first word of this gate's directives: "proxy", "fastcgi", "uwsgi" or "scgi"."""
    return PREFIX.get(block.via, "")


def buffering(block: Block) -> Value:
    """proxy_buffering or its like: on by default."""
    return block.value(f"{prefix(block)}_buffering", "on")


def http_version(block: Block) -> Value:
    """proxy_http_version. Its default changed in nginx 1.29.7."""
    if block.version >= HTTP11_DEFAULT_SINCE:
        return replace(block.value("proxy_http_version", "1.1"), default="nginx's default since 1.29.7")
    return replace(block.value("proxy_http_version", "1.0"), default="nginx's default until 1.29.7")


def holds(block: Block) -> bool:
    """Whether the response is kept in buffers without any other cause."""
    if not prefix(block) or buffering(block).first == "off":
        return False
    # An HTTP/1.1 app's chunks pass one by one, buffering or not: measured on nginx 1.22.
    return block.via != "http" or http_version(block).first == "1.0"


def flushes_chunks(block: Block) -> bool:
    """Whether buffering is on, and yet the chunks of an HTTP/1.1 app pass one by one."""
    return block.via == "http" and buffering(block).first != "off" and not holds(block)


def ignored_hint(block: Block) -> Directive | None:
    """The line that makes nginx deaf to X-Accel-Buffering; None if it listens."""
    return ignored(block, "x-accel-buffering")


def ignored(block: Block, header: str) -> Directive | None:
    """The line of proxy_ignore_headers, or its like, that names this response header."""
    name = f"{prefix(block)}_ignore_headers"
    level = block.scope.level(name)
    if level is None:
        return None
    found: Directive | None = level.cached(
        f"{name} {header}",
        lambda: next((line for line in level.own(name) if header in map(str.lower, line.args)), None),
    )
    return found


def request_header(block: Block, name: str) -> Directive | None:
    """The proxy_set_header line in force for this header of requests."""
    level = block.scope.level("proxy_set_header")
    if level is None:
        return None
    found: dict[str, Directive] = level.cached(
        "proxy_set_header",
        lambda: {line.args[0].lower(): line for line in level.own("proxy_set_header") if line.args},
    )
    return found.get(name.lower())


def size_bytes(text: str) -> int | None:
    """Nginx's size, for example "4k"; None if it is none (a variable, say)."""
    match = re.fullmatch(r"(\d{1,12})([kmg]?)", text.strip().lower())
    return int(match[1]) * {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}[match[2]] if match else None


def seconds(text: str) -> float | None:
    """nginx's time, for example "60", "75s" or "1h 30m"; None if it is none."""
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "M": 2592000, "y": 31536000}
    parts = re.findall(r"(\d{1,9})(ms|[smhdwMy])?(?:\s+|$|(?=\d))", text[:40])
    if "".join(f"{number}{unit}" for number, unit in parts) != "".join(text.split()):
        return None
    return sum(int(number) * units[unit or "s"] for number, unit in parts) if parts else None


def block_bytes(block: Block) -> int:
    """How large the pieces of a hold are: one of proxy_buffers (8 of a page each by default)."""
    sizes = block.value(f"{prefix(block)}_buffers", "").args
    return (size_bytes(sizes[1]) if len(sizes) == 2 else None) or 4096


def pass_reason(block: Block) -> str:
    """Why a block without Findings lets a stream through."""
    if not prefix(block):
        return "Passenger passes responses on as they come"
    value = buffering(block)
    if value.first == "off":
        return block.say(value)
    version = http_version(block)
    return f"asked over HTTP/{version.first} ({block.where(version)}), chunks pass one by one"


# One nginx behind another in the same configuration.


def _with_inner(found: Sequence[Block], config: Config) -> tuple[Block, ...]:
    """The same Blocks, each knowing the server of this configuration that its gate leads to."""
    servers = list(_servers(config.directives, MAX_DEPTH))
    listening = {port: server for server in servers for port in _listens(server)}
    upstreams = {
        directive.args[0]: directive
        for directive in _all(config.directives, "upstream", MAX_DEPTH)
        if directive.args
    }
    behind: dict[int, list[Block]] = {}
    for block in found:
        if (mine := _server_of(block)) is not None:
            behind.setdefault(id(mine), []).append(block)
    joined = []
    for block in found:
        inner = next(
            (
                listening[port]
                for port in _targets(block.pass_directive, upstreams)
                if port in listening and listening[port] is not _server_of(block)
            ),
            None,
        )
        if block.via == "http" and inner is not None:
            taken = any(not _passes_hint(one) for one in behind.get(id(inner), ()))
            joined.append(replace(block, inner_server=inner, inner_strips_header=taken))
        else:
            joined.append(block)
    return tuple(joined)


def _all(directives: Iterable[Directive], name: str, depth: int) -> Iterator[Directive]:
    for directive in directives:
        if directive.name == name and directive.block is not None:
            yield directive
        elif directive.name == "http" and directive.block is not None and depth:
            yield from _all(directive.block, name, depth - 1)


def _servers(directives: Iterable[Directive], depth: int) -> Iterator[Directive]:
    return _all(directives, "server", depth)


def _server_of(block: Block) -> Directive | None:
    return next(
        (s.directive for s in block.scope.chain() if s.directive and s.directive.name == "server"), None
    )


def _listens(server: Directive) -> Iterator[str]:
    for directive in server.block or ():
        if directive.name == "listen" and directive.args:
            yield _port(directive.args[0], default="80")


def _targets(gate: Directive, upstreams: dict[str, Directive]) -> Iterator[str]:
    if gate.name != "proxy_pass" or not gate.args:
        return
    scheme, _, rest = gate.args[0].partition("://")
    if rest.startswith("unix:"):
        yield "unix:" + rest[5:].partition(":")[0]
        return
    host = rest.partition("/")[0]
    if host in upstreams:
        for directive in (upstreams[host].block or ())[:_MOST_SERVERS]:
            if directive.name == "server" and directive.args:
                yield _port(directive.args[0], default="80")
    else:
        yield _port(host, default="443" if scheme == "https" else "80")


def _port(address: str, *, default: str) -> str:
    """What two addresses of the same socket have in common; loopback and "all addresses" are one."""
    if address.startswith("unix:"):
        return address
    host, colon, port = address.rpartition(":")
    if address.isdecimal():
        host, port = "", address
    elif not colon or not port.isdecimal():
        host, port = address, default
    local = host in ("", "*", "0.0.0.0", "[::]", "[::1]", "localhost") or host.startswith("127.")
    return port if local else f"{host}:{port}"


def _passes_hint(block: Block) -> bool:
    lines = block.scope.nearest(f"{prefix(block)}_pass_header")
    return any(arg.lower() == "x-accel-buffering" for line in lines for arg in line.args[:1])
