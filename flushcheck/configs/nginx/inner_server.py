"""One nginx server that passes to another one of the same configuration.

X-Accel-Buffering frees the first nginx that sees it, and that one removes it from the response: the outer
server then buffers. Which server a pass leads to is decided by its port, with upstreams looked up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from flushcheck.configs.nginx.values import prefix
from flushcheck.configs.tree import Block, Config, Directive

_MAX_SERVERS = 50  # of an upstream that are looked at


def with_inner_servers(blocks: Sequence[Block], config: Config) -> Sequence[Block]:
    """The same Blocks, each with the server of this configuration that its pass leads to."""
    listening = {
        port: server
        for server in _all_blocks(config.directives, "server")
        for port in _listen_addresses(server)
    }
    upstreams = {
        upstream.args[0]: upstream for upstream in _all_blocks(config.directives, "upstream") if upstream.args
    }
    by_server: dict[int, list[Block]] = {}
    for block in blocks:
        if (own := _server_of(block)) is not None:
            by_server.setdefault(id(own), []).append(block)
    return [_with_inner_server(block, listening, upstreams, by_server) for block in blocks]


def _with_inner_server(
    block: Block,
    listening: dict[str, Directive],
    upstreams: dict[str, Directive],
    by_server: dict[int, list[Block]],
) -> Block:
    if block.via != "http":
        return block
    own = _server_of(block)
    for port in _targets(block.pass_directive, upstreams):
        inner = listening.get(port)
        if inner is not None and inner is not own:
            strips = any(not _passes_header(each) for each in by_server.get(id(inner), ()))
            return replace(block, inner_server=inner, inner_strips_header=strips)
    return block


def _all_blocks(directives: Iterable[Directive], name: str) -> Iterator[Directive]:
    """Blocks of this name at the top or in http { }."""
    for directive in directives:
        if directive.name == name and directive.block is not None:
            yield directive
        elif directive.name == "http" and directive.block is not None:
            yield from _all_blocks(directive.block, name)


def _server_of(block: Block) -> Directive | None:
    lines = (scope.directive for scope in block.scope.chain())
    return next((line for line in lines if line is not None and line.name == "server"), None)


def _listen_addresses(server: Directive) -> Iterator[str]:
    for directive in server.block or ():
        if directive.name == "listen" and directive.args:
            yield _socket_key(directive.args[0], default_port="80")


def _targets(pass_directive: Directive, upstreams: dict[str, Directive]) -> Iterator[str]:
    scheme, _, rest = pass_directive.args[0].partition("://")
    if rest.startswith("unix:"):
        yield "unix:" + rest[5:].partition(":")[0]
        return
    host = rest.partition("/")[0]
    if host in upstreams:
        for directive in (upstreams[host].block or ())[:_MAX_SERVERS]:
            if directive.name == "server" and directive.args:
                yield _socket_key(directive.args[0], default_port="80")
    else:
        yield _socket_key(host, default_port="443" if scheme == "https" else "80")


def _socket_key(address: str, *, default_port: str) -> str:
    """The same text for all addresses of one socket; loopback and "all addresses" count as one."""
    if address.startswith("unix:"):
        return address
    host, colon, port = address.rpartition(":")
    if address.isdecimal():
        host, port = "", address
    elif not colon or not port.isdecimal():
        host, port = address, default_port
    local = host in ("", "*", "0.0.0.0", "[::]", "[::1]", "localhost") or host.startswith("127.")
    return port if local else f"{host}:{port}"


def _passes_header(block: Block) -> bool:
    lines = block.scope.nearest(f"{prefix(block)}_pass_header")
    return any(arg.lower() == "x-accel-buffering" for line in lines for arg in line.args)
