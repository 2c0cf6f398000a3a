"""Which blocks of an Apache configuration an address leads to: those of its virtual host.

The hosts that name the port; of those the first with the name, else the first. Paths are not compared: a
virtual host has few lines that pass, and rewriting may lead to any. Source: "Name-based Virtual Hosts" of the
httpd 2.4 manual.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from flushcheck.configs.address import Address, Route
from flushcheck.configs.tree import Block, Config, Directive


def route(_config: Config, blocks: Sequence[Block], address: Address) -> Route:
    """The blocks of the virtual host for this address; all of them where no virtual host is for it."""
    hosts = list(dict.fromkeys(host for block in blocks if (host := _host(block)) is not None))
    listening = [host for host in hosts if _has_port(host, str(address.port))]
    named = [host for host in listening or hosts if _has_name(host, address.host)]
    chosen = next(iter(named or listening), None)
    if chosen is None:
        return Route(tuple(blocks))
    remark = "" if listening else f"no virtual host here is for port {address.port}: chosen by its name alone"
    return Route(tuple(block for block in blocks if _host(block) in (chosen, None)), chosen, remark)


def _host(block: Block) -> Directive | None:
    lines = (scope.directive for scope in block.scope.chain())
    return next((line for line in lines if line is not None and line.name == "virtualhost"), None)


def _has_port(host: Directive, port: str) -> bool:
    return any(arg.rpartition(":")[2] in (port, "*") or arg in ("*", "_default_") for arg in host.args)


def _has_name(host: Directive, name: str) -> bool:
    lines = [line for line in host.block or () if line.name in ("servername", "serveralias")]
    names = [arg.lower().rpartition("://")[2].partition(":")[0] for line in lines for arg in line.args]
    return any(fnmatchcase(name, pattern) for pattern in names)
