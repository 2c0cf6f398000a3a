"""`flushcheck doctor`: the server that runs the app, or would run it here, and what to change for streams."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

from flushcheck.cli.arguments import Parser, timeout
from flushcheck.cli.certificate_note import CertificateNote
from flushcheck.cli.connection import add_connection_options, connection_options
from flushcheck.cli.console import Console
from flushcheck.configs.gunicorn import commands
from flushcheck.configs.server_command import (
    hypercorn_file,
    hypercorn_words,
    server_words,
    setup_of,
    uwsgi_words,
)
from flushcheck.configs.server_setup import GEVENT, ServerSetup
from flushcheck.diagnosis.app_server import ServerReport, examine, exit_code
from flushcheck.diagnosis.service_absent import and_if
from flushcheck.measurement.obstacles import MAX_SHOWN, obstacle
from flushcheck.model import UsageError
from flushcheck.model.codec import from_json
from flushcheck.prober.address import parse
from flushcheck.prober.decompress import DecodeError
from flushcheck.prober.differing import check_http3
from flushcheck.prober.http_client import PEER_ERRORS
from flushcheck.prober.messages import MAX_DETAIL, describe_error, printable
from flushcheck.prober.redaction import hide, secrets_of
from flushcheck.prober.redirects import follow_redirects
from flushcheck.prober.session import Fetched, get_json
from flushcheck.prober.target import DEFAULT_OPTIONS, ConnectionOptions, Protocol, Target
from flushcheck.prober.timed_socket import DeadlineExceeded, Unreachable
from flushcheck.reports.app_server import server_report_document, server_report_text
from flushcheck.streaming.limits import Limits, unknown_settings

PATH = "/diagnostics/server"
MAX_RESPONSE_BYTES = 100_000
DEFAULT_TIMEOUT_S = 10.0
MAX_TIMEOUT_S = 600.0

COULD_NOT_TELL = 3

MAX_FILE_BYTES = 100_000  # of a Procfile and its like, or of uWSGI's settings
MAX_UNITS = 20  # systemd units of a folder that are read

_NOTHING_HERE = (
    "nothing in this folder starts an app server that is known: looked for gunicorn.conf.py, "
    "GUNICORN_CMD_ARGS, Procfile, Dockerfile and *.service. Give the command, for example "
    "flushcheck doctor -- uvicorn app:app"
)
_NO_GUNICORN = (
    "gunicorn is not installed here, and only gunicorn reads its settings as it would start: "
    "pip install 'flushcheck[serve]'; or `flushcheck check` with the file, which reads it without gunicorn"
)

# How gunicorn and its argparse begin the line that says why they stop.
_PREFIX = re.compile(r"^(?:[\w.]+: )?error: ", re.IGNORECASE)

_EPILOG = """\
examples:
  flushcheck doctor                                   the server that this folder's files start
  flushcheck doctor Procfile                          the server that this file starts
  flushcheck doctor -c deploy/gunicorn.conf.py        gunicorn with these settings
  flushcheck doctor -- waitress-serve --threads=8 wsgi:app
  flushcheck doctor https://example.org/flushcheck    what a running service reports

