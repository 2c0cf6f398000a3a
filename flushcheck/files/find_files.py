"""Which files the names on a command line stand for: files, folders, "-" for standard input."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from flushcheck.configs.recognise import bare_name, by_name
from flushcheck.model import UsageError

STDIN = "-"

# Folders with copies of other projects' files.
_SKIPPED_FOLDERS = frozenset(
    {
        *(".git", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".hg", ".svn"),
        *(".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"),
    }
)
# Names of files that are no configuration of a server, whichever lines they have.
_OTHER = re.compile(
    r"\.(png|jpe?g|gif|ico|svgz?|webp|avif|bmp|woff2?|ttf|eot|otf|pdf|mp[34]|ogg|webm|wav|zip|gz|tgz|bz2|xz|zst|7z|"
    r"jar|war|whl|deb|rpm|apk|so|o|a|dll|exe|bin|pyc|pyo|class|db|sqlite3?|pem|key|crt|cer|csr|p12|jks|"
    r"pyi?|js|mjs|cjs|jsx|tsx?|vue|svelte|css|s[ac]ss|less|html?|xhtml|md|rst|adoc|tex|json[5l]?|lock|sum|mod|map|"
    r"go|rs|c|cc|cpp|h|hpp|java|kt|scala|rb|php|pl|pm|lua|r|swift|cs|fs|sql|csv|tsv|xml|xsd|xsl|po|mo|log|pcap|diff|"
    r"patch|ipynb|snap|proto|graphql|wasm|vtc|vcc)$|(^|/)\.(git\w+|dockerignore|editorconfig)$"
)
MAX_FILES = 50_000  # in one folder and below

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
        files = list(islice(_all_files(name), MAX_FILES)) if is_folder else [name]
        if not files:
            raise UsageError(f"{name}: there is no file in this folder; {_EXPECTED}")
        for file in files:
            real = file if file == STDIN else os.path.realpath(file)
            if real not in seen:
                seen.add(real)
                yield file, not is_folder


def _all_files(top: str) -> Iterator[str]:
    for folder, subfolders, files in os.walk(top):
        subfolders[:] = sorted(
            name for name in subfolders if name not in _SKIPPED_FOLDERS and not name.endswith(".egg-info")
        )
        for file in sorted(files):
            name = os.path.join(folder, file)  # noqa: PTH118
            if Path(name).is_file():
                yield name


def may_be_configuration(name: str) -> bool:
    """Whether a file that was found in a folder is worth opening."""
    return by_name(name) is not None or not _OTHER.search(bare_name(name))
