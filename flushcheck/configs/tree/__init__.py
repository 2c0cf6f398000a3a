"""What every format becomes: Directives, the Scopes that inherit, and the Blocks that pass to an app.

Start with `directive.py`. A Directive is one statement as written, with its file and line. A Scope is a
block with the blocks around it: it answers which value is in force. A Block is a Scope that passes requests
to an app; linters look at Blocks only. `builder.py` builds the tree of one file, `includes.py` puts the
trees of included files in their place, `format.py` says what a format's module offers.

Nothing here raises on bad input: text that cannot be read becomes a ReadProblem with its line and reason.
"""

from __future__ import annotations

from flushcheck.configs.tree.block import Block, edit
from flushcheck.configs.tree.builder import TreeBuilder
from flushcheck.configs.tree.directive import (
    Config,
    Directive,
    Parsed,
    ReadProblem,
    ellipsize,
    version,
)
from flushcheck.configs.tree.format import Format
from flushcheck.configs.tree.includes import IncludeResolver
from flushcheck.configs.tree.limits import (
    MAX_ARGS,
    MAX_BLOCKS,
    MAX_DEPTH,
    MAX_DIRECTIVES,
    MAX_INCLUDES,
    MAX_LINES,
)
from flushcheck.configs.tree.listener import Listener, readers, tls_http1_readers
from flushcheck.configs.tree.scope import Scope, Value

__all__ = [
    "MAX_ARGS",
    "MAX_BLOCKS",
    "MAX_DEPTH",
    "MAX_DIRECTIVES",
    "MAX_INCLUDES",
    "MAX_LINES",
    "Block",
    "Config",
    "Directive",
    "Format",
    "IncludeResolver",
    "Listener",
    "Parsed",
    "ReadProblem",
    "Scope",
    "TreeBuilder",
    "Value",
    "edit",
    "ellipsize",
    "readers",
    "tls_http1_readers",
    "version",
]
