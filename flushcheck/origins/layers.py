"""The layers of an app as the capabilities of an origin name them: where each is defined, and its version."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import metadata

MAX_LAYERS = 50
MAX_NAME = 200  # characters


def inside(paths: Iterable[str]) -> list[str]:
    """Return the layers inside of the outermost mount, each with the program and version that defines it.

    Args:
        paths: dotted names, from the outermost layer to the innermost.
    """
    names: list[str] = []
    for path in paths:
        if path.startswith("flushcheck."):
            names = []  # a mount: what is around it lies outside of both
            continue
        program = described(path.partition(".")[0])
        names.append(f"{path} {program}".strip()[:MAX_NAME])
    return names[:MAX_LAYERS]


@cache
def described(package: str) -> str:
    """Return program and version of an installed package, for example "Django/5.2"; "" if it is none."""
    for name in (package, package.replace("_", "-")):
        try:
            found = metadata.distribution(name)
        except (metadata.PackageNotFoundError, ValueError):  # ValueError: an empty name
            continue
        return f"{found.metadata['Name']}/{found.version}"
    return ""
