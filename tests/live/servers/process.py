"""One process under test: how it is started, when it is ready, how it ends, and what it printed."""

import http.client
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parents[3]

# Below the ports that Linux gives to outgoing connections (32768 and up), so that no client of a busy test run can take
# a port after it was found free and before its server binds it.
PORTS = range(20000, 32000)

# A healthy gunicorn responds in under 1 s here, with two cores busy in 3 s; with twenty programs on them it took 40 s. One
# that does not start ends, which is seen at once.
READY_WITHIN_S = 120.0
# gunicorn gives open streams 8 s (deploy/gunicorn.conf.py); after this the process is killed.
GONE_WITHIN_S = 30.0
# Pause between two polls: short against anything measured, long enough not to be a load.
ASK_AGAIN_S = 0.02


class ServiceError(RuntimeError):
    """A server that did not start, did not reload, or is not installed; the message holds the end of its log."""


@dataclass(slots=True)
class Service:
    """A process that serves, and its port."""

    name: str
    port: int  # 0 when it listens on a Unix socket
    process: subprocess.Popen[bytes]
    log: Path  # stdout and stderr together
    stopped_at_s: float | None = None  # time.monotonic(); None while it runs

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process that was started: gunicorn's and nginx's master."""
        return self.process.pid

    def output(self) -> str:
        """Return everything that it has printed so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self, lines: int = 60) -> str:
        """Return the last lines of what it wrote, to explain a failed test."""
        return "\n".join(self.output().splitlines()[-lines:])

    def stop(self) -> None:
        """End it: terminate, wait, kill. Its children are of its session and end with it. May be called twice."""
        if self.stopped_at_s is not None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(GONE_WITHIN_S)
        # The group has the number of the process we started (start_new_session), which stays taken as long as one of
        # its children lives; when none does, there is nothing to kill.
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.stopped_at_s = time.monotonic()


SomeService = TypeVar("SomeService", bound=Service)

_started: list[Service] = []
_scratch: list[Path] = []


def use_scratch(folder: Path | None) -> Path | None:
    """Put the files of all servers started from now on under this folder; return the one before it."""
    before = _scratch[0] if _scratch else None
    _scratch[:] = [folder] if folder else []
    return before


def seen_since(moment_s: float) -> tuple[Service, ...]:
    """Return the servers that ran at or after a moment of time.monotonic(), oldest first."""
    return tuple(s for s in _started if s.stopped_at_s is None or s.stopped_at_s >= moment_s)


def free_port() -> int:
    """Return an unused loopback port, another one each time."""
    for port in random.sample(PORTS, 200):
        with closing(socket.socket()) as probe:
            # As servers do: a port that only has old connections in TIME_WAIT is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise ServiceError("no free port among 200 tried")


def child_env(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for a server or a command under test.

    The test run's own (which tests/conftest.py has cleaned), the checkout first on the import path, and output that does
    not wait in a buffer.
    """
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **(extra or {})}


def new_folder(name: str) -> Path:
    """Return a new empty folder for one server."""
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=_scratch[0] if _scratch else None)).resolve()


def spawn(
    argv: Sequence[str], *, log: Path, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a process with its output in a file."""
    with log.open("wb") as output:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=child_env(env),
            # A session of its own: Ctrl-C reaches the tests, which then end their servers in order.
            start_new_session=True,
        )


@contextmanager
def kept(service: SomeService) -> Iterator[SomeService]:
    """End a server with the block, and remember it for `seen_since`."""
    _started.append(service)
    try:
        yield service
    finally:
        service.stop()


@contextmanager
def running(
    name: str, port: int, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None
) -> Iterator[Service]:
    """Start a process and end it with the block."""
    log = new_folder(name) / "output.log"
    with kept(Service(name, port, spawn(argv, log=log, cwd=cwd, env=env), log)) as service:
        yield service


def wait_until(service: Service, done: Callable[[], bool], what: str) -> None:
    """Poll until it is done.

    Raises:
        ServiceError: the process ended, or the time is up.
    """
    end_s = time.monotonic() + READY_WITHIN_S
    while not done():
        code = service.process.poll()
        if code is not None:
            raise ServiceError(f"{service.name} ended with {code}:\n{service.tail()}")
        if time.monotonic() > end_s:
            raise ServiceError(
                f"{service.name} did not {what} within {READY_WITHIN_S:g} s:\n{service.tail()}"
            )
        time.sleep(ASK_AGAIN_S)


def connects(where: int | Path) -> bool:
    """Return whether the port or socket accepts connections."""
    family = socket.AF_INET if isinstance(where, int) else socket.AF_UNIX
    with closing(socket.socket(family)) as probe:
        probe.settimeout(10)
        address = ("127.0.0.1", where) if isinstance(where, int) else str(where)
        return probe.connect_ex(address) == 0


def responds_ok(port: int, path: str) -> bool:
    """Return whether a GET gets status 200."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
