"""The start of the service: reads the settings once and builds the WSGI application."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from flushcheck.model import UsageError
from flushcheck.prober.address import parse
from flushcheck.service.serve_extra import MissingLibraries
from flushcheck.service.serving.app_server import log_startup
from flushcheck.streaming.limits import PREFIX, Limits, unknown_settings

if TYPE_CHECKING:
    from flask import Flask

MAX_TEXT_FILE_BYTES = 1024 * 1024  # every worker keeps it in memory, split into pieces

# With this exit code gunicorn does not start a failed worker again (gunicorn.arbiter, APP_LOAD_ERROR): a
# second attempt does not correct a wrong setting.
APP_LOAD_ERROR = 4


def build(environ: Mapping[str, str]) -> Flask:
    """The application with the settings in this environment.

    Raises:
        UsageError: a setting is wrong, or the text file cannot be used.
        MissingLibraries: the extra `serve` is not installed.
    """
    from flushcheck.service.application import create_app

    limits = Limits.from_environ(environ)
    for name in ("public_url", "loopback_url"):
        _check_url(f"{PREFIX}{name.upper()}", getattr(limits, name))
    own_text = read_text(limits.text_file) if limits.text_file else ""
    return create_app(limits, own_text, mount=environ.get("SCRIPT_NAME", ""))


def _check_url(name: str, url: str) -> None:
    try:
        if url:
            parse(url)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None


def read_text(path: str) -> str:
    """The text of a file, for text=file.

    Raises:
        UsageError: it cannot be read, is empty or too large, or is not UTF-8 text.
    """
    name = f"FLUSHCHECK_TEXT_FILE={path}"
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_TEXT_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"{name}: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > MAX_TEXT_FILE_BYTES:
        raise UsageError(f"{name}: expected a file of at most {MAX_TEXT_FILE_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: expected UTF-8, but byte {error.start} is not valid") from None
    if not text.strip() or "\0" in text:
        raise UsageError(f"{name}: expected a text file, but it is {'binary' if text.strip() else 'empty'}")
    return text


def log(line: str) -> None:
    """Write one line about the service itself."""
    print(f"flushcheck: {line}", file=sys.stderr, flush=True)


def log_access() -> None:
    """Write the access log to stderr: under CGI, stdout is the connection to the gateway."""
    from flushcheck.service.access_log import write_lines_to

    write_lines_to(sys.stderr)


def start() -> Flask:
    """Build the application from the process's environment; end the process if it cannot be built."""
    try:
        app = build(os.environ)
    except (UsageError, MissingLibraries) as error:
        print(f"flushcheck: {error}", file=sys.stderr, flush=True)
        raise SystemExit(APP_LOAD_ERROR) from None
    for setting in unknown_settings(os.environ):
        log(setting.sentence)
    log_startup(Limits.from_environ(os.environ), os.environ, log)
    log_access()
    return app


app = start()
