"""`flushcheck check`: the findings in configuration files, as text, JSON, SARIF or a patch.

Exit code 0: clean, 1: an error or a warning (with --strict: or a note), 2: wrong usage, 3: could not tell.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit

from flushcheck.checking.check import CheckResult
from flushcheck.cli.arguments import Parser
from flushcheck.cli.console import Console
from flushcheck.configs.address import Address
from flushcheck.configs.assumptions import Assumption
from flushcheck.configs.findings import Server
from flushcheck.configs.tree import version
from flushcheck.files import RUNNING, ReadResult, check_all, read, read_running
from flushcheck.measurement.plan import ROUTES
from flushcheck.model import Run, UsageError, Version
from flushcheck.reports.diff import diff
from flushcheck.reports.findings import findings_document, findings_text
from flushcheck.reports.github import github_findings
from flushcheck.reports.junit import junit_findings
from flushcheck.reports.markdown import markdown_findings
from flushcheck.reports.sarif import sarif
from flushcheck.version import VERSION

FORMATS = ("text", "json", "junit", "github", "markdown", "sarif")

_EPILOG = """\
examples:
  flushcheck check /etc/nginx/nginx.conf        with its includes
  flushcheck check deploy/                      all configurations in a folder
  flushcheck check --running nginx              the configuration that the local nginx uses
  flushcheck check --diff deploy/ | git apply   apply the fixes
  cat .htaccess | flushcheck check --server apache -

To allow a known finding, write a comment with the reason on its line or the line above:
  # flushcheck: allow nginx-proxy-buffering responses here are short
"""


def configure(parser: Parser) -> None:
    """Set the command's arguments and help."""
    parser.description = "Finds the lines of a server's configuration that hold, block or cut a stream."
    parser.epilog = _EPILOG
    parser.example = "flushcheck check /etc/nginx/nginx.conf"
    parser.add_argument("files", nargs="*", metavar="FILE", help="file or folder; - for standard input")
    parser.add_argument(
        "--server",
        metavar="SERVER",
        choices=[server.value for server in Server],
        help=f"the server that the files are for, instead of the detected one: {', '.join(Server)}",
    )
    parser.add_argument(
        "--server-version",
        metavar="V",
        default="",
        help="the version of the server that reads the files, for example 1.22.1",
    )
    parser.add_argument(
        "--running",
        metavar="SERVER",
        choices=[server.value for server in RUNNING],
        help=f"check the configuration that the local server uses, instead of files: {', '.join(RUNNING)}",
    )
    for assumption in Assumption:
        parser.add_argument(
            f"--assume-{assumption}",
            dest="assumed",
            action="append_const",
            const=assumption,
            default=[],
            help=f"take for granted: {assumption.meaning}",
        )
    parser.add_argument("--strict", action="store_true", help="count a note as a problem")
    parser.add_argument("-v", "--verbose", action="store_true", help="list the files that were not read")
    output = parser.add_mutually_exclusive_group()
    output.add_argument(
        "-f", "--format", choices=FORMATS, default="text", help="the format of the findings (default: text)"
    )
    for option, form, text in (
        (("-j", "--json"), "json", "print the findings as JSON"),
        (("--sarif",), "sarif", "print the findings as SARIF 2.1.0, for CI"),
    ):
        output.add_argument(*option, action="store_const", dest="format", const=form, help=text)
    output.add_argument("--diff", action="store_true", help="print the fixes as a patch")


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add --config and --running, what to compare with a report; `read_config` reads it."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        action="append",
        default=[],
        help="configuration file or folder of a server on the path, to compare with the report (repeatable)",
    )
    parser.add_argument(
        "--running",
        metavar="SERVER",
        choices=[server.value for server in RUNNING],
        help=f"compare with the configuration that the local server uses: {', '.join(RUNNING)}",
    )


