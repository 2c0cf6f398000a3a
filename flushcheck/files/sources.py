"""Texts by name: from the disk, from a program's dump of its configuration, or from nowhere.

Every size is bounded, and only regular files are opened: an include may name a FIFO or /dev/zero. Bytes that
are no UTF-8 are kept, so that a patch contains them unchanged.
"""

from __future__ import annotations

import codecs
import fnmatch
import glob
import itertools
import os
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

MAX_FILE_BYTES = 2 * 1024 * 1024
MAX_TOTAL_BYTES = 8 * 1024 * 1024  # of one configuration, includes and all
MAX_MATCHES = 2_000  # of one pattern

MAGIC = frozenset("*?[")


class Unreadable(Exception):
    """A text that cannot be read; the message says why."""


class Missing(Unreadable):
    """There is no such file."""


class Files(Protocol):
    """Where texts come from."""

    def read(self, name: str) -> str:
        """The text of this name.

        Raises:
            Missing: there is none.
            Unreadable: it is too large, not text, or reading it is not permitted.
        """

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""

    def match(self, pattern: str) -> Sequence[str]:
        """The names of files and folders that a pattern fits, sorted."""

    def folder(self, name: str) -> Sequence[str] | None:
        """The names of the files in this folder and below, sorted; None if this is no folder."""


class Disk:
    """Files of this machine."""

    def __init__(self) -> None:
        self._left_bytes = MAX_TOTAL_BYTES

    def read(self, name: str) -> str:
        """See `Files`."""
        data = read_bytes(name)
        self._left_bytes -= len(data)
        if self._left_bytes < 0:
            raise Unreadable(f"more than {MAX_TOTAL_BYTES // 1024**2} MB of configuration: not read")
        return decode(data)

    def exists(self, name: str) -> bool:
        """See `Files`."""
        return Path(name).is_file()

    def match(self, pattern: str) -> Sequence[str]:
        """See `Files`."""
        return sorted(itertools.islice(glob.iglob(pattern), MAX_MATCHES))  # noqa: PTH207  # names, as written

    def folder(self, name: str) -> Sequence[str] | None:
        """See `Files`."""
        if not Path(name).is_dir():
            return None
        found = (str(path) for path in Path(name).rglob("*") if path.is_file())
        return sorted(itertools.islice(found, MAX_MATCHES))


class Dump:
    """The files that a program printed with their names, for example `nginx -T`."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def read(self, name: str) -> str:
        """See `Files`."""
        if name not in self._texts:
            raise Missing("not in the program's output")
        return self._texts[name]

    def exists(self, name: str) -> bool:
        """See `Files`."""
        return name in self._texts

    def match(self, pattern: str) -> Sequence[str]:
        """See `Files`."""
        # A shell's star stops at a slash; fnmatch's does not.
        depth = pattern.count("/")
        names = fnmatch.filter(self._texts, pattern)
        return sorted(name for name in names if name.count("/") == depth)

    def folder(self, name: str) -> Sequence[str] | None:
        """See `Files`."""
        return None


def split_dump(printed: str) -> Mapping[str, str]:
    """The files in the output of `nginx -T`, the main one first; none if the text is something else."""
    parts = re.split(r"^# configuration file (/.*):\r?$\n", printed, flags=re.MULTILINE)
    # nginx adds an empty line after each file.
    return {name: text.removesuffix("\n") for name, text in zip(parts[1::2], parts[2::2], strict=True)}


class Nowhere:
    """For a single text: no file that it names is opened."""

    def read(self, name: str) -> str:
        """See `Files`."""
        raise Missing("includes are not followed here")

    def exists(self, name: str) -> bool:
        """See `Files`."""
        return False

    def match(self, pattern: str) -> Sequence[str]:
        """See `Files`."""
        raise Missing("includes are not followed here")

    def folder(self, name: str) -> Sequence[str] | None:
        """See `Files`."""
        return None


# Without O_NONBLOCK, opening a FIFO waits for its writer. Windows has no such FIFOs; without O_BINARY it
# changes the ends of lines.
_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))


def read_bytes(name: str) -> bytes:
    """The bytes of a regular file of bounded size.

    Raises:
        Missing: there is no such file.
        Unreadable: it is something else, too large, or reading it is not permitted.
    """
    try:
        handle = os.open(name, _FLAGS)
    except (FileNotFoundError, NotADirectoryError):
        raise Missing("no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise Unreadable(getattr(error, "strerror", None) or str(error)) from None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Unreadable("not a regular file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from None
    finally:
        os.close(handle)
    return bounded(data)


def bounded(data: bytes) -> bytes:
    """The same bytes.

    Raises:
        Unreadable: there are too many.
    """
    if len(data) > MAX_FILE_BYTES:
        raise Unreadable(f"larger than {MAX_FILE_BYTES // 1024**2} MB: not read")
    return data


def decode(data: bytes) -> str:
    """Bytes as text: UTF-8, or UTF-16 with a byte order mark; other bytes are kept as surrogates.

    Raises:
        Unreadable: it is no text.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16", errors="replace")
    else:
        text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8", errors="surrogateescape")
    if "\0" in text:
        raise Unreadable("not a text file")
    return text


def has_magic(pattern: str) -> bool:
    """Whether a name is a pattern with *, ? or [."""
    return bool(MAGIC & set(pattern))
