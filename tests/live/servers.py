"""Real servers for the tests: gunicorn, nginx, a FastCGI server, and a machine that is busy with something else.

What must stay true:

- Everything listens on 127.0.0.1, on a port that was free a moment ago.
- An entered context manager has a server that responds; no test sleeps for what it can poll.
- Every process is ended by the pid that started it: terminate, wait, kill; its own children go with it.
- What a process printed is in a file under the scratch folder, and in the message when it does not come up.
  `seen_since` gives the conftest what to show when a test fails.
"""

import http.client
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tests.live import nginxconf

ROOT = Path(__file__).resolve().parents[2]
GOOD_SITE = ROOT / "deploy" / "nginx" / "flushcheck.conf"
GOOD_FASTCGI_SITE = ROOT / "deploy" / "nginx" / "fastcgi.conf"

# Below the ports that Linux gives to outgoing connections (32768 and up), so that no client of a busy test run can sit
# on a port between its being found free and its server's bind.
PORTS = range(20000, 32000)

# A healthy gunicorn responds in under 1 s here, with two cores busy in 3 s; this is for machines far worse.
READY_WITHIN_S = 30.0
# gunicorn gives open streams 8 s (deploy/gunicorn.conf.py); after this the process is killed.
GONE_WITHIN_S = 12.0
# How long to wait before asking again: short against anything measured, long enough not to be a load.
ASK_AGAIN_S = 0.02


class ServiceError(RuntimeError):
    """A server that did not come up, did not reload, or is not installed; the message holds the end of its log."""


@dataclass(slots=True)
class Service:
    """A process that serves, and where it listens."""

    name: str
    port: int  # 0 when it listens on a Unix socket
    process: subprocess.Popen[bytes]
    log: Path  # stdout and stderr together
    stopped_at_s: float | None = None  # time.monotonic(); None while it runs

    @property
    def url(self) -> str:
        """Where it is reached, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process that was started: gunicorn's and nginx's master."""
        return self.process.pid

    def output(self) -> str:
        """Return all that it has printed so far."""
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


@dataclass(slots=True)
class Nginx(Service):
    """nginx with one site file, which a test may change as a person would."""

    prefix: Path = field(kw_only=True)
    config: Path = field(kw_only=True)  # the site file: what a Fix is applied to
    main: Path = field(kw_only=True)  # nginx.conf, which includes it

    @property
    def text(self) -> str:
        """The site file as it is now."""
        return self.config.read_text()

    def tail(self, lines: int = 60) -> str:
        """Return the end of its error log, its access log and the site file in force."""
        parts = [Service.tail(self, lines)]
        for name in ("error.log", "access.log"):
            path = self.prefix / name
            if path.exists():
                parts += [f"-- {name}", *path.read_text(errors="replace").splitlines()[-lines:]]
        return "\n".join([*parts, f"-- {self.config.name}", self.text])

    def rewrite(self, text: str) -> None:
        """Put another text in the site file and reload; when nginx refuses it, the old text comes back.

        Raises:
            ServiceError: nginx -t says no.
        """
        before = self.text
        self.config.write_text(text)
        try:
            self.reload()
        except ServiceError:
            self.config.write_text(before)
            raise

    def apply_fix(self, change: str, *, location: str | None = "/") -> None:
        """Put directives, as a Fix prints them, into the site file and reload. See nginxconf.apply_fix."""
        self.rewrite(nginxconf.apply_fix(self.text, change, location=location))

    def reload(self) -> None:
        """Have nginx read its files again, and wait until only the new workers take connections.

        Requests under way go on in the old workers.

        Raises:
            ServiceError: nginx -t says no, or no new workers came.
        """
        _check_config(self.main, self.prefix)
        old = self.workers()
        self.process.send_signal(signal.SIGHUP)

        def new_workers_only() -> bool:
            # An old worker has closed its listening sockets when it calls itself "shutting down".
            now = self.workers()
            return bool(now) and not now & old

        _wait(self, new_workers_only, "take over by new workers")
        _wait(self, lambda: _connects(self.port), f"listen on {self.url}")

    def workers(self) -> set[int]:
        """Return the pids of the workers that take connections. Linux only: reads /proc."""
        return {pid for pid in _children(self.pid) if _title(pid).rstrip() == "nginx: worker process"}


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


