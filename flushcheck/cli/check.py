"""`flushcheck check`: configurations in, Findings out, as text, JSON, SARIF or a patch.

Exit 0 clean, 1 an error or a warning was found (with --strict: a note too), 2 misused (a `UsageError`, which
the command line answers), 3 nothing could be told.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from flushcheck import __version__
from flushcheck.checking.check import CheckResult
from flushcheck.cli.arguments import Parser
from flushcheck.cli.console import Console
from flushcheck.configs.findings import Server
from flushcheck.configs.tree import Version, version
from flushcheck.files import RUNNING, ReadResult, check_all, read, read_running
from flushcheck.model import UsageError
from flushcheck.reports.diff import diff
from flushcheck.reports.findings import findings_document, findings_text
from flushcheck.reports.sarif import sarif

_EPILOG = """\
examples:
  flushcheck check /etc/nginx/nginx.conf        with its includes
  flushcheck check deploy/                      all configurations in a folder
  flushcheck check --running nginx              what the local nginx really uses
  flushcheck check --diff deploy/ | git apply   mend them
  cat .htaccess | flushcheck check --server apache -

A finding that you know of is allowed by a comment on or above its line:
  # flushcheck: allow nginx-proxy-buffering answers here are short
"""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "check",
        help="say which lines of a server's configuration hold a stream",
        description="Says which lines of a server's configuration hold, block or cut a stream.",
        epilog=_EPILOG,
        example="flushcheck check /etc/nginx/nginx.conf",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="file or folder; - for standard input")
    parser.add_argument(
        "--server",
        choices=[server.value for server in Server],
        help="whose configuration it is, where name and words do not tell",
    )
    parser.add_argument(
        "--server-version", metavar="V", default="", help="version of that server, for example 1.22.1"
    )
    parser.add_argument(
        "--running",
        choices=[server.value for server in RUNNING],
        help="check what the local server uses, instead of files",
    )
    parser.add_argument("--strict", action="store_true", help="a note counts as a problem")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="findings as JSON")
    output.add_argument("--sarif", action="store_true", help="findings as SARIF 2.1.0, for code hosts")
    output.add_argument("--diff", action="store_true", help="the fixes as a patch")
    parser.set_defaults(run=run)


def add_config(parser: argparse.ArgumentParser) -> None:
    """The option that puts files beside a Report: `read_config` reads them."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        action="append",
        default=[],
        help="configuration of a server on the path, file or folder as `check` takes them (again for more): "
        "where do file and path agree?",
    )


def read_config(arguments: argparse.Namespace) -> CheckResult | None:
    """What the files given by --config show; None if none was given.

    Raises:
        UsageError: one of them cannot be read, nobody knows whose it is, or a ticket is wanted.
    """
    if not arguments.config:
        return None
    if arguments.ticket:
        raise UsageError("--ticket with --config: expected one of the two; who gets a ticket has the files")
    try:
        got = read(arguments.config)
    except UsageError as error:
        raise UsageError(f"--config {error}; {_CONFIG}") from None
    if got.problems:
        bad = got.problems[0]
        raise UsageError(f"--config {bad.file}: {bad.reason}; {_CONFIG}")
    return check_all(got)


_CONFIG = "expected a server's configuration, for example --config /etc/nginx/nginx.conf"


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Check as asked, print, and say the exit code.

    Raises:
        UsageError: what was asked for cannot be.
    """
    given = version(arguments.server_version) if arguments.server_version else ()
    got = _read(arguments, given)
    if got.unrecognised:
        console.note("say which server it is for with --server, for example --server nginx")
    checked = check_all(got)
    if arguments.json:
        text = json.dumps(findings_document(checked), indent=2) + "\n"
    elif arguments.sarif:
        text = json.dumps(sarif(checked, version=__version__), indent=2) + "\n"
    elif arguments.diff:
        texts = {name: text for config in got.configs for name, text in config.texts.items()}
        text = diff(checked.findings, texts, strict=arguments.strict)
    else:
        text = findings_text(checked, width=console.width, color=console.color, strict=arguments.strict)
    if arguments.diff:
        _write(text)
    else:
        console.write(text)
    return checked.exit_code(strict=arguments.strict)


def _write(text: str) -> None:
    """Put it out as bytes: a patch keeps those of a file that are no UTF-8."""
    try:
        sys.stdout.buffer.write(text.encode("utf-8", errors="surrogateescape"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The reader has seen enough. Python flushes once more when it ends, and would complain then.
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _read(arguments: argparse.Namespace, given: Version) -> ReadResult:
    if arguments.running:
        if arguments.files:
            raise UsageError(f"--running {arguments.running} with files: expected one of the two")
        return read_running(Server(arguments.running), version=given)
    if not arguments.files:
        raise UsageError("no file: expected one or more, for example flushcheck check /etc/nginx/nginx.conf")
    server = Server(arguments.server) if arguments.server else None
    if arguments.files.count("-") and server is None and len(arguments.files) > 1:
        raise UsageError("standard input beside files: expected --server as well, for example --server nginx")
    return read(arguments.files, server=server, version=given)
