"""The origin as a Flask blueprint: the innermost place, inside of all `after_request` functions.

    app.register_blueprint(flushcheck_blueprint(token="…", until="2026-12-05"), url_prefix="/flushcheck")

Without the token the response is the app's own 404.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, request

from flushcheck.origins.wsgi import body_of, request_of, today
from flushcheck.protocol.origin import Origin


def flushcheck_blueprint(name: str = "flushcheck", **options: Any) -> Blueprint:
    """Return the blueprint.

    Args:
        name: of the blueprint.
        options: of `protocol.origin.Origin`: token, until, and others.

    Raises:
        ValueError: an option is wrong.
    """
    origin = Origin(**{"program": "flushcheck, Flask", "place": "inner", **options})
    blueprint = Blueprint(name, __name__)

    @blueprint.get("", provide_automatic_options=False)
    def serve() -> Response:
        found = origin.respond(request_of(request.environ), today())
        if found is None:
            abort(404)
        response = Response(body_of(found), found.status)
        del response.headers["Content-Type"]
        response.headers.extend(found.headers)
        return response

    return blueprint
