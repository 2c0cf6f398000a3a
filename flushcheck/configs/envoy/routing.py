"""Which routes an address leads to: in the virtual host with the best domain, the first that matches.

An exact domain comes before one that begins with a star, that before one that ends with it, and the star
alone is last; the longer one first. A route that asks for more than a path may match: then both it and the
next one count. Source: Envoy's "HTTP routing" and route_components.proto.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flushcheck.configs.address import Address, Route
from flushcheck.configs.envoy.model import Manager, place_of
from flushcheck.configs.tree import Block, Config, Directive
from flushcheck.configs.yaml_nodes import child, children, scalars, text_at

_BY_PATH = ("prefix", "path", "path_separated_prefix")


def route(_config: Config, blocks: Sequence[Block], address: Address) -> Route:
    """The blocks that requests for this address may come to; all of them where no domain fits."""
    managers = {id(place_of(block).manager): place_of(block).manager for block in blocks}
    chosen: set[int] = set()
    for manager in managers.values():
        host = _virtual_host(manager, address)
        for path in address.paths if host is not None else ():
            chosen |= {id(line) for line in _matching(host, path)}
    kept = [block for block in blocks if place_of(block).host is None or id(block.pass_directive) in chosen]
    return Route(tuple(kept) or tuple(blocks))


def _virtual_host(manager: Manager, address: Address) -> Directive | None:
    routes = child(manager.at, "route_config") or manager.at
    hosts = children(child(routes, "virtual_hosts"))
    domains = [(domain, host) for host in hosts for domain in scalars(child(host, "domains"))]
    ranked = [(rank, host) for domain, host in domains if (rank := _rank(domain, address)) is not None]
    return max(ranked, key=lambda pair: pair[0])[1] if ranked else None


def _rank(domain: str, address: Address) -> tuple[int, int] | None:
    """How well a domain fits, higher is better; None if it does not."""
    pattern = domain.lower()
    for name in (address.host, f"{address.host}:{address.port}"):
        if pattern == "*":
            return (1, 0)
        if pattern == name:
            return (4, 0)
        if pattern.startswith("*") and name.endswith(pattern[1:]):
            return (3, len(pattern))
        if pattern.endswith("*") and name.startswith(pattern[:-1]):
            return (2, len(pattern))
    return None


def _matching(host: Directive | None, path: str) -> Iterator[Directive]:
    """The first route that matches for certain, and those before it that may."""
    for line in children(child(host, "routes")):
        match = child(line, "match")
        if not _fits(match, path):
            continue
        yield line
        if children(match) and all(entry.name in _BY_PATH for entry in children(match)):
            return


def _fits(match: Directive | None, path: str) -> bool:
    """Whether the path of a request may match; an expression always may."""
    prefix, exact, parts = (text_at(match, name) for name in _BY_PATH)
    if exact:
        return path == exact
    if parts:
        return path == parts or path.startswith(f"{parts}/")
    return path.startswith(prefix)
