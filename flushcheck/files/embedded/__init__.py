"""Configurations inside of other files: in YAML, in shell scripts and Dockerfiles, in supervisord's programs.

A container is a module with `CONTAINER`: which files it reads, and a function that returns the texts in it,
each with its line. `CONTAINERS` lists them; the first that recognises a file reads it. To add one: its
module, one line here, rows in tests/checking/test_embedded.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from flushcheck.files.embedded import kong, shell, supervisor, yaml_texts
from flushcheck.files.embedded.container import MAX_LINES, MAX_TEXTS, Container, Embedded

__all__ = ["CONTAINERS", "Container", "Embedded", "container_of", "texts_in"]

CONTAINERS: tuple[Container, ...] = (
    yaml_texts.CONTAINER,
    supervisor.CONTAINER,
    kong.CONTAINER,
    shell.CONTAINER,
)


def container_of(name: str, text: str) -> Container | None:
    """What reads this file for the configurations inside; None if nothing does."""
    path = name.replace("\\", "/").lower()
    return next((container for container in CONTAINERS if container.recognises(path, text)), None)


def texts_in(name: str, text: str) -> Iterator[Embedded]:
    """The configurations inside of a file, no more than are checked.

    Raises:
        Unreadable: the file is not what its name says.
    """
    container = container_of(name, text)
    if container is not None and text.count("\n") < MAX_LINES:
        yield from islice(container.texts(text), MAX_TEXTS)
