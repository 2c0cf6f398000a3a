"""The counters behind /metrics, summed over all worker processes.

Each worker counts in its own file, mapped into memory: counting a piece is two additions without a lock,
and any worker can add up the files of all. A worker holds a lock on its file while it lives, however it
ends. If the lock can be taken, the worker is dead: its counters stay, its open streams do not count. The
next worker that starts merges the files of dead workers into one, so the number of files does not grow.

Not prometheus-client's multiprocess mode, which was tried (0.26):

- `Histogram.observe` costs 5.3 µs per piece, this store 0.9 µs. Counting pieces in an int and adding them
  once a second would lose the lateness of each, and `Histogram` has no public way to add to a bucket.
- It keeps two files of 64 KiB for each worker that ever lived (43 files after 21 workers, 4 here), and
  `mark_process_dead` removes only those of the gauges. A scrape reads all of them: 6.5 ms, here 1.5 ms.
- Only gunicorn has a hook (`child_exit`) to call `mark_process_dead`. Under uWSGI, mod_wsgi or FastCGI, and
  when gunicorn's master is killed, streams of a dead worker would count as open for as long as the folder
  exists.
- Its folder is one environment variable, read at import; here it is a setting like the others.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from flushcheck.model import Transport, UsageError
from flushcheck.service.serving.frame_schedule import EndReason

try:
    import fcntl
except ModuleNotFoundError:  # Windows: one process is all that runs there
    _LOCKS = False
else:
    _LOCKS = True

# Upper bounds of the lateness of a piece, in seconds. 5 ms is the aim of the pacing, 250 ms is visible.
LATE_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

# Statuses with a counter of their own; all others share one, the last.
REFUSALS = (400, 401, 403, 404, 405, 413, 426, 429, 501, 503)

# The layout of a file: doubles, one after the other. The gauges come first: they end with their worker.
_OPEN_AT = 0
_TRANSPORTS = tuple(Transport)
_ENDED_AT = _OPEN_AT + len(_TRANSPORTS)
_ENDINGS = tuple(EndReason)
_REFUSALS_AT = _ENDED_AT + len(_TRANSPORTS) * len(_ENDINGS)
_LATE_AT = _REFUSALS_AT + len(REFUSALS) + 1
_PER_TRANSPORT = len(LATE_S) + 2  # its buckets, the one without a bound, and the sum in seconds
_SIZE = _LATE_AT + len(_TRANSPORTS) * _PER_TRANSPORT

# In the folder: one file per worker, one for all dead workers, one to lock.
_WORKER, _DEAD, _LOCK = "worker-", "dead", "lock"


class PieceCounter:
    """The pieces of one transport in this process: their number, and how late each was."""

    __slots__ = ("_at", "_values")

    def __init__(self, values: memoryview[float], at: int) -> None:
        self._values = values
        self._at = at

    def observe(self, late_s: float) -> None:
        """Count one piece, sent `late_s` after it was due. Called for each piece: keep it cheap."""
        values, at = self._values, self._at
        values[at + bisect_left(LATE_S, late_s)] += 1
        values[at + _PER_TRANSPORT - 1] += late_s


class Totals:
    """Sums over all workers at one moment."""

    def __init__(self, values: Sequence[float]) -> None:
        self._values = values

    def streams_open(self, transport: Transport) -> float:
        """Streams open now."""
        return self._values[_open_index(transport)]

    def streams_ended(self, transport: Transport, how: EndReason) -> float:
        """Streams, or polls, that ended this way."""
        return self._values[_ended_index(transport, how)]

    def refusals(self) -> Sequence[float]:
        """Refused requests, one number for each status in REFUSALS, then one for all others."""
        return self._values[_REFUSALS_AT:_LATE_AT]

    def pieces_by_lateness(self, transport: Transport) -> Sequence[float]:
        """Pieces sent, one number for each bound in LATE_S, then one for all later pieces."""
        at = _late_index(transport)
        return self._values[at : at + _PER_TRANSPORT - 1]

    def lateness_s(self, transport: Transport) -> float:
        """The sum of the lateness of all pieces, in seconds."""
        return self._values[_late_index(transport) + _PER_TRANSPORT - 1]


class MetricsStore:
    """The counters of this process, and the sums over all workers that share its folder."""

    def __init__(self, folder: str = "") -> None:
        """Start at zero.

        Args:
            folder: where the workers of one service keep their files; "": this process is the only one.

        Raises:
            UsageError: no file can be created there, or this system has no locks that end with a process.
        """
        if folder and not _LOCKS:
            raise UsageError(
                f"FLUSHCHECK_METRICS_FOLDER={folder}: this system has no flock(2), by which workers share a "
                "folder; expected no such setting, and one process"
            )
        self._folder = Path(folder) if folder else None
        data: mmap.mmap | bytearray = bytearray(8 * _SIZE)
        if self._folder:
            try:
                data = self._create_file(self._folder)
            except OSError as error:
                raise UsageError(
                    f"FLUSHCHECK_METRICS_FOLDER={folder}: {error.strerror}; expected a folder in which "
                    "this process may create files, for example FLUSHCHECK_METRICS_FOLDER=/run/flushcheck"
                ) from None
        self._values = memoryview(data).cast("d")

    def _create_file(self, folder: Path) -> mmap.mmap:
        with _locked(folder):
            _merge_dead_workers(folder)
            # Never closed, and so locked until this process ends.
            self._file, _ = tempfile.mkstemp(prefix=_WORKER, dir=folder)
            os.truncate(self._file, 8 * _SIZE)
            fcntl.flock(self._file, fcntl.LOCK_EX)
            return mmap.mmap(self._file, 8 * _SIZE)

    def piece_counter(self, transport: Transport) -> PieceCounter:
        """The counter for the pieces of this transport."""
        return PieceCounter(self._values, _late_index(transport))

    def stream_opened(self, transport: Transport) -> None:
        """Count a stream as open."""
        self._values[_open_index(transport)] += 1

    def stream_closed(self, transport: Transport) -> None:
        """Count a stream as no longer open, however it ended."""
        self._values[_open_index(transport)] -= 1

    def stream_ended(self, transport: Transport, how: EndReason) -> None:
        """Count the end of a stream, or of one poll."""
        self._values[_ended_index(transport, how)] += 1

    def request_refused(self, status: int) -> None:
        """Count a response with this status of 400 or more."""
        self._values[_REFUSALS_AT + (REFUSALS.index(status) if status in REFUSALS else len(REFUSALS))] += 1

    def totals(self) -> Totals:
        """The sums over all workers. Open streams of dead workers do not count."""
        if not self._folder:
            return Totals(array("d", self._values))
        with _locked(self._folder):
            return Totals(_sum([_counts(path) for path in self._folder.iterdir() if path.name != _LOCK]))


def _open_index(transport: Transport) -> int:
    return _OPEN_AT + _TRANSPORTS.index(transport)


def _ended_index(transport: Transport, how: EndReason) -> int:
    return _ENDED_AT + _TRANSPORTS.index(transport) * len(_ENDINGS) + _ENDINGS.index(how)


def _late_index(transport: Transport) -> int:
    return _LATE_AT + _TRANSPORTS.index(transport) * _PER_TRANSPORT


def _merge_dead_workers(folder: Path) -> None:
    """Add the counters of workers that have ended to the file of all dead workers."""
    dead = [path for path in folder.glob(f"{_WORKER}*") if not _is_alive(path)]
    merged = [path for path in [folder / _DEAD] if path.exists()]
    if dead:
        (folder / _DEAD).write_bytes(_sum([_counts(path) for path in [*merged, *dead]]).tobytes())
    for path in dead:
        path.unlink()


def _counts(path: Path) -> array[float]:
    counts = array("d", path.read_bytes())
    if not _is_alive(path):
        counts[_OPEN_AT:_ENDED_AT] = array("d", bytes(8 * (_ENDED_AT - _OPEN_AT)))
    return counts


def _sum(counts: list[array[float]]) -> array[float]:
    return array("d", map(sum, zip(*counts, strict=True)))


def _is_alive(path: Path) -> bool:
    """Whether the worker that created this file still holds its lock."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other workers from starting or adding up; held for less than a millisecond."""
    with (folder / _LOCK).open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
