"""One nginx server that passes to another one of the same configuration.

X-Accel-Buffering frees the first nginx that sees it, and that one removes it from the response: the outer
server then buffers. Over https the outer one is an HTTP/1.1 client of the inner one's TLS. Which
server a pass leads to is decided by its port, with upstreams looked up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from flushcheck.configs.nginx.addresses import all_blocks, server_of, socket_key
from flushcheck.configs.nginx.values import prefix
from flushcheck.configs.tree import Block, Config, Directive

_MAX_SERVERS = 50  # of an upstream that are looked at


def with_inner_servers(blocks: Sequence[Block], config: Config) -> Sequence[Block]:
    """The same Blocks, each with the server of this configuration that its pass leads to."""
    listening = {
        port: server
        for server in all_blocks(config.directives, "server")
        for port in _listen_addresses(server)
    }
    upstreams = {
        upstream.args[0]: upstream for upstream in all_blocks(config.directives, "upstream") if upstream.args
    }
    by_server: dict[int, list[Block]] = {}
    for block in blocks:
        if (own := server_of(block)) is not None:
            by_server.setdefault(id(own), []).append(block)
    led = [_with_inner_server(block, listening, upstreams, by_server) for block in blocks]
    encrypted = {
        id(block.inner_server): block.pass_directive
        for block in led
        if block.inner_server is not None and block.pass_directive.args[0].startswith("https://")
    }
    return [replace(block, called_over_tls=encrypted.get(id(server_of(block)))) for block in led]


def _with_inner_server(
    block: Block,
    listening: dict[str, Directive],
    upstreams: dict[str, Directive],
    by_server: dict[int, list[Block]],
) -> Block:
    if block.via != "http":
        return block
    own = server_of(block)
    for port in _targets(block.pass_directive, upstreams):
        inner = listening.get(port)
        if inner is not None and inner is not own:
            strips = any(not _passes_header(each) for each in by_server.get(id(inner), ()))
            return replace(block, inner_server=inner, inner_strips_header=strips)
    return block


def _listen_addresses(server: Directive) -> Iterator[str]:
    for directive in server.block or ():
        if directive.name == "listen" and directive.args:
            yield socket_key(directive.args[0], default_port="80")


def _targets(pass_directive: Directive, upstreams: dict[str, Directive]) -> Iterator[str]:
    scheme, _, rest = pass_directive.args[0].partition("://")
    if rest.startswith("unix:"):
        yield "unix:" + rest[5:].partition(":")[0]
        return
    host = rest.partition("/")[0]
    if host in upstreams:
        for directive in (upstreams[host].block or ())[:_MAX_SERVERS]:
            if directive.name == "server" and directive.args:
                yield socket_key(directive.args[0], default_port="80")
    else:
        yield socket_key(host, default_port="443" if scheme == "https" else "80")


def _passes_header(block: Block) -> bool:
    lines = block.scope.nearest(f"{prefix(block)}_pass_header")
    return any(arg.lower() == "x-accel-buffering" for line in lines for arg in line.args)
