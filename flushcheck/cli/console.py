"""The terminal that the command runs in: where output goes, its width, its colors, the progress line."""

from __future__ import annotations

import io
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TextIO

from flushcheck.model import UsageError

# How often the progress line is redrawn: often enough to look alive, too rarely to disturb a measurement.
REDRAW_S = 0.25

_PIPE_WIDTH = 80  # columns where there is no terminal


class Console:
    """Standard output for results, standard error for everything else."""

    def __init__(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # A character that the encoding lacks becomes "?", not an error.
                stream.reconfigure(errors="replace")
        plain = os.environ.get("TERM") == "dumb"
        # https://no-color.org and https://force-color.org: "when present and not an empty string (regardless
        # of its value)". With both set, the second one has the last word in its own example.
        forced, forbidden = (bool(os.environ.get(name)) for name in ("FORCE_COLOR", "NO_COLOR"))
        self.color = forced or (_is_terminal(sys.stdout) and not plain and not forbidden)
        self.interactive = _is_terminal(sys.stderr) and not plain
        self._quiet = False
        self._file = ""  # where results go; "": standard output
        self._results: list[str] = []

    def set_color(self, when: str) -> None:
        """Set whether results have colors: "always", "never", or "auto": by terminal and environment."""
        self.color = when == "always" or (when == "auto" and self.color)

    def be_quiet(self) -> None:
        """Write neither notes nor a progress line."""
        self._quiet, self.interactive = True, False

    def write_to(self, path: str) -> None:
        """Write results to a file, without colors. It is opened now, before any work is spent.

        Raises:
            UsageError: it cannot be written.
        """
        check_writable(f"-o {path}", path)
        self._file, self.color = path, False

    def finish(self) -> None:
        """Write the file.

        Raises:
            UsageError: it cannot be written.
        """
        if not self._file:
            return
        try:
            text = "".join(self._results)
            # A patch keeps the bytes of a file that are not UTF-8.
            Path(self._file).write_bytes(text.encode("utf-8", errors="surrogateescape"))
        except OSError as error:
            raise _unwritable(f"-o {self._file}", error) from None

    @property
    def width(self) -> int:
        """Columns for the report."""
        return shutil.get_terminal_size((_PIPE_WIDTH, 24)).columns

    def write(self, text: str) -> None:
        """Write a result. A reader that has closed the pipe (`| head`) is no error.

        Raises:
            UsageError: standard output cannot be written.
        """
        if self._file:
            self._results.append(text)
            return
        try:
            print(text, end="", flush=True)
        except OSError as error:
            # Python flushes again at exit, and would print a traceback then.
            with Path(os.devnull).open("wb") as nowhere:
                os.dup2(nowhere.fileno(), sys.stdout.fileno())
            if not isinstance(error, BrokenPipeError):
                raise UsageError(
                    f"standard output: {error.strerror}; expected a writable file or pipe, for example | less"
                ) from None

    @property
    def has_file(self) -> bool:
        """Whether results go to a file."""
        return bool(self._file)

    def note(self, message: str) -> None:
        """Write information that is neither a result nor an error."""
        if self._quiet:
            return
        print(message, file=sys.stderr, flush=True)

    def error(self, message: str) -> None:
        """Write an error."""
        print(f"flushcheck: {message}", file=sys.stderr)


def check_writable(option: str, path: str) -> None:
    """Open a file for writing, without a change of what it holds.

    Args:
        option: with its value, for the error.
        path: of the file.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        Path(path).open("ab").close()
    except (OSError, ValueError) as error:
        raise _unwritable(option, error) from None


def _unwritable(option: str, error: Exception) -> UsageError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return UsageError(f"{option}: {reason}; expected a writable file, for example -o report.txt")


def _is_terminal(stream: TextIO | None) -> bool:
    # sys.stdout is None if the shell closed it (`>&-`).
    return stream is not None and stream.isatty()


class ProgressLine:
    """One line on standard error, redrawn while work goes on; nothing if that is no terminal."""

    def __init__(self, console: Console) -> None:
        self._interactive = console.interactive
        self._began = time.monotonic()
        self._text = ""
        self._drawn = 0
        self._lock = threading.Lock()
        self._done = threading.Event()

    def __enter__(self) -> ProgressLine:
        if self._interactive:
            threading.Thread(target=self._redraw, name="flushcheck-progress", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Erase the line, and draw none again."""
        self._done.set()
        with self.aside():
            pass

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Erase the line while something else is written; the next update draws it again."""
        with self._lock:
            if self._drawn:
                self._write("")
            yield

    def update(self, text: str) -> None:
        """Change the text of the line."""
        self._text = text
        if self._interactive:
            self._draw()

    def _redraw(self) -> None:
        while not self._done.wait(REDRAW_S):
            self._draw()

    def _draw(self) -> None:
        with self._lock:
            if self._text and not self._done.is_set():
                self._write(f"{self._text}, {time.monotonic() - self._began:.1f} s")

    def _write(self, text: str) -> None:
        # One column less: some terminals start a new line as soon as the last column is filled.
        columns = shutil.get_terminal_size((_PIPE_WIDTH, 24)).columns - 1
        shown = text[: max(0, columns)]
        sys.stderr.write(f"\r{shown}{' ' * (self._drawn - len(shown))}" + ("" if shown else "\r"))
        sys.stderr.flush()
        self._drawn = len(shown)
