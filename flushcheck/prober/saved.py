"""Runs in files: what `--save` writes and `judge` reads.

A saved run is the Run as JSON with its schema (`model.run_schema`). The page in a browser saves the same. A
verdict is made anew each time, so a culprit that is added later is found in runs that were saved before.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from flushcheck.model import Run, UsageError
from flushcheck.model.run_schema import run_from_json, run_to_json

# A run of the whole plan on a path that flows takes 0.1 MB; one that reaches every limit takes 10.
MAX_RUN_BYTES = 32 * 1024 * 1024

STDIN = "-"
_HOW = "for example one that `flushcheck diagnose URL --save run.json` wrote"


def dump(run: Run) -> str:
    """Return the run as the text of a file."""
    return json.dumps(run_to_json(run), separators=(",", ":")) + "\n"


def load(path: str) -> Run:
    """Read a run back from a file, or from standard input if `path` is "-".

    Raises:
        UsageError: it cannot be read, or is not a run.
    """
    name = "standard input" if path == STDIN else path
    try:
        data = _read(path)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f"{name}: {reason}; expected a saved run, {_HOW}") from None
    if len(data) > MAX_RUN_BYTES:
        raise UsageError(f"{name}: expected a saved run of at most {MAX_RUN_BYTES >> 20} MiB, {_HOW}")
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError):
        raise UsageError(f"{name} is not JSON: expected a saved run, {_HOW}") from None
    if not isinstance(parsed, dict) or "observations" not in parsed:
        what = "a report, which is made from a run" if _is_report(parsed) else "JSON of another kind"
        raise UsageError(f"{name} is {what}: expected a saved run, {_HOW}")
    if "schema" not in parsed:
        raise UsageError(f"{name} has no schema: expected a saved run, {_HOW}")
    try:
        return run_from_json(parsed, "run")
    except UsageError as error:
        raise UsageError(f"{name}: {error}; expected a saved run, {_HOW}") from None


def _is_report(parsed: object) -> bool:
    return isinstance(parsed, dict) and "verdict" in parsed and "transports" in parsed


def _read(path: str) -> bytes:
    if path == STDIN:
        return sys.stdin.buffer.read(MAX_RUN_BYTES + 1)
    with Path(path).open("rb") as file:
        return file.read(MAX_RUN_BYTES + 1)


@contextmanager
def saving(path: str) -> Iterator[IO[str]]:
    """Yield a file to write a run into; it replaces `path` at once when it is complete.

    Entering fails if the file cannot be written, before any work is spent. What is not a plain file (a pipe,
    /dev/stdout) is written directly.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        # A link stays a link; what it points to is replaced.
        target = Path(os.path.realpath(path))
        file, temporary = _open(path, target)
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None
    try:
        with file:
            yield file
            file.flush()
            if temporary is not None:
                os.fsync(file.fileno())
        if temporary is not None:
            temporary.chmod(_mode(target))
            temporary.replace(target)
    except BaseException as error:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()
        if isinstance(error, OSError):  # the disk is full, say
            raise _unwritable(path, error) from None
        raise


def _unwritable(path: str, error: Exception) -> UsageError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return UsageError(f"--save {path}: {reason}; expected a writable file, for example --save run.json")


def _open(path: str, target: Path) -> tuple[IO[str], Path | None]:
    """Return a file to write, and its path if it is a temporary file that is to replace the target.

    Raises:
        OSError, ValueError: the target cannot be written.
    """
    if target.exists() and not target.is_file():
        # By the name given: the real path of /dev/stdout may be a pipe without one.
        return Path(path).open("w", encoding="utf-8"), None
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:80]}.", dir=target.parent)
    return open(handle, "w", encoding="utf-8"), Path(name)  # noqa: PTH123  # a descriptor


def _mode(target: Path) -> int:
    """Return the permissions of the file that is replaced, or those of a new one."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
