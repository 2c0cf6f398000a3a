"""nginx's tokens from crossplane's lexer, which handles quoting, escapes and Lua blocks.

Only the lexer is used: `flushcheck.configs.nginx` says why not the parser. The lexer opens files by itself,
so a text in memory is handed to it as a file without a name.
"""

from __future__ import annotations

import os
import tempfile

import crossplane
from crossplane.errors import NgxParserBaseException

from flushcheck.configs.braces import BraceParser
from flushcheck.configs.tree import Parsed


def parse_nginx(text: str, file: str) -> Parsed:
    """Build the tree of one nginx file, includes left as they are; up to the first error in its braces."""
    parser = BraceParser(file)
    # crossplane counts a lone CR as a line's end, nginx does not.
    flat = text.replace("\r\n", "\n").replace("\r", " ")
    # Without the line end the lexer loses a comment or a word at the very end.
    try:
        for token in crossplane.lex(_nameless(f"{flat}\n")):
            if not parser.feed(token):
                break
    except NgxParserBaseException as error:
        parser.problem(error.lineno or 0, f"{error.strerror}: what follows was not read")
    return parser.done()


def _nameless(text: str) -> int:
    """The descriptor of a file without a name that holds this text. The lexer opens and closes it."""
    data = text.encode("utf-8", errors="surrogateescape")
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("nginx")  # works in a container without a folder for temporary files
    else:
        with tempfile.TemporaryFile() as file:
            handle = os.dup(file.fileno())
    with os.fdopen(os.dup(handle), "wb") as file:
        file.write(data)
    os.lseek(handle, 0, os.SEEK_SET)
    return handle
