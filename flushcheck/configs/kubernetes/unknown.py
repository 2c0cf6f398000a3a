"""What a file of objects does not show: Ingresses of other programs, and routes. Blocks with the reason."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.kubernetes.controllers import OTHER_PREFIXES, program_of_class
from flushcheck.configs.kubernetes.objects import Ingress, Route
from flushcheck.configs.tree import Block, Config, Directive, Scope
from flushcheck.configs.yaml_nodes import at, children, items, text_at


def why_unknown(ingress: Ingress) -> str:
    """A clause: why it is not known what an Ingress does to a response."""
    names = [line.name for line in ingress.entries]
    for prefix, (program, missing) in OTHER_PREFIXES.items():
        named = next((name for name in names if name.startswith(prefix)), None)
        if named is not None and not program_of_class(ingress.class_name):
            return f"{named} is an annotation of {program}, and this file does not show {missing}"
    program = program_of_class(ingress.class_name)
    if program:
        return f"class {ingress.class_name} is {program}, whose configuration is not in this file"
    if ingress.class_name:
        return f"it is not known which controller takes class {ingress.class_name[:60]}"
    return "it names no class: the cluster decides which controller takes it"


def unknown_block(
    config: Config, line: Directive, name: str, doubts: tuple[str, ...], root: Directive | None = None
) -> Block:
    """A Block of a program whose configuration is not in the file.

    Args:
        root: the whole object, where a linter looks at it.
    """
    scope = Scope(line, children(root))
    return Block(
        server=config.server,
        scope=scope,
        pass_directive=line,
        via="http",
        name=name,
        insert_scope=scope,
        doubts=doubts,
    )


def route_block(route: Route, config: Config) -> Block:
    """A route, with the program or gateway that serves it: the configuration of neither is in the file."""
    name = f"{route.kind} {route.name}".rstrip()
    if route.program:
        doubt = f"a {route.kind} is for {route.program}, whose configuration is not in this file"
        return unknown_block(config, route.at, name, (doubt,))
    parents = [text_at(each, "name") for each in items(at(route.root, "spec", "parentRefs"))]
    gateways = ", ".join(parent[:60] for parent in parents[:3] if parent) or "its gateway"
    doubt = f"{gateways}: which program implements this gateway is not in this file"
    return unknown_block(config, route.at, name, (doubt,), route.root)


def deadlines(block: Block) -> Iterator[Directive]:
    """The timeouts of a route's rules that count from the request to the end of the response."""
    for spec in block.scope.own("spec"):
        for rule in items(at(spec, "rules")):
            times = (at(rule, "timeouts", key) for key in ("request", "backendRequest"))
            yield from (line for line in times if line is not None)
