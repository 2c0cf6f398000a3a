"""The catalogue at /culprits, one culprit at /culprits/<id>: HTML, text or JSON, by the Accept header."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from flushcheck.culprits import CULPRITS
from flushcheck.culprits.catalogue import find
from flushcheck.model import UsageError
from flushcheck.reports import explain
from flushcheck.service.responses import html_response, json_response

TEXT, JSON, HTML = "text/plain", "application/json", "text/html"
TEXT_WIDTH = 80  # columns of plain text: the width of the client's terminal is unknown

# No scripts; styles and images only from this service.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)


def routes() -> Blueprint:
    """The two routes. They do not depend on the service: the catalogue is the same in each."""
    blueprint = Blueprint("culprits", __name__)

    @blueprint.get("/culprits")
    def listed() -> Response:
        return respond(
            lambda: explain.catalogue_text(CULPRITS.values(), width=TEXT_WIDTH, color=False),
            lambda: explain.catalogue_document(CULPRITS.values()),
            lambda: explain.catalogue_html(CULPRITS.values(), root=""),
        )

    @blueprint.get("/culprits/<name>")
    def explained(name: str) -> Response:
        try:
            culprit = find(name)
        except UsageError as error:
            # The path is wrong, not a parameter: 404, with the ids that may be meant.
            return json_response({"error": str(error)}, 404)
        return respond(
            lambda: explain.explanation_text(culprit, width=TEXT_WIDTH, color=False),
            lambda: explain.explanation_document(culprit),
            lambda: explain.explanation_html(culprit, root="../"),
        )

    return blueprint


def respond(
    text: Callable[[], str], document: Callable[[], dict[str, Any]], html: Callable[[], str]
) -> Response:
    """The format in the Accept header; text for curl, which sends `*/*`."""
    kind = request.accept_mimetypes.best_match([TEXT, JSON, HTML], default=TEXT)
    if kind == HTML:
        response = html_response(html())
        response.headers["Content-Security-Policy"] = POLICY
    elif kind == JSON:
        response = json_response(document())
    else:
        response = Response(text(), content_type=f"{TEXT}; charset=utf-8")
        response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Vary"] = "Accept"
    return response
