"""The servers of the stacks, each as its users start it."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from tests.lab.setting import tool
from tests.lab.stacks.overlays import import_path, python
from tests.lab.stacks.table import Stack
from tests.live import servers
from tests.live.servers import Service

APP = "tests.lab.stacks.served:app"
TOKEN = "0123456789abcdef0123456789abcdef"

_GUNICORN = ("-m", "gunicorn", "--bind", "127.0.0.1:PORT")
COMMANDS: Mapping[str, Sequence[str]] = {
    "gunicorn-gthread": (*_GUNICORN, "--threads", "8", APP),
    "gunicorn-sync": (*_GUNICORN, "--worker-class", "sync", APP),
    "gunicorn-gevent": (*_GUNICORN, "--worker-class", "gevent", APP),
    "gunicorn-uvicorn": (*_GUNICORN, "--worker-class", "uvicorn_worker.UvicornWorker", APP),
    "waitress": ("-m", "waitress", "--listen=127.0.0.1:PORT", "--threads=8", APP),
    "cheroot": ("-m", "cheroot", "--bind", "127.0.0.1:PORT", APP),
    "granian-wsgi": ("-m", "granian", "--interface", "wsgi", "--port", "PORT", "--blocking-threads", "8", APP),
    "granian": ("-m", "granian", "--interface", "asgi", "--port", "PORT", APP),
    "uvicorn": ("-m", "uvicorn", "--port", "PORT", APP),
    "hypercorn": ("-m", "hypercorn", "--bind", "127.0.0.1:PORT", APP),
    "daphne": ("-m", "daphne", "-b", "127.0.0.1", "-p", "PORT", APP),
    "uwsgi": ("--plugin", "python3", "--http-socket", "127.0.0.1:PORT", "--enable-threads", "--threads", "8",
              "--need-app", "--die-on-term", "--module", APP),
}  # fmt: skip


@contextmanager
def started(stack: Stack, *, freed: bool = False) -> Iterator[Service]:
    """Run a stack, or the same without its fault, until the block ends.

    Raises:
        Missing: the server or a version is not here.
        servers.ServiceError: it did not come up.
    """
    port = servers.free_port()
    options = () if freed else stack.options
    given = [part.replace("PORT", str(port)) for part in COMMANDS[stack.server]]
    place = len(given) - 1  # the app comes last
    given[place:place] = options
    program = [tool("uwsgi", "uwsgi-core")] if stack.server == "uwsgi" else [python(stack.overlay)]
    packages = sysconfig.get_path("purelib") if stack.server == "uwsgi" else ""
    env = {
        "PYTHONPATH": import_path(stack.overlay, more=packages),
        "LAB_STACK": stack.name,
        "LAB_FREED": "1" if freed else "",
        "FLUSHCHECK_TAP_TOKEN": TOKEN,
    }
    folder = servers.new_folder("stack")
    argv = [*program, *given]
    with servers.start_program(
        stack.server, argv, port=port, cwd=folder, env=env, ready="/healthz"
    ) as service:
        yield service
