"""A file that has configurations inside, and one of these."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flushcheck.configs.findings import Server
from flushcheck.configs.server_command import server_words

MAX_TEXTS = 200  # of one file: a large chart has a dozen
MAX_LINES = 50_000  # of the file around; each text is read with an empty line for every line before it


def starts_server(command: str) -> bool:
    """Whether a command starts an app server that is known."""
    try:
        words = shlex.split(command.replace("\\\n", " "))
    except ValueError:  # a quote that is never closed
        words = command.split()
    return bool(server_words(words))


@dataclass(frozen=True, slots=True)
class Embedded:
    """A configuration inside of another file."""

    text: str
    line: int  # of the file around, on which the text begins
    hint: str = ""  # the name that the text gets where it is installed, or a key that names it
    server: Server | None = None  # where the text alone does not show it

    @property
    def placed(self) -> str:
        """The text on its lines of the file around."""
        return "\n" * (self.line - 1) + self.text


@dataclass(frozen=True, slots=True)
class Container:
    """A kind of file that has configurations inside."""

    recognises: Callable[[str, str], bool]  # the path in lower case, and the text
    texts: Callable[[str], Iterable[Embedded]]