def certificate(folder: Path, host: str = "127.0.0.1") -> tuple[Path, Path]:
    """Make a key and a self-signed certificate, and return their paths."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={host}"]
    argv += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    return key, certificate


def why_not_live() -> str | None:
    """Return why no live test can run on this machine, or None when all can."""
    if not sys.platform.startswith("linux"):
        return f"live tests need Linux (/proc), and this is {sys.platform}"
    if nginx_path() is None:
        return "nginx is not installed (on Debian and Ubuntu `make test` installs it)"
    return None


def nginx_path() -> str | None:
    """Return where nginx is; Debian keeps it where only root's PATH looks."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")


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


@contextmanager
def start_origin(
    *,
    env: Mapping[str, str] | None = None,
    args: Sequence[str] = (),
    app: str = "wsgi:app",
    chdir: Path = ROOT,
    ready: str = "/healthz",
) -> Iterator[Service]:
    """Run the app on gunicorn with the shipped deploy/gunicorn.conf.py, until the block ends.

    Args:
        env: environment variables on top of a clean environment.
        args: more of gunicorn's arguments; they win over the shipped file (`["--workers", "2"]`).
        app: what to serve, `module:name`.
        chdir: where that module lies.
        ready: the path that responds 200 when it is up.

    Raises:
        ServiceError: it ended, or did not respond in time.
    """
    port = free_port()
    argv = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "deploy" / "gunicorn.conf.py")]
    argv += [app, "--chdir", str(chdir), "--bind", f"127.0.0.1:{port}", *args]
    with _running("gunicorn", port, argv, env=env, cwd=chdir) as service:
        _wait(service, lambda: _responds_ok(port, ready), f"respond to {ready} with 200")
        yield service


@contextmanager
def start_nginx(site: str, *, upstreams: Mapping[int, int] | None = None, main: str = "") -> Iterator[Nginx]:
    """Run nginx as Debian configures it with this site, until the block ends.

    Args:
        site: what stands for a file in sites-enabled/: server blocks and what they need beside them. A
            `listen 80` becomes the free port found; other listens are the caller's. See nginxconf.site and GOOD_SITE.
        upstreams: port in the text → port in this run, e.g. `{8000: origin.port}`.
        main: directives for the top of nginx.conf, such as load_module.

    Raises:
        ServiceError: nginx is missing, refuses the site, or does not listen in time.
    """
    port = free_port()
    prefix = new_folder("nginx")
    (prefix / "tmp").mkdir()
    config = prefix / "site.conf"
    config.write_text(nginxconf.placed(site, port=port, upstreams=upstreams))
    whole = prefix / "nginx.conf"
    user = "root" if os.geteuid() == 0 else None
    whole.write_text(f"{main}\n{nginxconf.debian_main(prefix, config, user=user)}".lstrip())
    _check_config(whole, prefix)
    log = prefix / "output.log"
    process = _spawn(_nginx_argv(whole, prefix), log=log, cwd=prefix)
    with _kept(Nginx("nginx", port, process, log, prefix=prefix, config=config, main=whole)) as nginx:
        # The master listens before it has workers; a busy machine can look in between.
        _wait(nginx, lambda: bool(nginx.workers()) and _connects(port), f"listen on {nginx.url}")
        yield nginx


@contextmanager
def start_fastcgi(
    where: int | Path | None = None,
    *,
    env: Mapping[str, str] | None = None,
    app: str = "wsgi:app",
    chdir: Path = ROOT,
) -> Iterator[Service]:
    """Run the app on a real FastCGI server (flup, threads), until the block ends.

    Args:
        where: a port on the loopback, or a path for a Unix socket; a free port when left out.
        env: environment variables on top of a clean environment.
        app: what to serve, `module:name`.
        chdir: where that module lies.

    Raises:
        ServiceError: it ended, or did not listen in time.
    """
    where = free_port() if where is None else where
    port = where if isinstance(where, int) else 0
    argv = [sys.executable, str(Path(__file__).with_name("fcgi_app.py")), app, str(where)]
    with _running("fastcgi", port, argv, env=env, cwd=chdir) as service:
        _wait(service, lambda: _connects(where), f"listen on {where}")
        yield service


