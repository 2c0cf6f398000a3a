"""The catalogue at /culprits, one culprit at /culprits/<id>: a page, text or JSON, as Accept asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from flushcheck.culprits import CULPRITS
from flushcheck.culprits.catalogue import find
from flushcheck.model import UsageError
from flushcheck.reports import explain
from flushcheck.service.responses import answer, page

TEXT, JSON, HTML = "text/plain", "application/json", "text/html"
TEXT_WIDTH = 80  # columns of plain text: a request does not say how wide the terminal is

# No script at all; style and icon only from this service.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def routes() -> Blueprint:
    """The two addresses. They need no part of the service: the catalogue is the same in each."""
    blueprint = Blueprint("culprits", __name__)

    @blueprint.get("/culprits")
    def listed() -> Response:
        return _negotiated(
            lambda: explain.catalogue_text(CULPRITS.values(), width=TEXT_WIDTH, color=False),
            lambda: explain.catalogue_document(CULPRITS.values()),
            lambda: explain.catalogue_html(CULPRITS.values(), root=""),
        )

    @blueprint.get("/culprits/<name>")
    def explained(name: str) -> Response:
        try:
            culprit = find(name)
        except UsageError as error:
            # The address is wrong, not a parameter: 404, with the ids that may have been meant.
            return answer({"error": str(error)}, 404)
        return _negotiated(
            lambda: explain.explanation_text(culprit, width=TEXT_WIDTH, color=False),
            lambda: explain.explanation_document(culprit),
            lambda: explain.explanation_html(culprit, root="../"),
        )

    return blueprint


def _negotiated(
    text: Callable[[], str], document: Callable[[], dict[str, Any]], html: Callable[[], str]
) -> Response:
    """The form that the request prefers; text for curl, which accepts anything (`*/*`)."""
    kind = request.accept_mimetypes.best_match([TEXT, JSON, HTML], default=TEXT)
    if kind == HTML:
        response = page(html())
        response.headers["Content-Security-Policy"] = POLICY
    elif kind == JSON:
        response = answer(document())
    else:
        response = Response(text(), content_type=f"{TEXT}; charset=utf-8")
        response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Vary"] = "Accept"
    return response
