"""supervisord: the command of a program, if that is gunicorn. Source: supervisor's "Configuration File"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flushcheck.configs.findings import Server
from flushcheck.files.embedded.container import Container, Embedded

_SECTION = re.compile(r"^\[(program|fcgi-program|supervisord)(:[^\]\n]{1,80})?\]", re.MULTILINE)
_COMMAND = re.compile(r"^[ \t]*command[ \t]*=[ \t]*([^\n]*\bgunicorn\b[^\n]*)", re.MULTILINE)


def _recognises(path: str, text: str) -> bool:
    return "supervisor" in path.rpartition("/")[2] or _SECTION.search(text) is not None


def _texts(text: str) -> Iterator[Embedded]:
    for match in _COMMAND.finditer(text):
        line = text.count("\n", 0, match.start(1)) + 1
        yield Embedded(f"web: {match[1]}", line, "", Server.GUNICORN)


CONTAINER = Container(_recognises, _texts)
