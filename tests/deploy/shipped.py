"""The files of deploy/ as text: what each says of itself, and how a person would change it.

Comments in a file are what its tests go by, so that the two cannot drift apart:

    # matters: <culprit id>            the line below, deleted, brings this culprit
    # matters over TLS: <culprit id>   the same, where its lines for TLS are in force
    # matters: <culprit id>: <words>   only these words of the line below
    # holds: <culprit id>              the comment below, put in force, brings it
    # On a sub-path, instead of the next line: <line>
    # On a sub-path, as well: <line>
    # With TLS, ... and With HTTP/3, ...: the same two

"The line below" is the next one that is no comment. Everything here is pure: text in, text out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"

SUB_PATH = "/flushcheck"

_MARK = re.compile(
    r"^\s*# (?P<kind>matters|holds)(?P<tls> over TLS)?: (?P<culprit>[a-z0-9-]+)(?:: (?P<words>.+?))?\s*$"
)
_SUB_PATH, _TLS, _HTTP3 = "On a sub-path", "With (?:TLS|your own certificate)", "With HTTP/3"


@dataclass(frozen=True, slots=True)
class Mark:
    """One promise of a file: change this line, and you get this culprit."""

    culprit: str
    line: int  # number from 0 of the line that is spoken of
    text: str  # that line, without the space around it
    words: str  # what is taken out of it; "" for all of it
    holds: bool  # it is a comment that must not be put in force
    over_tls: bool = False  # only where the lines for TLS are in force


def text_of(name: str) -> str:
    """A shipped file, by its path below deploy/."""
    return (DEPLOY / name).read_text()


def marks(text: str) -> tuple[Mark, ...]:
    """The promises of a file, from top to bottom.

    Raises:
        ValueError: a mark stands above nothing, or names words that are not there.
    """
    lines = text.splitlines()
    found = []
    for number, line in enumerate(lines):
        if mark := _MARK.match(line):
            holds = mark["kind"] == "holds"
            at = number + 1 if holds else _next(lines, number)
            said, words = lines[at].strip(), mark["words"] or ""
            if not said.startswith("# ") if holds else words not in said:
                raise ValueError(f"{line.strip()}: not to be found in the line below, {said}")
            found.append(Mark(mark["culprit"], at, said, words, holds, over_tls=bool(mark["tls"])))
    return tuple(found)


def broken(text: str, mark: Mark) -> str:
    """The file with the one line deleted, or put in force, that the mark speaks of."""
    lines = text.splitlines()
    line = lines[mark.line]
    if mark.holds:
        lines[mark.line] = line.replace("# ", "", 1)
    elif mark.words:
        lines[mark.line] = line.replace(mark.words, "", 1).rstrip()
    else:
        del lines[mark.line]
    return "\n".join([*lines, ""])


def on_sub_path(text: str) -> str:
    """The file with the lines that it gives for a sub-path in force.

    Raises:
        ValueError: it gives none.
    """
    return _in_force(text, _SUB_PATH)


def with_tls(text: str) -> str:
    """The file with the lines that it gives for TLS in force.

    Raises:
        ValueError: it gives none.
    """
    return _in_force(text, _TLS)


def with_http3(text: str) -> str:
    """The file with the lines that it gives for TLS and for HTTP/3 in force.

    Raises:
        ValueError: it gives none for one of them.
    """
    return _in_force(with_tls(text), _HTTP3)


def _in_force(text: str, where: str) -> str:
    """The file with the lines that it gives for one place in force."""
    put = re.compile(
        rf"^(?P<indent>\s*)# {where}, (?:(?P<instead>instead of the next line)|as well): (?P<line>.+)$"
    )
    lines = text.splitlines()
    changed = False
    for number, line in enumerate(lines):
        if found := put.match(line):
            at = _next(lines, number) if found["instead"] else number
            lines[at] = f"{found['indent']}{found['line']}"
            changed = True
    if not changed:
        raise ValueError(f"the file has no line that begins with {where}")
    return "\n".join([*lines, ""])


def _next(lines: list[str], number: int) -> int:
    """The number of the next line that is neither empty nor a comment."""
    for at in range(number + 1, len(lines)):
        if lines[at].strip() and not lines[at].lstrip().startswith("#"):
            return at
    raise ValueError(f"{lines[number].strip()}: no line below")
