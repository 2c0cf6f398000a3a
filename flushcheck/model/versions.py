"""What a version of a server program changed: a fact with its number, and what both sides of it do.

The facts themselves are in `configs/versions.py`. A culprit lists those that concern it, a fix says on which
side of one it helps, and the model of the config check asks for the side of the version that it is given.
Where the version is not known both sides are said, never one of them assumed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

Version = tuple[int, ...]  # of a server program, for example (1, 29, 7); () if unknown


class Side(StrEnum):
    """Where a version stands to a change."""

    BEFORE = "before"
    SINCE = "since"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class VersionChange:
    """A change of what a program does by itself. The sentences are clauses with the program as subject."""

    program: str  # as it calls itself in the header Server, for example "nginx"
    since: Version  # the first version with the change
    before: str  # what older versions do
    after: str  # what this version and later ones do
    source: str  # where it is documented, and the versions that were measured

    def side(self, version: Version) -> Side:
        """Where this version stands; () is unknown."""
        if not version:
            return Side.UNKNOWN
        return Side.SINCE if version >= self.since else Side.BEFORE

    def sentence(self, version: Version = ()) -> str:
        """What a program of this version does; what both sides do if the version is not known."""
        first = shown(self.since)
        match self.side(version):
            case Side.BEFORE:
                return f"{self.program} {shown(version)} {self.before} (until {first})"
            case Side.SINCE:
                return f"{self.program} {shown(version)} {self.after} (since {first})"
        return f"{self.program} before {first} {self.before}; from {first} on it {self.after}"


def shown(version: Version) -> str:
    """A version in a sentence, for example "1.29.7"."""
    return ".".join(map(str, version))


def version_named(program: str, servers: Iterable[str]) -> Version:
    """The version of a program that these Server headers name; () if none does, or two name different ones.

    Only the outermost hop's header arrives: a second program of this name behind it may be another version.
    """
    number = r"\d{1,5}(?:\.\d{1,5}){0,3}"
    pattern = re.compile(rf"(?<![\w-]){re.escape(program)}/({number})(?![\w.])", re.IGNORECASE)
    found = {match for server in servers for match in pattern.findall(server)}
    if len(found) != 1:
        return ()
    return tuple(int(part) for part in found.pop().split("."))
