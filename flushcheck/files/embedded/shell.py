"""Shell scripts and Dockerfiles: here-documents with configurations, commands that start an app server."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flushcheck.configs.findings import Server
from flushcheck.files.embedded.container import Container, Embedded, starts_server

_NAMES = re.compile(
    r"\.(sh|bash|ksh|zsh|dash)$|(^|/)(dockerfile|containerfile)[^/]*$|\.dockerfile$|(^|/)vagrantfile$"
)
_SHEBANG = re.compile(r"#!\s*\S*/(env\s+)?(ba|da|k|z)?sh\b")
_HEREDOC = re.compile(r"<<[-~]?\s{0,8}(['\"]?)(\w{1,60})\1")
_TARGET = re.compile(r"(?:>>?|\btee\b(?:\s+-a)?|<<\S+)\s*(\"?/?[\w./${}-]*[\w-])")
_SERVER = re.compile(
    r"(?:^|[\s\"'/=])(?:gunicorn|uvicorn|fastapi|hypercorn|granian|daphne|waitress|waitress-serve|cheroot|uwsgi|"
    r"flask)(?=\s|$|\")"
)
_DOCKERFILE = re.compile(r"^FROM[ \t]+\S", re.MULTILINE | re.IGNORECASE)
_COMMENT = re.compile(r"\s*#")


def _recognises(path: str, text: str) -> bool:
    return bool(_NAMES.search(path)) or is_script(text)


def is_script(text: str) -> bool:
    """Whether a text says in its first line that a shell runs it."""
    return _SHEBANG.match(text) is not None


def texts(text: str, *, commands: bool = True) -> Iterator[Embedded]:
    """The configurations in a script.

    Args:
        commands: whether lines that start a server are wanted; a Dockerfile is read for them elsewhere.
    """
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        heredoc = _HEREDOC.search(line) if "<<" in line and not _COMMENT.match(line) else None
        if heredoc is not None:
            end = _end(lines, at + 1, heredoc[2])
            if end is not None:
                body = "\n".join(lines[at + 1 : end])
                # Without quotes around its word, the shell replaces variables, and \$ keeps a dollar.
                body = body if heredoc[1] else body.replace("\\$", "$").replace("\\`", "`")
                yield Embedded(body, at + 2, _target(line))
                at = end + 1
                continue
        if commands and _SERVER.search(line) and not _COMMENT.match(line):
            start, end = at, at + 1
            while start > 0 and lines[start - 1].rstrip("\r").endswith("\\"):
                start -= 1
            while end < len(lines) and lines[end - 1].rstrip("\r").endswith("\\"):
                end += 1
            command = "\n".join(lines[start:end]).lstrip()
            if starts_server(command):
                yield Embedded(f"web: {command}", start + 1, "", Server.APP_SERVER)
            at = end
            continue
        at += 1


def _end(lines: list[str], start: int, word: str) -> int | None:
    """The line that ends a here-document; None if nothing ends it."""
    return next((at for at in range(start, len(lines)) if lines[at].strip() == word), None)


def _target(line: str) -> str:
    """The file that a here-document is written to."""
    names = [match[1].strip('"') for match in _TARGET.finditer(line)]
    words = line.split()
    if words[:1] == ["COPY"]:  # Dockerfile: COPY <<EOF /etc/nginx/nginx.conf
        names.append(words[-1])
    return next((name for name in reversed(names) if "." in name or "/" in name), "")


def _texts(text: str) -> Iterator[Embedded]:
    # The commands of a Dockerfile are read with those of other files that only gunicorn has.
    return texts(text, commands=_DOCKERFILE.search(text) is None)


CONTAINER = Container(_recognises, _texts)
