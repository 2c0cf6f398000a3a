"""The catalogue at /culprits, one culprit at /culprits/<id>: HTML, text or JSON, by the Accept header.

`/culprits?server=nginx&symptom=blocks&q=gzip` lists those that fit; each of the three may be left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from flushcheck.culprits.catalogue import find, read_selection
from flushcheck.model import UsageError
from flushcheck.reports import culprit_pages, explain
from flushcheck.service.measured_table import measured_culprits
from flushcheck.service.own_address import visitor_url
from flushcheck.service.responses import html_response, json_response
from flushcheck.service.routes.pages import page_settings
from flushcheck.service.service import Service

TEXT, JSON, HTML = "text/plain", "application/json", "text/html"
TEXT_WIDTH = 80  # columns of plain text: the width of the client's terminal is unknown

# Everything from this service only, and nothing inline.
POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)


def routes(service: Service) -> Blueprint:
    """The two routes. The catalogue is the same in each service."""
    blueprint = Blueprint("culprits", __name__)

    @blueprint.get("/culprits")
    def listed() -> Response:
        selection = read_selection(request.args)
        return respond(
            lambda: explain.catalogue_text(selection.select(), width=TEXT_WIDTH, color=False),
            lambda: explain.catalogue_document(selection.select()),
            lambda: culprit_pages.catalogue_html(selection, root=""),
        )

    @blueprint.get("/culprits/<name>")
    def explained(name: str) -> Response:
        try:
            culprit = find(name)
        except UsageError as error:
            # The path is wrong, not a parameter: 404, with the ids that may be meant.
            return json_response({"error": str(error)}, 404)
        url = visitor_url(service, request).rstrip("/")
        return respond(
            lambda: explain.explanation_text(culprit, width=TEXT_WIDTH, color=False),
            lambda: explain.explanation_document(culprit),
            lambda: culprit_pages.explanation_html(
                culprit,
                root="../",
                settings=page_settings(service),
                url=url,
                has_cases=culprit.id in measured_culprits(),
            ),
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
