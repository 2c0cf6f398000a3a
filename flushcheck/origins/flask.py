"""The origin as a Flask blueprint: the innermost place, inside of all `after_request` functions.

    app.register_blueprint(flushcheck_blueprint(token="…", until="2026-12-05"), url_prefix="/flushcheck")

Without the token the response is the app's own 404.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, current_app, request

from flushcheck.origins.layers import described, inside
from flushcheck.origins.wsgi import body_of, request_of, today
from flushcheck.protocol.origin import Origin
from flushcheck.taps.chain import layer_of, links


def flushcheck_blueprint(name: str = "flushcheck", **options: Any) -> Blueprint:
    """Return the blueprint.

    Args:
        name: of the blueprint.
        options: of `protocol.origin.Origin`: token, until, and others.

    Raises:
        ValueError: an option is wrong.
    """
    own = {"program": described("flask"), "place": "inner", "layers": _layers}
    origin = Origin(**{**own, **options})
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


def _layers() -> list[str]:
    """The layers around this request, from the outermost: WSGI middlewares, then `after_request` functions.

    Source: Flask 3.1.3, `Flask.process_response`, runs those of the blueprints first, each list from its end.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # Flask's name
    around = [link.layer for link in links(app) if link.layer.path != layer_of(app).path]
    functions = [
        function
        for name in (None, *reversed(request.blueprints))
        for function in app.after_request_funcs.get(name, ())
    ]
    return inside([*(layer.path for layer in around), *(layer_of(function).path for function in functions)])
