"""The configuration check for a pasted file: the body in, its Findings out.

No file is opened and none is kept: an include in the pasted text is reported as unread, and a name in it
is never looked up. The body's size bounds the work (the worst text of 128 KiB found, in
tests/checking/shapes.py, takes 0.4 s), which runs in the service's executor: one check at a time, outside
the loop that writes the streams.
"""

from __future__ import annotations

import re

from flask import Blueprint, Response, request

from flushcheck.checking.check import CheckResult
from flushcheck.configs.findings import Server
from flushcheck.files import check_text
from flushcheck.files.sources import Unreadable, decode
from flushcheck.model import UsageError
from flushcheck.reports.findings import findings_document, findings_text
from flushcheck.service.responses import allow_cors, bounded_body, json_response, text_response
from flushcheck.service.service import Service

JSON, TEXT = "application/json", "text/plain"
TEXT_WIDTH = 80  # columns of plain text: the width of the client's terminal is unknown
EXAMPLE = "for example curl --data-binary @nginx.conf 'http://localhost:8000/check?server=nginx'"
MAX_NAME = 200  # characters of ?name=


def routes(service: Service) -> Blueprint:
    """The route `/check`."""
    blueprint = Blueprint("check", __name__)

    @blueprint.post("/check")
    def check() -> Response:
        server, name = _query()
        text = _text(bounded_body(service.limits.max_check_bytes))
        kind = request.accept_mimetypes.best_match([TEXT, JSON], default=TEXT)
        return service.executor.run(lambda: _respond(_checked(text, server, name), kind))

    @blueprint.after_request
    def cors(response: Response) -> Response:
        response.headers["Vary"] = "Accept"
        return allow_cors(response)

    return blueprint


def _query() -> tuple[Server | None, str]:
    """The server that the file is for (None: detect it), and the file's name for the report.

    Raises:
        UsageError: the query has another parameter or a wrong value.
    """
    for key in request.args:
        if key not in ("server", "name"):
            raise UsageError(f"unknown parameter {key[:40]!r}: expected server or name, {EXAMPLE}")
    given = request.args.get("server", "")
    if given and given not in set(Server):
        raise UsageError(f"server={given[:40]}: expected one of {', '.join(Server)}, {EXAMPLE}")
    name = request.args.get("name", "") or "pasted"
    if len(name) > MAX_NAME or not name.isprintable():
        raise UsageError(
            f"name={name[:40]!r}: expected at most {MAX_NAME} printable characters, "
            "for example name=nginx.conf"
        )
    return Server(given) if given else None, name


def _text(body: bytes) -> str:
    """The text of the file in the body.

    Raises:
        UsageError: the body is empty, a form, or not text.
    """
    if not body.strip():
        raise UsageError(f"the body is empty: expected a configuration file, {EXAMPLE}")
    if request.mimetype == "multipart/form-data":
        raise UsageError(f"the body is a form: expected the file alone, {EXAMPLE}")
    if request.mimetype == "application/x-www-form-urlencoded" and not re.search(rb"[\r\n]", body):
        raise UsageError(f"the body has no line breaks (curl -d removes them): expected a file, {EXAMPLE}")
    try:
        return decode(body)
    except Unreadable as error:
        raise UsageError(f"the body is {error}: expected a configuration file in UTF-8, {EXAMPLE}") from None


def _checked(text: str, server: Server | None, name: str) -> CheckResult:
    """The findings of the file.

    Raises:
        UsageError: the server that the file is for cannot be detected.
    """
    checked = check_text(text, server=server, name=name)
    if not checked.files:
        reason = "; ".join(problem.reason for problem in checked.problems)
        raise UsageError(f"{reason}: set server= to one of {', '.join(Server)}, {EXAMPLE}")
    return checked


def _respond(checked: CheckResult, kind: str) -> Response:
    """The format in the Accept header; text for curl, which sends `*/*`."""
    if kind == JSON:
        return json_response(findings_document(checked))
    return text_response(findings_text(checked, width=TEXT_WIDTH, color=False))
