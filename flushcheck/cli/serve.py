"""`flushcheck serve`: the service in the foreground, on gunicorn where that runs, on threads elsewhere.

The settings are those of deploy/gunicorn.conf.py as far as a first try needs them: an event loop, so that
hundreds of streams run at once. A production host starts the service from deploy/.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from importlib.util import find_spec
from typing import NoReturn

from flushcheck.cli.arguments import Parser
from flushcheck.cli.console import Console
from flushcheck.model import UsageError

DEFAULT_PORT = 8000
APP = "flushcheck.service.start:app"

_EPILOG = """\
examples:
  flushcheck serve                        on http://127.0.0.1:8000
  flushcheck serve --host 0.0.0.0 -p 80   on all interfaces

FLUSHCHECK_* are the settings of the service: docs/service.md. Ctrl-C ends it.
"""


def configure(parser: Parser) -> None:
    """Set the command's arguments and help."""
    parser.description = "Starts the flushcheck service in the foreground."
    parser.epilog = _EPILOG
    parser.example = "flushcheck serve"
    parser.add_argument(
        "--host", metavar="ADDRESS", default="127.0.0.1", help="to listen on (default: %(default)s)"
    )
    parser.add_argument(
        "-p", "--port", metavar="PORT", type=_port, default=None, help=f"default: $PORT, or {DEFAULT_PORT}"
    )
    parser.add_argument(
        "--threads", action="store_true", help="plain threads, also where gunicorn is installed"
    )


def _port(given: str) -> int:
    if not given.isascii() or not given.isdecimal() or not 1 <= int(given[:6]) <= 65535:
        raise argparse.ArgumentTypeError(
            f"{given[:20]!r}: expected 1 to 65535, for example --port {DEFAULT_PORT}"
        )
    return int(given)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Start it, and wait for its end; return its exit code.

    Raises:
        UsageError: libraries are missing, or the port is taken.
    """
    from flushcheck.service.serve_extra import require

    try:
        require()
    except ModuleNotFoundError as error:
        raise UsageError(str(error)) from None
    port = arguments.port or _port_of_environment()
    if not arguments.threads and runs_gunicorn():
        _gunicorn(arguments.host, port, console)
    return _threads(arguments.host, port, console)


def _port_of_environment() -> int:
    try:
        return _port(os.environ.get("PORT") or str(DEFAULT_PORT))
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"PORT={error}") from None


def runs_gunicorn() -> bool:
    """Whether gunicorn and its gevent worker are installed, on a system on which they run."""
    return os.name == "posix" and find_spec("gunicorn") is not None and find_spec("gevent") is not None


def _url(host: str, port: int) -> str:
    shown = "localhost" if host in ("0.0.0.0", "::", "127.0.0.1") else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


def _check_port(host: str, port: int) -> None:
    """Refuse a port that is taken, in one line; servers write a traceback or try again and again.

    Raises:
        UsageError: it cannot be listened on.
    """
    import socket

    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as listener:
            if os.name == "posix":  # on Windows the option takes a port from the program that has it
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        raise UsageError(
            f"{host}:{port}: {error.strerror or error}; expected a free port, for example "
            f"--port {port % 65535 + 1}"
        ) from None


def _gunicorn(host: str, port: int, console: Console) -> NoReturn:
    _check_port(host, port)
    console.note(f"the service is on {_url(host, port)}; Ctrl-C ends it")
    shown = f"[{host}]" if ":" in host else host
    command = [
        *(sys.executable, "-m", "gunicorn", "--bind", f"{shown}:{port}", "--worker-class", "gevent"),
        *("--worker-connections", "1000", "--limit-request-line", "8190", "--keep-alive", "10"),
        *("--graceful-timeout", "8", "--log-level", "warning", APP),
    ]
    environ = {name: value for name, value in os.environ.items() if name != "PORT"}
    # In place of this process: signals and the exit status are gunicorn's own.
    os.execve(sys.executable, command, environ)


def _threads(host: str, port: int, console: Console) -> int:
    _check_port(host, port)
    console.note(f"the service is on {_url(host, port)}, on plain threads; Ctrl-C ends it")
    from werkzeug.serving import run_simple

    from flushcheck.service.start import app

    with suppress(KeyboardInterrupt):
        run_simple(host, port, app, threaded=True)
    return 0
