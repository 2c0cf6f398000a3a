"""The configuration check for a pasted file: the body in, its Findings out.

No file is opened and none is kept: an include in the pasted text is reported as unread, and a name in it
is never looked up. The body's size bounds the work (the worst text of 128 KiB found, in
tests/checking/shapes.py, takes 0.4 s), which runs in the service's executor: one check at a time, outside
the loop that writes the streams.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from flask import Blueprint, Response, request

from flushcheck.checking.check import CheckResult
from flushcheck.configs.assumptions import Assumption
from flushcheck.configs.findings import Server
from flushcheck.configs.tree import version
from flushcheck.files import check_text
from flushcheck.files.sources import Unreadable, decode
from flushcheck.model import UsageError, Version
from flushcheck.reports.findings import findings_document, findings_text
from flushcheck.service.responses import allow_cors, bounded_body, json_response, text_response
from flushcheck.service.service import Service

JSON, TEXT = "application/json", "text/plain"
TEXT_WIDTH = 80  # columns of plain text: the width of the client's terminal is unknown
EXAMPLE = "for example curl --data-binary @nginx.conf 'http://localhost:8000/check?server=nginx'"
MAX_NAME = 200  # characters of ?name=


PARAMETERS = ("server", "server_version", "assume", "name")


class CheckError(StrEnum):
    """Why a request cannot be checked: `code` in the response of status 400."""

    UNKNOWN_PARAMETER = "unknown-parameter"
    UNKNOWN_SERVER = "unknown-server"
    WRONG_VERSION = "wrong-version"
    WRONG_ASSUMPTION = "wrong-assumption"
    WRONG_NAME = "wrong-name"
    WRONG_BODY = "wrong-body"
    UNKNOWN_FORMAT = "unknown-format"  # the server that the file is for has to be named


class CannotCheck(UsageError):
    """A request that cannot be checked: a sentence with an example for a shell, and its parts for a program.

    Args:
        code: the kind of error.
        reason: what was given and what is expected.
        hint: how to do better in a shell. The message is the reason and the hint.
    """

    def __init__(self, code: CheckError, reason: str, hint: str = f", {EXAMPLE}") -> None:
        super().__init__(f"{reason}{hint}")
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Query:
    """What the query says of the file."""

    server: Server | None  # None: detect it
    name: str  # for the report
    version: Version  # of the server program; (): not known
    assumed: tuple[Assumption, ...]


def routes(service: Service) -> Blueprint:
    """The route `/check`."""
    blueprint = Blueprint("check", __name__)

    @blueprint.post("/check")
    def check() -> Response:
        query = _query()
        text = _text(bounded_body(service.limits.max_check_bytes))
        kind = request.accept_mimetypes.best_match([TEXT, JSON], default=TEXT)
        return service.executor.run(lambda: _respond(_checked(text, query), kind))

    @blueprint.errorhandler(CannotCheck)
    def cannot_check(error: CannotCheck) -> Response:
        return json_response({"error": str(error), "code": error.code, "reason": error.reason}, 400)

    @blueprint.after_request
    def cors(response: Response) -> Response:
        response.headers["Vary"] = "Accept"
        return allow_cors(response)

    return blueprint


def _query() -> _Query:
    """The query, with one value or several, separated by commas, for `assume`.

    Raises:
        CannotCheck: the query has another parameter or a wrong value.
    """
    for key in request.args:
        if key not in PARAMETERS:
            expected = f"{', '.join(PARAMETERS[:-1])} or {PARAMETERS[-1]}"
            raise CannotCheck(
                CheckError.UNKNOWN_PARAMETER, f"unknown parameter {key[:40]!r}: expected {expected}"
            )
    given = request.args.get("server", "")
    if given and given not in set(Server):
        raise CannotCheck(
            CheckError.UNKNOWN_SERVER, f"server={given[:40]}: expected one of {', '.join(Server)}"
        )
    name = request.args.get("name", "") or "pasted"
    if len(name) > MAX_NAME or not name.isprintable():
        raise CannotCheck(
            CheckError.WRONG_NAME,
            f"name={name[:40]!r}: expected at most {MAX_NAME} printable characters",
            ", for example name=nginx.conf",
        )
    return _Query(Server(given) if given else None, name, _version(), _assumed())


def _version() -> Version:
    """The version of the server program; () if it is not given.

    Raises:
        CannotCheck: it is no version.
    """
    given = request.args.get("server_version", "")
    if not given:
        return ()
    try:
        return version(given)
    except UsageError:
        raise CannotCheck(
            CheckError.WRONG_VERSION,
            f"server_version={given[:40]}: expected numbers with dots",
            ", for example server_version=1.22.1",
        ) from None


def _assumed() -> tuple[Assumption, ...]:
    """What the client takes for granted.

    Raises:
        CannotCheck: it is none of the assumptions.
    """
    given = [word for words in request.args.getlist("assume") for word in words.split(",") if word]
    for word in given:
        if word not in set(Assumption):
            raise CannotCheck(
                CheckError.WRONG_ASSUMPTION,
                f"assume={word[:40]}: expected one or more of {', '.join(Assumption)}, separated by commas",
                ", for example assume=chunked",
            )
    return tuple(map(Assumption, dict.fromkeys(given)))


def _text(body: bytes) -> str:
    """The text of the file in the body.

    Raises:
        CannotCheck: the body is empty, a form, or not text.
    """
    wrong = ""
    if not body.strip():
        wrong = "the body is empty: expected a configuration file"
    elif request.mimetype == "multipart/form-data":
        wrong = "the body is a form: expected the file alone"
    elif request.mimetype == "application/x-www-form-urlencoded" and not re.search(rb"[\r\n]", body):
        wrong = "the body has no line breaks (curl -d removes them): expected a file"
    if wrong:
        raise CannotCheck(CheckError.WRONG_BODY, wrong)
    try:
        return decode(body)
    except Unreadable as error:
        reason = f"the body is {error}: expected a configuration file in UTF-8"
        raise CannotCheck(CheckError.WRONG_BODY, reason) from None


def _checked(text: str, query: _Query) -> CheckResult:
    """The findings of the file.

    Raises:
        CannotCheck: the server that the file is for cannot be detected.
    """
    checked = check_text(
        text, server=query.server, name=query.name, version=query.version, assumed=query.assumed
    )
    if not checked.files:
        reason = "; ".join(problem.reason for problem in checked.problems)
        hint = f": set server= to one of {', '.join(Server)}, {EXAMPLE}"
        raise CannotCheck(CheckError.UNKNOWN_FORMAT, reason, hint)
    return checked


def _respond(checked: CheckResult, kind: str) -> Response:
    """The format in the Accept header; text for curl, which sends `*/*`."""
    if kind == JSON:
        return json_response(findings_document(checked))
    return text_response(findings_text(checked, width=TEXT_WIDTH, color=False))
