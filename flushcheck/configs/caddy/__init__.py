"""Caddyfile: sites, directives, snippets.

`parser.py` builds the tree of one file, `blocks.py` writes out snippets and finds the directives that pass
to an app, `encode.py` reads what an `encode` directive compresses.
"""

from __future__ import annotations

from flushcheck.configs.caddy.blocks import INCLUDES, blocks, doubts, pass_reason
from flushcheck.configs.caddy.encode import encoded, excludes, matcher, minimum_length
from flushcheck.configs.caddy.parser import parse
from flushcheck.configs.findings import Server
from flushcheck.configs.tree import Format

__all__ = ["FORMAT", "INCLUDES", "blocks", "encoded", "excludes", "matcher", "minimum_length", "parse"]

FORMAT = Format(
    server=Server.CADDY,
    blocks=blocks,
    pass_reason=pass_reason,
    doubts=doubts,
    file_names=(r"(^|/)caddyfile[^/]*$|\.caddyfile$",),
    line_starts=(
        r"(reverse_proxy|php_fastcgi|file_server|encode|handle_path|handle|route|respond)(\s+[^;=]*)?$",
        r"(https?://)?[\w.*-]*(:\d+)?(\s*,\s*[^\s,]+)*\s*\{$",
        r"\([\w-]+\)\s*\{$",
    ),
)