Known servers: gunicorn, uvicorn, hypercorn, granian, daphne, waitress, cheroot, uWSGI, `flask run` and
`fastapi run`. Files: gunicorn.conf.py, a Procfile, a Dockerfile, a systemd unit. Neither server nor app is
started, but gunicorn's settings file is executed, as by gunicorn itself. GUNICORN_CMD_ARGS, the variables of
the other servers and FLUSHCHECK_* are applied as this environment has them.
"""


def configure(parser: Parser) -> None:
    """Set the command's arguments and help."""
    parser.description = (
        "Reports the server that runs the app, or would run it here: how many streams at once, whether "
        "WebSockets work, and what to change."
    )
    parser.epilog = _EPILOG
    parser.example = "flushcheck doctor -c deploy/gunicorn.conf.py"
    parser.add_argument(
        "what",
        metavar="URL | FILE",
        nargs="*",
        help="a running service, a file with the server's command, or that command after --",
    )
    parser.add_argument("-c", "--config", metavar="FILE", help="gunicorn's settings file")
    parser.add_argument("-j", "--json", action="store_true", help="print JSON, for scripts")
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=timeout(maximum_s=MAX_TIMEOUT_S, example_s=DEFAULT_TIMEOUT_S),
        default=DEFAULT_TIMEOUT_S,
        help="total time limit (default: %(default)g)",
    )
    add_connection_options(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Examine the server, print the report; return the exit code.

    Raises:
        UsageError: the arguments contradict each other, or the server refuses or does not know them.
    """
    what: list[str] = arguments.what
    if what and what[0].startswith(("http://", "https://")):
        if len(what) > 1 or arguments.config:
            raise UsageError(
                "a URL with other arguments: expected the URL alone, for example "
                "flushcheck doctor https://example.org"
            )
        options = connection_options(arguments, what)
        if not options.tls.verify:
            console.note("-k: the certificate is not verified; another program may respond for the service")
        report = _request(what[0], arguments.timeout, options, console)
        if isinstance(report, str):
            console.error(report)
            return COULD_NOT_TELL
    else:
        if connection_options(arguments, (), {}) != DEFAULT_OPTIONS:
            raise UsageError(
                "connection options without a URL: expected the URL of a running service, for example "
                "flushcheck doctor https://example.org -k"
            )
        command = _command(what, arguments.config)
        if not command:
            console.error(_NOTHING_HERE)
            return COULD_NOT_TELL
        if command[0] == "gunicorn" and find_spec("gunicorn") is None:
            console.error(_NO_GUNICORN)
            return COULD_NOT_TELL
        report = examine(_local_setup(command, arguments.timeout))
    if arguments.json:
        # ASCII: no control character from the other side reaches the terminal.
        console.write(json.dumps(server_report_document(report), indent=2) + "\n")
    else:
        console.write(server_report_text(report, width=console.width, color=console.color))
    return exit_code(report)


def _command(what: Sequence[str], config: str | None) -> tuple[str, ...]:
    """The command of the server, its name first; () if the folder has nothing that starts one.

    Raises:
        UsageError: no known server is in the command or file that was given.
    """
    if what:
        words = server_words(what)
        if not words and len(what) == 1 and Path(what[0]).is_file():
            words = _first_server(Path(what[0]))
        if not words or (config is not None and words[0] != "gunicorn"):
            raise UsageError(
                f"{what[0][:60]}: expected a URL, a file that starts a server, or after -- the command of a "
                "server that is known, for example flushcheck doctor -- gunicorn -k gevent wsgi:app"
            )
        return (words[0], *(["-c", config] if config is not None else []), *words[1:])
    if config is not None:
        return ("gunicorn", "-c", config)
    if Path("gunicorn.conf.py").is_file() or os.environ.get("GUNICORN_CMD_ARGS"):
        return ("gunicorn",)
    units = sorted(Path().glob("*.service"))[:MAX_UNITS]
    files = (Path(name) for name in ("Procfile", "Dockerfile", "Containerfile"))
    return next((words for path in (*files, *units) if path.is_file() and (words := _first_server(path))), ())


def _first_server(path: Path) -> tuple[str, ...]:
    """The command of the first known server that this file starts; () if there is none.

    Raises:
        UsageError: the file cannot be read.
    """
    return next(filter(None, map(server_words, commands(_text_of(path)))), ())


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES).decode(errors="replace")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; expected a file that can be read") from None


def _local_setup(command: Sequence[str], timeout_s: float) -> ServerSetup:
    """The setup of the server that this command would start in this environment.

    Raises:
        UsageError: gunicorn does not start with the arguments, or its settings file does not finish in time.
    """
    if command[0] == "gunicorn":
        return _gunicorn_setup(command[1:], timeout_s)
    from flushcheck.service.serving.app_server import installed_version

    words = list(command)
    if command[0] == "uwsgi":
        files = [word.removeprefix("--ini=") for word in command if word.endswith(".ini")]
        for path in filter(Path.is_file, map(Path, files)):
            words[1:1] = uwsgi_words(_text_of(path))  # the options of the command line win
    if command[0] == "hypercorn" and Path(hypercorn_file(command[1:])).is_file():
        words[1:1] = hypercorn_words(_text_of(Path(hypercorn_file(command[1:]))))
    return setup_of(words, os.environ, cores=os.cpu_count() or 1, version_of=installed_version)


def _gunicorn_setup(arguments: Sequence[str], timeout_s: float) -> ServerSetup:
    """The setup of a gunicorn started with these arguments in this environment.

    Raises:
        UsageError: gunicorn does not start with the arguments, or its settings file does not finish in time.
    """
    from flushcheck.service.serving.app_server import from_gunicorn_settings, installed_version
    from flushcheck.service.serving.internals import misfits

    # -P: do not import from the folder of the script.
    argv = [sys.executable, "-P", str(Path(__file__).with_name("gunicorn_settings.py")), *arguments]
    try:
        process = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise UsageError(
            f"gunicorn's settings file: not finished within {timeout_s:g} s; expected a file that only sets "
            "names, for example threads = 8"
        ) from None
    if process.returncode or not process.stdout:  # --version exits with 0, and prints no settings
        lines = process.stderr.decode(errors="replace").strip().splitlines()
        reason = _PREFIX.sub("", lines[-1])[:300] if lines else f"exit status {process.returncode}"
        raise UsageError(
            f"gunicorn does not start with these arguments: {reason}; expected arguments that start a "
            "service, for example -k gevent wsgi:app"
        )
    settings = SimpleNamespace(**json.loads(process.stdout))
    setup = from_gunicorn_settings(settings)
    if setup.event_loop or not setup.worker_known:
        return setup  # an app of its own: the limits of flushcheck's service are not its limits
    refused, limits = "", Limits()
    try:
        limits = Limits.from_environ(os.environ)
    except UsageError as error:
        refused = str(error)
    return replace(
        setup,
        gevent=installed_version("gevent"),
        max_streams=limits.max_streams,
        unknown_settings=unknown_settings(os.environ),
        refused=refused,
        engine=limits.engine == "on",
        engine_misfits=misfits() if setup.worker == GEVENT and installed_version("gevent") else (),
    )


def _request(url: str, timeout_s: float, options: ConnectionOptions, console: Console) -> ServerReport | str:
    """What a running service reports of its server, or why it could not be read.

    Raises:
        UsageError: the URL is wrong, or HTTP/3 is not possible there.
    """
    address = parse(url)
    if options.protocol is Protocol.HTTP3:
        check_http3(Target(address, options))
    try:
        deadline = time.monotonic() + timeout_s
        target = follow_redirects(Target(address, options), PATH, deadline)
        address = target.address
        certificates = CertificateNote(target, None, deadline)
        try:
            fetched = get_json(target, PATH, deadline=deadline, max_bytes=MAX_RESPONSE_BYTES)
        finally:
            certificates.write(console)
        if fetched.status != 200:
            return _refusal(target, fetched)
        return from_json(ServerReport, fetched.data)
    except (DecodeError, ValueError, RecursionError):  # UsageError and JSON's are ValueErrors
        return f"{address.url}{PATH}: the response is not that of a flushcheck service"
    except Unreachable as error:
        return f"{address.url}: {error}"
    except DeadlineExceeded:
        return f"{address.url}: no response within {timeout_s:g} s"
    except PEER_ERRORS as error:
        return f"{address.url}: no HTTP response arrived: {describe_error(error, MAX_DETAIL)}"


def _refusal(target: Target, fetched: Fetched) -> str:
    """Say what responded in place of the report, and what to do."""
    url = f"{target.address.url}{PATH}"
    location = printable(hide(fetched.location, secrets_of(target)), MAX_SHOWN)
    proxied = target.asks_proxy is not None
    if found := obstacle(url, fetched.status, location, PATH, proxied=proxied):
        return f"{url}: {found.sentence}. {found.step}"
    also = and_if(url, fetched.status)
    return f"{url}: status {fetched.status}: not a flushcheck service, or too old for `doctor`{also}"
