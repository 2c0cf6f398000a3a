"""uWSGI: its settings in a file (ini, YAML, JSON, XML) or on its command line.

`parser.py` reads ini and command lines; YAML and XML are read outside the pure packages
(`flushcheck.files.uwsgi_syntax`) and brought to the same tree: a Directive for each section, named after it,
with the options inside. `blocks.py` finds the Blocks and the values in force.

What an option does to a stream was measured on Debian's uWSGI 2.0.21: every socket passes each write of the
app on at once, the HTTP router and `http-auto-gzip` too. What holds is a transformation.
"""

from __future__ import annotations

from flushcheck.configs.findings import Server
from flushcheck.configs.tree import Format
from flushcheck.configs.uwsgi.blocks import (
    HOLDING,
    INCLUDES,
    Concurrency,
    actions,
    blocks,
    concurrency,
    doubts,
    edits,
    has_router,
    number,
    pass_reason,
)
from flushcheck.configs.uwsgi.parser import COMMAND_MARK, parse_text, section_of

__all__ = [
    "COMMAND_MARK",
    "FORMAT",
    "HOLDING",
    "INCLUDES",
    "Concurrency",
    "actions",
    "blocks",
    "concurrency",
    "edits",
    "has_router",
    "number",
    "parse_text",
    "section_of",
]

FORMAT = Format(
    server=Server.UWSGI,
    blocks=blocks,
    pass_reason=pass_reason,
    doubts=doubts,
    # A file of an emperor or a router alone has no app: what its vassals do is not known.
    is_whole=lambda _config: False,
    file_names=(
        r"(^|/)uwsgi[^/]*\.(ini|xml|ya?ml|json)$",
        r"(^|/)[\w.-]*[._-]uwsgi\.(ini|xml|ya?ml|json)$",
        r"(^|/)uwsgi/(apps|vassals|sites|conf)[^/]*/[^/]*\.(ini|xml|ya?ml|json)$",
        r"(^|/)uwsgi/[^/]*\.ini$",
    ),
    line_starts=(
        r"\[uwsgi\]",
        r"<uwsgi(\s+id=\"[^\"\n]*\")?>",
        r"uwsgi:\s*$",
        r"(http|https|http11|fastcgi|scgi|uwsgi|suwsgi|chmod)-socket\s*=",
        r"(wsgi-file|module|callable|chdir|virtualenv|plugins?|die-on-term|vacuum|single-interpreter)\s*=",
        r"(buffer-size|harakiri|enable-threads|need-app|lazy-apps|max-requests|cheaper|offload-threads)\s*=",
    ),
)
