"""What real servers do to a stream: the table at /culprits/measured, and a page for each case of it."""

from __future__ import annotations

from flask import Blueprint, Response, request

from flushcheck.model import UsageError
from flushcheck.reports import measured
from flushcheck.service.measured_table import table
from flushcheck.service.responses import json_response
from flushcheck.service.routes.culprits import TEXT_WIDTH, respond


def routes() -> Blueprint:
    """The two routes."""
    blueprint = Blueprint("measured", __name__)

    @blueprint.get("/culprits/measured")
    def listed() -> Response:
        query = request.args.get("q", "")
        if len(query) > measured.MAX_QUERY:
            raise UsageError(
                f"q: {len(query)} characters: expected at most {measured.MAX_QUERY}, "
                "for example q=nginx+blocks"
            )
        shown = measured.matching(table(), query)
        return respond(
            lambda: measured.text(shown, width=TEXT_WIDTH, color=False),
            lambda: measured.document(shown),
            lambda: measured.table_html(shown, query, count=len(table().cases), root="../"),
        )

    @blueprint.get("/culprits/measured/<program>/<name>")
    def one(program: str, name: str) -> Response:
        found = next((case for case in table().cases if case.name == f"{program}/{name}"), None)
        if found is None:
            error = f"{program}/{name}: expected a case of /culprits/measured, for example nginx/bare"
            return json_response({"error": error}, 404)
        return respond(
            lambda: measured.text([found], width=TEXT_WIDTH, color=False),
            lambda: measured.document([found]),
            lambda: measured.case_html(found, root="../../../"),
        )

    return blueprint
