"""Where notes wait to be fetched: in this process, and in a file for its sisters.

A server has several worker processes, and the request for the notes may reach another one than the request
that was noted. So notes that are complete lie in a folder of this user too, for a minute. Without such a
folder (Windows, a read-only system) they are only in this process.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

from flushcheck.taps.notes import NotesRecorder

KEPT_S = 60.0
MAX_IDS = 16
# A request that runs for longer takes no place from others.
RUNNING_S = 600.0


class Store:
    """The notes of at most MAX_IDS requests, kept for KEPT_S. Thread-safe."""

    def __init__(self, secret: str, folder: Path | None = None) -> None:
        """Args:
        secret: what file names are made of, together with the id.
        folder: where files lie; None for the folder of this user.
        """
        self._secret = secret
        self._folder = folder
        self._lock = threading.Lock()
        self._running: dict[str, NotesRecorder] = {}
        self._done: dict[str, tuple[float, bytes]] = {}  # when, and the notes

    def begin(self, tap_id: str) -> NotesRecorder | None:
        """Return what notes this request; None if the id is in use, or too many are."""
        recorder = NotesRecorder(began=time.monotonic())
        with self._lock:
            self._forget()
            if tap_id in self._running or tap_id in self._done or len(self._running) >= MAX_IDS:
                return None
            self._running[tap_id] = recorder
        return recorder

    def end(self, tap_id: str) -> None:
        """Keep the notes of a response that is at its end."""
        with self._lock:
            recorder = self._running.pop(tap_id, None)
        if recorder is None:
            return
        recorder.ended_s = recorder.elapsed_s()
        text = json.dumps(recorder.document(), separators=(",", ":")).encode()
        with self._lock:
            self._done[tap_id] = (time.monotonic(), text)
            self._forget()
        with suppress(OSError):
            self._write(self._file(tap_id), text)

    def take(self, tap_id: str) -> bytes | None:
        """Return the notes as JSON, and forget them if they are complete; None if there are none."""
        with self._lock:
            self._forget()
            running = self._running.get(tap_id)
            _, text = self._done.pop(tap_id, (0.0, None))
        if running is not None:
            return json.dumps(running.document(), separators=(",", ":")).encode()
        with suppress(OSError):
            file = self._file(tap_id)
            if text is None and time.time() - file.stat().st_mtime <= KEPT_S:
                text = file.read_bytes()
            file.unlink()
        return text

    def _forget(self) -> None:
        now = time.monotonic()
        for tap_id in [each for each, (since, _) in self._done.items() if now - since > KEPT_S]:
            del self._done[tap_id]
        for tap_id in list(self._done)[:-MAX_IDS]:
            del self._done[tap_id]
        for tap_id in [each for each, notes in self._running.items() if now - notes.began > RUNNING_S]:
            del self._running[tap_id]

    def _file(self, tap_id: str) -> Path:
        """The file of an id. Only a process with the same token finds it.

        Raises:
            OSError: there is no folder for files.
        """
        name = hashlib.sha256(f"{self._secret}\0{tap_id}".encode()).hexdigest()[:40]
        return (self._folder or _user_folder()) / f"{name}.json"

    def _write(self, file: Path, text: bytes) -> None:
        """Write a file, and remove those that are old or too many.

        Raises:
            OSError: it is not possible.
        """
        descriptor, name = tempfile.mkstemp(dir=file.parent)
        with open(descriptor, "wb") as opened:  # noqa: PTH123
            opened.write(text)
        Path(name).replace(file)
        dated = []
        for other in file.parent.iterdir():
            with suppress(OSError):
                dated.append((other.stat().st_mtime, other))
        dated.sort()
        for number, (moment, other) in enumerate(dated):
            if number < len(dated) - MAX_IDS or time.time() - moment > KEPT_S:
                other.unlink(missing_ok=True)


def _user_folder() -> Path:
    """A folder that only this user can read.

    Raises:
        OSError: it belongs to someone else, or this system has no users.
    """
    if not hasattr(os, "getuid"):
        raise OSError("no users")
    folder = Path(tempfile.gettempdir()) / f"flushcheck-taps-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise OSError(f"{folder} is open to others")
    return folder
