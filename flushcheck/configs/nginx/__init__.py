"""nginx: which blocks pass to an app, and which values are in force there.

`blocks.py` finds the blocks, `values.py` reads the settings that linters ask for, `listeners.py` says who
comes in where, `holds.py` from whom the buffers keep what, `inner_server.py` finds blocks that pass to
another server of the same configuration, `routing.py` which blocks an address leads to, `modules.py` knows
the directives of other modules. The text is split into tokens outside the pure packages
(`flushcheck.files.nginx_lexer`), and `braces` builds the tree: crossplane's parser recurses (2,000 open
braces end it), keeps nothing of a file with one brace missing, opens the files of every include, and reads a
file only at the first place that includes it.

Inheritance in nginx: a setting comes from the innermost level that has one. Lists (proxy_set_header,
proxy_ignore_headers, gzip_types) are replaced as a whole, not added to. The pass itself is inherited by `if`
and `limit_except`, not by a location inside another. Source: nginx's "ngx_http_proxy_module" and the merge
functions of nginx 1.22.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from flushcheck.configs.findings import Server
from flushcheck.configs.nginx.blocks import INCLUDES, OPAQUE_BLOCKS, passing_blocks
from flushcheck.configs.nginx.fragments import fragments, frees, is_whole
from flushcheck.configs.nginx.holds import Hold, hold, tls_buffer
from flushcheck.configs.nginx.inner_server import with_inner_servers
from flushcheck.configs.nginx.listeners import with_listeners
from flushcheck.configs.nginx.modules import doubts
from flushcheck.configs.nginx.routing import route
from flushcheck.configs.nginx.values import (
    block_bytes,
    buffering,
    conditions,
    deciding,
    decisive,
    flushes_chunks,
    holds,
    http_version,
    ignored,
    ignored_x_accel,
    pass_reason,
    prefix,
    request_header,
    seconds,
    size_bytes,
)
from flushcheck.configs.tree import MAX_BLOCKS, Block, Config, Format

__all__ = [
    "FORMAT",
    "INCLUDES",
    "OPAQUE_BLOCKS",
    "Hold",
    "block_bytes",
    "blocks",
    "buffering",
    "flushes_chunks",
    "hold",
    "holds",
    "http_version",
    "ignored",
    "ignored_x_accel",
    "prefix",
    "request_header",
    "seconds",
    "size_bytes",
    "tls_buffer",
]


def blocks(config: Config) -> Sequence[Block]:
    """The blocks that pass to an app, in the order of the file; no more than the check looks at."""
    passing = list(islice(passing_blocks(config), MAX_BLOCKS + 1))
    return with_inner_servers(with_listeners(passing, config), config)


FORMAT = Format(
    server=Server.NGINX,
    blocks=blocks,
    pass_reason=pass_reason,
    doubts=doubts,
    conditions=conditions,
    deciding=deciding,
    decisive=decisive,
    route=route,
    fragments=fragments,
    frees=frees,
    is_whole=is_whole,
    file_names=(
        r"(^|/)nginx[^/]*\.conf$|(^|/)nginx/.*\.conf$|(^|/)nginx/(sites|conf)[^/]*/|\.nginx$|\.nginxconf$",
    ),
    line_starts=(
        r"(http|events|server|upstream\s+[\w.-]+)\s*\{",
        r"location\s+[^{;]*\{",
        r"map\s+\$[^{;]*\{",
        r"(listen|server_name|root|index|include|access_log|error_log|return|try_files|user|pid)\s[^=;]*;",
        r"(proxy|fastcgi|uwsgi|scgi|gzip|worker|keepalive|ssl)_\w+\s[^=;]*;",
        r"gzip\s[^=;]*;",
    ),
)
