"""The servers that are compared, each as one worker on one core, and what a worker has cost so far."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.request import urlopen

from tests.live.servers import free_port

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / "bench" / "peers"
BENCH_PYTHON = ROOT / ".venv" / "bench" / "bin" / "python"

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, CLIENT_CORE = CORES[0], CORES[-1]

OURS, FASTAPI, NAIVE, NODE = "flushcheck", "fastapi", "naive flask", "node"
OURS_TWICE = "flushcheck, two workers"
MAX_STREAMS = 6000


@dataclass(frozen=True, slots=True)
class Server:
    """One that runs."""

    name: str
    port: int
    pid: int  # of the worker, or of the first of several
    pids: tuple[int, ...]  # of all workers

    def cpu_s(self) -> float:
        """Processor time of the worker so far, all threads. Source: proc(5), schedstat."""
        return self.cpu_of_each_s()[0]

    def cpu_of_each_s(self) -> tuple[float, ...]:
        """The same of each worker."""
        times = [
            [int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()]
            for pid in self.pids
        ]
        return tuple(sum(one) / 1e9 for one in times)

    def memory_bytes(self) -> int:
        """Memory of the worker, what it shares with its parent left out."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


def _gunicorn(port: int, app: str, *more: str) -> list[str]:
    own = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}"]
    return [*own, *more, app]


def _ours(port: int, workers: int = 1) -> list[str]:
    settings = str(ROOT / "deploy" / "gunicorn.conf.py")
    return _gunicorn(port, "wsgi:app", "-c", settings, "--workers", str(workers))


def _fastapi(port: int) -> list[str]:
    fast = ["--loop", "uvloop", "--http", "httptools", "--ws", "websockets-sansio", "--backlog", "4096"]
    # With its default access log: the service writes one as well.
    plain = ["--ws-per-message-deflate", "false"]
    where = ["--app-dir", str(PEERS), "--port", str(port)]
    return [str(BENCH_PYTHON), "-m", "uvicorn", "fastapi_app:app", *where, *fast, *plain]


def _naive(port: int) -> list[str]:
    more = (
        "-k",
        "gevent",
        "--workers",
        "1",
        "--worker-connections",
        str(MAX_STREAMS + 100),
        "--no-control-socket",
    )
    return _gunicorn(port, "naive_app:app", *more, "--chdir", str(PEERS))


def _node(port: int) -> list[str]:
    return [shutil.which("node") or "node", str(PEERS / "server.mjs"), str(port)]


# name, command, how many workers are children of what is started; 0: it is the worker
COMMANDS: dict[str, tuple[Callable[[int], list[str]], int]] = {
    OURS: (_ours, 1),
    OURS_TWICE: (partial(_ours, workers=2), 2),
    FASTAPI: (_fastapi, 0),
    NAIVE: (_naive, 1),
    NODE: (_node, 0),
}


def why_not(name: str) -> str | None:
    """Why this one cannot be started here; None if it can."""
    if name == FASTAPI and not BENCH_PYTHON.exists():
        return "FastAPI is not installed: make bench does that"
    if name == NODE and not shutil.which("node"):
        return "Node is not installed"
    return None


@contextmanager
def running(name: str, **settings: str) -> Iterator[Server]:
    """Start one with these variables, pinned to its core, and end it with the block.

    Two workers have all cores.
    """
    command, workers = COMMANDS[name]
    cores = {SERVER_CORE} if workers < 2 else set(CORES)
    port = free_port()
    environ = {**os.environ, "FLUSHCHECK_MAX_STREAMS": str(MAX_STREAMS), "PYTHONPATH": str(ROOT), **settings}
    process = subprocess.Popen(
        command(port),
        cwd=ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    try:
        _wait_until_up(process, port)
        pids = _children(process.pid, workers) if workers else (process.pid,)
        yield Server(name, port, pids[0], pids)
    finally:
        # The group is ours (start_new_session); a server with open streams may take its time to end.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until_up(process: subprocess.Popen[bytes], port: int) -> None:
    until_s = time.monotonic() + 30
    while time.monotonic() < until_s:
        assert process.poll() is None, f"ended with {process.returncode}"
        try:
            with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as response:
                assert response.status == 200
                return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"nothing responds on port {port}")


def _children(pid: int, count: int) -> tuple[int, ...]:
    until_s = time.monotonic() + 30
    while time.monotonic() < until_s:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if len(children) == count:
            return tuple(map(int, children))
        time.sleep(0.05)
    raise TimeoutError(f"expected {count} workers, found {children}")
