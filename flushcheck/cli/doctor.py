"""`flushcheck doctor`: what the app runs under, or would run under here, and what that means for streams."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from flushcheck.cli.arguments import Parser, seconds
from flushcheck.cli.console import Console
from flushcheck.diagnosis.app_server import Checkup, Setup, examine, exit_code
from flushcheck.model import UsageError
from flushcheck.model.codec import from_json
from flushcheck.prober.address import parse
from flushcheck.prober.decompress import DecodeError
from flushcheck.prober.http import FAR_SIDE
from flushcheck.prober.session import get_json
from flushcheck.reports.app_server import checkup_document, checkup_text
from flushcheck.service.serving.app_server import installed, of_settings
from flushcheck.streaming.limits import Limits, unknown_settings

PATH = "/diagnostics/server"
MAX_ANSWER_BYTES = 100_000
DEFAULT_TIMEOUT_S = 10.0

COULD_NOT_TELL = 3

_EPILOG = """\
examples:
  flushcheck doctor                                   what `gunicorn wsgi:app` would do in this folder
  flushcheck doctor -c deploy/gunicorn.conf.py        with these settings
  flushcheck doctor -- gunicorn -k gthread --threads 8 wsgi:app
  flushcheck doctor https://example.org/flushcheck    what a running service says of itself

The settings file is run, as gunicorn itself would; the app is not loaded. GUNICORN_CMD_ARGS and the
FLUSHCHECK_* variables of this environment count. Of uWSGI, Passenger and the others only a running
service can tell.
"""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "doctor",
        help="say what the app runs under, and what that means for streams",
        description="Says what the app runs under, or would run under here: how many streams at once, "
        "whether WebSockets work, and what to change.",
        epilog=_EPILOG,
        example="flushcheck doctor -c deploy/gunicorn.conf.py",
    )
    parser.add_argument(
        "what", metavar="URL", nargs="*", help="a running service; or, after --, a command line of gunicorn"
    )
    parser.add_argument("-c", "--config", metavar="FILE", help="gunicorn's settings file")
    parser.add_argument("--json", action="store_true", help="the same as JSON, for scripts")
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=seconds,
        default=DEFAULT_TIMEOUT_S,
        help="for everything together (default: %(default)g)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Do it.

    Raises:
        UsageError: what was asked for cannot be.
    """
    what: list[str] = arguments.what
    if what and what[0].startswith(("http://", "https://")):
        if len(what) > 1 or arguments.config:
            raise UsageError(
                "a URL and more: expected the URL alone, for example flushcheck doctor https://example.org"
            )
        checkup = _request(what[0], arguments.timeout)
        if isinstance(checkup, str):
            console.error(checkup)
            return COULD_NOT_TELL
    else:
        checkup = examine(_local_setup(_command(what, arguments.config), arguments.timeout))
    if arguments.json:
        # ASCII: nothing that a far side sent can then reach the terminal as it is.
        console.write(json.dumps(checkup_document(checkup), indent=2) + "\n")
    else:
        console.write(checkup_text(checkup, width=console.width, color=console.color))
    return exit_code(checkup)


def _command(what: Sequence[str], config: str | None) -> list[str]:
    """gunicorn's arguments.

    Raises:
        UsageError: it is another program's command line.
    """
    if what and what[0].rpartition("/")[2] != "gunicorn":
        raise UsageError(
            f"{what[0][:60]}: expected a URL, or a command line of gunicorn after --, for example "
            "flushcheck doctor -- gunicorn -k gevent wsgi:app"
        )
    return [*(["-c", config] if config is not None else []), *what[1:]]


def _local_setup(command: Sequence[str], timeout_s: float) -> Setup:
    """The facts that gunicorn would meet if it were started so, in this environment.

    Raises:
        UsageError: gunicorn itself refuses it, or its settings file does not come to an end.
    """
    # -P: the program's own folder is no place to import from.
    argv = [sys.executable, "-P", str(Path(__file__).with_name("gunicorn_settings.py")), *command]
    try:
        told = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise UsageError(
            f"gunicorn's settings: not read within {timeout_s:g} s; expected a file that sets names and ends"
        ) from None
    if told.returncode or not told.stdout:  # --version ends well, and says nothing of settings
        said = told.stderr.decode(errors="replace").strip().splitlines()
        raise UsageError(
            f"gunicorn refuses it: {said[-1][:300] if said else told.returncode}; expected arguments that "
            "start a service, for example -k gevent wsgi:app"
        )
    settings = SimpleNamespace(**json.loads(told.stdout))
    setup = of_settings(settings, preloaded=settings.preload_app)
    refused, limits = "", Limits()
    try:
        limits = Limits.from_environ(os.environ)
    except UsageError as error:
        refused = str(error)
    return replace(
        setup,
        gevent=installed("gevent"),
        max_streams=limits.max_streams,
        strangers=unknown_settings(os.environ),
        refused=refused,
    )


def _request(url: str, timeout_s: float) -> Checkup | str:
    """What a running service says of itself, or why that cannot be told.

    Raises:
        UsageError: the address cannot be.
    """
    address = parse(url)
    try:
        deadline = time.monotonic() + timeout_s
        status, data = get_json(address, PATH, deadline=deadline, most_bytes=MAX_ANSWER_BYTES)
        if status != 200:
            return f"{address.url}{PATH} answered {status}: no flushcheck, or one without a doctor"
        return from_json(Checkup, data)
    except (DecodeError, ValueError, RecursionError):  # UsageError and JSON's are ValueErrors
        return f"{address.url}{PATH} answered something else than a flushcheck does"
    except FAR_SIDE as error:
        # requests and urllib3 wrap what a Line said.
        reason = next((one for one in error.args if isinstance(one, Exception)), error)
        return f"{address.url}: {reason}"
