"""nginx's tokens from crossplane's lexer, which knows quoting, escapes and Lua blocks.

Only its lexer is used: see `flushcheck.configs.nginx` for what its parser would cost. It reads files by
itself, so a text in memory is handed to it as one that has no name.
"""

from __future__ import annotations

import os
import tempfile

import crossplane
from crossplane.errors import NgxParserBaseException

from flushcheck.configs.braces import Builder
from flushcheck.configs.tree import Parsed


def parse_nginx(text: str, file: str) -> Parsed:
    """The statements of one nginx file, includes left as they are; as far as its braces add up."""
    builder = Builder(file)
    # crossplane counts a lone CR as a line's end, nginx does not.
    flat = text.replace("\r\n", "\n").replace("\r", " ")
    # A comment or a word at the very end gets lost without it.
    try:
        for token in crossplane.lex(_nameless(f"{flat}\n")):
            if not builder.feed(token):
                break
    except NgxParserBaseException as error:
        builder.trouble(error.lineno or 0, f"{error.strerror}: what follows was not read")
    return builder.done()


def _nameless(text: str) -> int:
    """A file without a name that holds this text; whoever opens the number closes it."""
    data = text.encode("utf-8", errors="surrogateescape")
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("nginx")  # a container may have no place for temporary files
    else:
        with tempfile.TemporaryFile() as file:
            handle = os.dup(file.fileno())
    with os.fdopen(os.dup(handle), "wb") as file:
        file.write(data)
    os.lseek(handle, 0, os.SEEK_SET)
    return handle
