"""Trees and Blocks of small texts, for tables."""

from collections.abc import Iterable
from typing import Any

from flushcheck.configs.findings import Server
from flushcheck.configs.formats import FORMATS
from flushcheck.configs.tree import Block, Directive
from flushcheck.files import read_text
from flushcheck.model import Version


def shape(directives: Iterable[Directive]) -> list[tuple[Any, ...]]:
    """What was read: name, arguments, line, and the statements inside."""
    return [
        (line.name, *line.args, line.line, *([shape(line.block)] if line.block is not None else []))
        for line in directives
    ]


def line(name: str, *args: str, block: tuple[Directive, ...] | None = None) -> Directive:
    """A statement on the first line of a file "f"."""
    return Directive(name, args, "f", 1, 1, block)


def blocks(server: Server, text: str, name: str = "f", version: Version = ()) -> list[Block]:
    """The blocks of a text that pass to an app."""
    (config,) = read_text(text, server=server, name=name, version=version).configs
    return list(FORMATS[server].blocks(config))


def facts(block: Block) -> tuple[Any, ...]:
    """Where a Block stands: its kind and name, and the lines that it knows (0: the top of the file)."""
    return (
        block.server,
        block.via,
        block.name,
        block.version,
        [scope.directive.line if scope.directive else 0 for scope in block.scope.chain()],
        block.pass_directive.line,
        block.insert_scope.directive.line if block.insert_scope.directive else 0,
        block.insert_before.line if block.insert_before else None,
        [line.line for line in block.unread_includes],
    )