@contextmanager
def start_program(
    name: str,
    argv: Sequence[str],
    *,
    port: int,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    ready: str | None = None,
) -> Iterator[Service]:
    """Run any other server in the foreground, until the block ends.

    Args:
        name: what to call it.
        argv: the command.
        port: where it will listen on the loopback.
        cwd: where it runs.
        env: environment variables on top of a clean environment.
        ready: a path that responds 200 when it and all behind it are up; None: its port accepts connections.

    Raises:
        ServiceError: it ended, or was not ready in time.
    """
    with _running(name, port, argv, env=env, cwd=cwd) as service:
        if ready is None:
            _wait(service, lambda: _connects(port), f"listen on {service.url}")
        else:
            _wait(service, lambda: _responds_ok(port, ready), f"respond to {ready} with 200")
        yield service


def wait_until_ok(service: Service, path: str) -> None:
    """Return when a GET gets a 200 through this server: it and all behind it are up.

    Raises:
        ServiceError: it ended, or the time is up.
    """
    _wait(service, lambda: _responds_ok(service.port, path), f"respond to {path} with 200")


@contextmanager
def busy_cores(count: int | None = None) -> Iterator[int]:
    """Keep cores busy with something else until the block ends; gives how many.

    Args:
        count: how many cores; all that this process may use when left out.
    """
    count = len(os.sched_getaffinity(0)) if count is None else count
    # Each says that it has begun, and ends by itself when the test run is gone.
    burn = "import os\nprint('busy', flush=True)\nwhile os.getppid() == {}:\n for _ in range(10**6): pass"
    argv = [sys.executable, "-c", burn.format(os.getpid())]
    with ExitStack() as stack:
        for _ in range(count):
            service = stack.enter_context(_running("busy", 0, argv, cwd=ROOT))
            _wait(service, lambda one=service: "busy" in one.output(), "begin")  # type: ignore[misc]
        yield count


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


def _spawn(
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
def _kept(service: SomeService) -> Iterator[SomeService]:
    """End a server with the block, and remember it for `seen_since`."""
    _started.append(service)
    try:
        yield service
    finally:
        service.stop()


@contextmanager
def _running(
    name: str, port: int, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None
) -> Iterator[Service]:
    """Start a process and end it with the block."""
    log = new_folder(name) / "output.log"
    with _kept(Service(name, port, _spawn(argv, log=log, cwd=cwd, env=env), log)) as service:
        yield service


def _wait(service: Service, done: Callable[[], bool], what: str) -> None:
    """Ask until it is so.

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


def _connects(where: int | Path) -> bool:
    """Tell whether the port accepts connections."""
    family = socket.AF_INET if isinstance(where, int) else socket.AF_UNIX
    with closing(socket.socket(family)) as probe:
        probe.settimeout(1)
        address = ("127.0.0.1", where) if isinstance(where, int) else str(where)
        return probe.connect_ex(address) == 0


def _responds_ok(port: int, path: str) -> bool:
    """Tell whether a GET gets a 200."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=2)) as connection:
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


def _nginx_argv(main: Path, prefix: Path) -> list[str]:
    """Return the command line of nginx with these files.

    Raises:
        ServiceError: nginx is not installed.
    """
    nginx = nginx_path()
    if nginx is None:
        raise ServiceError(why_not_live() or "nginx is not installed")
    # -e: before it has read its configuration nginx writes to the error log it was built with, which only root may.
    return [nginx, "-p", str(prefix), "-c", str(main), "-e", str(prefix / "error.log")]


def _check_config(main: Path, prefix: Path) -> None:
    """Have nginx test its files.

    Raises:
        ServiceError: it says no; the message is nginx's own.
    """
    told = subprocess.run(
        [*_nginx_argv(main, prefix), "-t"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=READY_WITHIN_S,
        check=False,
    )
    if told.returncode:
        raise ServiceError(
            f"nginx refuses the site:\n{told.stderr}\n{main.with_name('site.conf').read_text()}"
        )


def _children(pid: int) -> set[int]:
    """Return the pids whose parent this is. Linux only: reads /proc."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            # A process may end while we look. Its name, in parentheses, may hold anything; the parent comes after it.
            with suppress(OSError, IndexError):
                after = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                if int(after[1]) == pid:
                    found.add(int(entry.name))
    return found


def _title(pid: int) -> str:
    """Return what a process calls itself, or nothing when it has ended. Linux only: reads /proc."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    return ""
