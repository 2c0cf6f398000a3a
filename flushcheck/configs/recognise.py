"""Which server a text configures: by its file name if that is telling, else by its lines.

Names decide first, because the programs themselves go by them. Otherwise the start of each line is compared
with every format, over the first part of the text; the format that fits most lines wins. A tie is no
result: a wrong guess is worse than none.
"""

from __future__ import annotations

import re

from flushcheck.configs.findings import Server
from flushcheck.configs.formats import FORMATS

MAX_LINES = 400  # looked at: a banner and a licence are shorter
_MAX_TEXT = 100_000  # characters looked at
_MAX_LINE = 500  # characters; a longer line is left out

_FILE_NAMES = tuple(
    (server, re.compile(pattern))
    for server, config_format in FORMATS.items()
    for pattern in config_format.file_names
)
_LINE_STARTS = {
    server: re.compile(rf"[ \t]*(?:{'|'.join(config_format.line_starts)})")
    for server, config_format in FORMATS.items()
}


# Endings of files that a program or a person makes a configuration from.
_TEMPLATE = re.compile(
    r"\.(j2|jinja2?|template|tmpl|tpl|ctmpl|gotmpl|erb|epp|ejs|mustache|hbs|sample|example|dist|in|default|bak|orig|"
    r"old|save|disabled|rpmnew|dpkg-dist)$"
)
# Of the lines of a file whose name tells nothing: prose with an example is no configuration.
MIN_SHARE = 0.3


def recognise(name: str, text: str) -> Server | None:
    """The server that this text configures; None if neither its name nor its lines tell.

    Args:
        name: of the file, a path or less; "" or "-" for a text without a file.
        text: all of it, or its beginning.
    """
    return by_name(name) or by_lines(text)


def by_name(name: str) -> Server | None:
    """The server whose files have such a name; None if several may."""
    path = bare_name(name)
    return next((server for server, pattern in _FILE_NAMES if pattern.search(path)), None)


def bare_name(name: str) -> str:
    """The path in lower case, without the endings of templates and samples."""
    path = name.replace("\\", "/").lower()
    while (shorter := _TEMPLATE.sub("", path)) != path:
        path = shorter
    return path


def by_lines(text: str, min_share: float = 0.0) -> Server | None:
    """The server whose format fits most lines; None if none does, or two fit equally.

    Args:
        min_share: of the lines that are more than a comment, how many must fit at least.
    """
    start = text[:_MAX_TEXT]
    matches = dict.fromkeys((server for server in _LINE_STARTS if may_be(server, start)), 0)
    count = 0
    for line in start.split("\n")[:MAX_LINES]:
        bare = line.strip()
        count += len(bare) > 1 and not bare.startswith(("#", ";", "//"))
        if len(line) > _MAX_LINE:
            continue
        for server in matches:
            if _LINE_STARTS[server].match(line):
                matches[server] += 1
    best, second = sorted(matches, key=lambda server: -matches[server])[:2]
    fits = matches[best] > matches[second] and matches[best] >= min_share * count
    return best if fits else None


def may_be(server: Server, text: str) -> bool:
    """Whether a text has no line that the format cannot have, and one that it must have."""
    found = FORMATS[server]
    if found.excluded_by is not None and found.excluded_by.search(text):
        return False
    return found.needs is None or found.needs.search(text) is not None
