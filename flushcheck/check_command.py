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
from typing import Any, Protocol

from flushcheck.core.configs.tree import Version, version
from flushcheck.core.model import Server, UsageError
from flushcheck.core.render.diff import diff
from flushcheck.core.render.findings import findings_document, findings_text
from flushcheck.core.render.sarif import sarif
from flushcheck.readers import RUNNING, Read, check_all, read, read_running

EXAMPLES = """\
examples:
  flushcheck check /etc/nginx/nginx.conf        with its includes
  flushcheck check deploy/                      all configurations in a folder
  flushcheck check --running nginx              what the local nginx really uses
  flushcheck check --diff deploy/ | git apply   mend them
  cat .htaccess | flushcheck check --server apache -

A finding that you know of is allowed by a comment on or above its line:
  # flushcheck: allow nginx-proxy-buffering answers here are short
"""


class Console(Protocol):
    """What the command line knows of its terminal."""

    color: bool

    @property
    def width(self) -> int:
        """Columns."""

    def write(self, text: str) -> None:
        """Put a result out."""


def add_arguments(subparsers: Any) -> None:
    """Add `check` to the commands; its parser's default `run` is this module's."""
    parser = subparsers.add_parser(
        "check",
        help="say which lines of a server's configuration hold a stream",
        description="Say which lines of a server's configuration hold, block or cut a stream.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
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


add = add_arguments  # as the other commands call it: `COMMANDS = (..., check_command)` is all it takes


def run(args: argparse.Namespace, console: Console | None = None) -> int:
    """Check as asked, print, and say the exit code.

    Args:
        console: the terminal; None: standard output, plain.

    Raises:
        UsageError: what was asked for cannot be.
    """
    given = version(args.server_version) if args.server_version else ()
    got = _read(args, given)
    checked = check_all(got)
    if args.json:
        text = json.dumps(findings_document(checked), indent=2) + "\n"
    elif args.sarif:
        text = json.dumps(sarif(checked), indent=2) + "\n"
    elif args.diff:
        texts = {name: text for config in got.configs for name, text in config.texts.items()}
        text = diff(checked.findings, texts, strict=args.strict)
    else:
        width, color = (console.width, console.color) if console else (80, False)
        text = findings_text(checked, width=width, color=color, strict=args.strict)
    if console and not args.diff:
        console.write(text)
    else:
        _write(text)
    return checked.exit_code(strict=args.strict)


def _write(text: str) -> None:
    """Put it out as bytes: a patch keeps those of a file that are no UTF-8."""
    try:
        sys.stdout.buffer.write(text.encode("utf-8", errors="surrogateescape"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The reader has seen enough. Python flushes once more when it ends, and would complain then.
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _read(args: argparse.Namespace, given: Version) -> Read:
    if args.running:
        if args.files:
            raise UsageError(f"--running {args.running} with files: expected one of the two")
        return read_running(Server(args.running), version=given)
    if not args.files:
        raise UsageError("no file: expected one or more, for example flushcheck check /etc/nginx/nginx.conf")
    server = Server(args.server) if args.server else None
    if args.files.count("-") and server is None and len(args.files) > 1:
        raise UsageError("standard input beside files: expected --server as well, for example --server nginx")
    return read(args.files, server=server, version=given)
