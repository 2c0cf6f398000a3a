"""The config check for a pasted file: the body in, its Findings out.

Nothing is opened and nothing is kept: what the file includes is told as unread, what it names is never
looked up. The work is bounded by the body's size (the worst found of 128 KiB, tests/checking/shapes.py, takes
0.4 s), and is done at the service's desk: one such piece at a time, beside the streams.
"""

from __future__ import annotations

import re

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from flushcheck.checking.check import Checked
from flushcheck.configs.findings import Server
from flushcheck.files import check_text
from flushcheck.files.sources import Unreadable, decode
from flushcheck.model import UsageError
from flushcheck.reports.findings import findings_document, findings_text
from flushcheck.service.responses import allow_cors, bounded_body, json_response, text_response
from flushcheck.service.service import Service

JSON, TEXT = "application/json", "text/plain"
TEXT_WIDTH = 80  # columns of plain text: nobody tells us the reader's
EXAMPLE = "for example curl --data-binary @nginx.conf 'http://localhost:8000/check?server=nginx'"
MAX_NAME = 200  # characters of ?name=


def routes(service: Service) -> Blueprint:
    """The one address."""
    blueprint = Blueprint("check", __name__)

    @blueprint.post("/check")
    def check() -> Response:
        server, name = _query()
        try:
            text = _text(bounded_body(service.limits.max_check_bytes))
        except RequestEntityTooLarge:
            most = service.limits.max_check_bytes
            return json_response({"error": f"the file is too large: expected at most {most} bytes"}, 413)
        kind = request.accept_mimetypes.best_match([TEXT, JSON], default=TEXT)
        return service.executor.run(lambda: _respond(_checked(text, server, name), kind))

    @blueprint.after_request
    def cors(response: Response) -> Response:
        response.headers["Vary"] = "Accept"
        return allow_cors(response)

    return blueprint


def _query() -> tuple[Server | None, str]:
    """Whose file it is, None if that is to be recognised, and what to call it.

    Raises:
        UsageError: the query says anything else.
    """
    for key in request.args:
        if key not in ("server", "name"):
            raise UsageError(f"{key[:40]!r}: expected no parameter but server and name, {EXAMPLE}")
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
    """The file in the body.

    Raises:
        UsageError: there is none, or it is no text.
    """
    if not body.strip():
        raise UsageError(f"the body is empty: expected a configuration file, {EXAMPLE}")
    if request.mimetype == "multipart/form-data":
        raise UsageError(f"the body is a form: expected the file alone, {EXAMPLE}")
    if request.mimetype == "application/x-www-form-urlencoded" and not re.search(rb"[\r\n]", body):
        raise UsageError(f"the body has no line ends (curl's -d takes them out): expected a file, {EXAMPLE}")
    try:
        return decode(body)
    except Unreadable as error:
        raise UsageError(f"the body is {error}: expected a configuration file in UTF-8, {EXAMPLE}") from None


def _checked(text: str, server: Server | None, name: str) -> Checked:
    """What the file shows.

    Raises:
        UsageError: whose file it is cannot be told.
    """
    checked = check_text(text, kind=server, name=name)
    if not checked.files:
        reason = "; ".join(trouble.reason for trouble in checked.problems)
        raise UsageError(f"{reason}: say it with server=, one of {', '.join(Server)}, {EXAMPLE}")
    return checked


def _respond(checked: Checked, kind: str) -> Response:
    """The form that the visitor wants; text for curl, whose `*/*` would take anything."""
    if kind == JSON:
        return json_response(findings_document(checked))
    return text_response(findings_text(checked, width=TEXT_WIDTH, color=False))
