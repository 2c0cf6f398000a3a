"""What the module of a configuration format offers to the config check."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from flushcheck.configs.address import Address, Route
from flushcheck.configs.assumptions import Condition
from flushcheck.configs.findings import Finding, Server
from flushcheck.configs.tree.block import Block
from flushcheck.configs.tree.directive import Config
from flushcheck.configs.tree.scope import Value


@dataclass(frozen=True, slots=True)
class Format:
    """One server's configuration: how it is recognised, which blocks pass to an app, and what they do."""

    server: Server
    blocks: Callable[[Config], Iterable[Block]]  # in the order of the file
    pass_reason: Callable[[Block], str]  # why a block without Findings lets a stream through
    # Regular expressions for a file's whole path, in lower case, with / between its parts.
    file_names: tuple[str, ...]
    # Regular expressions for the start of a line that hardly any other format has. They meet hostile text:
    # no part may match what the part after it could match.
    line_starts: tuple[str, ...]
    # A line that this format cannot have: with it, the lines alone do not prove the format.
    excluded_by: re.Pattern[str] | None = None
    # A line that this format must have: without it, the lines are not of this format.
    needs: re.Pattern[str] | None = None
    # Why it is not known whether a block lets a stream through, a clause for each reason; none: it is known.
    doubts: Callable[[Block], Iterable[str]] = lambda _block: ()
    # What to look at in a file without a block that passes to an app: lines that act where they are included.
    fragments: Callable[[Config], Iterable[Block]] = lambda _config: ()
    # Whether the lines of a fragment themselves free a stream wherever they are included.
    frees: Callable[[Block], bool] = lambda _block: False
    # Whether a configuration is a whole one: if it passes nothing to an app, it serves files.
    is_whole: Callable[[Config], bool] = lambda config: bool(config.directives)
    # Blocks that pass no HTTP to an app: of what culprits there are, they show a line without effect alone.
    loose_blocks: Callable[[Config], Iterable[Block]] = lambda _config: ()
    # What has to be true for a block without Findings to let a stream through.
    conditions: Callable[[Block], Iterable[Condition]] = lambda _block: ()
    # The blocks that requests for an address come to; all of them where the format cannot tell.
    route: Callable[[Config, Sequence[Block], Address], Route] = lambda _config, blocks, _: Route(
        tuple(blocks)
    )
    # Settings that decide too: where a template fills one in, it is not known whether the block passes.
    decisive: Callable[[Block], Iterable[str]] = lambda _block: ()
    # The same Finding with its fix and edits as lines of this format, where another format's linter found it.
    reworded: Callable[[Block, Finding], Finding] = lambda _block, finding: finding
    # The setting that alone makes a block pass; None: several do, or it is a default.
    deciding: Callable[[Block], Value | None] = lambda _block: None
