"""Which files the names on a command line stand for: files, folders, "-" for standard input."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from flushcheck.configs.recognise import by_name
from flushcheck.model import UsageError

STDIN = "-"

# Folders with copies of other projects' files.
_SKIPPED_FOLDERS = frozenset(
    {
        *(".git", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".hg", ".svn"),
        *(".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"),
    }
)
# Names of files that may be configurations, in a folder that may hold anything.
_PLAUSIBLE = re.compile(r"\.(conf|cfg|ini|vcl|nginx|service|caddyfile)$|/[^./]+$", re.IGNORECASE)

_EXPECTED = "expected a server's configuration, for example /etc/nginx/nginx.conf"


def find_files(names: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Every file once, and whether it was given by its own name.

    Raises:
        UsageError: a name does not exist, or a folder has no configuration.
    """
    seen = set()
    for name in names:
        if name != STDIN and not os.path.lexists(name):
            raise UsageError(f"{name}: no such file or folder; {_EXPECTED}")
        is_folder = name != STDIN and Path(name).is_dir()
        files = list(_plausible_files(name)) if is_folder else [name]
        if not files:
            raise UsageError(f"{name}: no configuration was recognised in this folder; {_EXPECTED}")
        for file in files:
            real = file if file == STDIN else os.path.realpath(file)
            if real not in seen:
                seen.add(real)
                yield file, not is_folder


def _plausible_files(top: str) -> Iterator[str]:
    for folder, subfolders, files in os.walk(top):
        subfolders[:] = sorted(
            name for name in subfolders if name not in _SKIPPED_FOLDERS and not name.endswith(".egg-info")
        )
        for file in sorted(files):
            name = os.path.join(folder, file)  # noqa: PTH118
            if by_name(name) is not None or _PLAUSIBLE.search(name.replace(os.sep, "/")):
                if Path(name).is_file():
                    yield name
