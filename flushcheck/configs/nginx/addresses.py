"""Servers of an nginx configuration and their addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flushcheck.configs.tree import Block, Directive


def all_blocks(directives: Iterable[Directive], name: str) -> Iterator[Directive]:
    """Blocks of this name at the top or in http { }."""
    for directive in directives:
        if directive.name == name and directive.block is not None:
            yield directive
        elif directive.name == "http" and directive.block is not None:
            yield from all_blocks(directive.block, name)


def server_of(block: Block) -> Directive | None:
    """The `server` around a block; None if the text has none."""
    lines = (scope.directive for scope in block.scope.chain())
    return next((line for line in lines if line is not None and line.name == "server"), None)


def socket_key(address: str, *, default_port: str) -> str:
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
