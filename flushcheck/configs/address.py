"""An address that somebody requests, and the blocks of a configuration that it leads to."""

from __future__ import annotations

from dataclasses import dataclass

from flushcheck.configs.tree.block import Block
from flushcheck.configs.tree.directive import Directive


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of a URL by which a server chooses a block."""

    host: str  # in lower case, without brackets
    port: int
    paths: tuple[str, ...]  # every path that is requested, each with its first slash


@dataclass(frozen=True, slots=True)
class Route:
    """Where an address leads in one configuration."""

    blocks: tuple[Block, ...]
    server: Directive | None = None  # that takes the requests; None: the text does not show it
    remark: str = ""  # why it is not certain, a clause; "" if it is
