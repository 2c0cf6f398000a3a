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
from pathlib import Path
from types import SimpleNamespace

from flushcheck.cli.arguments import Parser, timeout
from flushcheck.cli.certificate_note import CertificateNote
from flushcheck.cli.connection import add_connection_options, connection_options
from flushcheck.cli.console import Console
from flushcheck.diagnosis.app_server import ServerReport, examine, exit_code
from flushcheck.diagnosis.server_setup import GEVENT, ServerSetup
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

# How gunicorn and its argparse begin the line that says why they stop.
_PREFIX = re.compile(r"^(?:[\w.]+: )?error: ", re.IGNORECASE)

_EPILOG = """\
examples:
  flushcheck doctor                                   what `gunicorn wsgi:app` does in this folder
  flushcheck doctor -c deploy/gunicorn.conf.py        with these settings
  flushcheck doctor -- gunicorn -k gthread --threads 8 wsgi:app
  flushcheck doctor https://example.org/flushcheck    what a running service reports

The settings file is executed, as by gunicorn itself; the app is not loaded. GUNICORN_CMD_ARGS and the
FLUSHCHECK_* variables of this environment are applied. For uWSGI, Passenger and other servers, give the
URL of a running service.
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
        "what", metavar="URL", nargs="*", help="a running service; or, after --, a gunicorn command line"
    )
    parser.add_argument("-c", "--config", metavar="FILE", help="gunicorn's settings file")
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")
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
        UsageError: the arguments contradict each other, or gunicorn refuses them.
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
        report = examine(_local_setup(_command(what, arguments.config), arguments.timeout))
    if arguments.json:
        # ASCII: no control character from the other side reaches the terminal.
        console.write(json.dumps(server_report_document(report), indent=2) + "\n")
    else:
        console.write(server_report_text(report, width=console.width, color=console.color))
    return exit_code(report)


def _command(what: Sequence[str], config: str | None) -> list[str]:
    """The arguments for gunicorn.

    Raises:
        UsageError: it is the command line of another program.
    """
    if what and what[0].rpartition("/")[2] != "gunicorn":
        raise UsageError(
            f"{what[0][:60]}: expected a URL, or a gunicorn command line after --, for example "
            "flushcheck doctor -- gunicorn -k gevent wsgi:app"
        )
    return [*(["-c", config] if config is not None else []), *what[1:]]


def _local_setup(command: Sequence[str], timeout_s: float) -> ServerSetup:
    """The setup of a gunicorn started with these arguments in this environment.

    Raises:
        UsageError: gunicorn does not start with the arguments, or its settings file does not finish in time.
    """
    from flushcheck.service.serving.app_server import from_gunicorn_settings, installed_version
    from flushcheck.service.serving.internals import misfits

    # -P: do not import from the folder of the script.
    argv = [sys.executable, "-P", str(Path(__file__).with_name("gunicorn_settings.py")), *command]
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