def read_config(arguments: argparse.Namespace) -> ReadResult | None:
    """What --config and --running name, for `check_config`; None if they name nothing.

    Raises:
        UsageError: a file cannot be read, its server cannot be detected, both are given, or --ticket too.
    """
    if not arguments.config and not arguments.running:
        return None
    option = "--config" if arguments.config else "--running"
    if arguments.ticket:
        raise UsageError(f"--ticket with {option}: expected one of the two, for example --ticket")
    if arguments.format not in ("text", "json"):
        raise UsageError(
            f"--format {arguments.format} with {option}: expected text or json, for example --json"
        )
    if not arguments.config:
        return read_running(Server(arguments.running))
    if arguments.running:
        raise UsageError(
            f"--config with --running {arguments.running}: expected one of the two, for example "
            f"--running {arguments.running}"
        )
    try:
        got = read(arguments.config)
    except UsageError as error:
        raise UsageError(f"--config {error}") from None
    if got.problems:
        bad = got.problems[0]
        raise UsageError(f"--config {bad.file}: {bad.reason}; {_CONFIG}")
    if not got.configs:
        raise UsageError(f"--config {arguments.config[0]}: no configuration was recognised in it; {_CONFIG}")
    return got


def check_config(got: ReadResult | None, run: Run) -> CheckResult | None:
    """The findings in these files, of the blocks that the requests of a run came to; None without files."""
    if got is None:
        return None
    routes = ("",) if run.method else tuple(ROUTES.values())
    return check_all(got, address=_address(run.target, routes))


def _address(url: str, routes: Collection[str]) -> Address | None:
    """The parts of a URL by which servers choose a block; None if it has no host."""
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    paths = [f"{parts.path.rstrip('/')}{route}" if route else parts.path or "/" for route in routes]
    return Address(parts.hostname, port, tuple(paths)) if parts.hostname else None


_CONFIG = "expected a server's configuration file, for example /etc/nginx/nginx.conf"


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Check the files, print the findings; return the exit code.

    Raises:
        UsageError: the arguments contradict each other, or a file cannot be read.
    """
    given = version(arguments.server_version) if arguments.server_version else ()
    got = _read(arguments, given)
    if got.unrecognised:
        console.note("name the server of the file with --server, for example --server nginx")
    checked = check_all(got, arguments.assumed)
    form = arguments.format
    if form == "json":
        text = json.dumps(findings_document(checked), indent=2) + "\n"
    elif form == "junit":
        text = junit_findings(checked, strict=arguments.strict)
    elif form == "github":
        text = github_findings(checked)
    elif form == "markdown":
        text = markdown_findings(checked)
    elif form == "sarif":
        text = json.dumps(sarif(checked, version=VERSION), indent=2) + "\n"
    elif arguments.diff:
        texts = {name: text for config in got.configs for name, text in config.texts.items()}
        texts.update(got.originals)
        text = diff(checked.findings, texts, strict=arguments.strict)
    else:
        text = findings_text(
            checked,
            width=console.width,
            color=console.color,
            strict=arguments.strict,
            verbose=arguments.verbose,
        )
    if arguments.diff and not console.has_file:
        _write(text)
    else:
        console.write(text)
    return checked.exit_code(strict=arguments.strict)


def _write(text: str) -> None:
    """Write bytes: a patch keeps the bytes of a file that are not UTF-8."""
    try:
        sys.stdout.buffer.write(text.encode("utf-8", errors="surrogateescape"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The reader has closed the pipe. Python flushes again at exit, and would print a traceback then.
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _read(arguments: argparse.Namespace, given: Version) -> ReadResult:
    if arguments.running:
        if arguments.files:
            raise UsageError(
                f"--running {arguments.running} with files: expected one of the two, for example "
                f"flushcheck check --running {arguments.running}"
            )
        return read_running(Server(arguments.running), version=given)
    if not arguments.files:
        raise UsageError("no file: expected one or more, for example flushcheck check /etc/nginx/nginx.conf")
    server = Server(arguments.server) if arguments.server else None
    if arguments.files.count("-") and server is None and len(arguments.files) > 1:
        raise UsageError("standard input with files: expected --server as well, for example --server nginx")
    return read(arguments.files, server=server, version=given)
