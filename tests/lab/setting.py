"""What a launcher gets (`Setting`), and what it returns (`Command`)."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.case import Case
from tests.live.servers import Service

WHERE = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"


class Missing(RuntimeError):
    """The program is not installed here; says what to install."""


@dataclass(slots=True)
class Setting:
    """What a launcher gets: the case with its text moved to this run's ports and folder."""

    case: Case
    text: str
    port: int
    folder: Path
    behind: Service

    def write(self, name: str, text: str | None = None) -> Path:
        """Put a file into the folder: the case's own text if no other is given."""
        path = self.folder / name
        path.write_text(self.text if text is None else text)
        return path

    @property
    def args(self) -> list[str]:
        """More of the command line, from the case's head."""
        return shlex.split(self.case.options.get("args", ""))


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run in the foreground."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: str = "/healthz"  # path that must answer 200; "": the port must accept connections


Launcher = Callable[[Setting], Command]


def tool(name: str, package: str) -> str:
    """Where a program is.

    Raises:
        Missing: nowhere.
    """
    found = shutil.which(name, path=WHERE)
    if found is None:
        raise Missing(f"{name} is not installed: apt-get install {package}")
    return found
