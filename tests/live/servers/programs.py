"""The service on gunicorn and on FastCGI, any other program, and a machine that is busy with something else."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.live.servers.process import ROOT, Service, connects, free_port, responds_ok, running, wait_until


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
        chdir: the folder of that module.
        ready: the path that responds with 200 when it is up.

    Raises:
        ServiceError: it ended, or did not respond in time.
    """
    port = free_port()
    argv = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "deploy" / "gunicorn.conf.py")]
    argv += [app, "--chdir", str(chdir), "--bind", f"127.0.0.1:{port}", *args]
    with running("gunicorn", port, argv, env=env, cwd=chdir) as service:
        wait_until(service, lambda: responds_ok(port, ready), f"respond to {ready} with 200")
        yield service


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
        chdir: the folder of that module.

    Raises:
        ServiceError: it ended, or did not listen in time.
    """
    where = free_port() if where is None else where
    port = where if isinstance(where, int) else 0
    argv = [sys.executable, str(Path(__file__).with_name("fcgi_app.py")), app, str(where)]
    with running("fastcgi", port, argv, env=env, cwd=chdir) as service:
        wait_until(service, lambda: connects(where), f"listen on {where}")
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
        ready: a path that responds with 200 when it and all behind it are up; None: its port accepts connections.

    Raises:
        ServiceError: it ended, or was not ready in time.
    """
    with running(name, port, argv, env=env, cwd=cwd) as service:
        if ready is None:
            wait_until(service, lambda: connects(port), f"listen on {service.url}")
        else:
            wait_until(service, lambda: responds_ok(port, ready), f"respond to {ready} with 200")
        yield service


def wait_until_ok(service: Service, path: str) -> None:
    """Wait until a GET through this server gets status 200: it and all behind it are up.

    Raises:
        ServiceError: it ended, or the time is up.
    """
    wait_until(service, lambda: responds_ok(service.port, path), f"respond to {path} with 200")


@contextmanager
def busy_cores(count: int | None = None) -> Iterator[int]:
    """Keep cores busy with something else until the block ends; gives how many.

    Args:
        count: how many cores; all that this process may use when left out.
    """
    count = len(os.sched_getaffinity(0)) if count is None else count
    # Each prints that it has begun, and ends by itself when the test run has ended.
    burn = "import os\nprint('busy', flush=True)\nwhile os.getppid() == {}:\n for _ in range(10**6): pass"
    argv = [sys.executable, "-c", burn.format(os.getpid())]
    with ExitStack() as stack:
        for _ in range(count):
            service = stack.enter_context(running("busy", 0, argv, cwd=ROOT))
            wait_until(service, lambda service=service: "busy" in service.output(), "begin")  # type: ignore[misc]
        yield count


def certificate(folder: Path, host: str = "127.0.0.1") -> tuple[Path, Path]:
    """Make a key and a self-signed certificate, and return their paths."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={host}"]
    argv += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    return key, certificate
