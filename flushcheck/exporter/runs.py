"""One diagnosis as a process of its own.

The process gets its task through a pipe, one line of JSON, and the pipe stays open: where it closes, the run
ends. So an exporter that is killed leaves no run behind. The result is one JSON document on its standard
output, which is bounded. Its standard error may hold text of the target and is not read.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from flushcheck.reports.prometheus import Family

# What a run may take beyond its own limit: the start of Python, up to seven repetitions of `watch` of 30 s
# each, and the analysis on a busy machine. Then it is killed.
GRACE_S = 240.0

MAX_RESULT_BYTES = 1024 * 1024  # 20 kB are usual
_END_S = 1.0  # from SIGTERM to SIGKILL


@dataclass(frozen=True, slots=True)
class Target:
    """One target of the file."""

    name: str
    host: str
    interval_s: float  # 0.0: only on request
    timeout_s: float  # what its own options allow a run
    task: str = field(repr=False)  # JSON, what a run is given. It holds secrets


class Ending(StrEnum):
    """How a run ended."""

    MEASURED = "measured"  # with a report, whatever its verdict is
    FAILED = "failed"  # without one
    TIMEOUT = "timeout"  # it was stopped, since it took too long
    STOPPED = "stopped"  # it was stopped, since the exporter ends or the target is another one now


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run."""

    ending: Ending
    took_s: float
    summary: str = ""  # for the log: words of flushcheck, and no text of the target
    is_as_expected: bool = False
    families: tuple[Family, ...] = ()


class RunProcess:
    """A process that measures one target."""

    def __init__(
        self,
        command: Sequence[str],
        target: Target,
        timeout_s: float,
        on_end: Callable[[RunProcess, Outcome], None],
    ) -> None:
        self.target = target
        self._command = command
        self._timeout_s = timeout_s
        self._on_end = on_end
        self._ending = Ending.FAILED  # what the end of the process means, unless it has a result
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._follow, name=f"run of {target.name}", daemon=True)

    def start(self) -> None:
        """Start it; `on_end` is called once, in another thread."""
        self._thread.start()

    def stop(self, ending: Ending = Ending.STOPPED) -> None:
        """End it now. Its end is reported as usual."""
        with self._lock:
            self._ending = ending
            process = self._process
        if process is not None:
            with suppress(OSError):
                process.terminate()

    def join(self, timeout_s: float) -> None:
        """Wait for its end, at most this long; then kill it."""
        self._thread.join(timeout_s)
        if self._thread.is_alive() and self._process is not None:
            with suppress(OSError):
                self._process.kill()

    def _follow(self) -> None:
        began_s = time.monotonic()
        try:
            output = self._output()
        except OSError as error:  # no process, no memory, no descriptor
            output = json.dumps({"failed": type(error).__name__}).encode()
        took_s = time.monotonic() - began_s
        self._on_end(self, _outcome(output, self._ending, took_s))

    def _output(self) -> bytes:
        # A session of its own: Ctrl-C in the terminal goes to the exporter alone, which stops it.
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        with self._lock:
            self._process = process
            stopped = self._ending is Ending.STOPPED
        limit_s = self._timeout_s + GRACE_S
        watchdog = threading.Timer(limit_s, self.stop, (Ending.TIMEOUT,))
        watchdog.daemon = True
        watchdog.start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if stopped:
                process.terminate()
            with suppress(BrokenPipeError):
                process.stdin.write(_line(self.target.task, self._timeout_s))
                process.stdin.flush()
            return process.stdout.read(MAX_RESULT_BYTES + 1)
        finally:
            watchdog.cancel()
            _end(process)


def _line(task: str, timeout_s: float) -> bytes:
    return json.dumps({"task": json.loads(task), "timeout_s": timeout_s}).encode() + b"\n"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close the pipes and wait: a process that has written its result ends by itself."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _outcome(output: bytes, ending: Ending, took_s: float) -> Outcome:
    """What the output of a run says.

    Args:
        output: all of it.
        ending: FAILED, unless the run was stopped: then its output is not whole, or not wanted.
        took_s: how long the process ran.
    """
    if not output or ending is not Ending.FAILED:
        words = {Ending.FAILED: "the run ended without a result", Ending.TIMEOUT: "the run took too long"}
        return Outcome(ending, took_s, words.get(ending, "the run was stopped"))
    try:
        return _read(json.loads(output), took_s)
    except (ValueError, TypeError, KeyError, AttributeError):
        return Outcome(Ending.FAILED, took_s, "the result of the run cannot be read")


def _read(result: dict[str, Any], took_s: float) -> Outcome:
    if "failed" in result:
        reason = str(result["failed"])[:80]
        return Outcome(
            Ending.FAILED, took_s, f"{reason}; `flushcheck diagnose --targets` with the same file says more"
        )
    return Outcome(
        Ending.MEASURED,
        took_s,
        str(result["summary"]),
        bool(result["is_as_expected"]),
        tuple(family_of(family) for family in result["families"]),
    )


def family_document(family: Family) -> list[Any]:
    """A Family as JSON has it."""
    return [
        family.name,
        family.help,
        family.kind,
        [[list(map(list, labels)), value] for labels, value in family.samples],
    ]


def family_of(document: Sequence[Any]) -> Family:
    """The Family of such a document.

    Raises:
        ValueError, TypeError: it is none.
    """
    name, text, kind, samples = document
    return Family(
        str(name),
        str(text),
        tuple(
            (tuple((str(label), str(word)) for label, word in labels), float(value))
            for labels, value in samples
        ),
        str(kind),
    )
