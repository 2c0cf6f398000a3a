"""Trees and Blocks of small texts, for tables."""

from collections.abc import Iterable
from typing import Any

from flushcheck.configs.findings import Server
from flushcheck.configs.formats import FORMATS
from flushcheck.configs.tree import Block, Directive
from flushcheck.files import read_text


def shape(directives: Iterable[Directive]) -> list[tuple[Any, ...]]:
    """What was read: name, arguments, line, and the statements inside."""
    return [
        (line.name, *line.args, line.line, *([shape(line.block)] if line.block is not None else []))
        for line in directives
    ]


def line(name: str, *args: str, block: tuple[Directive, ...] | None = None) -> Directive:
    """A statement on the first line of a file "f"."""
    return Directive(name, args, "f", 1, 1, block)


def blocks(server: Server, text: str, name: str = "f") -> list[Block]:
    """The blocks of a text that pass to an app."""
    (config,) = read_text(text, server=server, name=name).configs
    return list(FORMATS[server].blocks(config))
