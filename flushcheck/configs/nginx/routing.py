"""Which blocks of an nginx configuration an address leads to, by the rules that nginx itself has.

First the servers that listen on the port; of those the one whose server_name fits best, else the default
server of that port; in it the location that fits the path best. Where no server listens on the port, it is
mapped somewhere in front of nginx, and the name alone decides. Source: nginx's "Server names" and
"ngx_http_core_module", location.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from flushcheck.configs.address import Address, Route
from flushcheck.configs.nginx.addresses import all_blocks, server_of
from flushcheck.configs.tree import MAX_DEPTH, Block, Config, Directive

MAX_PATTERN = 500  # characters of a regular expression that is tried


def route(config: Config, blocks: Sequence[Block], address: Address) -> Route:
    """The blocks that requests for this address come to; all of them where the text shows no server."""
    servers = list(all_blocks(config.directives, "server"))
    listening = [server for server in servers if _listens(server, address)]
    remark = ""
    if not listening:
        named = [server for server in servers if _exact(server, address.host)]
        if not named:
            return Route(tuple(blocks))
        listening, remark = named, f"no server here listens on port {address.port}: chosen by its name alone"
    server = _by_name(listening, address)
    own = [block for block in blocks if server_of(block) is server]
    reached = [block for path in address.paths for block in _at(own, server, path)]
    return Route(tuple(_with_inner(reached, blocks)), server, remark)


def _with_inner(reached: Iterable[Block], blocks: Sequence[Block]) -> Iterator[Block]:
    """Each block once, with those of the servers of the same configuration that they pass to."""
    pending, seen = list(reached)[::-1], set()
    while pending:
        block = pending.pop()
        if id(block) in seen:
            continue
        seen.add(id(block))
        yield block
        if block.inner_server is not None:
            pending += [other for other in blocks if server_of(other) is block.inner_server]


def _listens(server: Directive, address: Address) -> bool:
    lines = [line for line in server.block or () if line.name == "listen" and line.args]
    if not lines:
        return address.port == 80
    return any(_is_socket_of(line.args[0], address) for line in lines)


def _is_socket_of(listen: str, address: Address) -> bool:
    """Whether requests for an address come in at this `listen`; its host is compared if both are numbers."""
    if listen.startswith("unix:"):
        return False
    host, _, port = listen.rpartition(":") if not listen.isdecimal() else ("", "", listen)
    if not port.isdecimal():
        host, port = listen, "80"
    if not port.isdecimal() or int(port[:6]) != address.port:
        return False
    own, asked = host.strip("[]"), "127.0.0.1" if address.host == "localhost" else address.host
    both = _is_number(own) and _is_number(asked)
    return not both or own in ("0.0.0.0", "::") or own == asked  # a value that is compared


def _is_number(host: str) -> bool:
    return bool(re.fullmatch(r"[\d.]+|[\da-f:]*:[\da-f:]*", host, re.IGNORECASE))


def _names(server: Directive) -> Iterator[str]:
    for line in server.block or ():
        if line.name == "server_name":
            yield from (arg if arg.startswith("~") else arg.lower() for arg in line.args)


def _exact(server: Directive, host: str) -> bool:
    return any(_dotted(name, host) or name == host for name in _names(server))


def _dotted(name: str, host: str) -> bool:
    """Whether ".example.org" fits: the name itself and everything below it."""
    return name.startswith(".") and (host == name[1:] or host.endswith(name))


def _below(name: str, host: str) -> bool:
    """Whether "*.example.org" fits: everything below the name."""
    return name.startswith("*.") and host.endswith(name[1:])


def _by_name(servers: Sequence[Directive], address: Address) -> Directive:
    """The server whose name fits best; else the default one."""
    host = address.host
    if exact := next((server for server in servers if host in _names(server)), None):
        return exact
    begins = _longest(servers, lambda name: _below(name, host) or _dotted(name, host))
    ends = begins or _longest(servers, lambda name: name.endswith(".*") and host.startswith(name[:-1]))
    if ends is not None:
        return ends
    for server in servers:
        if any(name.startswith("~") and _search(name[1:], host) for name in _names(server)):
            return server
    default = (server for server in servers if _is_default(server, address))
    return next(default, servers[0])


def _longest(servers: Iterable[Directive], fits: Callable[[str], bool]) -> Directive | None:
    """The server with the longest name that fits."""
    best, length = None, 0
    for server in servers:
        for name in _names(server):
            if len(name) > length and fits(name):
                best, length = server, len(name)
    return best


def _is_default(server: Directive, address: Address) -> bool:
    return any(
        line.name == "listen"
        and {"default_server", "default"} & set(line.args[1:])
        and _is_socket_of(line.args[0], address)
        for line in server.block or ()
    )


def _search(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Whether a regular expression of nginx matches; False for one that Python does not read."""
    try:
        return bool(re.search(pattern[:MAX_PATTERN], text, re.IGNORECASE if ignore_case else 0))
    except (re.error, RecursionError, OverflowError):
        return False


def _at(blocks: Sequence[Block], server: Directive, path: str) -> Iterator[Block]:
    """The blocks of one server that a path leads to, by its location and those that it names."""
    location = _location(server, path)
    pending, seen = [location or server], {id(server)}
    while pending:
        around = pending.pop()
        yield from (block for block in blocks if _innermost(block) is around)
        for line in around.block or ():
            if line.name in ("try_files", "error_page") and line.args:
                inner = _led_to(server, line.args[-1])
                if inner is not None and id(inner) not in seen:
                    seen.add(id(inner))
                    pending.append(inner)


def _led_to(server: Directive, target: str) -> Directive | None:
    """The location that the last argument of try_files or error_page names; None if it names none."""
    if target.startswith("/"):
        return _location(server, target)
    return _named(server, target) if target.startswith("@") else None


def _innermost(block: Block) -> Directive | None:
    """The location or server that a block stands in, around its `if`."""
    lines = (scope.directive for scope in block.scope.chain())
    return next((line for line in lines if line is not None and line.name in ("location", "server")), None)


def _named(server: Directive, name: str) -> Directive | None:
    return next((line for line in _locations(server) if line.args[:1] == (name,)), None)


def _locations(around: Directive) -> list[Directive]:
    return [line for line in around.block or () if line.name == "location" and line.block is not None]


def _location(server: Directive, path: str) -> Directive | None:
    """The location that nginx takes for a path; None if none fits."""
    around, chosen = server, None
    for _ in range(MAX_DEPTH):
        inner = _best(_locations(around), path)
        if inner is None:
            break
        chosen = around = inner
    return chosen


def _best(locations: Sequence[Directive], path: str) -> Directive | None:
    best, length, final = None, -1, False
    for line in locations:
        modifier, pattern = _split(line.args)
        if modifier == "=" and path == pattern:
            return line
        if modifier in ("", "^~") and path.startswith(pattern) and len(pattern) > length:
            best, length, final = line, len(pattern), modifier == "^~"
    if not final:
        for line in locations:
            modifier, pattern = _split(line.args)
            if modifier in ("~", "~*") and _search(pattern, path, ignore_case=modifier == "~*"):
                return line
    return best


def _split(args: Sequence[str]) -> tuple[str, str]:
    """Modifier and pattern of a location; `=/a` may be written as one word."""
    if len(args) > 1:
        return args[0], args[1]
    whole = args[0] if args else ""
    match = re.match(r"(=|\^~|~\*|~)(.+)", whole, re.DOTALL)
    return (match[1], match[2]) if match else ("", whole)
