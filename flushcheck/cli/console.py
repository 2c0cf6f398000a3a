"""What the command sees of the terminal it runs in: where output goes, how wide, how colourful."""

from __future__ import annotations

import io
import os
import shutil
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import TextIO

from flushcheck.model import UsageError

# How often the progress line is drawn again: often enough to look alive, too seldom to disturb a measurement.
REDRAW_S = 0.25

_PIPE_WIDTH = 80  # where nobody says how wide it is


class Console:
    """Standard output for results, standard error for everything else."""

    def __init__(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # An old terminal cannot show everything; that is no reason to show nothing.
                stream.reconfigure(errors="replace")
        plain = os.environ.get("TERM") == "dumb"
        # https://no-color.org: "when present and not an empty string (regardless of its value)"
        self.color = _is_terminal(sys.stdout) and not plain and not os.environ.get("NO_COLOR")
        self.interactive = _is_terminal(sys.stderr) and not plain

    @property
    def width(self) -> int:
        """Columns for the report."""
        return shutil.get_terminal_size((_PIPE_WIDTH, 24)).columns

    def write(self, text: str) -> None:
        """Put a result out. A reader that has gone (`| head`) has seen enough: no error.

        Raises:
            UsageError: it cannot be written where the caller wants it.
        """
        try:
            print(text, end="", flush=True)
        except OSError as error:
            # Python flushes once more when it ends, and would complain then.
            with Path(os.devnull).open("wb") as nowhere:
                os.dup2(nowhere.fileno(), sys.stdout.fileno())
            if not isinstance(error, BrokenPipeError):
                raise UsageError(
                    f"standard output: {error.strerror}; expected a place to write to, for example | less"
                ) from None

    def note(self, message: str) -> None:
        """Say something that is no result and nothing wrong."""
        print(message, file=sys.stderr, flush=True)

    def error(self, message: str) -> None:
        """Say what went wrong."""
        print(f"flushcheck: {message}", file=sys.stderr)


def _is_terminal(stream: TextIO | None) -> bool:
    # Python has no stream at all where the shell closed it (`>&-`).
    return stream is not None and stream.isatty()


class ProgressLine:
    """One line on standard error, drawn again and again while work goes on; nothing where nobody looks."""

    def __init__(self, console: Console) -> None:
        self._interactive = console.interactive
        self._began = time.monotonic()
        self._text = ""
        self._drawn = 0
        self._lock = threading.Lock()
        self._over = threading.Event()

    def __enter__(self) -> ProgressLine:
        if self._interactive:
            threading.Thread(target=self._redraw, name="flushcheck-progress", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._interactive:
            with self._lock:
                self._put("")

    def update(self, text: str) -> None:
        """Change what the line says."""
        self._text = text
        if self._interactive:
            self._draw()

    def _redraw(self) -> None:
        while not self._over.wait(REDRAW_S):
            self._draw()

    def _draw(self) -> None:
        with self._lock:
            if self._text and not self._over.is_set():
                self._put(f"{self._text}, {time.monotonic() - self._began:.1f} s")

    def _put(self, text: str) -> None:
        # One column less: some terminals begin a new line as soon as the last column is filled.
        columns = shutil.get_terminal_size((_PIPE_WIDTH, 24)).columns - 1
        shown = text[: max(0, columns)]
        sys.stderr.write(f"\r{shown}{' ' * (self._drawn - len(shown))}" + ("" if shown else "\r"))
        sys.stderr.flush()
        self._drawn = len(shown)
